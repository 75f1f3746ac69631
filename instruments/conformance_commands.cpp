// The life of a command: begun once, doubled, cancelled, stopped, left alone.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/clock.h"
#include "core/quantity.h"
#include "instruments/conformance_trial.h"
#include "instruments/description.h"
#include "instruments/heartbeat.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor::conformance {

namespace {

constexpr std::size_t kMostQuick = 3;   // that are tried for one that is carried out
constexpr double kLookAgain = 0.5;      // seconds in which what was begun a second time would show itself
constexpr double kLongestDeadMan = 20;  // that is waited for
constexpr double kLongestDeadManOfLongRun = 120;

bool is_outcome_of(const wire::FromDriver& message, const std::string& id) {
  return message.has_outcome() && message.outcome().id() == id;
}

std::string wrong_results(const wire::Capability& capability, const wire::Outcome& outcome) {
  for (const wire::Field& field : capability.results()) {
    const auto& all = outcome.results();
    const auto value =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name() == field.name(); });
    if (value == all.end()) {
      if (field.may_be_missing()) continue;
      return fmt::format("the result “{}”, which is described, is missing", field.name());
    }
    const auto kind = field.has_array() ? wire::Value::kArray
                      : field.is_text() ? wire::Value::kText
                                        : wire::Value::kNumber;
    const auto beyond = [&](double number) {
      return (field.has_low() && number < field.low()) || (field.has_high() && number > field.high());
    };
    if (kind == wire::Value::kNumber && value->kind_case() == kind && beyond(value->number()))
      return fmt::format("the result “{}” is {}, which its own description says cannot be", field.name(),
                         readable(*value));
    if (value->kind_case() != kind || value->unit() != field.unit())
      return fmt::format("the result “{}” is not a {} in “{}”, as described", field.name(),
                         field.has_array() ? "array"
                         : field.is_text() ? "text"
                                           : "number",
                         field.unit());
  }
  for (const wire::Value& value : outcome.results()) {
    const auto& known = capability.results();
    if (std::none_of(known.begin(), known.end(), [&](const auto& field) { return field.name() == value.name(); }))
      return fmt::format("the result “{}” is not described", value.name());
  }
  if (!(outcome.took_s() >= 0) || std::isinf(outcome.took_s())) return "took_s is no time";
  return "";
}

void expect_interrupted(const Trial& trial, const wire::Outcome& outcome, const std::string& when) {
  // A device that fails whatever it is told proves nothing against its driver.
  if (trial.device_fails && !outcome.done() && outcome.fault() != wire::INTERRUPTED)
    throw NotTried{fmt::format("the device failed meanwhile: {}", in_words(outcome))};
  if (outcome.done() || outcome.fault() != wire::INTERRUPTED)
    throw Broken{
        fmt::format("{} {}: expected an Outcome with INTERRUPTED; found {}", outcome.id(), when, in_words(outcome))};
}

void expect_running(Trial& trial, const std::string& id, const std::string& when) {
  const wire::CommandState state = trial.ask(id);
  if (state.standing() != wire::CommandState::RUNNING)
    throw Broken{fmt::format("{} {}: expected it to be RUNNING; found {}", id, when, in_words(state))};
}

/// The same id for something else that would be allowed, and what that is.
std::vector<std::pair<const char*, wire::Command>> others_of(const Trial& trial, const wire::Command& command) {
  std::vector<std::pair<const char*, wire::Command>> others = {{"another sample", command}};
  others.front().second.set_sample("conformance, another sample");
  for (const wire::Instrument& instrument : trial.instruments()) {
    const wire::Capability* capability =
        instrument.id() == command.instrument() ? find_capability(instrument, command.capability()) : nullptr;
    if (capability == nullptr) continue;
    for (int i = 0; i < command.with_size(); ++i) {
      const wire::Field* field = find_parameter(*capability, command.with(i).name());
      if (field == nullptr || field->is_text()) continue;
      const double own = command.with(i).number();
      std::vector<double> numbers(field->levels().begin(), field->levels().end());
      numbers.insert(numbers.end(), {own + 1, own - 1, (own + field->low()) / 2, (own + field->high()) / 2});
      for (const double number : numbers) {
        wire::Command other = command;
        other.mutable_with(i)->set_number(number);
        if (number == own || !why_refused(*capability, other).empty()) continue;
        others.emplace_back("another value of a parameter", other);
        return others;
      }
    }
  }
  return others;
}

