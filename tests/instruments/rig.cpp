#include "tests/instruments/rig.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "core/check.h"

namespace athanor::rig {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "athanor-XXXXXX").string();
  ATHANOR_CHECK(::mkdtemp(name.data()) != nullptr, "no temporary folder");
  path = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

namespace {

Work work_of(Device& device, const std::string& id, Time began, Duration duration) {
  Work work;
  work.duration = duration;
  work.began = began;
  work.progress = {{duration / 2, 0.5, "half"}};
  work.finish = [&device](Time) -> Outcome<Results> {
    if (device.die == Device::Die::kAtEnd) throw Crash{};
    if (device.spoils) return *device.spoils;
    return Results{{"final_temperature", 79.5}, {"colour", "amber"}};
  };
  work.interrupted = [&device, id](Time) { device.jobs[id].interrupted = true; };
  return work;
}

Recollection recollect(Device& device, const std::string& id, Time now) {
  using Kind = Instrument::Memory::Kind;
  Recollection memory;
  if (!device.remembers) return memory;
  const auto job = device.jobs.find(id);
  memory.kind = Kind::kNeverStarted;
  if (job == device.jobs.end()) return memory;
  const Device::Job& known = job->second;
  memory.kind = Kind::kRunning;
  memory.work = work_of(device, id, known.began, known.duration);
  if (!known.interrupted && known.began + known.duration > now) return memory;
  memory.kind = Kind::kFinished;
  memory.took = known.duration;
  memory.end = known.interrupted ? Outcome<Results>(Fault{Fault::Kind::kInterrupted, "was interrupted"})
                                 : Outcome<Results>(Results{{"final_temperature", 79.5}, {"colour", "amber"}});
  return memory;
}

}  // namespace

std::unique_ptr<Instrument> heater(const std::string& id, Device& device) {
  InstrumentPlan plan;
  plan.id = id;
  plan.kind = "heater";
  const auto start = [&device](const Arguments& with, Time now) -> Outcome<Work> {
    if (device.broken) return *device.broken;
    if (device.die == Device::Die::kBeforeStart) throw Crash{};
    const std::string& command = with.command().id();
    ++device.starts[command];
    device.safe = false;
    device.jobs[command] = {now, from_seconds(with.number("duration")), false};
    if (device.die == Device::Die::kAfterStart) throw Crash{};
    return work_of(device, command, now, from_seconds(with.number("duration")));
  };
  plan.offers = {{capability("heat")
                      .number("temperature", "degC", 20, 150)
                      .number("duration", "s", 1, 36000)
                      .number("stirring", "1/min", 0, 1000)
                      .optional()
                      .text("gas", {"air", "argon"})
                      .optional()
                      .result("final_temperature", "degC")
                      .text_result("colour")
                      .usual_duration(Duration{0})
                      .lasts("duration")
                      .repeatable(),
                  start}};
  plan.make_safe = [&device](Time) { device.safe = true; };
  plan.readings = [](Time) { return std::vector<Reading>{{"temperature", 21.5, "degC"}}; };
  plan.recall = [&device](const Arguments& with, Time now) { return recollect(device, with.command().id(), now); };
  return make_instrument(std::move(plan));
}

wire::Command heat(const std::string& id, const std::string& instrument, double temperature_c, double duration_s) {
  wire::Command command;
  command.set_id(id);
  command.set_instrument(instrument);
  command.set_capability("heat");
  *command.add_with() = number_value("temperature", temperature_c, "degC");
  *command.add_with() = number_value("duration", duration_s, "s");
  return command;
}

wire::ToDriver say(const wire::Command& command) {
  wire::ToDriver message = to_driver();
  *message.mutable_command() = command;
  return message;
}

wire::ToDriver hello() {
  wire::ToDriver message = to_driver();
  message.mutable_hello()->set_controller("test");
  return message;
}

wire::ToDriver ask(const std::vector<std::string>& ids) {
  wire::ToDriver message = to_driver();
  message.mutable_question();
  for (const std::string& id : ids) message.mutable_question()->add_ids(id);
  return message;
}

wire::ToDriver cancel(const std::string& id) {
  wire::ToDriver message = to_driver();
  message.mutable_cancel()->set_id(id);
  return message;
}

wire::ToDriver stop() {
  wire::ToDriver message = to_driver();
  message.mutable_stop()->set_why("test");
  return message;
}

const wire::Outcome* outcome_in(const std::vector<wire::FromDriver>& messages, const std::string& id) {
  for (const wire::FromDriver& message : messages) {
    if (message.has_outcome() && message.outcome().id() == id) return &message.outcome();
  }
  return nullptr;
}

const wire::Accepted* accepted_in(const std::vector<wire::FromDriver>& messages, const std::string& id) {
  for (const wire::FromDriver& message : messages) {
    if (message.has_accepted() && message.accepted().id() == id) return &message.accepted();
  }
  return nullptr;
}

wire::CommandState state_of(Driver& driver, const std::string& id, Time now) {
  const auto answers = driver.receive(ask({id}), now);
  ATHANOR_CHECK(answers.size() == 1 && answers[0].answer().states_size() == 1, "a question has one answer");
  return answers[0].answer().states(0);
}

}  // namespace athanor::rig
