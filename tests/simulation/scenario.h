// What a seed decides of a run: the laboratory, the campaign and what its devices are like.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/simulation/network.h"

namespace athanor::simulation {

struct Scenario {
  std::string lab, campaign;  ///< the files' texts
  std::vector<DriverPlan> drivers;
  std::map<std::string, double> stock_ml;
  Duration faulty{};  ///< how long things go wrong
  Duration bound{};   ///< how long after that all must have ended
};

Scenario draw_scenario(std::uint64_t seed);

}  // namespace athanor::simulation
