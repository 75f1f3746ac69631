#include "optimizers/regimes_gain.h"

#include <algorithm>
#include <cmath>

#include "optimizers/composition.h"
#include "optimizers/hypervolume_gain.h"
#include "optimizers/sobol.h"

namespace athanor {
namespace {

constexpr Eigen::Index kFantasies = 16;  // as for one regime, of all worlds together
constexpr Eigen::Index kWorlds = 4;
constexpr std::size_t kDirections = 128;
constexpr double kSmallestVariance = 1e-12;  // of which regime holds

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

/// Which regime every base point is of: as was found (both, it may be); of those that are open a draw.
struct World {
  std::array<std::vector<Eigen::Index>, 2> rows;  ///< of the lower and of the upper regime
  Vector drawn;                                   ///< one an open point: 1 for the upper regime
  Eigen::Index times = 0;                         ///< that it was drawn
};

/// kWorlds draws of the regimes at the rows `open` of the base, equal ones together.
std::vector<World> worlds(const Matrix& base, const std::vector<Eigen::Index>& open, const Regimes& regimes,
                          RandomStream& random) {
  World known;
  for (Eigen::Index i = 0; i < base.rows(); ++i) {
    const std::array<bool, 2> in = regimes.found_at(base.row(i));
    for (const bool upper : {false, true}) {
      if (in[upper]) known.rows[upper].push_back(i);
    }
  }
  known.times = kWorlds;
  if (open.empty()) return {known};
  const Posterior joint = regimes.upper->posterior(base(open, Eigen::all));
  const Matrix root = pivoted_cholesky(joint.covariance, kSmallestVariance, kDirections);
  const Matrix normals = Sobol(kDirections, random).next_normal(kWorlds);
  std::vector<World> out;
  for (Eigen::Index w = 0; w < kWorlds; ++w) {
    World world = known;
    world.times = 1;
    world.drawn = joint.mean + root * normals.row(w).head(root.cols()).transpose();
    world.drawn = (world.drawn.array() > 0.5).cast<double>();
    const auto same = std::find_if(out.begin(), out.end(), [&](const World& o) { return o.drawn == world.drawn; });
    if (same != out.end()) {
      ++same->times;
      continue;
    }
    for (std::size_t k = 0; k < open.size(); ++k) {
      world.rows[world.drawn[static_cast<Eigen::Index>(k)] > 0.5].push_back(open[k]);
    }
    out.push_back(std::move(world));
  }
  return out;
}

/// The gains in both regimes, where it is settled which regime every base point is of.
class GainInWorld {
 public:
  GainInWorld(const Problem& problem, const Models& models, const Beliefs& beliefs, const World& world,
              std::shared_ptr<const ExactGp> upper, const Matrix& normals, const Feasible& feasible)
      : problem_(problem), models_(models), beliefs_(beliefs), world_(world), upper_(std::move(upper)) {
    for (const bool of_upper : {false, true}) parts_.push_back(part(of_upper, normals, feasible));
  }

  /// Given the regime, by its probability, in the unit of its own merits.
  std::unique_ptr<Acquisition> gain(bool upper, const std::function<bool()>& stop, double& dominated) const {
    const Part &own = parts_[upper], &other = parts_[!upper];
    const Vector wanted = beliefs_.reference();
    Vector reference(wanted.size());
    for (std::size_t j = 0; j < own.aims.size(); ++j) {
      const auto k = static_cast<Eigen::Index>(j);
      reference[k] = own.merit_of(j, wanted[k], *models_.of[models_.objectives[j]]->gp);
    }
    std::vector<Matrix> beside;
    for (Eigen::Index s = 0; s < std::max(own.draws(), other.draws()); ++s) {
      beside.push_back(own.merits_of(other, s, reference));
    }
    auto gain = std::make_unique<LogNoisyHypervolumeImprovement>(own.fantasies, own.aims, reference, own.feasible, stop,
                                                                 beside);
    dominated = gain->dominated();
    return std::make_unique<Sum>(std::move(gain), std::make_unique<LogFeasibility>(bounds(upper)));
  }

