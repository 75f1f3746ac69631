// The link of simulation: drivers in this process, and a clock that jumps to whatever happens next.
#include <poll.h>

#include <algorithm>

#include "core/check.h"
#include "instruments/driver_link.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

/// Deterministic: what is sent is answered at once, in the order of sending; what becomes due at one moment arrives in
/// the order of the drivers, and within a driver in the order in which it says it.
class LocalLink final : public DriverLink {
 public:
  LocalLink(std::vector<Driver*> drivers, ManualClock& clock) : drivers_(std::move(drivers)), clock_(clock) {
    wire::ToDriver hello = to_driver();
    hello.mutable_hello()->set_controller("local");
    for (Driver* driver : drivers_) {
      arrived_.changes.push_back({driver->name(), true});
      take(driver->receive(hello, clock_.now()));
    }
  }

  void send(const std::string& name, const wire::ToDriver& message) override {
    const auto driver =
        std::find_if(drivers_.begin(), drivers_.end(), [&](Driver* each) { return each->name() == name; });
    if (driver != drivers_.end()) take((*driver)->receive(message, clock_.now()));
  }

  DriverArrivals receive(Time until, int wake_fd) override {
    if (!arrived_.empty()) return give();
    if (wake_fd >= 0 && readable(wake_fd, 0)) return {};
    const Time next = std::min(until, wakes_at());
    if (next == kNever) {
      ATHANOR_CHECK(wake_fd >= 0, "waiting on the virtual clock for nothing: no driver has anything under way");
      readable(wake_fd, -1);
      return {};
    }
    clock_.advance_to(next);
    for (Driver* driver : drivers_) {
      if (driver->wakes_at() <= clock_.now()) take(driver->advance(clock_.now()));
    }
    return give();
  }

 private:
  Time wakes_at() const {
    Time next = kNever;
    for (const Driver* driver : drivers_) next = std::min(next, driver->wakes_at());
    return next;
  }

  static bool readable(int fd, int timeout_ms) {
    pollfd waited{fd, POLLIN, 0};
    return poll(&waited, 1, timeout_ms) > 0;  // a signal ends the waiting too, and the caller looks for itself
  }

  void take(std::vector<wire::FromDriver> messages) {
    for (wire::FromDriver& message : messages) arrived_.messages.push_back({std::move(message)});
  }

  DriverArrivals give() { return std::exchange(arrived_, {}); }

  std::vector<Driver*> drivers_;
  ManualClock& clock_;
  DriverArrivals arrived_;
};

}  // namespace

std::unique_ptr<DriverLink> make_local_link(std::vector<Driver*> drivers, ManualClock& clock) {
  return std::make_unique<LocalLink>(std::move(drivers), clock);
}

}  // namespace athanor
