// The shell around the engine. For ever: collect events, let the engine decide, write and sync, and only then act.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "controller/engine.h"
#include "controller/journal.h"
#include "core/wake.h"
#include "instruments/data_link.h"
#include "instruments/driver_link.h"

namespace athanor {

/// The way to the planner. `ask` never blocks for long unless the planner runs in the caller's own thread.
class PlannerLink {
 public:
  virtual ~PlannerLink() = default;
  virtual void ask(AskPlanner question) = 0;
  /// The answers that have arrived.
  virtual std::vector<PlannerSaid> take() = 0;
};

/// Plans at once, in the caller's thread: for virtual time, where thinking takes none.
std::unique_ptr<PlannerLink> make_inline_planner(const Problem& problem, const Wake& wake);
/// Plans in a thread of its own and notifies `wake`; instruments go on meanwhile.
std::unique_ptr<PlannerLink> make_planner_thread(const Problem& problem, const Wake& wake);

/// The way to people in other processes: what they ask of the controller, and what it answers.
class ControlLink {
 public:
  virtual ~ControlLink() = default;
  /// The requests that have arrived.
  virtual std::vector<RequestMade> take() = 0;
  virtual void answer(const AnswerRequest& answer) = 0;
};

/// Told of every turn after it was written: for progress displays.
using Observer = std::function<void(const State& state, const std::vector<Record>& records)>;

/// Told of what sensors show. The journal does not hold it, only which interlocks it trips.
using TelemetryObserver = std::function<void(const wire::Telemetry& telemetry)>;

struct Shell {
  Store& store;
  DriverLink& drivers;
  PlannerLink& planner;
  const Clock& clock;
  const Wake& wake;
  /// How often the user asked to stop: once, and what runs is finished; twice, and the controller leaves at once (what
  /// runs goes on in the instruments, and is asked about at the next start).
  const std::atomic<int>& stops;
  Observer observer;
  TelemetryObserver telemetry = {};
  ControlLink* people = nullptr;
  /// Answers requests that need no decision: where the campaign stands, a copy of the journal. None: the engine
  /// decides.
  std::function<std::optional<control::v1::Reply>(const control::v1::Request&)> answers = {};
  /// Told once when the journal cannot be written any more, and why.
  std::function<void(const std::string& fault)> unwritable = {};
  /// The way of large arrays over sockets. An outcome that names one goes through it before the engine hears of it.
  /// None: drivers were told that no arrays are taken, or their link stores them by itself.
  DataLink* arrays = nullptr;
};

/// Runs `engine` until its campaign is over. False if it left early because of a second stop.
/// While the journal cannot be written (a full disk), nothing is sent but what makes safe: stops, cancels, questions.
/// What has been decided is kept and written when that is possible again; it is tried once a second. throws
/// EnvironmentError if it leaves with something unwritten: drivers then still hold the outcomes.
bool run(Engine& engine, Shell& shell, const std::string& program_version);

}  // namespace athanor
