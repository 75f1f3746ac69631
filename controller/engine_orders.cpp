// What people order (docs/safety.md), and the way of instruments to their safe state.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "controller/engine.h"
#include "controller/observed.h"
#include "controller/status.h"
#include "core/canary.h"
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

using journal::v1::Order;

bool ends(const Order& order) {
  return order.verb() == Order::ABORT || order.verb() == Order::HALT;
}

control::v1::Reply refusal(const std::string& why) {
  control::v1::Reply reply;
  reply.set_refused(true);
  reply.set_text(why);
  return reply;
}

control::v1::Reply consent(const std::string& text) {
  control::v1::Reply reply;
  reply.set_text(text);
  return reply;
}

/// What counted until now, of which a person is reminded.
std::string before(const State& state, const journal::v1::Observed& asked) {
  if (asked.experiment() == 0 && asked.added() == 0) return "";
  const Counted counted = asked.experiment() > 0 ? what_counts(state.experiment(asked.experiment()))
                                                 : what_counts(state.added[asked.added() - 1].told);
  return fmt::format(" (before: {})", describe_counted(counted));
}

template <class Map>
std::vector<std::string> names(const Map& map) {
  std::vector<std::string> out;
  for (const auto& [name, value] : map) out.push_back(name);
  return out;
}

struct Signature {
  const std::string &who, &why;
};

Signature signature(const control::v1::Request& request) {
  if (request.has_approve()) return {request.approve().who(), request.approve().why()};
  if (request.has_answer()) return {request.answer().who(), request.answer().why()};
  if (request.has_observe()) return {request.observe().who(), request.observe().why()};
  return {request.order().who(), request.order().why()};
}

/// What a person says goes to journals, screens and reports: a line of text, of a person's length.
std::string why_unfit(const std::string& who, const std::string& why) {
  constexpr std::size_t kLongest = 2000;
  if (who.empty() || why.empty()) return "say who gives it, and why";
  for (const std::string* text : {&who, &why}) {
    if (text->size() > kLongest)
      return fmt::format("a reason of {} bytes; expected a sentence, of at most {}", text->size(), kLongest);
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(text->begin(), text->end(), control))
      return "a reason with control characters or several lines; expected one line of text";
  }
  return "";
}

}  // namespace

// ── Orders ───────────────────────────────────────────────────────────────────────────────────────────────────────────

void Engine::on(const RequestMade& made) {
  AnswerRequest answer;
  answer.id = made.id;
  const control::v1::Request& request = made.request;
  const auto [who, why] = signature(request);
  const std::string unfit = why_unfit(who, why);
  answer.reply = !unfit.empty()          ? refusal(unfit)
                 : request.has_approve() ? approve(request.approve())
                 : request.has_answer()  ? this->answer(request.answer())
                 : request.has_observe() ? observe(request.observe())
                                         : order(request.order());
  decision_.effects.emplace_back(std::move(answer));
}

control::v1::Reply Engine::order(const Order& order) {
  if (const std::string why = why_not(order); !why.empty()) return refusal(why);
  Record fresh;
  *fresh.mutable_order() = order;
  record(std::move(fresh));
  if (ends(order)) cancel_what_it_ends(order);
  return consent(what_follows(order));
}

/// Empty: the order can be given.
std::string Engine::why_not(const Order& order) const {
  if (!Order::Verb_IsValid(order.verb()) || !Order::Scope_IsValid(order.scope()))
    return "this controller does not know that order; it may be of an earlier version than the command";
  if (order.scope() == Order::EXPERIMENT) {
    const std::uint64_t number = order.experiment();
    if (number == 0 || number > state_.experiments.size())
      return fmt::format("there is no experiment {}; there are {} so far", number, state_.experiments.size());
    const ExperimentEntry& experiment = state_.experiment(number);
    if (experiment.ended_already())
      return fmt::format("experiment {} is {} already", number, to_string(experiment.state));
    if (order.verb() == Order::RESUME && experiment.hold > HoldState::kPaused)
      return fmt::format("experiment {} is {}, which cannot be taken back", number, to_string(experiment.hold));
  } else if (order.scope() == Order::INSTRUMENT) {
    if (state_.instruments.contains(order.instrument())) return "";
    if (lab_.find(order.instrument()) != nullptr)
      return fmt::format("instrument “{}” was not heard of yet, and nothing is sent to it", order.instrument());
    return fmt::format("there is no instrument “{}”{}", order.instrument(),
                       suggest_name(order.instrument(), names(state_.instruments)));
  } else if (order.scope() == Order::PLACE) {
    return why_not_free(order);
  } else if (order.scope() == Order::CAMPAIGN && order.verb() == Order::RESUME) {
    if (state_.status != CampaignState::kPaused && state_.status != CampaignState::kRunning)
      return fmt::format("the campaign is {}; it goes on with the next “athanor run”", to_string(state_.status));
  }
  return "";
}

