#include "controller/runtime.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/canary.h"
#include "core/error.h"

namespace athanor {

Wake::Wake() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw EnvironmentError(std::string("cannot make an event descriptor: ") + std::strerror(errno));
}

Wake::~Wake() {
  close(fd_);
}

void Wake::notify() const noexcept {
  const std::uint64_t one = 1;
  // A full counter means that the loop is about to wake anyway.
  [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
}

void Wake::clear() const noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
}

namespace {

// One turn's worth of decisions: one sync for all of them, effects only afterwards.
class Turn {
 public:
  Turn(Engine& engine, Shell& shell) : engine_(engine), shell_(shell) {}

  template <class What>
  void add(What what) {
    Decision decision = engine_.handle({shell_.clock.now(), std::move(what)});
    std::move(decision.records.begin(), decision.records.end(), std::back_inserter(all_.records));
    std::move(decision.effects.begin(), decision.effects.end(), std::back_inserter(all_.effects));
  }

  void carry_out() {
    if (ATHANOR_CANARY("send before sync")) let_out();
    shell_.store.append(all_.records);
    if (!ATHANOR_CANARY("send before sync")) let_out();
    shell_.store.offer(engine_.state());
    if (shell_.observer) shell_.observer(engine_.state(), all_.records);
  }

 private:
  void let_out() {
    for (Effect& effect : all_.effects) {
      if (auto* to_driver = std::get_if<SendToDriver>(&effect)) {
        shell_.drivers.send(to_driver->driver, to_driver->message);
      } else {
        shell_.planner.ask(std::move(std::get<AskPlanner>(effect)));
      }
    }
  }

  Engine& engine_;
  Shell& shell_;
  Decision all_;
};

}  // namespace

bool run(Engine& engine, Shell& shell, const std::string& program_version) {
  int stops_seen = 0;
  {
    Turn first(engine, shell);
    first.add(ControllerStarted{program_version});
    first.carry_out();
  }
  while (!engine.over()) {
    const DriverArrivals arrived = shell.drivers.receive(engine.wakes_at(), shell.wake.fd());
    shell.wake.clear();
    Turn turn(engine, shell);
    if (const int stops = shell.stops.load(); stops > stops_seen) {
      if (stops > 1) return false;
      stops_seen = stops;
      turn.add(StopAsked{"stopped by the user"});
    }
    for (const LinkChange& change : arrived.changes) {
      if (!change.up) turn.add(DriverLost{change.driver});  // its coming up is told by the driver's Welcome
    }
    for (const DriverMessage& message : arrived.messages) {
      if (!message.message.has_telemetry()) {
        turn.add(DriverSaid{message.message});
      } else if (shell.telemetry) {
        shell.telemetry(message.message.telemetry());
      }
    }
    for (PlannerSaid& said : shell.planner.take()) turn.add(std::move(said));
    if (shell.clock.now() >= engine.wakes_at()) turn.add(TimePassed{});
    turn.carry_out();
  }
  return true;
}

}  // namespace athanor
