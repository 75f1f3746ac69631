// What no controller says, and who may say what.
#include <fmt/format.h>

#include <utility>

#include "instruments/conformance_trial.h"
#include "instruments/driver.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor::conformance {

namespace {

const auto kRefused = [](const wire::FromDriver& message) { return message.has_refused(); };

/// What runs while odd things are said to the driver; none where nothing lasts long enough.
std::optional<wire::Command> begin_lasting(Trial& trial) {
  const Chosen* lasting = trial.lasting_if_any();
  if (lasting == nullptr) return std::nullopt;
  const wire::Command command = lasting->command(trial.fresh_id());
  trial.begin(command);
  return command;
}

/// One that has come to its own end meanwhile was not harmed: its usual duration may be more than it takes.
void expect_unchanged(Trial& trial, const std::optional<wire::Command>& command, const std::string& after) {
  if (!command) return;
  const auto state = trial.ask(command->id());
  if (state.standing() == wire::CommandState::RUNNING) return;
  if (state.standing() != wire::CommandState::FINISHED || !state.outcome().done())
    throw Broken{fmt::format("{} changed what ran: {}", after, in_words(state))};
}

/// Still there, still the same process, and still told apart from a new one.
void expect_unharmed(Trial& trial, const std::string& boot, const std::string& after) {
  try {
    trial.hello();
  } catch (const Broken& broken) {
    throw Broken{fmt::format("after {}: {}", after, broken.what)};
  }
  if (trial.boot() != boot) throw Broken{fmt::format("after {} the driver had restarted", after)};
}

}  // namespace

std::string garbage(Trial& trial) {
  trial.hello();
  const std::string boot = trial.boot();
  const auto running = begin_lasting(trial);
  const wire::ToDriver bare = to_driver();
  wire::ToDriver hello = bare;
  hello.mutable_hello()->set_controller(kTrialName);
  const std::string whole = hello.SerializeAsString();
  std::string not_utf8 = whole;
  not_utf8.back() = '\xff';  // in the name of the controller
  std::string noise(1 << 16, '\xff');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(noise[i] ^ (i * 2654435761u >> 13));
  const std::pair<const char*, Frames> all[] = {{"an empty frame", {""}},
                                                {"a frame of four odd bytes", {"\xff\xfe\x01\x02"}},
                                                {"64 KiB of noise", {"\xff" + noise}},
                                                {"a Hello that was cut off", {whole.substr(0, whole.size() - 1)}},
                                                {"a Hello with a text that is no UTF-8", {not_utf8}},
                                                {"a line of HTTP", {"GET / HTTP/1.1\r\n\r\n"}},
                                                {"a message in two frames", {whole, whole}},
                                                {"an empty frame before the message", {"", whole}},
                                                {"a message without a body", {bare.SerializeAsString()}}};
  for (const auto& [what, frames] : all) {
    trial.probe().send(frames, what);
    trial.expect(kRefused, kAnswerSeconds, fmt::format("Refused for {}", what));
    expect_unharmed(trial, boot, what);
  }
  wire::Command nameless = trial.any().command("");
  trial.probe().say(to_driver(nameless));
  trial.expect(kRefused, kAnswerSeconds, "Refused for a command without an id");
  expect_unchanged(trial, running, "garbage");
  return fmt::format("{} kinds, each refused; nothing changed", std::size(all) + 1);
}

std::string large_frame(Trial& trial) {
  trial.hello();
  const std::string boot = trial.boot();
  const auto running = begin_lasting(trial);
  Probe sender = trial.stranger();
  sender.send({std::string(kLargestFrame + (1 << 20), 'x')}, "a frame of 17 MiB");
  // Once the sender is answered again, over this connection or a new one, the frame has been dealt with. It need not
  // be.
  wire::ToDriver question;
  question.mutable_question()->add_ids("conformance");
  const auto answered = [](const wire::FromDriver& message) { return message.has_answer(); };
  for (int i = 0; i < kAnswerSeconds; ++i) {
    if (!sender.say(question) || sender.await(answered, 1)) break;
  }
  expect_unharmed(trial, boot, "a frame of 17 MiB");
  expect_unchanged(trial, running, "a frame of 17 MiB");
  return fmt::format("17 MiB from somebody else; others are served as before{}", running ? "" : " (nothing ran)");
}