/// A person has looked at what an experiment that is over left there.
std::string Engine::why_not_free(const Order& order) const {
  if (order.verb() != Order::RESUME) return "a place can be resumed, and nothing else";
  if (std::find(places_.begin(), places_.end(), order.place()) == places_.end())
    return fmt::format("there is no place “{}”{}", order.place(), suggest_name(order.place(), places_));
  if (!state_.places_taken.contains(order.place())) return fmt::format("place {} is free already", order.place());
  for (const std::uint64_t number : state_.live) {
    if (state_.experiment(number).place == order.place())
      return fmt::format("the sample of experiment {} stands at {}, and the experiment is not over", number,
                         order.place());
  }
  return "";
}

void Engine::cancel_what_it_ends(const Order& order) {
  for (const auto& [id, command] : state_.commands) {
    const bool meant = order.scope() == Order::EXPERIMENT   ? command.experiment == order.experiment()
                       : order.scope() == Order::INSTRUMENT ? command.command.instrument() == order.instrument()
                                                            : true;
    if (meant && command.open()) cancel(command);
  }
}

std::string Engine::what_follows(const Order& order) const {
  const auto open = std::count_if(state_.commands.begin(), state_.commands.end(),
                                  [](const auto& item) { return item.second.open(); });
  const std::string running =
      open == 0 ? ""
                : fmt::format("; {} that {} under way {} to {} end", open == 1 ? "the step" : "the steps",
                              open == 1 ? "is" : "are", open == 1 ? "goes on" : "go on", open == 1 ? "its" : "their");
  const std::string what = what_is_ordered(order);
  switch (order.verb()) {
    case Order::PAUSE:
      return what + (order.scope() == Order::CAMPAIGN ? running : "") + "; “athanor resume” goes on";
    case Order::STOP:
      return what + (order.scope() == Order::EXPERIMENT ? " and given up once its step has ended" : running);
    case Order::ABORT:
      return what + ": what is under way is cancelled, then brought to the safe state";
    case Order::HALT:
      return what + ": its instruments are told to go to their safe state now";
    default: {
      const std::string interlock = order.scope() == Order::INSTRUMENT ? held_by(order.instrument()) : "";
      return interlock.empty() ? what : fmt::format("{}; it is used once interlock {} has passed", what, interlock);
    }
  }
}

// ── Approvals ────────────────────────────────────────────────────────────────────────────────────────────────────────

control::v1::Reply Engine::approve(const control::v1::Approve& approve) {
  const std::uint64_t number = approve.experiment();
  if (!(approve.valid_s() > 0)) return refusal("an approval needs to hold for some time");
  if (number == 0 || number > state_.experiments.size())
    return refusal(fmt::format("there is no experiment {}; there are {} so far", number, state_.experiments.size()));
  std::string given;
  const auto permits = state_.experiment(number).permits;
  for (const auto& [step, permit] : permits) {
    if (permit.approval) continue;
    Record fresh;
    auto& permitted = *fresh.mutable_permitted();
    permitted.set_experiment(number);
    permitted.set_step(step);
    permitted.set_why(approve.why());
    permitted.mutable_approval()->set_who(approve.who());
    permitted.mutable_approval()->set_digest(permit.digest);
    permitted.mutable_approval()->set_until_us((now_ + from_seconds(approve.valid_s())).time_since_epoch().count());
    record(std::move(fresh));
    given += (given.empty() ? "" : ", ") + permit.text;
  }
  if (given.empty()) return refusal(fmt::format("nothing of experiment {} waits for an approval", number));
  return consent(fmt::format("approved: {}", given));
}

