#include "bench/adapters/way.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "adapters/device.h"
#include "core/check.h"

namespace athanor {

namespace {

constexpr int kRounds = 20;

}  // namespace

How timed(const std::string& name, std::function<void()> once) {
  return {name, [once = std::move(once)] {
            const double began = monotonic_seconds();
            once();
            return (monotonic_seconds() - began) * 1e6;
          }};
}

void measure(const std::string& way, int times, const std::vector<How>& hows) {
  std::vector<std::vector<double>> took_us(hows.size());
  for (int round = -1; round < kRounds; ++round) {
    for (std::size_t i = 0; i < hows.size(); ++i) {
      for (int k = 0; k < std::max(1, times / kRounds); ++k) {
        const double us = hows[i].once();
        if (round >= 0) took_us[i].push_back(us);  // before: connections, caches
      }
    }
  }
  double bare_us = 0;
  for (std::size_t i = 0; i < hows.size(); ++i) {
    std::vector<double>& took = took_us[i];
    std::sort(took.begin(), took.end());
    const double median_us = took[took.size() / 2];
    if (i == 0) bare_us = median_us;
    fmt::print("{}\n", nlohmann::json{{"way", way},
                                      {"how", hows[i].name},
                                      {"p50_us", median_us},
                                      {"p99_us", took[took.size() * 99 / 100]},
                                      {"ratio", median_us / bare_us}}
                           .dump());
  }
  std::fflush(stdout);
}

DeviceProcess::DeviceProcess(const std::function<void()>& live) : pid_(fork()) {
  if (pid_ != 0) return;
  live();
  _exit(0);
}

DeviceProcess::~DeviceProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

OurSide::OurSide(const std::string& profile, const std::string& address)
    : profile_(parse_profile(profile, "bench.yaml")),
      clock_(SystemClock().now(), 1),
      bus_(profile_.adapter->bus_to(address, lines_)),
      device_(make_device(profile_, "device-1", address, device_lines_, clock_)) {
  const auto fault = bus_->connect(false);
  ATHANOR_CHECK(!fault, fault->message);
}

void OurSide::exchange(const std::vector<Step>& steps) {
  for (const auto& [verb, step] : steps) {
    const auto answer = bus_->exchange(verb, step);
    ATHANOR_CHECK(answer.ok(), answer.fault().message);
  }
}

void OurSide::command() {
  carry_out(*device_, clock_, "look", fmt::format("k{}", ++last_id_));
}

How OurSide::adapter(const std::vector<Step>& steps) {
  return timed("adapter", [this, steps] { exchange(steps); });
}

How OurSide::whole() {
  return timed("command", [this] { command(); });
}

void carry_out(Instrument& device, const ScaledClock& clock, const std::string& capability, const std::string& id) {
  wire::Command command;
  command.set_id(id);
  command.set_capability(capability);
  const auto begun = device.start(command, clock.now());
  ATHANOR_CHECK(begun.ok(), begun.fault().message);
  for (bool done = false; !done;) {
    pollfd waited{device.wake_fd(), POLLIN, 0};
    poll(&waited, 1, -1);
    for (const wire::FromDriver& report : device.poll(clock.now())) {
      ATHANOR_CHECK(!report.has_outcome() || report.outcome().done(), report.outcome().message());
      done = done || report.has_outcome();
    }
  }
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "athanor-bench-XXXXXX").string();
  ATHANOR_CHECK(mkdtemp(name.data()) != nullptr, "no folder");
  path = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace athanor