std::string other_version(Trial& trial) {
  const wire::Command command = trial.any().command(trial.fresh_id());
  for (const unsigned version : {kProtocolVersion + 1, 99u}) {
    wire::ToDriver message = to_driver(command);
    message.set_version(version);
    trial.probe().say(message);
    const auto answer =
        trial.expect([&](const auto& arrived) { return arrived.has_refused() || is_about(arrived, command.id()); },
                     kAnswerSeconds, fmt::format("Refused for a command of version {}", version));
    if (!answer.has_refused())
      throw Broken{fmt::format("a command of version {}: expected Refused; found {}", version, in_words(answer))};
  }
  if (const auto state = trial.ask(command.id()); state.standing() != wire::CommandState::NEVER_SEEN)
    throw Broken{fmt::format("a command of another version left its mark: {}", in_words(state))};
  return "refused, and not entered";
}

std::string strangers(Trial& trial) {
  Probe stranger = trial.stranger();
  const wire::Command ours = trial.lasting().command(trial.fresh_id());
  const wire::Command theirs = trial.lasting().command(trial.fresh_id());
  trial.begin(ours);
  wire::ToDriver cancel = to_driver(), question, stop;
  cancel.mutable_cancel()->set_id(ours.id());
  const auto expect_refused = [&](const wire::ToDriver& message, const std::string& id) {
    stranger.say(message);
    const auto answer = stranger.await([&](const auto& arrived) { return is_about(arrived, id); }, kAnswerSeconds);
    if (!answer || !answer->has_refused())
      throw Broken{fmt::format("a stranger's {}: expected Refused with the id; found {}", in_words(message),
                               answer ? in_words(*answer) : "no answer")};
    if (answer->refused().why().find(kTrialName) == std::string::npos)
      throw Broken{fmt::format("a stranger was refused without the name of the controller in charge, “{}”: {}",
                               kTrialName, answer->refused().why())};
  };
  expect_refused(to_driver(theirs), theirs.id());
  expect_refused(cancel, ours.id());
  question.mutable_question()->add_ids(ours.id());
  stranger.say(question);
  const auto answer = stranger.await([](const auto& arrived) { return arrived.has_answer(); }, kAnswerSeconds);
  if (!answer || answer->answer().states_size() != 1 ||
      answer->answer().states(0).standing() != wire::CommandState::RUNNING)
    throw Broken{
        fmt::format("a stranger asked about {}, which runs: {}", ours.id(), answer ? in_words(*answer) : "no answer")};
  stop.mutable_stop()->set_why("somebody sees smoke");
  stranger.say(stop);
  try {
    const auto stopped = [](const wire::FromDriver& arrived) { return arrived.has_stopped(); };
    if (!stranger.await(stopped, kAnswerSeconds)) throw Broken{"a stranger's Stop was not answered by Stopped"};
    trial.outcome(ours.id());
  } catch (const Broken&) {
    trial.rule_out_deaf_to_stop();
    throw;
  }
  return "they may ask and stop, not command or cancel";
}

std::string last_hello(Trial& trial) {
  Probe second = trial.stranger();
  const wire::Command command = trial.lasting().command(trial.fresh_id());
  const wire::Command late = trial.lasting().command(trial.fresh_id());
  trial.begin(command);
  trial.probe().listen(kBegins);
  second.hello("the second controller");
  if (!second.await([](const auto& message) { return message.has_welcome(); }, kAnswerSeconds))
    throw Broken{"a second controller said Hello and was not welcomed"};
  if (const auto answer = trial.give(late); !answer.has_refused())
    throw Broken{fmt::format("the first controller still commands after another one said Hello: {}", in_words(answer))};
  wire::ToDriver cancel;
  cancel.mutable_cancel()->set_id(command.id());
  second.say(cancel);
  const auto outcome =
      second.await([&](const auto& message) { return message.has_outcome() && message.outcome().id() == command.id(); },
                   kAnswerSeconds);
  if (!outcome) {
    trial.rule_out_deaf_to_cancel();
    throw Broken{"the outcome of what ran did not go to the controller that said Hello last"};
  }
  trial.hello();
  return "the second was obeyed, and then the first again";
}

}  // namespace athanor::conformance
