#include "instruments/conformance_trial.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/quantity.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"
#include "instruments/visit.h"

namespace athanor {

namespace {

constexpr double kStartSeconds = 20;     // a driver's process is given so long until it answers
constexpr double kSafeSeconds = 10;      // … and a device until it is safe again
constexpr double kLooksSeconds = 1;      // whether a command runs for as long as it says, or ends before
constexpr double kShortWait = 1.5;       // a longer command is cancelled where any end will do
constexpr double kLookEvery = 0.5;       // whether the driver's process has ended
constexpr double kLastArrives = 0.2;     // what it said before that has come by then
constexpr std::size_t kMostLasting = 5;  // that are tried for one that lasts

}  // namespace

bool is_about(const wire::FromDriver& message, const std::string& id) {
  const auto& states = message.answer().states();
  return message.accepted().id() == id || message.outcome().id() == id || message.refused().id() == id ||
         std::any_of(states.begin(), states.end(), [&](const auto& state) { return state.id() == id; });
}

bool same(const wire::Outcome& a, const wire::Outcome& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

// ── Start ────────────────────────────────────────────────────────────────────────────────────────────────────────────

Trial::Trial(const ConformanceOptions& options)
    : options_(options), probe_(options.at, options.keys, options.stop_fd), speed_(options.speed) {
  std::optional<Visited> visited;
  int not_understood = 0;
  probe_.on_arrival = [&](const wire::FromDriver* message) { not_understood += message == nullptr; };
  if (options.command.empty()) {
    visited = visit(probe_, kAnswerSeconds);
  } else {
    process_ = std::make_unique<DriverProcess>(options.command, options.log_file);
    process_->start();
    for (const double began = monotonic_seconds(); !visited && monotonic_seconds() - began < kStartSeconds;) {
      visited = visit(probe_, 1);
      if (const std::string end = process_->end(); !visited && !end.empty()) {
        throw EnvironmentError(fmt::format("the driver was started as “{}” and ended at once ({}). What it said: {}",
                                           fmt::join(options.command, " "), end, process_->last_words()));
      }
    }
  }
  if (!visited) {
    const std::string came =
        not_understood == 0 ? ""
                            : fmt::format(
                                  "; {} times came what is no message of the protocol, which is one frame, without "
                                  "an empty one before it",
                                  not_understood);
    if (process_) {
      throw EnvironmentError(
          fmt::format("the driver was started as “{}” and did not answer within {} s{}. What it said: {}",
                      fmt::join(options.command, " "), kStartSeconds, came, process_->last_words()));
    }
    throw EnvironmentError(
        fmt::format("no driver answers at {}{}; start it, or mend the address", options.at.address, came));
  }
  if (!visited->described || !visited->controller.empty()) {
    throw EnvironmentError(fmt::format(
        "the driver at {} takes commands from {}, and a trial would take it away from there; end that first",
        options.at.address, visited->described ? "“" + visited->controller + "”" : "somebody"));
  }
  knows_visits_ = visited->knows_visits;
  driver_ = visited->driver;
  boot_ = visited->boot;
  instruments_ = visited->instruments;
  dead_man_s_ = visited->dead_man_s;
  plan_ = plan_trial(instruments_, options_, dead_man_s_);
  const auto makes_any = [](const wire::Instrument& instrument) {
    const auto& all = instrument.capabilities();
    return std::any_of(all.begin(), all.end(), makes_arrays);
  };
  if (std::any_of(instruments_.begin(), instruments_.end(), makes_any)) {
    Endpoint at = options_.at;
    at.driver = driver_;
    const auto all = [](const std::string&, const wire::Open&) { return true; };
    data_ = std::make_unique<DataLink>(store_, DataLink::Options{{at}, options_.keys, all}, data_wake_);
    probe_.takes_arrays = true;
  }
  probe_.on_arrival = [this](const wire::FromDriver* message) { inspect(message); };
}

void Trial::inspect(const wire::FromDriver* message) {
  if (message == nullptr) {
    odd_.insert("frames that are no message of the protocol");
    return;
  }
  const std::string what = in_words(*message);
  if (message->version() != kProtocolVersion) odd_.insert(fmt::format("of version {}: {}", message->version(), what));
  if (message->driver().empty() || message->driver() != driver_)
    odd_.insert(fmt::format("from a driver “{}”, not “{}”: {}", message->driver(), driver_, what));
  if (message->boot().empty() || (message->boot() != boot_ && !message->has_welcome()))
    odd_.insert(fmt::format("of boot “{}”, not “{}” as its Welcome: {}", message->boot(), boot_, what));
  if (message->body_case() == wire::FromDriver::BODY_NOT_SET) odd_.insert("without a body");
  if (message->has_welcome()) boot_ = message->boot();
  if (data_) data_->meet(*message);
  if (message->has_accepted()) open_.insert(message->accepted().id());
  if (message->has_outcome()) open_.erase(message->outcome().id());
}

// ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────

std::string Trial::fresh_id() {
  return fmt::format("conformance/{}/{}", options_.nonce, ++ids_);
}

void Trial::prefer_quick(std::size_t i, std::optional<double> took_s) {
  quick_ = i;
  quick_took_s_ = took_s;
}

const Chosen& Trial::quick() const {
  if (quick_ < plan_.quick.size()) return plan_.quick[quick_];
  throw NotTried{"nothing that is carried out unasked ends soon enough to be waited for; name one with --capability"};
}

/// For what was being sought while `name` ran: the driver is there again afterwards.
std::string Trial::in_the_middle_of(const std::string& name) {
  death_ = fmt::format("{} ended its driver ({}; it said: {})", name, process_->end(), process_->last_words());
  settle();
  return death_;
}

/// What a device does may take less time than its description says; then a promise about what runs is not broken, but
/// cannot be tried with it. Empty: it runs.
std::string Trial::why_not_lasting(const Chosen& chosen) {
  const std::string name = fmt::format("{} {}", chosen.instrument, chosen.capability.name());
  const wire::Command command = chosen.command(fresh_id());
  const double began = monotonic_seconds();
  try {
    begin(command);
  } catch (const NotTried& not_tried) {
    return not_tried.why;
  } catch (const Broken&) {
    return "";  // which is for the check to find that is about it
  }
  const auto ends = [&](const wire::FromDriver& message) { return message.outcome().id() == command.id(); };
  if (const auto ended = probe_.await(ends, std::min(kLooksSeconds, wall_s(chosen) / 2))) {
    const wire::Outcome& outcome = ended->outcome();
    return fmt::format("{} ended by itself after {:.2f} s, where {} s are described: {}", name,
                       monotonic_seconds() - began, pretty_number(wall_s(chosen), 3), in_words(outcome));
  }
  if (died()) return in_the_middle_of(name);
  try {
    say_cancel(command.id());
    stop_all();
    restless_ = false;
  } catch (const Broken&) {
    if (died()) return in_the_middle_of(name);
    settle();  // which finds another way
  }
  return "";
}

const Chosen* Trial::lasting_if_any() {
  if (lasting_) return &*lasting_;
  if (!why_none_lasts_.empty()) return nullptr;
  for (std::size_t i = 0; i < std::min(plan_.lasting.size(), kMostLasting); ++i) {
    const std::string why = why_not_lasting(plan_.lasting[i]);
    if (why.empty()) return &lasting_.emplace(plan_.lasting[i]);
    if (why_none_lasts_.empty()) why_none_lasts_ = why;
  }
  if (why_none_lasts_.empty())
    why_none_lasts_ = "nothing that is carried out unasked lasts a second, in which something could be done to it";
  return nullptr;
}

const Chosen& Trial::lasting() {
  const Chosen* const found = lasting_if_any();
  if (!death_.empty() && death_found_by.empty()) throw Broken{death_, true};
  if (found != nullptr) return *found;
  const bool advises = why_none_lasts_.ends_with("--capability");
  throw NotTried{why_none_lasts_ +
                 (advises ? "" : "; name one that does with --capability, or values with which it does by --with")};
}

const Chosen& Trial::any() const {
  if (plan_.allowed.empty())
    throw NotTried{"no capability is of the class SAFE and takes nothing from the stock; name one with --capability"};
  return lasting_ ? *lasting_ : plan_.lasting.empty() ? plan_.allowed.front() : plan_.lasting.front();
}

const Endurance& Trial::endurance() const {
  any();  // says why there is none
  return *plan_.endurance;
}

double Trial::patience_s(const Chosen& chosen) const {
  constexpr double kAtLeast = 10;
  return kAtLeast + 2 * wall_s(chosen);
}

void Trial::learn_speed(double lab_s, double wall_s) {
  if (lab_s > wall_s && wall_s > 0) speed_ = std::max(speed_, lab_s / wall_s);
}

// ── Talking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

wire::FromDriver Trial::expect(const Probe::Wanted& wanted, double within_s, const std::string& expected) {
  const double until = monotonic_seconds() + within_s;
  bool ended = false;
  for (double left = within_s; left >= 0 && !ended; left = until - monotonic_seconds()) {
    ended = process_ && !process_->end().empty();
    if (auto message = probe_.await(wanted, ended ? kLastArrives : std::min(left, kLookEvery))) return *message;
  }
  std::string also;
  if (ended) also = fmt::format("; its process has ended ({}): {}", process_->end(), process_->last_words());
  throw Broken{fmt::format("expected {} within {:.0f} s; none came{}", expected, within_s, also), died()};
}

wire::Welcome Trial::hello(double within_s) {
  probe_.hello(kTrialName);
  return expect([](const auto& message) { return message.has_welcome(); }, within_s, "a Welcome").welcome();
}

wire::FromDriver Trial::give(const wire::Command& command) {
  const bool is_new = open_.insert(command.id()).second;  // until it is answered, nobody knows
  probe_.say(to_driver(command));
  const wire::FromDriver answer = expect([&](const auto& arrived) { return is_about(arrived, command.id()); },
                                         kAnswerSeconds, fmt::format("an answer about {}", command.id()));
  if (is_new && !answer.has_accepted()) open_.erase(command.id());
  return answer;
}

void Trial::begin(const wire::Command& command) {
  const wire::FromDriver answer = give(command);
  if (answer.has_accepted()) return;
  if (answer.has_outcome() && answer.outcome().fault() != wire::LIMIT) {
    throw NotTried{fmt::format("the device did not begin {}: {}; mend it, or choose another with --capability",
                               command.capability(), in_words(answer.outcome()))};
  }
  throw Broken{fmt::format("expected Accepted for {}, which the description allows; found {}", command.capability(),
                           in_words(answer))};
}

wire::Outcome Trial::outcome(const std::string& id, double within_s) {
  return expect([&](const auto& message) { return message.has_outcome() && message.outcome().id() == id; }, within_s,
                "the Outcome of " + id)
      .outcome();
}

wire::Outcome Trial::refused(const wire::Command& command, wire::FaultKind fault, const std::string& what) {
  const wire::FromDriver answer = give(command);
  if (answer.has_accepted()) {
    try {
      cancel(command.id());
    } catch (const Broken&) {  // the other promise is what is broken here
    }
    throw Broken{
        fmt::format("{} was accepted, and begun; expected an Outcome with {}", what, wire::FaultKind_Name(fault))};
  }
  if (!answer.has_outcome() || answer.outcome().done() || answer.outcome().fault() != fault) {
    throw Broken{
        fmt::format("{}: expected an Outcome with {}; found {}", what, wire::FaultKind_Name(fault), in_words(answer))};
  }
  if (!answer.outcome().not_begun())
    throw Broken{fmt::format("{} was refused without not_begun, so that a controller must take it for begun", what)};
  return answer.outcome();
}

wire::FromDriver Trial::say_cancel(const std::string& id) {
  wire::ToDriver message;
  message.mutable_cancel()->set_id(id);
  probe_.say(message);
  restless_ = true;
  const auto ends = [&](const auto& arrived) { return is_about(arrived, id) && !arrived.has_accepted(); };
  return expect(ends, kAnswerSeconds, "the Outcome of " + id + ", which was cancelled");
}

wire::Outcome Trial::cancel(const std::string& id) {
  const wire::FromDriver answer = say_cancel(id);
  if (answer.has_outcome()) return answer.outcome();
  throw Broken{fmt::format("cancelled {}: expected its Outcome; found {}", id, in_words(answer))};
}

wire::Outcome Trial::end_early(const std::string& id) {
  if (cancel_ends == false)
    throw NotTried{fmt::format("{} would have to be cancelled, which does not end it, as “cancel-running” finds", id)};
  try {
    return cancel(id);
  } catch (const Broken&) {
    if (died() && !death_.empty()) throw NotTried{death_};  // for `lasting` to tell
    if (died()) throw;
    throw NotTried{
        fmt::format("{} did not end within {} s of a cancel, as “cancel-running” finds", id, kAnswerSeconds)};
  }
}

/// A control, with nobody else about: whether `order` ends what runs.
bool Trial::ends_what_runs(wire::ToDriver order) {
  if (died() || !settle()) return true;  // another matter
  const wire::Command command = lasting().command(fresh_id());
  begin(command);
  probe_.listen(kBegins);
  if (order.has_cancel()) order.mutable_cancel()->set_id(command.id());
  probe_.say(order);
  restless_ = true;
  bool ended = false, stopped = !order.has_stop();
  const auto both = [&](const wire::FromDriver& message) {
    ended = ended || message.outcome().id() == command.id();
    stopped = stopped || message.has_stopped();
    return ended && stopped;
  };
  return probe_.await(both, kAnswerSeconds).has_value();
}

void Trial::rule_out_deaf_to_cancel() {
  wire::ToDriver order;
  order.mutable_cancel();
  if (!cancel_ends) cancel_ends = ends_what_runs(order);
  if (!*cancel_ends) throw NotTried{"a cancel does not end what runs, as “cancel-running” finds"};
}

void Trial::rule_out_deaf_to_stop() {
  wire::ToDriver order;
  order.mutable_stop()->set_why("whether a stop ends what runs");
  if (!stop_ends) stop_ends = ends_what_runs(order);
  if (!*stop_ends) throw NotTried{"a stop does not end what runs, as “stop” finds"};
}

std::vector<wire::CommandState> Trial::ask(const std::vector<std::string>& ids) {
  wire::ToDriver message;
  message.mutable_question();
  for (const std::string& id : ids) message.mutable_question()->add_ids(id);
  probe_.say(message);
  const auto answer =
      expect([](const auto& arrived) { return arrived.has_answer(); }, kAnswerSeconds, "an Answer").answer();
  const std::vector<wire::CommandState> states(answer.states().begin(), answer.states().end());
  const auto is_of = [](const wire::CommandState& state, const std::string& id) { return state.id() == id; };
  if (!std::equal(states.begin(), states.end(), ids.begin(), ids.end(), is_of)) {
    throw Broken{fmt::format("asked about {} ids; expected a state of each, in the order asked", ids.size())};
  }
  return states;
}

std::pair<wire::Command, wire::Outcome> Trial::ended() {
  // What ends by itself soon is waited for; a cancel could cross its end.
  const bool soon = !plan_.quick.empty() && quick_took_s_.value_or(wall_s(quick())) <= kShortWait;
  const Chosen* const lasting = soon ? nullptr : lasting_if_any();
  const Chosen& chosen = lasting != nullptr ? *lasting : !plan_.quick.empty() ? quick() : any();
  const bool cancelled = lasting != nullptr || plan_.quick.empty();
  if (!cancelled && ends_by_itself == false)
    throw NotTried{fmt::format("{} does not end by itself, as “carried-out” finds", chosen.capability.name())};
  const wire::Command command = chosen.command(fresh_id());
  begin(command);
  if (cancelled) return {command, end_early(command.id())};
  try {
    return {command, outcome(command.id(), patience_s(chosen))};
  } catch (const Broken&) {
    if (quick_took_s_) throw;  // it did once
    throw NotTried{fmt::format("{} did not end by itself, as “carried-out” finds", command.capability())};
  }
}

void Trial::expect_same(const wire::Command& command, const wire::Outcome& known, const std::string& when) {
  const wire::FromDriver answer = give(command);
  if (answer.has_outcome() && same(answer.outcome(), known)) return;
  throw Broken{fmt::format("{} {}: expected the same Outcome once more ({}); found {}", command.id(), when,
                           in_words(known), answer.has_accepted() ? "that it was begun again" : in_words(answer))};
}

// ── The process ──────────────────────────────────────────────────────────────────────────────────────────────────────

DriverProcess& Trial::process() {
  if (process_) return *process_;
  throw NotTried{"the driver runs by itself and cannot be killed from here; start it from a file for that"};
}

void Trial::restart() {
  process().start();
  restless_ = true;
  probe_.connect_anew();
  for (const double began = monotonic_seconds(); monotonic_seconds() - began < kStartSeconds;) {
    if (probe_.hello(kTrialName) && probe_.await([](const auto& message) { return message.has_welcome(); }, 1)) return;
    if (const std::string end = process().end(); !end.empty()) {
      throw Broken{fmt::format("started again on its ledger, it ended ({}): {}", end, process().last_words())};
    }
  }
  throw Broken{fmt::format("started again on its ledger, it did not answer within {} s", kStartSeconds)};
}

// ── Between checks ───────────────────────────────────────────────────────────────────────────────────────────────────

bool Trial::settle() {
  probe_.keeps_alive = true;
  try {
    if (process_ && !process_->end().empty()) {
      restart();
    } else {
      hello();
    }
    if (process_ && cancel_ends == false && !open_.empty()) restart();  // rather than wait for it each time
    for (const std::string& id : std::set<std::string>(open_)) say_cancel(id);
    if (std::exchange(restless_, false)) stop_all();
  } catch (const Broken&) {
    if (!process_ && open_.empty()) return false;
    try {
      if (process_) restart();
      stop_all();
    } catch (const Broken&) {
      return false;
    }
  }
  open_.clear();
  return true;
}

// A device takes its time to reach its safe state after something was broken off, and begins nothing before.
void Trial::stop_all() {
  wire::ToDriver message;
  message.mutable_stop()->set_why("between two trials");
  probe_.say(message);
  probe_.await([](const auto& arrived) { return arrived.has_stopped(); }, kSafeSeconds);
}

void Trial::leave() {
  if (process_) return;  // it is killed, and its devices are its own
  probe_.ignore_stop();
  settle();
}

}  // namespace athanor