wire::ToDriver stop_message(const std::string& id, const std::string& instrument = "") {
  wire::ToDriver message;
  message.mutable_stop()->set_why("a trial of the stop");
  message.mutable_stop()->set_id(id);
  if (!instrument.empty()) message.mutable_stop()->add_instruments(instrument);
  return message;
}

}  // namespace

std::string carried_out(Trial& trial) {
  trial.quick();
  constexpr double kEnough = 10;  // seconds of wall time that they may take together, after the first
  const auto& all = trial.plan().quick;
  std::optional<std::pair<std::size_t, double>> first;  // that was carried out, and how long it took
  std::vector<std::string> done, not_done;
  double spent = 0;
  for (std::size_t i = 0; i < all.size() && (first || i < kMostQuick); ++i) {
    const Chosen& chosen = all[i];
    const std::string name = fmt::format("{} {}", chosen.instrument, chosen.capability.name());
    if (first && spent + trial.wall_s(chosen) > kEnough) {
      not_done.push_back(fmt::format("{} would have taken {} s more", name, pretty_number(trial.wall_s(chosen), 3)));
      continue;
    }
    const wire::Command command = chosen.command(trial.fresh_id());
    const double began = monotonic_seconds();
    try {
      trial.begin(command);
    } catch (const NotTried& not_begun) {
      not_done.push_back(not_begun.why);
      continue;
    }
    if (!first) trial.ends_by_itself = false;  // until it has
    const wire::Outcome outcome = trial.outcome(command.id(), trial.patience_s(chosen));
    trial.ends_by_itself = true;
    const double took = monotonic_seconds() - began;
    spent += took;
    if (!outcome.done()) {
      not_done.push_back(
          fmt::format("the device could not carry {} out: {}; mend it, or choose another with --capability",
                      command.capability(), in_words(outcome)));
      continue;
    }
    if (const std::string wrong = wrong_results(chosen.capability, outcome); !wrong.empty())
      throw Broken{fmt::format("{}: {}", name, wrong)};
    trial.learn_speed(outcome.took_s(), took);
    done.push_back(fmt::format("{} in {:.2f} s", name, took));
    if (!first) first = {i, took};
  }
  if (!first) {
    trial.prefer_quick(0);
    trial.device_fails = true;
    throw NotTried{not_done.front()};
  }
  trial.prefer_quick(first->first, first->second);
  return fmt::format("carried out: {}{}{}", fmt::join(done, ", "),
                     not_done.empty() ? "" : "; not looked at: ", fmt::join(not_done, "; "));
}

std::string doubled_at_once(Trial& trial) {
  constexpr int kTimes = 4;
  if (trial.device_fails) throw NotTried{"the device carries nothing out"};
  if (trial.ends_by_itself == false) throw NotTried{"nothing ends by itself, as “carried-out” finds"};
  const Chosen& quick = trial.quick();
  const wire::Command command = quick.command(trial.fresh_id());
  for (int i = 0; i < kTimes; ++i) trial.probe().say(to_driver(command));
  std::optional<wire::Outcome> first;
  const auto ends = [&](const wire::FromDriver& message) {
    if (message.refused().id() == command.id())
      throw Broken{fmt::format("one of {} equal commands was refused: {}", kTimes, message.refused().why())};
    if (!is_outcome_of(message, command.id())) return false;
    if (first && !same(*first, message.outcome()))
      throw Broken{fmt::format("equal commands under one id had two outcomes: {}; and {}", in_words(*first),
                               in_words(message.outcome()))};
    first = message.outcome();
    return true;
  };
  trial.expect(ends, trial.patience_s(quick), "the Outcome of " + command.id());
  trial.probe().await([&](const auto& message) { return ends(message) && false; }, kLookAgain);
  return fmt::format("{} times in one breath: one outcome", kTimes);
}