 private:
  Part part(bool upper, const Matrix& normals, const Feasible& feasible) const {
    const std::vector<Eigen::Index>& rows = world_.rows[upper];
    Part out{models_.regimes->of[upper], {}, {}, {}};
    const auto count = static_cast<Eigen::Index>(out.models.size());
    if (feasible.size() > 0) out.feasible = feasible(rows, Eigen::all);
    for (Eigen::Index j = 0; j < count; ++j) {
      const OutcomeModel& model = out.models[static_cast<std::size_t>(j)];
      if (out.aims.size() < models_.objectives.size()) {
        const Objective& objective = problem_.objectives[models_.objectives[static_cast<std::size_t>(j)]];
        out.aims.push_back({objective.goal, model.standardised(objective.target)});
      }
      const auto own = Eigen::seq(2 * j + (upper ? 1 : 0), Eigen::last, 2 * count);
      out.fantasies.emplace_back(*model.gp, beliefs_.base()(rows, Eigen::all), normals(Eigen::all, own));
    }
    for (const auto& [constraint, j] : constraints()) {
      keep_within(out.feasible, out.fantasies[j].values(), constraint.at_most,
                  out.models[j].standardised(constraint.bound), normals.rows());
    }
    out.fantasies.erase(out.fantasies.begin() + static_cast<long>(out.aims.size()), out.fantasies.end());
    return out;
  }

  /// That the regime holds, and those constraints on what is of the regimes that hold in it.
  std::vector<OutcomeBound> bounds(bool upper) const {
    std::vector<OutcomeBound> out = {{upper_, !upper, 0.5}};
    std::vector<Eigen::Index> pending;
    for (const Eigen::Index i : world_.rows[upper]) {
      if (i >= beliefs_.tried()) pending.push_back(i);
    }
    for (const auto& [constraint, j] : constraints()) {
      const OutcomeModel& model = models_.regimes->of[upper][j];
      out.push_back(bound_beside(model.gp, constraint.at_most, model.transformed(constraint.bound),
                                 beliefs_.base()(pending, Eigen::all)));
    }
    return out;
  }

  /// Those on what is of the regimes, and which of their models that is.
  std::vector<std::pair<OutcomeConstraint, std::size_t>> constraints() const {
    std::vector<std::pair<OutcomeConstraint, std::size_t>> out;
    for (const OutcomeConstraint& one : problem_.outcome_constraints) {
      if (const auto at = models_.in_regimes(one.measurand)) out.emplace_back(one, *at);
    }
    return out;
  }

  const Problem& problem_;
  const Models& models_;
  const Beliefs& beliefs_;
  const World& world_;
  std::shared_ptr<const ExactGp> upper_;
  std::vector<Part> parts_;
};

}  // namespace

RegimesGain gain_in_regimes(const Problem& problem, const Models& models, const Beliefs& beliefs, RandomStream& random,
                            const std::function<bool()>& stop) {
  const Regimes& regimes = *models.regimes;
  const Matrix& base = beliefs.base();
  const Matrix normals = Sobol(kDirections * 2 * regimes.of[0].size(), random).next_normal(kFantasies);
  std::vector<Eigen::Index> open;
  for (Eigen::Index i = 0; i < base.rows(); ++i) {
    if (regimes.found_at(base.row(i)) == std::array<bool, 2>{}) open.push_back(i);
  }
  std::array<double, 2> unit = {1, 1};  // of each regime's hypervolume
  for (const bool upper : {false, true}) {
    for (std::size_t j = 0; j < models.objectives.size(); ++j) {
      unit[upper] *= regimes.of[upper][j].gp->scale() / models.of[models.objectives[j]]->gp->scale();
    }
  }

  RegimesGain out;
  std::vector<std::unique_ptr<Acquisition>> gains;
  std::vector<double> weights;
  Eigen::Index done = 0;  // worlds
  const Feasible& feasible = beliefs.worlds()[0].feasible;
  for (const World& world : worlds(base, open, regimes, random)) {
    if (done > 0 && stop && stop()) break;
    const Eigen::Index first = done * kFantasies / kWorlds, draws = world.times * kFantasies / kWorlds;
    done += world.times;
    std::shared_ptr<const ExactGp> upper = regimes.upper;
    if (!open.empty()) {
      const Vector standardised = (world.drawn.array() - upper->location()) / upper->scale();
      upper = std::make_shared<ExactGp>(upper->with(base(open, Eigen::all), standardised));
    }
    const GainInWorld in_world(problem, models, beliefs, world, upper, normals.middleRows(first, draws),
                               feasible.size() == 0 ? feasible : Feasible(feasible.middleCols(first, draws)));
    for (const bool of_upper : {false, true}) {
      double dominated = 0;
      gains.push_back(in_world.gain(of_upper, stop, dominated));
      weights.push_back(static_cast<double>(world.times) * unit[of_upper]);
      if (of_upper) out.dominated += static_cast<double>(world.times) * unit[of_upper] * dominated;
    }
  }
  out.dominated /= static_cast<double>(done);
  const auto parts = static_cast<Eigen::Index>(gains.size());
  out.acquisition =
      std::make_unique<LogMean>(std::move(gains), Eigen::Map<const Vector>(weights.data(), parts) *
                                                      (static_cast<double>(parts) / static_cast<double>(done)));
  return out;
}

}  // namespace athanor
