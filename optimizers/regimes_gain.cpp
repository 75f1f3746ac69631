#include "optimizers/regimes_gain.h"

#include <algorithm>
#include <cmath>

#include "optimizers/composition.h"
#include "optimizers/hypervolume_gain.h"
#include "optimizers/sobol.h"

namespace athanor {
namespace {

constexpr Eigen::Index kFantasies = 16;  // as for one regime
constexpr std::size_t kDirections = 128;

/// What the models of one regime say of its part of the base points.
struct Part {
  const std::vector<OutcomeModel>& models;
  std::vector<Aim> aims;
  std::vector<Fantasies> fantasies;
  Feasible feasible;

  /// In merits of this regime's standardised outcomes, of a value in the objective's unit.
  double merit(std::size_t objective, double value) const {
    return aims[objective].merit(models[objective].standardised(value));
  }
  Eigen::Index draws() const {
    Eigen::Index out = std::max<Eigen::Index>(feasible.cols(), 1);  // one where nothing is uncertain
    for (const Fantasies& one : fantasies) out = std::max(out, one.count());
    return out;
  }
  /// Of the base points of another regime in its fantasy `s`; what is not feasible is no better than the reference.
  Matrix merits_of(const Part& other, Eigen::Index s, const Vector& reference) const {
    Matrix out(other.fantasies[0].values().rows(), reference.size());
    for (std::size_t j = 0; j < aims.size(); ++j) {
      const ExactGp& gp = *other.models[j].gp;
      const auto values = other.fantasies[j].values().col(s % other.fantasies[j].count());
      out.col(static_cast<Eigen::Index>(j)) =
          values.unaryExpr([&](double z) { return merit(j, gp.location() + gp.scale() * z); });
    }
    for (Eigen::Index i = 0; i < out.rows(); ++i) {
      if (!feasible_in(other.feasible, i, s)) out.row(i) = reference;
    }
    return out;
  }
  /// Of a merit as the models of everything standardise it.
  double merit_of(std::size_t objective, double merit_of_all, const ExactGp& all) const {
    if (aims[objective].goal == Objective::Goal::kTarget) {
      return merit_of_all * all.scale() / models[objective].gp->scale();
    }
    const double sign = aims[objective].goal == Objective::Goal::kMaximize ? 1 : -1;
    return merit(objective, all.location() + sign * merit_of_all * all.scale());
  }
};

/// Which base points are of the lower and of the upper regime: as was found (both, it may be), or else as is more
/// probable.
std::array<std::vector<Eigen::Index>, 2> sorted(const Matrix& base, const Regimes& regimes) {
  std::array<std::vector<Eigen::Index>, 2> out;
  const Vector probable = regimes.probability_of_upper(base);
  for (Eigen::Index i = 0; i < base.rows(); ++i) {
    std::array<bool, 2> in = regimes.found_at(base.row(i));
    if (!in[0] && !in[1]) in[probable[i] > 0.5] = true;
    for (const bool upper : {false, true}) {
      if (in[upper]) out[upper].push_back(i);
    }
  }
  return out;
}

}  // namespace

RegimesGain gain_in_regimes(const Problem& problem, const Models& models, const Beliefs& beliefs, RandomStream& random,
                            const std::function<bool()>& stop) {
  const Regimes& regimes = *models.regimes;
  const Matrix& base = beliefs.base();
  const auto rows = sorted(base, regimes);
  const std::size_t count = models.objectives.size();
  const Feasible& feasible = beliefs.worlds()[0].feasible;
  const Matrix normals = Sobol(kDirections * 2 * count, random).next_normal(kFantasies);
  std::vector<Part> parts;
  for (const bool upper : {false, true}) {
    Part& part = parts.emplace_back(Part{regimes.of[upper], {}, {}, {}});
    if (feasible.size() > 0) part.feasible = feasible(rows[upper], Eigen::all);
    for (std::size_t j = 0; j < count; ++j) {
      const Objective& objective = problem.objectives[models.objectives[j]];
      part.aims.push_back({objective.goal, part.models[j].standardised(objective.target)});
      const auto own = static_cast<Eigen::Index>(2 * j + (upper ? 1 : 0));
      part.fantasies.emplace_back(
          *part.models[j].gp, base(rows[upper], Eigen::all),
          normals(Eigen::all, Eigen::seq(own, Eigen::last, static_cast<Eigen::Index>(2 * count))));
    }
  }

  RegimesGain out;
  const Eigen::Index draws = std::max(parts[0].draws(), parts[1].draws());
  std::vector<std::unique_ptr<Acquisition>> gains;
  Vector weights = Vector::Ones(2);
  const Vector wanted = beliefs.reference();
  for (const bool upper : {false, true}) {
    const Part &own = parts[upper], &other = parts[!upper];
    Vector reference(wanted.size());
    for (std::size_t j = 0; j < count; ++j) {
      const ExactGp& all = *models.of[models.objectives[j]]->gp;
      const auto k = static_cast<Eigen::Index>(j);
      reference[k] = own.merit_of(j, wanted[k], all);
      weights[upper] *= own.models[j].gp->scale() / all.scale();
    }
    std::vector<Matrix> beside;
    for (Eigen::Index s = 0; s < draws; ++s) beside.push_back(own.merits_of(other, s, reference));
    auto gain = std::make_unique<LogNoisyHypervolumeImprovement>(own.fantasies, own.aims, reference, own.feasible, stop,
                                                                 beside);
    out.dominated = gain->dominated() * weights[upper];
    auto probable = std::make_unique<LogFeasibility>(std::vector<OutcomeBound>{{regimes.upper, !upper, 0.5}});
    gains.push_back(std::make_unique<Sum>(std::move(gain), std::move(probable)));
  }
  out.acquisition = std::make_unique<LogMean>(std::move(gains), 2 * weights);
  return out;
}

}  // namespace athanor
