// Holds the engine against its own bounds (Engine::Options): whatever a driver or an instrument owes, it is there in
// time, or an alarm has named it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/engine.h"

namespace athanor::simulation {

/// Watches one process of the controller, on that process's clock.
class SilenceWatch {
 public:
  SilenceWatch(const Engine& engine, Time started) : engine_(engine), started_(started) {}

  /// A message leaves for a driver.
  void sent(const std::string& driver, const wire::ToDriver& message, Time now);
  /// A message from a driver has arrived.
  void heard(const wire::FromDriver& message, Time now);
  void wrote(const std::vector<Record>& records);

  /// throws Violation if a bound has passed without an alarm. To be asked when all that was decided is written.
  void check(Time now) const;
  /// When the next bound that no alarm has met yet passes; kNever if nothing is owed.
  Time next() const;

 private:
  struct Owed {
    std::string what;
    Time since{}, due{};
  };
  /// What is owed and was not told of since it is.
  std::vector<Owed> owed() const;
  bool told(const std::string& whom, Time since) const;
  bool is_accepted(const std::string& command) const;
  void expect(const std::string& command, Time now, Duration within);

  const Engine& engine_;
  const Time started_;
  const Engine::Options bounds_{};
  struct Word {
    Time since{}, due{};
  };
  std::map<std::string, Word> words_;  ///< commands of which something was said to their driver → its answer
  std::map<std::string, Time> up_, lost_, alarms_;  ///< drivers; drivers; whom an alarm was about → the last
};

}  // namespace athanor::simulation
