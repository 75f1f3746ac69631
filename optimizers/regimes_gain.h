// What one more experiment adds to the hypervolume where outcomes are of two regimes.
#pragma once

#include "optimizers/beliefs.h"

namespace athanor {

/// The expected gain in hypervolume in each regime, by its probability and that of the constraints on objectives in it.
/// Given the regime it is that of LogNoisyHypervolumeImprovement; what is known of the other regime is on the front,
/// too. Which regime a pending point will be of is drawn a few times, with all that follows: what it then adds to the
/// front, and what it tells of its surroundings.
struct RegimesGain {
  std::unique_ptr<Acquisition> acquisition;  ///< as of the models of everything: merits of its standardised outcomes
  double dominated = 0;                      ///< in the same unit
};
RegimesGain gain_in_regimes(const Problem& problem, const Models& models, const Beliefs& beliefs, RandomStream& random,
                            const std::function<bool()>& stop = {});

}  // namespace athanor
