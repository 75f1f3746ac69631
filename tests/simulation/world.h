// The laboratory as it physically is: what devices did, to which sample, where. It outlives every process, and says at
// once when something happened that must not.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "instruments/kit.h"
#include "tests/simulation/faults.h"

namespace athanor::simulation {

/// A promise was broken. Not a std::exception, so that nothing on the way takes it for a fault that it can handle.
struct Violation {
  std::string what;
};

constexpr double kHighestSignal = 100;  ///< % that a meter can find; what is above it is wrong

/// Thrown out of a device: its driver's process died there.
struct DriverDied {};

struct DeviceTraits {
  std::string id, kind;    ///< "dispenser", "reactor", "meter"
  double duration_s = 60;  ///< of one job
  bool remembers = true;   ///< can tell a restarted driver what became of a job
  bool repeatable = true;  ///< its capability; never a dispenser's
  bool tests_itself = false;
  bool hazardous = false;  ///< its capability needs a person's word
  bool records = false;    ///< a meter that gives what it recorded, too, as an array
  bool keeps_it = false;   ///< until all of it was given, and says so after a restart of its driver
  double highest_c = 150;  ///< what the laboratory allows
};

class World {
 public:
  World(std::map<std::string, double> stock_ml, Faults& faults) : stock_ml_(std::move(stock_ml)), faults_(faults) {}

  /// Speaks for the device for as long as its driver's process lives; the device itself stays.
  std::unique_ptr<Instrument> instrument(const DeviceTraits& device);

  /// The device ends what it is at work on, whoever began it; at once, or when it can.
  void make_safe(const std::string& instrument, Time now);
  /// When a device that was made safe will be; in the past: it is.
  Time safe_at(const std::string& instrument) const;
  /// It is, now.
  void stop(const std::string& instrument, Time now);
  /// A person gives the word for one hazardous job on `sample`.
  void approve(const std::string& sample) { ++words_[sample]; }
  /// The controller gives a command up: its device must not be one that works as it should.
  void check_cancel(const std::string& command, Time now) const;
  /// What the device is at work on; empty: nothing.
  std::string at_work(const std::string& instrument) const;
  /// What the meter found of a sample the last time that it measured it; none if it never did.
  std::optional<double> measured(const std::string& sample) const;
  /// By a command that was begun.
  std::string instrument_of(const std::string& command) const { return jobs_.at(command).command.instrument(); }
  /// What a meter records under a command; never the same twice.
  std::vector<std::byte> recording(const std::string& command) const;
  /// Whether step `step` of `sample` was ever begun.
  bool began(const std::string& sample, const std::string& step) const;
  /// How often step `step` of `sample` was carried out to its end.
  int completed(const std::string& sample, const std::string& step) const;
  /// How much of a reagent went into samples.
  double dispensed_ml(const std::string& reagent) const;

 private:
  struct Job {
    wire::Command command;
    Time began{}, ends{};
    bool running = true, completed = false;
    bool wrong = false;          ///< what it measures is nonsense
    std::optional<Fault> fault;  ///< it ends with this
  };
  struct Sample {
    std::string place;
    bool displaced = false;  ///< another one stands there now
    double volume_ml = 0, heat = 0;
    std::optional<double> measured;
    std::string job;  ///< that acts on it now
  };

  Outcome<Work> begin(const DeviceTraits& device, const Arguments& with, Time now);
  Outcome<Work> test(const DeviceTraits& device, const Arguments& with, Time now);
  bool broken(const std::string& device, Time now) const;
  Recollection recall(const DeviceTraits& device, const Arguments& with, Time now);
  Work work(const DeviceTraits& device, const std::string& id);
  std::function<Feed(std::size_t room, Time now)> rows(const Job& job) const;
  Outcome<Results> finish(const DeviceTraits& device, const std::string& id);
  Results results(const DeviceTraits& device, const Job& job) const;
  void end(const std::string& id, bool completed);
  void check_begin(const DeviceTraits& device, const Arguments& with, Time now);
  void check_approval(const Arguments& with, Time now);

  std::map<std::string, double> stock_ml_, used_ml_;
  Faults& faults_;
  std::map<std::string, Time> broken_until_;  ///< by instrument
  std::map<std::string, Time> unsafe_until_;  ///< the same
  std::map<std::string, Job> jobs_;           ///< by command id
  std::map<std::string, std::string> busy_;   ///< instrument → command
  std::map<std::string, std::string> steps_;  ///< sample and step → the first command that began it
  std::map<std::string, Sample> samples_;
  std::map<std::string, std::string> places_;  ///< → the sample there
  std::map<std::string, int> words_;           ///< sample → for how many more hazardous jobs a person gave the word
};

/// "campaign/nonce/experiment/step" of a command's id.
std::string step_of(const std::string& command_id);

}  // namespace athanor::simulation
