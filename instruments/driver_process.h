// A driver's process that is started, looked at, killed and started again by whoever tries it out.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace athanor {

class DriverProcess {
 public:
  /// command    its words; nothing is started yet.
  /// log_file   where its standard output and error are added.
  DriverProcess(std::vector<std::string> command, std::string log_file);
  /// Kills it.
  ~DriverProcess();
  DriverProcess(const DriverProcess&) = delete;
  DriverProcess& operator=(const DriverProcess&) = delete;

  /// It is killed should we die. throws EnvironmentError if no process can be made.
  void start();
  /// kill -9 of it and all that it started, and waits until it is gone.
  void kill();
  /// SIGTERM; whether it ended within `seconds`. What does not end is left running.
  bool terminate(double seconds);

  /// Empty while it runs; otherwise how it ended: "exit status 3", "signal 11".
  std::string end();
  /// The last lines of its log.
  std::string last_words() const;

  /// Resident memory; none where the system does not say.
  std::optional<double> memory_mib() const;
  std::optional<int> open_files() const;

 private:
  bool reap(bool wait);

  std::vector<std::string> command_;
  std::string log_file_, end_;
  pid_t pid_ = -1;
};

}  // namespace athanor
