// A planner that has no model: random points, the same to the same question, sometimes after a while.
#pragma once

#include <utility>
#include <vector>

#include "controller/runtime.h"
#include "optimizers/region.h"
#include "tests/simulation/network.h"

namespace athanor::simulation {

class RandomPlanner final : public PlannerLink {
 public:
  RandomPlanner(const Space& space, Network& network, Faults& faults);

  void ask(AskPlanner question) override;
  std::vector<PlannerSaid> take() override;

 private:
  Region region_;
  Network& network_;
  Faults& faults_;
  std::vector<std::pair<Time, PlannerSaid>> due_;
};

}  // namespace athanor::simulation