std::string doubled_while_running(Trial& trial) {
  constexpr int kTimes = 3;
  const wire::Command command = trial.lasting().command(trial.fresh_id());
  trial.begin(command);
  for (int i = 0; i < kTimes; ++i) {
    const wire::FromDriver answer = trial.give(command);
    if (!answer.has_accepted())
      throw Broken{
          fmt::format("{} runs and was sent again: expected Accepted; found {}", command.id(), in_words(answer))};
  }
  expect_running(trial, command.id(), "sent again");
  trial.end_early(command.id());
  for (const wire::FromDriver& message : trial.probe().listen(kLookAgain)) {
    if (message.progress().id() == command.id() || is_outcome_of(message, command.id()))
      throw Broken{fmt::format("it was begun more than once: after its Outcome came {}", in_words(message))};
  }
  return fmt::format("sent {} times more while it ran: Accepted each time, one outcome", kTimes);
}

std::string doubled_after_end(Trial& trial) {
  const auto [command, known] = trial.ended();
  const double began = monotonic_seconds();
  trial.expect_same(command, known, "sent again after its end");
  const double took_ms = (monotonic_seconds() - began) * 1e3;
  trial.expect_same(command, known, "sent a third time");
  // Had it been begun again all the same, it would say so now, or its instrument would be busy.
  for (const wire::FromDriver& message : trial.probe().listen(kLookAgain)) {
    if (is_about(message, command.id()) || message.progress().id() == command.id())
      throw Broken{fmt::format("it was begun again: unasked came {}", in_words(message))};
  }
  wire::Command next = command;
  next.set_id(trial.fresh_id());
  const wire::FromDriver answer = trial.give(next);
  if (answer.has_outcome() && answer.outcome().fault() == wire::DEVICE && answer.outcome().not_begun())
    throw Broken{fmt::format("it was begun again: its instrument is busy ({})", answer.outcome().message())};
  trial.end_early(next.id());
  return fmt::format("answered from the ledger in {:.1f} ms, and nothing was begun", took_ms);
}

std::string id_reuse(Trial& trial) {
  const auto refuses = [&](const wire::Command& command, const std::string& when) {
    for (const auto& [what, other] : others_of(trial, command)) {
      const wire::FromDriver answer = trial.give(other);
      if (answer.refused().id() != other.id())
        throw Broken{fmt::format("{} was used for {} {}: expected Refused with the id; found {}", other.id(), what,
                                 when, in_words(answer))};
    }
  };
  const auto [command, known] = trial.ended();
  refuses(command, "after its end");
  trial.expect_same(command, known, "after another command was refused its id");
  if (const Chosen* lasting = trial.lasting_if_any()) {
    const wire::Command running = lasting->command(trial.fresh_id());
    trial.begin(running);
    refuses(running, "while it ran");
    expect_running(trial, running.id(), "whose id another command wanted");
  }
  return "the id keeps its first command";
}

std::string busy(Trial& trial) {
  const wire::Command first = trial.lasting().command(trial.fresh_id());
  const wire::Command second = trial.lasting().command(trial.fresh_id());
  trial.begin(first);
  const wire::Outcome refusal = trial.refused(second, wire::DEVICE, "a second command for a busy instrument");
  expect_running(trial, first.id(), "while another was refused");
  trial.end_early(first.id());
  trial.expect_same(second, refusal, "once the instrument was free again");
  return "the second was refused, the first went on";
}

