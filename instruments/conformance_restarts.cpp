// A driver that is killed at every awkward moment, and one that works for long.
#include <fmt/format.h>

#include <algorithm>

#include "core/clock.h"
#include "instruments/conformance_trial.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor::conformance {

namespace {

void kill_and_restart(Trial& trial) {
  trial.process().kill();
  trial.restart();
}

/// After a restart: what it says of the id, and that the command, sent again, is dealt with as that says.
wire::CommandState::Standing hold_to_its_word(Trial& trial, const wire::Command& command) {
  const wire::CommandState state = trial.ask(command.id());
  const wire::FromDriver answer = trial.give(command);
  const auto wrong = [&](const std::string& expected) {
    throw Broken{fmt::format("after a restart {}; sent again: expected {}; found {}", in_words(state), expected,
                             answer.has_accepted() ? "that it was begun" : in_words(answer))};
  };
  switch (state.standing()) {
    case wire::CommandState::FINISHED:
      if (!answer.has_outcome() || !same(answer.outcome(), state.outcome())) wrong("that Outcome once more");
      break;
    case wire::CommandState::INTERRUPTED:
      if (answer.answer().states_size() != 1 || answer.answer().states(0).standing() != wire::CommandState::INTERRUPTED)
        wrong("an Answer with INTERRUPTED");
      break;
    case wire::CommandState::RUNNING:
      if (!answer.has_accepted() && !answer.has_outcome()) wrong("Accepted, or its Outcome if it has just ended");
      break;
    default:
      if (!answer.has_accepted() && !answer.has_outcome()) wrong("that it is begun, or refused by the device");
      break;
  }
  return state.standing();
}

/// What was told to be begun is never unknown afterwards.
std::string expect_known(Trial& trial, const wire::Command& command) {
  const auto standing = hold_to_its_word(trial, command);
  if (standing == wire::CommandState::NEVER_SEEN)
    throw Broken{fmt::format("{} was Accepted, and after a restart is NEVER_SEEN: it was carried out a second time",
                             command.id())};
  return wire::CommandState::Standing_Name(standing);
}

}  // namespace

std::string new_boot(Trial& trial) {
  trial.process();
  trial.hello();
  const std::string boot = trial.boot();
  kill_and_restart(trial);
  if (trial.boot() == boot)
    throw Broken{
        fmt::format("killed and started again, it still says boot “{}”: no controller would ask what became "
                    "of its commands",
                    boot)};
  return fmt::format("“{}”, then “{}”", boot, trial.boot());
}

std::string killed_after_end(Trial& trial) {
  trial.process();
  const auto [command, known] = trial.ended();
  wire::Command refused = command;
  refused.set_id(trial.fresh_id());
  *refused.add_with() = number_value("no-such-parameter", 1, "");
  const wire::Outcome refusal = trial.refused(refused, wire::LIMIT, "an unknown parameter");
  const wire::Command cancelled = trial.any().command(trial.fresh_id());
  const wire::Outcome cancellation = trial.cancel(cancelled.id());
  kill_and_restart(trial);
  trial.expect_same(command, known, "after its driver was killed and started again");
  trial.expect_same(refused, refusal, "refused before its driver was killed");
  trial.expect_same(cancelled, cancellation, "cancelled before it came and its driver was killed");
  return "an outcome, a refusal and a cancel survived";
}

std::string killed_running(Trial& trial) {
  trial.process();
  const wire::Command command = trial.lasting().command(trial.fresh_id());
  trial.begin(command);
  trial.probe().listen(std::min(1.0, trial.wall_s(trial.lasting()) / 4));
  kill_and_restart(trial);
  return "stood as " + expect_known(trial, command);
}

std::string killed_after_accepted(Trial& trial) {
  constexpr int kTimes = 3;
  trial.process();
  std::string stood;
  for (int i = 0; i < kTimes; ++i) {
    const wire::Command command = trial.lasting().command(trial.fresh_id());
    trial.begin(command);
    kill_and_restart(trial);
    stood += (i > 0 ? ", " : "") + expect_known(trial, command);
    if (!trial.settle()) throw Broken{"after that it could not be brought to rest"};
  }
  return fmt::format("{} times; stood as {}", kTimes, stood);
}

std::string killed_before_accepted(Trial& trial) {
  constexpr double kAfterSeconds[] = {0, 0.0005, 0.002, 0.008};
  trial.process();
  std::string stood;
  for (const double after_s : kAfterSeconds) {
    const wire::Command command = trial.lasting().command(trial.fresh_id());
    trial.probe().say(to_driver(command));
    trial.probe().listen(after_s);
    kill_and_restart(trial);
    stood += (stood.empty() ? "" : ", ") + wire::CommandState::Standing_Name(hold_to_its_word(trial, command));
    if (!trial.settle()) throw Broken{"after that it could not be brought to rest"};
  }
  return fmt::format("stood as {}", stood);
}

