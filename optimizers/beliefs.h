// What the models say of the points that were tried and are under way, before anything more is measured.
#pragma once

#include "optimizers/acquisition.h"
#include "optimizers/models.h"

namespace athanor {

/// Leaves out what does not keep the bound. values (b × draws, or one where nothing is uncertain): standardised
/// outcomes, as `bound`. feasible (b × draws): where it is empty, all are so far.
void keep_within(Feasible& feasible, const Matrix& values, bool at_most, double bound, Eigen::Index draws);

/// A bound in the gp's own unit, what is `pending` (rows) taken to be what is expected, so that a batch looks for
/// something feasible in more places than one.
OutcomeBound bound_beside(const std::shared_ptr<const ExactGp>& gp, bool at_most, double bound, const Matrix& pending);

/// Legend: b base points: what was tried, then what is pending, each once; m objectives that have a model; outcomes
/// standardised, merits larger where better.
class Beliefs {
 public:
  /// One choice of hyper-parameters, and draws of what the outcomes may be under it.
  struct World {
    std::vector<Fantasies> fantasies;  ///< m
    Feasible feasible;                 ///< b × draws, as far as outcome constraints go, those on what is of two
                                       ///< regimes left out; empty: all
  };

  /// Keeps references to problem and models.
  Beliefs(const Problem& problem, const Models& models, const std::vector<Point>& pending, RandomStream& random);

  const Matrix& base() const { return base_; }
  Eigen::Index tried() const { return tried_; }
  auto pending() const { return base_.bottomRows(base_.rows() - tried_); }
  /// The most probable one first.
  const std::vector<World>& worlds() const { return worlds_; }

  Aim aim(std::size_t objective) const;
  std::vector<Aim> aims() const;
  /// b × m: expected outcomes' merits, of the most probable world; of two regimes in the more probable one.
  const Matrix& merits() const { return merits_; }
  /// Merits expected of a row of the unit cube.
  Vector merits_at(const Vector& point) const;
  /// The share of the most probable world's draws in which base point `i` holds every outcome constraint; of two
  /// regimes the probability.
  double feasible_share(Eigen::Index i) const;
  bool any_feasible() const;
  /// Whether something feasible that was tried is expected to be at least as good in every objective.
  bool beaten(const Vector& merits) const;
  /// In merits (m): as the objectives state it; otherwise the worst that was tried, outliers apart, and at least a
  /// tenth of the front's extent worse than the worst of the front (Ishibuchi et al. 2011): what trades much of one
  /// objective for a little more of another than the front does is worth something, too.
  Vector reference() const;
  /// Of outcome constraints and of success; as bound_beside. `of_regimes`: also the constraints on what is of two
  /// regimes, by its one model of everything.
  std::vector<OutcomeBound> bounds(bool of_regimes = true) const;
  /// What was tried, in the order in which its surroundings are worth a look: the front, then the best, the feasible
  /// ones first. `front`: how many of them are of the front.
  std::vector<Eigen::Index> promising(std::size_t& front) const;

 private:
  World world(std::size_t number, const Matrix& normals) const;

  const Problem& problem_;
  const Models& models_;
  Matrix base_;
  Eigen::Index tried_ = 0;
  std::vector<World> worlds_;
  Matrix merits_;
  Vector held_;  // b; with regimes alone: that outcome constraints hold
};

}  // namespace athanor
