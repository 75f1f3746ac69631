// One simulated run: the production engine, journal, run time and drivers in a world where things go wrong, and the
// promises that must hold whatever does.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "controller/tables.h"
#include "tests/simulation/decisions.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/network.h"

namespace athanor::simulation {

struct Report {
  std::string violation;  ///< empty: every promise was kept
  double lab_hours = 0;
  std::array<std::size_t, kFaultKinds> faults{};
  /// The recovery table's cells: answer, may be repeated.
  std::array<std::array<std::size_t, 2>, static_cast<std::size_t>(Answer::kCount)> cells{};
  Decisions decisions;
  std::size_t measured = 0, failed = 0, abandoned = 0, records = 0, starts = 0;
  std::size_t snapshots = 0, starts_from_snapshots = 0;
  std::size_t arrays = 0;  ///< commands of which the journal names any
  std::string ended;       ///< how the campaign did, for whoever reads it
};

/// The deliberate bugs that the production code carries in this build (core/canary.h).
const std::vector<std::string>& canaries();
/// Switches one on; "" none.
void let_live(const std::string& canary);

/// The same seed, the same run, to the last message. `folder` is where the journal lies meanwhile.
Report simulate(std::uint64_t seed, const std::string& folder, const Narrator& narrate);

}  // namespace athanor::simulation