std::string other_ledger(Trial& trial) {
  const std::string ledger = trial.hello().ledger();
  if (ledger.empty()) {
    throw NotTried{
        "Welcome does not say which ledger it keeps: should that be lost, what was under way could be begun again"};
  }
  wire::ToDriver begin = to_driver(trial.any().command(trial.fresh_id())), cancel = to_driver();
  const std::string id = begin.command().id();
  cancel.mutable_cancel()->set_id(id);
  for (wire::ToDriver* message : {&begin, &cancel}) {
    message->set_ledger("not " + ledger);
    trial.probe().say(*message);
    trial.expect(
        [&](const auto& answer) { return answer.refused().id() == id; }, kAnswerSeconds,
        fmt::format("Refused, with the id of a {} for another ledger", message->has_cancel() ? "cancel" : "command"));
  }
  if (const auto standing = trial.ask(id).standing(); standing != wire::CommandState::NEVER_SEEN)
    throw Broken{fmt::format("a command for another ledger stands as {}", wire::CommandState::Standing_Name(standing))};
  begin.set_ledger(ledger);
  trial.probe().say(begin);
  trial.expect([&](const auto& answer) { return answer.accepted().id() == id || answer.outcome().id() == id; },
               kAnswerSeconds, "a command for its own ledger Accepted, or its Outcome");
  if (trial.options().command.empty()) return "refused; the process is not ours to be killed";
  kill_and_restart(trial);
  const std::string after = trial.hello().ledger();
  if (after != ledger)
    throw Broken{fmt::format("its ledger was called “{}”, and after a restart is called “{}”", ledger, after)};
  return fmt::format("refused; “{}” before and after a restart", ledger);
}

std::string terminated(Trial& trial) {
  const auto [command, known] = trial.ended();
  if (!trial.process().terminate(kAnswerSeconds))
    throw Broken{fmt::format("SIGTERM did not end it within {} s", kAnswerSeconds)};
  const std::string end = trial.process().end();
  trial.restart();
  trial.expect_same(command, known, "after SIGTERM and a new start");
  return fmt::format("ended with {}, and its ledger is whole", end);
}

std::string endurance(Trial& trial) {
  const Endurance& many = trial.endurance();
  const Chosen* const lasting = many.how == Endurance::How::kCancelled ? trial.lasting_if_any() : nullptr;
  const Chosen& chosen = lasting != nullptr                        ? *lasting
                         : many.how == Endurance::How::kCarriedOut ? trial.quick()
                                                                   : many.chosen;
  const int count = many.commands;
  constexpr double kFreeMib = 2;            // by which a cache or an interpreter may still grow, once it is warm
  constexpr double kMibPerCommand = 0.002;  // of a ledger that is kept in memory, besides its file
  constexpr int kMostFiles = 4;
  const int warm = count * 3 / 5;
  const bool ours = !trial.options().command.empty();
  std::optional<double> memory;
  std::optional<int> files;
  const double began = monotonic_seconds();
  for (int i = 0; i < count; ++i) {
    wire::Command command = chosen.command(trial.fresh_id());
    if (many.how == Endurance::How::kRefused) {
      *command.add_with() = number_value("no-such-parameter", 1, "");
      trial.refused(command, wire::LIMIT, "an unknown parameter");
    } else {
      trial.begin(command);
      many.how == Endurance::How::kCarriedOut ? trial.outcome(command.id(), trial.patience_s(chosen))
                                              : trial.end_early(command.id());
    }
    trial.probe().forget_talk();
    if (ours && i + 1 == warm) {
      memory = trial.process().memory_mib();
      files = trial.process().open_files();
    }
  }
  const double each_ms = (monotonic_seconds() - began) * 1e3 / count;
  const std::string what = fmt::format("{}, {:.2f} ms each", many.in_words(), each_ms);
  if (!memory || !files) return what + "; memory and open files were not looked at, since the process is not ours";
  const double grew = trial.process().memory_mib().value_or(0) - *memory;
  const int more = trial.process().open_files().value_or(0) - *files;
  if (grew > kFreeMib + kMibPerCommand * (count - warm))
    throw Broken{fmt::format("{}: its memory grew by {:.1f} MiB in the last {}", what, grew, count - warm)};
  if (more > kMostFiles)
    throw Broken{fmt::format("{}: it holds {} open files more than after the first {}", what, more, warm)};
  return fmt::format("{}; {:+.1f} MiB, {:+d} open files", what, grew, more);
}

}  // namespace athanor::conformance