std::string progress(Trial& trial) {
  constexpr double kListens = 2.5;  // seconds; one more may come at either end
  const wire::Command command = trial.lasting().command(trial.fresh_id());
  trial.begin(command);
  int times = 0;
  for (const wire::FromDriver& message : trial.probe().listen(kListens)) {
    if (message.progress().id() != command.id()) continue;
    ++times;
    if (const double done = message.progress().fraction(); !(done >= 0 && done <= 1))
      throw Broken{fmt::format("{} is done to {}, which is no fraction from 0 to 1", command.id(), done)};
  }
  if (times > kListens + 2)
    throw Broken{fmt::format("{} times in {} s for one command; once a second at most is taken", times, kListens)};
  return fmt::format("{} times in {} s", times, kListens);
}

std::string cancel_running(Trial& trial) {
  const wire::Command command = trial.lasting().command(trial.fresh_id());
  trial.begin(command);
  trial.probe().listen(kBegins);
  const double began = monotonic_seconds();
  trial.cancel_ends = false;  // until it has
  const wire::Outcome outcome = trial.cancel(command.id());
  trial.cancel_ends = true;
  const double took_ms = (monotonic_seconds() - began) * 1e3;
  expect_interrupted(trial, outcome, "cancelled while it ran");
  if (outcome.not_begun()) throw Broken{"it had been begun, and its Outcome says not_begun"};
  trial.expect_same(command, outcome, "sent again after it was cancelled");
  return fmt::format("ended after {:.1f} ms", took_ms);
}

std::string cancel_ended(Trial& trial) {
  const auto [command, known] = trial.ended();
  if (const wire::Outcome again = trial.cancel(command.id()); !same(again, known))
    throw Broken{fmt::format("cancelled after its end: expected its Outcome once more ({}); found {}", in_words(known),
                             in_words(again))};
  return "its outcome once more";
}

std::string cancel_before(Trial& trial) {
  const wire::Command command = trial.any().command(trial.fresh_id());
  const wire::Outcome outcome = trial.cancel(command.id());
  expect_interrupted(trial, outcome, "cancelled before it came");
  const wire::FromDriver answer = trial.give(command);
  if (!is_outcome_of(answer, command.id()) || answer.outcome().fault() != wire::INTERRUPTED)
    throw Broken{fmt::format("{} was cancelled, came late, and must not begin: expected its Outcome; found {}",
                             command.id(), in_words(answer))};
  return "the late command was not begun";
}

std::string stop(Trial& trial) {
  const wire::Command command = trial.lasting().command(trial.fresh_id());
  const std::string id = trial.fresh_id();
  trial.begin(command);
  trial.probe().listen(kBegins);
  const double began = monotonic_seconds();
  trial.probe().say(stop_message(id));
  std::optional<wire::Outcome> ended;
  std::set<std::string> missing;  // of several devices, each may be safe at another moment
  for (const wire::Instrument& instrument : trial.instruments()) missing.insert(instrument.id());
  bool stopped = false, older = false;
  const auto both = [&](const wire::FromDriver& message) {
    if (is_outcome_of(message, command.id())) ended = message.outcome();
    if (message.has_stopped() && message.stopped().id().empty()) {
      older = true;
    } else if (message.has_stopped() && message.stopped().id() != id) {
      throw Broken{fmt::format("Stopped bears the id “{}”; expected “{}”", message.stopped().id(), id)};
    }
    stopped = stopped || message.has_stopped();
    for (const std::string& instrument : message.stopped().instruments()) missing.erase(instrument);
    return ended && missing.empty();
  };
  trial.probe().await(both, kAnswerSeconds);
  trial.stop_ends = stopped && ended;
  const double took_ms = (monotonic_seconds() - began) * 1e3;
  if (!stopped) throw Broken{fmt::format("expected Stopped within {} s; none came", kAnswerSeconds)};
  if (!missing.empty())
    throw Broken{fmt::format("Stopped does not name “{}” within {} s, so that nobody knows it to be safe",
                             *missing.begin(), kAnswerSeconds)};
  if (!ended) throw Broken{fmt::format("no Outcome of {}, which ran when everything was stopped", command.id())};
  expect_interrupted(trial, *ended, "stopped");
  trial.begin(trial.lasting().command(trial.fresh_id()));
  return fmt::format("all safe and said so after {:.1f} ms (bound {:.0f} s){}", took_ms, kAnswerSeconds,
                     older ? ", without the stop's id, as drivers of before it do" : "");
}