/// Whether the step may be given to `instrument`; where that takes a person's word, it is asked for, once, and put into
/// `command` when it is there.
bool Engine::approved(const ExperimentEntry& experiment, std::size_t step, const std::string& instrument,
                      wire::Command& command) {
  const wire::Capability& capability = *find_capability(offers_.at(instrument), command.capability());
  if (capability.risk() != wire::HAZARDOUS) return true;
  const std::string digest = approval_digest(command);
  const auto permit = experiment.permits.find(static_cast<std::uint32_t>(step));
  const bool asked = permit != experiment.permits.end() && permit->second.digest == digest;
  if (asked && !permit->second.approval) return false;
  if (asked && Time(Duration(permit->second.approval->until_us())) >= now_) {
    *command.mutable_approval() = *permit->second.approval;
    return true;
  }
  std::vector<std::string> with;
  for (const wire::Value& value : command.with()) with.push_back(value.name() + " " + readable(value));
  const std::string text = fmt::format("experiment {}: {} ({}{}{})", experiment.number, campaign_.steps[step].name,
                                       command.capability(), with.empty() ? "" : " with ", fmt::join(with, ", "));
  Record fresh;
  fresh.mutable_approval_asked()->set_experiment(experiment.number);
  fresh.mutable_approval_asked()->set_step(static_cast<std::uint32_t>(step));
  fresh.mutable_approval_asked()->set_digest(digest);
  fresh.mutable_approval_asked()->set_text(text);
  record(std::move(fresh));
  alarm(command.capability(), fmt::format("{} is hazardous and waits for “athanor approve JOURNAL --experiment {}”",
                                          text, experiment.number));
  return false;
}

// ── Observations ─────────────────────────────────────────────────────────────────────────────────────────────────────

control::v1::Reply Engine::observe(const journal::v1::Observed& asked) {
  Record fresh;
  try {
    *fresh.mutable_observed() = complete(campaign_.problem, state_, asked);
  } catch (const InputError& error) {
    return refusal(error.what());
  }
  const std::string text = describe_observed(fresh.observed()) + before(state_, asked);
  if (!ATHANOR_CANARY("lose a correction")) record(std::move(fresh));
  return consent(text);
}

// ── The safe state ───────────────────────────────────────────────────────────────────────────────────────────────────

/// A command that a person's order has overtaken: should it not have begun yet, it is not to.
bool Engine::unwanted(const CommandEntry& command) const {
  return state_.instruments.at(command.command.instrument()).safe != SafeState::kInUse ||
         (command.experiment > 0 && state_.experiment(command.experiment).hold > HoldState::kStopping);
}

bool Engine::usable(const InstrumentEntry& instrument) const {
  return (!instrument.set_aside || ATHANOR_CANARY("use what is set aside")) && ready(instrument);
}

bool Engine::ready(const InstrumentEntry& instrument) const {
  return instrument.state == InstrumentState::kIdle && instrument.hold == HoldState::kFree &&
         state_.lab_hold == HoldState::kFree && !State::to_be_safe(instrument) &&
         held_by(instrument.description.id()).empty();
}

// Tells the drivers of instruments that are to go to their safe state, once each; reminders follow until they confirm.
void Engine::make_safe() {
  for (const auto& [id, instrument] : state_.instruments) {
    const bool due = instrument.safe == SafeState::kAtOnce || (instrument.safe == SafeState::kWhenIdle &&
                                                               (!busy(instrument) || lost_while_aborting(instrument)));
    const auto asked = safety_asked_.find(id);
    if (asked != safety_asked_.end() && asked->second.too_early && !busy(instrument)) {
      asked->second.too_early = false;
      send_stop(id);
    }
    if (!due || asked != safety_asked_.end()) continue;
    safety_asked_[id] = {fmt::format("{}/{}", id, now_.time_since_epoch().count()), now_ + options_.safe_within, 0};
    send_stop(id);
  }
}

