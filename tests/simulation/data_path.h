// The way of arrays to the controller's store: production's two ends, a link that breaks, and a store in memory that
// lives and dies with the controller.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/journal.h"
#include "instruments/array_intake.h"
#include "instruments/array_window.h"
#include "tests/instruments/array_rig.h"
#include "tests/simulation/world.h"

namespace athanor::simulation {

class DataPath {
 public:
  DataPath(std::size_t drivers, const World& world, Faults& faults)
      : world_(world), faults_(faults), intakes_(drivers) {}

  /// The controller ended, or its disk is full: what it had not committed is forgotten, and whatever was on its way.
  void forget();
  /// The link to this driver, or the driver itself, is gone, with what was on its way.
  void cut(std::size_t driver) { intakes_[driver].reset(); }

  /// One message and its answers, or where there is none, a commit. False: nothing more is under way now. Throws
  /// ControllerDied.
  bool carry(std::size_t driver, ArrayWindow& window);

  /// A driver says something: the arrays that it names must be in the store, whole, as their devices recorded them.
  /// What production looks up of them is then filled in. throws Violation.
  void look_up(wire::FromDriver& message);
  /// The same of what the journal says, each array once.
  void check(const journal::v1::Record& record);
  std::size_t named() const { return named_.size(); }

 private:
  void begin(std::size_t driver, ArrayWindow& window);
  void check(const wire::Outcome& outcome);

  const World& world_;
  Faults& faults_;
  rig::MemoryStore store_;
  std::vector<std::optional<ArrayIntake>> intakes_;  ///< by driver; none: it is not connected
  std::set<std::string> named_;                      ///< by the journal: the commands
};

}  // namespace athanor::simulation
