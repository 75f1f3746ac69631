// Every life in the laboratory as a transition table: which event is allowed in which state, and where it leads.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "proto/driver.pb.h"

namespace athanor {

/// What an event does in a state: leads to a state, is harmless and ignored (a late or doubled message), or is a bug.
struct Cell {
  enum class Kind { kGo, kIgnore, kForbidden };
  Kind kind = Kind::kForbidden;
  unsigned char to = 0;
};

template <class State, class Event>
struct TransitionTable {
  static constexpr std::size_t kStates = static_cast<std::size_t>(State::kCount);
  static constexpr std::size_t kEvents = static_cast<std::size_t>(Event::kCount);
  std::array<std::array<Cell, kEvents>, kStates> cells;

  Cell at(State state, Event event) const {
    return cells[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
  }
};

/// The state after `event`: unchanged where the table ignores it. A forbidden cell is a bug and aborts.
template <class State, class Event>
State next(const TransitionTable<State, Event>& table, State state, Event event);

// ── Campaign ─────────────────────────────────────────────────────────────────────────────────────────────────────────
// Journals hold events as numbers: new ones go to the end.
enum class CampaignState { kNew, kRunning, kStopping, kStopped, kFinished, kPaused, kCount };
enum class CampaignEvent { kStart, kAskStop, kDrained, kComplete, kPause, kResume, kCount };
extern const TransitionTable<CampaignState, CampaignEvent> kCampaignTable;

// ── Experiment ───────────────────────────────────────────────────────────────────────────────────────────────────────
enum class ExperimentState { kProposed, kApproved, kRunning, kMeasured, kFailed, kAbandoned, kCount };
enum class ExperimentEvent { kApprove, kBegin, kMeasure, kFail, kAbandon, kCount };
extern const TransitionTable<ExperimentState, ExperimentEvent> kExperimentTable;

// ── Command ──────────────────────────────────────────────────────────────────────────────────────────────────────────
enum class CommandState { kIntended, kAccepted, kDone, kFailed, kInterrupted, kDoubtful, kCount };
/// kVouch and kSettle are a person's word about what nobody else can tell: it was done, or it was not.
enum class CommandEvent { kAccept, kSendAgain, kFinish, kFail, kInterrupt, kDoubt, kVouch, kSettle, kCount };
extern const TransitionTable<CommandState, CommandEvent> kCommandTable;

// ── Instrument ───────────────────────────────────────────────────────────────────────────────────────────────────────
enum class InstrumentState { kOffline, kIdle, kBusy, kLost, kCount };
enum class InstrumentEvent { kLinkUp, kLinkDown, kTake, kRelease, kCount };
extern const TransitionTable<InstrumentState, InstrumentEvent> kInstrumentTable;

// ── Hold: what a person has ordered for an experiment, an instrument or the laboratory ───────────────────────────────
enum class HoldState { kFree, kPaused, kStopping, kAborting, kHalted, kCount };
enum class HoldEvent { kPause, kResume, kStop, kAbort, kHalt, kCount };
extern const TransitionTable<HoldState, HoldEvent> kHoldTable;

// ── Recovery: what the driver says of a command, and what the controller then does ───────────────────────────────────
enum class Answer { kFinished, kRunning, kNeverSeen, kInterrupted, kSilent, kCount };
enum class Recovery { kRecordOutcome, kWait, kSendAgain, kRepeat, kDoubt, kAlarm };
/// Indexed by answer, then by whether the step may be repeated.
extern const std::array<std::array<Recovery, 2>, static_cast<std::size_t>(Answer::kCount)> kRecoveryTable;
Recovery recovery(Answer answer, bool repeatable);

const char* to_string(CampaignState state);
const char* to_string(ExperimentState state);
const char* to_string(CommandState state);
const char* to_string(InstrumentState state);
const char* to_string(HoldState state);
const char* to_string(Recovery recovery);

// ── ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

namespace detail {
[[noreturn]] void forbidden(const char* state, std::size_t event);
}

template <class State, class Event>
State next(const TransitionTable<State, Event>& table, State state, Event event) {
  const Cell cell = table.at(state, event);
  if (cell.kind == Cell::Kind::kForbidden) detail::forbidden(to_string(state), static_cast<std::size_t>(event));
  return cell.kind == Cell::Kind::kIgnore ? state : static_cast<State>(cell.to);
}

}  // namespace athanor
