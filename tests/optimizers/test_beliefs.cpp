// Goal: what counts as an improvement where nobody says it. Method: trade-offs by hand.
#include "optimizers/beliefs.h"

#include <catch2/catch.hpp>

#include "spaces.h"

using namespace athanor;
using testing::line;

TEST_CASE("without a stated reference the trade-off is sought over all that was tried, but for outliers") {
  Problem problem = line();
  problem.objectives = {{"a", {}, Objective::Goal::kMaximize, 0}, {"b", {}, Objective::Goal::kMinimize, 0}};
  std::vector<Observation> observations;
  const auto tell = [&](double x, double a, double b) {
    observations.push_back({"", {x}, {Measurement{a, {}}, Measurement{b, {}}}, {}});
  };
  tell(-1, 1, 1);  // the front: little of both
  tell(0, 2, 2);
  tell(1, 0, 60);  // dominated
  tell(2, 1.5, 50);
  const auto reference = [&] {
    const Models models = fit_models(problem, observations);
    RandomStream random(1, "reference");
    const Vector merits = Beliefs(problem, models, {}, random).reference();
    Vector out(2);
    for (Eigen::Index j = 0; j < 2; ++j) {
      const ExactGp& gp = *models.of[static_cast<std::size_t>(j)]->gp;
      out[j] = gp.location() + gp.scale() * (j == 0 ? merits[j] : -merits[j]);
    }
    return out;
  };
  CHECK(reference()[0] < 0.5);
  CHECK(reference()[1] > 50);
  CHECK(reference()[1] < 70);
  tell(3, 0, 1e6);  // a slip of the pen
  CHECK(reference()[1] < 1e5);
}