std::string stop_one(Trial& trial) {
  const auto& all = trial.instruments();
  if (all.size() == 1) throw NotApplicable{"the driver speaks for one instrument only"};
  const Chosen& chosen = trial.lasting();
  const auto other =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.id() != chosen.instrument; });
  const wire::Command command = chosen.command(trial.fresh_id());
  trial.begin(command);
  trial.probe().say(stop_message(trial.fresh_id(), other->id()));
  const auto answer = trial.probe().await([](const auto& message) { return message.has_stopped(); }, kAnswerSeconds);
  if (!answer) {
    trial.rule_out_deaf_to_stop();
    throw Broken{fmt::format("expected Stopped within {} s; none came", kAnswerSeconds)};
  }
  const wire::Stopped& stopped = answer->stopped();
  if (stopped.id().empty())
    throw NotApplicable{"it answers a stop without its id: of before one instrument could be stopped"};
  if (stopped.instruments_size() != 1 || stopped.instruments(0) != other->id())
    throw Broken{
        fmt::format("“{}” was to be stopped; Stopped names {} instruments", other->id(), stopped.instruments_size())};
  expect_running(trial, command.id(), fmt::format("while “{}” was stopped", other->id()));
  return fmt::format("“{}” stopped, “{}” went on", other->id(), chosen.instrument);
}

std::string dead_man(Trial& trial) {
  const double dead_man_s = trial.dead_man_s();
  if (dead_man_s == 0) throw NotApplicable{"the driver says that it has none (dead_man_s is 0)"};
  if (const double longest = trial.options().long_run ? kLongestDeadManOfLongRun : kLongestDeadMan;
      dead_man_s > longest)
    throw NotTried{fmt::format("it is {:.0f} s; no more than {:.0f} s are waited", dead_man_s, longest)};
  const Chosen& chosen = trial.lasting();
  if (trial.wall_s(chosen) < dead_man_s + 1)
    throw NotTried{
        fmt::format("{} does not last for a second longer than the dead-man time of {:g} s; a shorter one can "
                    "be given with --dead-man",
                    chosen.capability.name(), dead_man_s)};
  const wire::Command command = chosen.command(trial.fresh_id());
  trial.begin(command);
  const double began = monotonic_seconds();
  trial.probe().keeps_alive = false;
  // Whoever is not the controller may go on talking, and is no controller for that.
  Probe other = trial.stranger();
  wire::ToDriver heartbeat, question;
  heartbeat.mutable_heartbeat();
  question.mutable_question()->add_ids(command.id());
  std::optional<wire::FromDriver> ended;
  const auto ends = [&](const wire::FromDriver& message) { return is_outcome_of(message, command.id()); };
  while (!ended && monotonic_seconds() - began < dead_man_s + kAnswerSeconds) {
    other.say(heartbeat);
    other.say(question);
    ended = trial.probe().await(ends, kHeartbeatEvery);
  }
  const double after = monotonic_seconds() - began;
  trial.probe().keeps_alive = true;
  if (!ended || ended->outcome().done()) trial.rule_out_deaf_to_stop();
  if (!ended)
    throw Broken{
        fmt::format("{:.0f} s after the controller fell silent, and nobody but a stranger spoke, {} was not ended",
                    after, command.id())};
  expect_interrupted(trial, ended->outcome(), "after the controller fell silent");
  if (after < dead_man_s / 2)
    throw Broken{fmt::format("it gave up after {:.1f} s; the Welcome says {:.1f} s", after, dead_man_s)};
  return fmt::format("safe {:.1f} s after the controller fell silent; {:.1f} s are promised", after, dead_man_s);
}

}  // namespace athanor::conformance
