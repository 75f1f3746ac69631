// The link of simulation: drivers in this process, and a clock that jumps to whatever happens next.
#include <poll.h>

#include <algorithm>
#include <map>

#include "core/check.h"
#include "instruments/array_pipe.h"
#include "instruments/driver_link.h"
#include "instruments/messages.h"
#include "instruments/stored_arrays.h"

namespace athanor {

namespace {

constexpr Duration kTelemetryEvery = std::chrono::seconds{1};  // of laboratory time

/// Deterministic: what is sent is answered at once, in the order of sending; what becomes due at one moment arrives in
/// the order of the drivers, and within a driver in the order in which it says it.
class LocalLink final : public DriverLink {
 public:
  LocalLink(std::vector<Driver*> drivers, ManualClock& clock, std::set<std::string> watched, ArrayStore* store)
      : drivers_(std::move(drivers)),
        clock_(clock),
        watched_(std::move(watched)),
        store_(store),
        still_(watched_.empty()) {
    wire::ToDriver hello = to_driver();
    hello.mutable_hello()->set_controller("local");
    hello.mutable_hello()->set_takes_arrays(store_ != nullptr);
    for (Driver* driver : drivers_) {
      arrived_.changes.push_back({driver->name(), true});
      if (store_ != nullptr && driver->arrays() != nullptr) pipes_.try_emplace(driver, *driver->arrays(), *store_);
      take(*driver, driver->receive(hello, clock_.now()));
    }
  }

  void send(const std::string& name, const wire::ToDriver& message) override {
    const auto driver =
        std::find_if(drivers_.begin(), drivers_.end(), [&](Driver* each) { return each->name() == name; });
    if (driver == drivers_.end()) return;
    take(**driver, (*driver)->receive(message, clock_.now()));
    still_ = watched_.empty();
  }

  DriverArrivals receive(Time until, int wake_fd) override {
    if (!arrived_.empty()) return give();
    if (wake_fd >= 0 && readable(wake_fd, 0)) return {};
    Time next = std::min(until, wakes_at());
    if (next == kNever && still_) {
      ATHANOR_CHECK(wake_fd >= 0, "waiting on the virtual clock for nothing: no driver has anything under way");
      readable(wake_fd, -1);
      return {};
    }
    if (!watched_.empty()) next = std::min(next, measure_at_);
    clock_.advance_to(next);
    for (Driver* driver : drivers_) {
      if (driver->wakes_at() <= clock_.now()) take(*driver, driver->advance(clock_.now()));
    }
    if (!watched_.empty() && measure_at_ <= clock_.now()) measure();
    return give();
  }

 private:
  void measure() {
    measure_at_ = clock_.now() + kTelemetryEvery;
    std::string shown;
    for (Driver* driver : drivers_) {
      for (wire::FromDriver& message : driver->telemetry(clock_.now())) {
        if (!watched_.contains(message.telemetry().instrument())) continue;
        shown += message.SerializeAsString();
        arrived_.messages.push_back({std::move(message)});
      }
    }
    still_ = shown == shown_;
    shown_ = std::move(shown);
  }

  Time wakes_at() const {
    Time next = kNever;
    for (const Driver* driver : drivers_) next = std::min(next, driver->wakes_at());
    return next;
  }

  static bool readable(int fd, int timeout_ms) {
    pollfd waited{fd, POLLIN, 0};
    return poll(&waited, 1, timeout_ms) > 0;  // a signal ends the waiting too, and the caller looks for itself
  }

  /// What the driver said; and what it put into its window is stored, for which it does not wait on this clock.
  void take(Driver& driver, std::vector<wire::FromDriver> messages) {
    for (wire::FromDriver& message : messages) {
      if (store_ != nullptr) {
        look_up_arrays(*store_, message,
                       [&](const std::string& id) { return driver.state_of(id).command().instrument(); });
      }
      arrived_.messages.push_back({std::move(message)});
    }
    if (const auto pipe = pipes_.find(&driver); pipe != pipes_.end()) pipe->second.pump();
  }

  DriverArrivals give() { return std::exchange(arrived_, {}); }

  std::vector<Driver*> drivers_;
  ManualClock& clock_;
  std::set<std::string> watched_;  ///< instruments
  ArrayStore* store_;              ///< null: arrays are not taken
  std::map<const Driver*, ArrayPipe> pipes_;
  bool still_;  ///< the readings did not change, nor was anything sent since
  Time measure_at_{};
  std::string shown_;  ///< by the sensors, last
  DriverArrivals arrived_;
};

}  // namespace

std::unique_ptr<DriverLink> make_local_link(std::vector<Driver*> drivers, ManualClock& clock,
                                            std::set<std::string> watched, ArrayStore* store) {
  return std::make_unique<LocalLink>(std::move(drivers), clock, std::move(watched), store);
}

}  // namespace athanor
