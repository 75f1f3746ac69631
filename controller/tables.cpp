#include "controller/tables.h"

#include <string>

#include "core/check.h"

namespace athanor {
namespace {

template <class State>
constexpr Cell go(State to) {
  return {Cell::Kind::kGo, static_cast<unsigned char>(to)};
}
constexpr Cell ignore() {
  return {Cell::Kind::kIgnore, 0};
}
constexpr Cell never() {
  return {Cell::Kind::kForbidden, 0};
}

}  // namespace

// A table reads as a table:
// clang-format off

// A controller that was killed left the campaign running or stopping: the next start finds it so.
const TransitionTable<CampaignState, CampaignEvent> kCampaignTable = {{{
    //            start                        ask stop                      drained                      complete                      pause                       resume
    /* new      */ {{go(CampaignState::kRunning), never(), never(), never(), never(), never()}},
    /* running  */ {{ignore(), go(CampaignState::kStopping), never(), go(CampaignState::kFinished), go(CampaignState::kPaused), ignore()}},
    /* stopping */ {{go(CampaignState::kRunning), ignore(), go(CampaignState::kStopped), go(CampaignState::kFinished), ignore(), ignore()}},
    /* stopped  */ {{go(CampaignState::kRunning), ignore(), never(), never(), ignore(), ignore()}},
    /* finished */ {{go(CampaignState::kRunning), ignore(), never(), never(), ignore(), ignore()}},  // start: the budget was raised
    /* paused   */ {{ignore(), go(CampaignState::kStopping), never(), never(), ignore(), go(CampaignState::kRunning)}},  // start: a pause outlives the process
}}};

const TransitionTable<ExperimentState, ExperimentEvent> kExperimentTable = {{{
    //             approve                        begin                          measure                         fail                          abandon
    /* proposed  */ {{go(ExperimentState::kApproved), never(), never(), never(), go(ExperimentState::kAbandoned)}},
    /* approved  */ {{ignore(), go(ExperimentState::kRunning), never(), never(), go(ExperimentState::kAbandoned)}},
    /* running   */ {{never(), never(), go(ExperimentState::kMeasured), go(ExperimentState::kFailed), go(ExperimentState::kAbandoned)}},
    /* measured  */ {{never(), never(), never(), never(), never()}},
    /* failed    */ {{never(), never(), never(), never(), never()}},
    /* abandoned */ {{never(), never(), never(), never(), never()}},
}}};

// The wire may double, delay and reorder: whatever arrives after the end of a command is ignored.
const TransitionTable<CommandState, CommandEvent> kCommandTable = {{{
    //               accept                       send again  finish                    fail                        interrupt                        doubt                         vouch                     settle
    /* intended    */ {{go(CommandState::kAccepted), ignore(), go(CommandState::kDone), go(CommandState::kFailed), go(CommandState::kInterrupted), go(CommandState::kDoubtful), never(), never()}},
    /* accepted    */ {{ignore(), go(CommandState::kIntended), go(CommandState::kDone), go(CommandState::kFailed), go(CommandState::kInterrupted), go(CommandState::kDoubtful), never(), never()}},
    /* done        */ {{ignore(), never(), ignore(), ignore(), ignore(), ignore(), never(), never()}},
    /* failed      */ {{ignore(), never(), ignore(), ignore(), ignore(), ignore(), go(CommandState::kDone), ignore()}},
    /* interrupted */ {{ignore(), never(), ignore(), ignore(), ignore(), ignore(), go(CommandState::kDone), ignore()}},
    /* doubtful    */ {{ignore(), never(), ignore(), ignore(), ignore(), ignore(), go(CommandState::kDone), go(CommandState::kFailed)}},
}}};

const TransitionTable<InstrumentState, InstrumentEvent> kInstrumentTable = {{{
    //           link up                     link down                     take                         release
    /* offline */ {{go(InstrumentState::kIdle), ignore(), never(), never()}},
    /* idle    */ {{ignore(), go(InstrumentState::kOffline), go(InstrumentState::kBusy), never()}},
    /* busy    */ {{ignore(), go(InstrumentState::kLost), never(), go(InstrumentState::kIdle)}},
    /* lost    */ {{go(InstrumentState::kBusy), ignore(), never(), go(InstrumentState::kOffline)}},
}}};

// What was ordered last counts, except that nothing softens an abort or a halt but its end.
const TransitionTable<HoldState, HoldEvent> kHoldTable = {{{
    //            pause                    resume                 stop                       abort                      halt
    /* free     */ {{go(HoldState::kPaused), ignore(), go(HoldState::kStopping), go(HoldState::kAborting), go(HoldState::kHalted)}},
    /* paused   */ {{ignore(), go(HoldState::kFree), go(HoldState::kStopping), go(HoldState::kAborting), go(HoldState::kHalted)}},
    /* stopping */ {{ignore(), go(HoldState::kFree), ignore(), go(HoldState::kAborting), go(HoldState::kHalted)}},
    /* aborting */ {{ignore(), go(HoldState::kFree), ignore(), ignore(), go(HoldState::kHalted)}},
    /* halted   */ {{ignore(), go(HoldState::kFree), ignore(), ignore(), ignore()}},
}}};

const std::array<std::array<Recovery, 2>, static_cast<std::size_t>(Answer::kCount)> kRecoveryTable = {{
    //               not repeatable            repeatable
    /* finished    */ {Recovery::kRecordOutcome, Recovery::kRecordOutcome},
    /* running     */ {Recovery::kWait, Recovery::kWait},
    /* never seen  */ {Recovery::kSendAgain, Recovery::kSendAgain},
    /* interrupted */ {Recovery::kDoubt, Recovery::kRepeat},
    /* silent      */ {Recovery::kAlarm, Recovery::kAlarm},
}};

// clang-format on

Recovery recovery(Answer answer, bool repeatable) {
  return kRecoveryTable[static_cast<std::size_t>(answer)][repeatable ? 1 : 0];
}

namespace {
template <class State, std::size_t N>
const char* name(State state, const char* const (&names)[N]) {
  static_assert(N == static_cast<std::size_t>(State::kCount));
  return names[static_cast<std::size_t>(state)];
}
}  // namespace

const char* to_string(CampaignState state) {
  return name(state, {"new", "running", "stopping", "stopped", "finished", "paused"});
}
const char* to_string(ExperimentState state) {
  return name(state, {"proposed", "approved", "running", "measured", "failed", "abandoned"});
}
const char* to_string(CommandState state) {
  return name(state, {"intended", "accepted", "done", "failed", "interrupted", "doubtful"});
}
const char* to_string(InstrumentState state) {
  return name(state, {"offline", "idle", "busy", "lost"});
}
const char* to_string(HoldState state) {
  return name(state, {"free", "paused", "stopping", "aborting", "halted"});
}
const char* to_string(Recovery recovery) {
  constexpr const char* kNames[] = {"record the outcome", "wait", "send the same id", "repeat", "doubt", "alarm"};
  return kNames[static_cast<std::size_t>(recovery)];
}

namespace detail {
void forbidden(const char* state, std::size_t event) {
  const std::string message = std::string("event ") + std::to_string(event) + " in state “" + state + "”";
  check_failed(__FILE__, __LINE__, "the transition is allowed", message);
}
}  // namespace detail

}  // namespace athanor