/// What it does was to be cancelled, and it cannot be reached: whoever waited for its end would wait for ever.
bool Engine::lost_while_aborting(const InstrumentEntry& instrument) const {
  if (instrument.state != InstrumentState::kLost) return false;
  const auto command = state_.commands.find(instrument.command);
  const bool experiment = command != state_.commands.end() && command->second.experiment > 0 &&
                          state_.experiment(command->second.experiment).hold >= HoldState::kAborting;
  return experiment || instrument.hold >= HoldState::kAborting;
}

void Engine::send_stop(const std::string& instrument) {
  if (ATHANOR_CANARY("tell to stop once") && safety_asked_.at(instrument).reminders > 0) return;
  wire::ToDriver message = to_driver();
  const std::string interlock = stopped_by(instrument);
  const InstrumentEntry& stopped = state_.instruments.at(instrument);
  message.mutable_stop()->set_why(!interlock.empty()  ? "interlock " + interlock
                                  : stopped.set_aside ? "set aside after faults"
                                  : stopped.forgotten ? "its driver came back with another ledger"
                                                      : "ordered by a person");
  message.mutable_stop()->add_instruments(instrument);
  message.mutable_stop()->set_id(safety_asked_.at(instrument).id);
  send(state_.instruments.at(instrument).driver, std::move(message));
}

void Engine::on_stopped(const wire::Stopped& stopped) {
  Record safe;
  for (const std::string& id : stopped.instruments()) {
    const auto asked = safety_asked_.find(id);
    if (asked == safety_asked_.end() || (!stopped.id().empty() && stopped.id() != asked->second.id)) continue;
    // A command on its way may reach the driver after the stop. Once it has ended, by its cancel if not otherwise, it
    // cannot begin any more; nor can one that is meant for a ledger that is lost.
    const InstrumentEntry& instrument = state_.instruments.at(id);
    const auto command = state_.commands.find(instrument.command);
    const bool lost = command != state_.commands.end() && state_.ledger_lost(command->second);
    asked->second.too_early = busy(instrument) && !lost;
    if (lost) check_at_[instrument.command] = now_;
    if (asked->second.too_early) continue;
    safe.mutable_made_safe()->add_instruments(id);
    safety_asked_.erase(asked);
  }
  if (safe.made_safe().instruments_size() > 0) record(std::move(safe));
}

void Engine::remind_of_safety() {
  std::vector<std::string> silent;
  for (auto& [id, asked] : safety_asked_) {
    if (asked.again > now_) continue;
    if (asked.reminders++ == 0) silent.push_back(id);
    asked.again = now_ + options_.safe_within * std::min(asked.reminders, 60);
    send_stop(id);
  }
  if (silent.empty()) return;
  alarm(silent.front(),
        fmt::format("{} did not confirm to be in {} safe state within {} s; look at {}, and switch {} off by hand if "
                    "need be",
                    fmt::join(silent, ", "), silent.size() == 1 ? "its" : "their",
                    pretty_number(seconds(options_.safe_within), 3), silent.size() == 1 ? "it" : "them",
                    silent.size() == 1 ? "it" : "them"));
}

/// Those who were told and have not answered are waited for once; then an alarm has named them.
bool Engine::waits_for_safety() const {
  return std::any_of(safety_asked_.begin(), safety_asked_.end(),
                     [](const auto& item) { return item.second.reminders == 0; });
}

void Engine::cancel(const CommandEntry& command) {
  const std::string& driver = state_.instruments.at(command.command.instrument()).driver;
  if (state_.ledger_lost(command)) return question(driver, {command.command.id()});
  wire::ToDriver message = to_driver();
  message.set_ledger(command.ledger);  // another one would say that it was never begun
  message.mutable_cancel()->set_id(command.command.id());
  // What was not answered before is asked about as soon as it would have been.
  const auto [check, is_new] = check_at_.try_emplace(command.command.id(), now_ + options_.answer_within);
  if (!is_new) check->second = std::min(check->second, now_ + options_.answer_within);
  send(driver, std::move(message));
}

}  // namespace athanor
