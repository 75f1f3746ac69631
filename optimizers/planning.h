// One question to the planner while it is being answered: what all of its suggestions share.
#pragma once

#include "core/random.h"
#include "optimizers/planner.h"
#include "optimizers/region.h"
#include "optimizers/tried.h"

namespace athanor {

/// The shares of the time until the deadline after which the models' fit and everything, respectively, comes to an end.
constexpr double kShareOfFit = 0.4, kShareOfAll = 0.9;

/// Keeps references to the problem and the question.
class Planning {
 public:
  Planning(const Problem& problem, const PlanQuestion& question);

  const Problem& problem;
  const PlanQuestion& question;
  const Region region;
  const Random random;
  Tried tried;                 ///< suggestions included
  std::vector<Point> pending;  ///< likewise
  double searched = 0;         ///< shares of their work that the searches did, added up
  std::size_t searches = 0;
  Plan plan;

  /// Whether `share` of the time until the deadline has passed, or will have in so many seconds.
  bool late(double share, double from_now = 0) const;
  double seconds() const;
  void note(std::string text) { plan.notes.push_back(std::move(text)); }
  /// Takes it for what is tried next, after telling what was tried near it.
  void suggest(Suggestion suggestion);

 private:
  std::vector<Neighbour> nearest(const Point& at);

  std::vector<std::vector<double>> encoded_;  // observations, then what is pending, as far as it was asked for
  double began_;
};

/// Adds up to `count` suggestions that the models of what was measured speak for; fewer only where the space is
/// exhausted. `design`: what was suggested without them and gets a forecast.
void suggest_by_models(Planning& planning, std::size_t count, const std::vector<Suggestion*>& design = {});

}  // namespace athanor
