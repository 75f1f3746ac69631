// Physical reality: one file that outlives every process, changed in one transaction by each physical act.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/database.h"
#include "core/random.h"
#include "instruments/kit.h"
#include "lab_twin/state.h"
#include "lab_twin/twin.h"

namespace athanor {

/// What a device is doing or did under one command id.
struct Act {
  driver::v1::Command command;
  int begun = 0;
  Time began_at, ends_at;        ///< of the latest beginning; `ends_at` is kNever for a device that hangs
  double planned_s = 0;          ///< how long all of it takes, if nothing goes wrong
  std::optional<Time> ended_at;  ///< none while it runs
  bool completed = false;        ///< to its end, not interrupted
  driver::v1::Outcome outcome;   ///< once it has ended
};

/// The samples, the devices' wear, the stock and the log of physical actions. Shared by processes; SQLite's lock orders
/// what they do. Survives the death of any of them, not a power cut: nothing but a simulation is lost with it.
class World {
 public:
  /// Opens `file`, or makes it for `model` with `seed` (1). A world that exists has its own; without `model` it is
  /// taken as it is. throws InputError if `model`, or a `seed` that was asked for, is another one; EnvironmentError as
  /// Database does.
  World(const std::string& file, const std::optional<std::string>& model, std::optional<std::uint64_t> seed);

  std::uint64_t seed() const { return random_.seed(); }
  const Random& random() const { return random_; }

  /// All reading and writing below belongs in the body of one transaction.
  void transaction(const std::function<void()>& body) { database_.transaction(body); }

  State sample(const std::string& id);
  void put_sample(const std::string& id, const State& state);
  State device(const std::string& id);
  void put_device(const std::string& id, const State& state);

  /// What a device recorded last: its arrays, each of one command, until another takes its place.
  void put_recording(const std::string& instrument, const std::string& command_id, const std::vector<Rows>& arrays);
  std::vector<Rows> recording(const std::string& instrument, const std::string& command_id);

  /// What stands at a place, for devices that are told where a sample is and not which one; empty: nothing that is
  /// known.
  std::string standing_at(const std::string& place);
  void put_at(const std::string& place, const std::string& sample);

  /// `ml` is all that was ever supplied of `reagent`: a new world gets it, an older one what was added since.
  void stock_up(const std::string& reagent, double ml);
  double stock_ml(const std::string& reagent);
  void take_ml(const std::string& reagent, double ml);

  /// A device begins `command`: counted, every time.
  void begin(const driver::v1::Command& command, Time now, Time ends_at, double planned_s);
  /// What it was doing ends, and it keeps the result.
  void end(const driver::v1::Outcome& outcome, Time at, bool completed);
  std::optional<Act> find(const std::string& command_id);
  std::optional<Act> running(const std::string& instrument);

  std::optional<Time> last_time();
  std::vector<PhysicalAction> actions();

 private:
  Act read(Statement& row) const;
  State load(Statement& statement, const std::string& id);

  Database database_;
  Random random_;
  Statement get_sample_, put_sample_, get_device_, put_device_, get_recording_, put_recording_, get_place_, put_place_,
      get_stock_, put_stock_, take_stock_;
  Statement begin_, end_, find_, running_;
};

/// The file of the world in `folder`.
std::string world_file(const std::string& folder);

}  // namespace athanor
