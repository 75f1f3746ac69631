#include "controller/runtime.h"

#include <fmt/format.h>

#include "core/canary.h"
#include "core/error.h"
#include "instruments/stored_arrays.h"

namespace athanor {

namespace {

constexpr Duration kRetryWriting = std::chrono::seconds{1};

/// May leave before it is written why: it begins nothing, and does no harm if it is said again.
bool makes_safe(const Effect& effect) {
  const auto* to_driver = std::get_if<SendToDriver>(&effect);
  return to_driver != nullptr && !to_driver->message.has_command();
}

// What the engine decides in a turn: one sync for all of it, effects only afterwards.
class Turns {
 public:
  Turns(Engine& engine, Shell& shell) : engine_(engine), shell_(shell) {}

  template <class What>
  void add(What what) {
    Decision decision = engine_.handle({shell_.clock.now(), std::move(what)});
    std::move(decision.records.begin(), decision.records.end(), std::back_inserter(records_));
    std::move(decision.effects.begin(), decision.effects.end(), std::back_inserter(effects_));
  }

  void carry_out() {
    if (ATHANOR_CANARY("send before sync")) let_out();
    const bool was_unwritten = unwritten();
    if (!write()) return let_safety_out();
    let_out();
    offer_snapshot();
    if (shell_.observer) shell_.observer(engine_.state(), records_);
    records_.clear();
    if (!was_unwritten) return;
    add(StoreChanged{});
    carry_out();
  }

  /// Decided, and not in the journal.
  bool unwritten() const { return !fault_.empty(); }
  const std::string& fault() const { return fault_; }
  Time wakes_at() const { return std::min(engine_.wakes_at(), unwritten() ? retry_at_ : kNever); }

 private:
  bool write() {
    if (unwritten() && shell_.clock.now() < retry_at_) return false;
    try {
      shell_.store.append(records_);
      fault_.clear();
      return true;
    } catch (const EnvironmentError& error) {
      const bool first = !unwritten();
      fault_ = error.what();
      retry_at_ = shell_.clock.now() + kRetryWriting;
      if (!first) return false;
      add(StoreChanged{fault_});
      if (shell_.unwritable) shell_.unwritable(fault_);
      return false;
    }
  }

  /// One that cannot be written now is offered again with the next turn.
  void offer_snapshot() {
    try {
      shell_.store.offer(engine_.state());
    } catch (const EnvironmentError&) {
    }
  }

  void let_out() {
    for (Effect& effect : effects_) let_out(effect);
    effects_.clear();
  }

  void let_safety_out() {
    std::vector<Effect> kept;
    for (Effect& effect : effects_) {
      if (auto* answer = std::get_if<AnswerRequest>(&effect)) {
        answer->reply.set_text(answer->reply.text() + " (not recorded yet, since the journal cannot be written)");
        let_out(effect);
      } else if (makes_safe(effect)) {
        let_out(effect);
      } else {
        kept.push_back(std::move(effect));
      }
    }
    effects_ = std::move(kept);
  }

  void let_out(Effect& effect) {
    if (auto* to_driver = std::get_if<SendToDriver>(&effect)) {
      shell_.drivers.send(to_driver->driver, to_driver->message);
    } else if (auto* question = std::get_if<AskPlanner>(&effect)) {
      shell_.planner.ask(std::move(*question));
    } else if (shell_.people) {
      shell_.people->answer(std::get<AnswerRequest>(effect));
    }
  }

  Engine& engine_;
  Shell& shell_;
  std::vector<Record> records_;
  std::vector<Effect> effects_;
  std::string fault_;  // why the journal could not be written
  Time retry_at_{};
};

/// Of a command of this campaign; empty: it has none of that id.
std::string instrument_of(const State& state, const std::string& id) {
  const auto command = state.commands.find(id);
  return command == state.commands.end() ? "" : command->second.command.instrument();
}

}  // namespace

bool run(Engine& engine, Shell& shell, const std::string& program_version) {
  int stops_seen = 0;
  Turns turn(engine, shell);
  turn.add(ControllerStarted{program_version});
  turn.carry_out();
  while (!engine.over() || turn.unwritten()) {
    const DriverArrivals arrived = shell.drivers.receive(turn.wakes_at(), shell.wake.fd());
    shell.wake.clear();
    if (const int stops = shell.stops.load(); stops > stops_seen) {
      if (stops > 1 && turn.unwritten()) {
        throw EnvironmentError(fmt::format(
            "left with something that is not in the journal; the drivers still have it, and are asked at the next "
            "start: {}",
            turn.fault()));
      }
      if (stops > 1) return false;
      stops_seen = stops;
      turn.add(StopAsked{"stopped by the user"});
    }
    for (const LinkChange& change : arrived.changes) {
      if (!change.up) turn.add(DriverLost{change.driver});  // its coming up is told by the driver's Welcome
    }
    for (const DriverMessage& message : arrived.messages) {
      if (shell.arrays != nullptr) shell.arrays->meet(message.message);
      if (shell.arrays != nullptr && names_arrays(message.message)) {
        shell.arrays->verify(message.message, [&](const std::string& id) { return instrument_of(engine.state(), id); });
        continue;
      }
      const bool readings = message.message.has_telemetry();
      if (readings && shell.telemetry) shell.telemetry(message.message.telemetry());
      if (!readings || engine.watches(message.message.telemetry().instrument())) turn.add(DriverSaid{message.message});
    }
    if (shell.arrays != nullptr) {
      for (wire::FromDriver& message : shell.arrays->take()) turn.add(DriverSaid{std::move(message)});
    }
    for (PlannerSaid& said : shell.planner.take()) turn.add(std::move(said));
    if (shell.people) {
      for (RequestMade& made : shell.people->take()) {
        if (const auto reply = shell.answers ? shell.answers(made.request) : std::nullopt) {
          shell.people->answer({made.id, *reply});
        } else {
          turn.add(std::move(made));
        }
      }
    }
    if (shell.clock.now() >= engine.wakes_at()) turn.add(TimePassed{});
    turn.carry_out();
  }
  return true;
}

}  // namespace athanor
