// A twin on a bench: a folder that goes away, a lab from text, and commands carried out on a manual clock.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "instruments/messages.h"
#include "lab_twin/twin.h"

namespace athanor::test {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "athanor-twin-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw EnvironmentError("no folder for the test");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Time start_time() {
  return Time(std::chrono::hours(24 * 365 * 50));
}

inline wire::Command command(const std::string& id, const std::string& instrument, const std::string& capability,
                             const std::string& sample, std::vector<wire::Value> with = {}) {
  wire::Command command;
  command.set_id(id);
  command.set_instrument(instrument);
  command.set_capability(capability);
  command.set_sample(sample);
  for (auto& value : with) *command.add_with() = std::move(value);
  return command;
}

inline double result(const wire::Outcome& outcome, const std::string& name) {
  for (const auto& value : outcome.results()) {
    if (value.name() == name) return value.number();
  }
  throw InputError("no result " + name + " in " + outcome.ShortDebugString());
}

class Rig {
 public:
  Rig(const std::string& lab, const std::string& folder, Time now = start_time(), const std::string& boot = "1",
      std::optional<std::uint64_t> seed = std::nullopt, const std::string& only = "")
      : lab_(parse_lab(lab, "lab.yaml", ".")), twin_(lab_, folder, seed, only, boot, now), now_(now) {}

  Time now() const { return now_; }
  std::vector<Driver*> drivers() { return twin_.drivers(); }

  /// To the driver of the instrument; the outcome if it ended at once.
  std::optional<wire::Outcome> send(const wire::Command& command) {
    wire::ToDriver message = to_driver();
    *message.mutable_command() = command;
    return find_outcome(driver_of(command.instrument()).receive(message, now_), command.id());
  }
  /// Moves the clock to `time` or, without one, to whatever happens next; the outcomes that came.
  std::vector<wire::Outcome> advance(std::optional<Time> time = std::nullopt) {
    Time next = kNever;
    for (Driver* driver : drivers()) next = std::min(next, driver->wakes_at());
    now_ = std::max(now_, time.value_or(next == kNever ? now_ : next));
    std::vector<wire::Outcome> outcomes;
    for (Driver* driver : drivers()) {
      for (auto& message : driver->advance(now_)) {
        if (message.has_outcome()) outcomes.push_back(message.outcome());
      }
    }
    return outcomes;
  }
  /// Sends it and waits for its end, which must come next.
  wire::Outcome run(const wire::Command& command) {
    if (const auto outcome = send(command)) return *outcome;
    for (const auto& outcome : advance()) {
      if (outcome.id() == command.id()) return outcome;
    }
    throw InputError("command " + command.id() + " did not end");
  }
  /// What the driver says of an id.
  wire::CommandState ask(const std::string& instrument, const std::string& id) {
    wire::ToDriver message = to_driver();
    message.mutable_question()->add_ids(id);
    for (const auto& answer : driver_of(instrument).receive(message, now_)) {
      if (answer.has_answer()) return answer.answer().states(0);
    }
    throw InputError("no answer");
  }
  void stop() {
    wire::ToDriver message = to_driver();
    message.mutable_stop()->set_why("test");
    for (Driver* driver : drivers()) driver->receive(message, now_);
  }

 private:
  Driver& driver_of(const std::string& instrument) {
    const std::string name = lab_.find(instrument)->driver;
    for (Driver* driver : drivers()) {
      if (driver->name() == name) return *driver;
    }
    throw InputError("no driver " + name);
  }
  static std::optional<wire::Outcome> find_outcome(const std::vector<wire::FromDriver>& messages,
                                                   const std::string& id) {
    for (const auto& message : messages) {
      if (message.has_outcome() && message.outcome().id() == id) return message.outcome();
    }
    return std::nullopt;
  }

  Lab lab_;
  Twin twin_;
  Time now_;
};

/// A coupling laboratory without any error of its own; `twin` and `extra` go into the world's and the reactor's
/// settings.
inline std::string exact_bench(const std::string& twin = "case: 1", const std::string& reactor = "") {
  return "lab: bench\n"
         "twin: {model: suzuki, seed: 7, " +
         twin +
         "}\n"
         "drivers: {liquids: {}, reactors: {}, analysis: {}}\n"
         "instruments:\n"
         "  dispenser-1: {driver: liquids, kind: dispenser, twin: {accuracy: 0, precision: 0, drift: 0}}\n"
         "  reactor-1: {driver: reactors, kind: reactor, twin: {offset: 0 K, ageing: 0 K/h, ramp: 100 K/s, cooling: "
         "100 K/s" +
         reactor +
         "}}\n"
         "  hplc-1: {driver: analysis, kind: hplc, twin: {noise: 0, calibration: 0, drift: 0}}\n"
         "stock: {substrates: 100 mL, XPhos: 2 mL, SPhos: 2 mL, PPh3: 2 mL}\n";
}

inline wire::Command dispense(const std::string& id, const std::string& sample, const std::string& reagent, double ml) {
  return command(id, "dispenser-1", "dispense", sample,
                 {text_value("reagent", reagent), number_value("volume", ml, "mL")});
}
inline wire::Command heat(const std::string& id, const std::string& sample, double temperature_c, double duration_s) {
  return command(id, "reactor-1", "heat", sample,
                 {number_value("temperature", temperature_c, "degC"), number_value("duration", duration_s, "s")});
}
inline wire::Command measure(const std::string& id, const std::string& sample) {
  return command(id, "hplc-1", "measure_hplc", sample);
}

}  // namespace athanor::test
