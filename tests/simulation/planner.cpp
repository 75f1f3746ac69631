#include "tests/simulation/planner.h"

#include <fmt/format.h>

#include "tests/simulation/world.h"

namespace athanor::simulation {

RandomPlanner::RandomPlanner(const Space& space, Network& network, Faults& faults)
    : region_(space), network_(network), faults_(faults) {}

void RandomPlanner::ask(AskPlanner question) {
  const double thinks_s = faults_.strikes(FaultKind::kPlannerSlow) ? 600 : 0.01;
  RandomStream random(question.question.seed, "points");
  for (const Observation& observation : question.question.observations) {
    for (const auto& measured : observation.measured) {
      if (measured && measured->value > kHighestSignal)
        throw Violation{
            fmt::format("the planner is told that experiment {} measured {}", observation.id, measured->value)};
    }
  }
  PlannerSaid said;
  said.ask = question.ask;
  for (std::size_t i = 0; i < question.question.count; ++i)
    said.plan.suggestions.push_back({region_.sample(random).value(), {}, "drawn", {}});
  due_.push_back({network_.now() + from_seconds(thinks_s), std::move(said)});
  network_.schedule(due_.back().first, [&network = network_] { network.wake_controller(); });
}

std::vector<PlannerSaid> RandomPlanner::take() {
  std::vector<PlannerSaid> out;
  while (!due_.empty() && due_.front().first <= network_.now()) {
    out.push_back(std::move(due_.front().second));
    due_.erase(due_.begin());
  }
  return out;
}

}  // namespace athanor::simulation
