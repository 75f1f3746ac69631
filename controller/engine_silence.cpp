// Drivers that are there and say nothing of a command, and those that refuse to take one in.
#include <fmt/format.h>

#include <algorithm>

#include "controller/engine.h"
#include "core/canary.h"
#include "core/quantity.h"

namespace athanor {
namespace {

constexpr Duration kLongestRefusal = std::chrono::minutes{10};  // between two tries; a full disk is freed by a person

}  // namespace

// ── Silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────

// A driver is asked about `id`. What goes to one that cannot be reached is lost, and that it cannot has its own alarm.
void Engine::expect_word(const std::string& id) {
  const std::string& instrument = state_.commands.at(id).command.instrument();
  if (state_.drivers.at(state_.instruments.at(instrument).driver).up) silent_.try_emplace(id, Silence{now_});
}

// Any word of a command will do: a driver that speaks of it has not forgotten it.
void Engine::end_silence(const wire::FromDriver& message) {
  silent_.erase(message.accepted().id());
  silent_.erase(message.progress().id());
  silent_.erase(message.outcome().id());
  silent_.erase(message.refused().id());
  for (const wire::CommandState& state : message.answer().states()) silent_.erase(state.id());
}

// Those of whom an alarm is about to be raised are asked once more, since it may have been the question that was lost.
void Engine::ask_the_silent() {
  for (const auto& [id, silence] : silent_) {
    if (!silence.told && silence.since + options_.answer_within <= now_) check_at_[id] = std::min(check_at_[id], now_);
  }
}

// Once for each silence. What is told of a deadline at the same moment names the same instrument, and is enough.
void Engine::tell_of_silence() {
  for (auto& [id, silence] : silent_) {
    if (silence.told || silence.since + options_.answer_within > now_) continue;
    silence.told = true;
    if (ATHANOR_CANARY("never tell of a silent driver")) continue;
    const CommandEntry& command = state_.commands.at(id);
    const std::string& instrument = command.command.instrument();
    const bool sent = command.state == CommandState::kIntended;
    alarm(
        instrument,
        fmt::format("driver {} is there, but says nothing of “{}”, which was {} {} at {}; look at {}, and restart the "
                    "driver if need be: nothing is begun twice. It is asked again and again",
                    state_.instruments.at(instrument).driver, command.command.capability(),
                    sent ? "sent to" : "begun, and asked about, on", instrument,
                    to_string(sent ? command.since : silence.since), instrument));
  }
}

// Whether something of an open command will be heard before a person does something.
bool Engine::word_expected(const std::string& id, const CommandEntry& command) const {
  const auto silence = silent_.find(id);
  return state_.instruments.at(command.command.instrument()).state == InstrumentState::kBusy &&
         !(silence != silent_.end() && silence->second.told) && !refused_.contains(id);
}

// ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────

// What a driver refuses by its id was not begun, nor entered in its ledger: the disk is full, or the driver obeys
// another controller. The question finds that out and sends it again, ever less often; the person is told once.
void Engine::on_refused(const std::string& driver, const wire::Refused& refused) {
  const std::string& id = refused.id();
  if (id.empty()) return alarm(driver, refused.why());
  const auto command = state_.commands.find(id);
  if (command == state_.commands.end() || !command->second.open()) return;  // late or doubled
  if (state_.ledger_lost(command->second)) return;                          // it is asked about, and never sent again
  Refusal& refusal = refused_.try_emplace(id, Refusal{now_, ""}).first->second;
  check_at_[id] = now_ + std::max(options_.answer_within, std::min(now_ - refusal.since, kLongestRefusal));
  if (std::exchange(refusal.why, refused.why()) == refused.why()) return;
  const bool sent = command->second.state == CommandState::kIntended;
  alarm(driver, fmt::format("driver {} refused {} “{}” on {}: {}. It is tried again after {} s, then ever less often",
                            driver, sent ? "to begin" : "to end", command->second.command.capability(),
                            command->second.command.instrument(), refused.why(),
                            pretty_number(seconds(options_.answer_within), 3)));
}

}  // namespace athanor
