#include "optimizers/beliefs.h"

#include <algorithm>
#include <numeric>

#include "optimizers/box_decomposition.h"
#include "optimizers/design.h"
#include "optimizers/sobol.h"

namespace athanor {
namespace {

constexpr Eigen::Index kFantasies = 32, kHypervolumeFantasies = 16;  // of all worlds together
constexpr std::size_t kDirections = 128;
constexpr double kReluctance = 20;  // to try where experiments are expected to fail
constexpr double kTolerated = 3;    // standard deviations beyond its bound: what is expected there may be tried

void append(Matrix& matrix, const Matrix& rows) {
  matrix.conservativeResize(matrix.rows() + rows.rows(), rows.cols());
  matrix.bottomRows(rows.rows()) = rows;
}

Fantasies fantasies(const Problem& problem, const OutcomeModel& model, std::size_t world, const Matrix& base,
                    const Matrix& normals) {
  const ExactGp& gp = world == 0 || model.drawn.empty() ? *model.gp : *model.drawn[(world - 1) % model.drawn.size()];
  // A row of a pool is a thing with something of its own that no column tells; only replicates show noise for noise.
  return Fantasies(gp, base, normals, problem.space.pool() ? gp.noise_beyond_replicates() : 0);
}

/// Expected outcomes, standardised; of two regimes in the more probable one.
Vector expected(const Models& models, std::size_t measurand, const Matrix& points) {
  const std::vector<Component> parts = mixture(models, measurand, points);
  Vector out = parts[0].mean;
  for (Eigen::Index i = 0; i < out.size(); ++i) {
    for (const Component& part : parts) {
      if (part.probability[i] > 0.5) out[i] = part.mean[i];
    }
  }
  const ExactGp& gp = *models.of[measurand]->gp;
  return (out.array() - gp.location()) / gp.scale();
}

/// The least of them but for outliers: what lies farther from all others than three times as wide as those lie apart.
double worst(Vector values) {
  constexpr double kOutlier = 3;
  std::sort(values.begin(), values.end());
  Eigen::Index i = 0;
  while (i + 2 < values.size() && values[i + 1] - values[i] > kOutlier * (values[values.size() - 1] - values[i + 1]))
    ++i;
  return values[i];
}

}  // namespace

void keep_within(Feasible& feasible, const Matrix& values, bool at_most, double bound, Eigen::Index draws) {
  if (feasible.size() == 0) feasible = Feasible::Constant(values.rows(), draws, true);
  for (Eigen::Index s = 0; s < feasible.cols(); ++s) {
    const auto column = values.col(s % values.cols()).array();
    feasible.col(s) = feasible.col(s) && (at_most ? (column <= bound).eval() : (column >= bound).eval());
  }
}

OutcomeBound bound_beside(const std::shared_ptr<const ExactGp>& gp, bool at_most, double bound, const Matrix& pending) {
  OutcomeBound out = {gp, at_most, bound};
  if (pending.rows() == 0) return out;
  Vector mean, variance;
  gp->marginals(pending, mean, variance);
  out.surrogate = std::make_shared<ExactGp>(gp->with(pending, (mean.array() - gp->location()) / gp->scale()));
  return out;
}

Beliefs::Beliefs(const Problem& problem, const Models& models, const std::vector<Point>& pending, RandomStream& random)
    : problem_(problem), models_(models) {
  Matrix known(0, static_cast<Eigen::Index>(problem.space.size()));
  std::size_t worlds = 1;
  for (const auto& model : models.of) {
    if (!model) continue;
    append(known, model->gp->points());
    // For several objectives the draws were not worth their time.
    if (models.objectives.size() == 1) worlds = std::max(worlds, 1 + model->drawn.size());
  }
  base_ = distinct_rows(known);
  tried_ = base_.rows();
  append(base_, encode(problem.space, pending));
  base_ = distinct_rows(base_);

  // One sequence for all: scrambled copies of the same one would make the measurands depend on each other. Its first
  // dimensions, the most even ones, go to everybody's most uncertain directions.
  const Eigen::Index all = models.objectives.size() == 1 ? kFantasies : kHypervolumeFantasies;
  const Eigen::Index draws = all / static_cast<Eigen::Index>(worlds);
  const Matrix normals = Sobol(kDirections * models.of.size(), random).next_normal(static_cast<std::size_t>(all));
  for (std::size_t w = 0; w < worlds; ++w) {
    worlds_.push_back(world(w, normals.middleRows(static_cast<Eigen::Index>(w) * draws, draws)));
  }

  merits_.resize(base_.rows(), static_cast<Eigen::Index>(models.objectives.size()));
  for (std::size_t j = 0; j < models.objectives.size(); ++j) {
    const std::size_t k = models.objectives[j];
    const Aim aim = this->aim(k);
    Vector mean = worlds_[0].fantasies[j].values().rowwise().mean();
    if (models.regimes) mean = expected(models, k, base_);
    merits_.col(static_cast<Eigen::Index>(j)) = mean.unaryExpr([&](double v) { return aim.merit(v); });
  }
  if (models.regimes) held_ = probability_of_constraints(problem, models, base_);
}

Beliefs::World Beliefs::world(std::size_t number, const Matrix& all_normals) const {
  const auto shares = static_cast<Eigen::Index>(models_.of.size());
  const auto normals = [&](std::size_t measurand) -> Matrix {
    return all_normals(Eigen::all, Eigen::seq(static_cast<Eigen::Index>(measurand), Eigen::last, shares));
  };
  World out;
  for (const std::size_t k : models_.objectives) {
    out.fantasies.push_back(fantasies(problem_, *models_.of[k], number, base_, normals(k)));
  }
  for (const OutcomeConstraint& constraint : problem_.outcome_constraints) {
    const auto& model = models_.of[constraint.measurand];
    if (!model || models_.in_regimes(constraint.measurand)) continue;
    const auto same = std::find(models_.objectives.begin(), models_.objectives.end(), constraint.measurand);
    const Matrix values = same != models_.objectives.end()
                              ? out.fantasies[static_cast<std::size_t>(same - models_.objectives.begin())].values()
                              : fantasies(problem_, *model, number, base_, normals(constraint.measurand)).values();
    keep_within(out.feasible, values, constraint.at_most, model->standardised(constraint.bound), all_normals.rows());
  }
  return out;
}

Aim Beliefs::aim(std::size_t objective) const {
  return {problem_.objectives[objective].goal,
          models_.of[objective]->standardised(problem_.objectives[objective].target)};
}

std::vector<Aim> Beliefs::aims() const {
  std::vector<Aim> out;
  for (const std::size_t k : models_.objectives) out.push_back(aim(k));
  return out;
}

Vector Beliefs::merits_at(const Vector& point) const {
  Vector out(merits_.cols());
  for (std::size_t j = 0; j < models_.objectives.size(); ++j) {
    const std::size_t k = models_.objectives[j];
    out[static_cast<Eigen::Index>(j)] = aim(k).merit(expected(models_, k, point.transpose())[0]);
  }
  return out;
}

double Beliefs::feasible_share(Eigen::Index i) const {
  if (held_.size() > 0) return held_[i];
  const Feasible& feasible = worlds_[0].feasible;
  if (feasible.size() == 0) return 1;
  return static_cast<double>(feasible.row(i).count()) / static_cast<double>(feasible.cols());
}

bool Beliefs::any_feasible() const {
  for (Eigen::Index i = 0; i < tried_; ++i) {
    if (feasible_share(i) >= 0.5) return true;
  }
  return false;
}

bool Beliefs::beaten(const Vector& merits) const {
  for (Eigen::Index i = 0; i < tried_; ++i) {
    if (feasible_share(i) >= 0.5 && (merits_.row(i).transpose().array() >= merits.array()).all()) return true;
  }
  return false;
}

Vector Beliefs::reference() const {
  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < tried_; ++i) {
    if (feasible_share(i) >= 0.5) rows.push_back(i);
  }
  const Matrix feasible = rows.empty() ? Matrix(merits_.topRows(tried_)) : Matrix(merits_(rows, Eigen::all));
  const Matrix front = feasible(pareto_front(feasible), Eigen::all);
  Vector out(merits_.cols());
  for (Eigen::Index j = 0; j < out.size(); ++j) {
    const std::size_t k = models_.objectives[static_cast<std::size_t>(j)];
    const Objective& objective = problem_.objectives[k];
    if (objective.reference) {
      out[j] = aim(k).merit(models_.of[k]->standardised(*objective.reference));
      continue;
    }
    const double low = front.col(j).minCoeff(), extent = front.col(j).maxCoeff() - low;
    const double all = std::max(merits_.col(j).maxCoeff() - merits_.col(j).minCoeff(), 1e-6);
    out[j] = extent > 1e-9 ? low - 0.1 * extent : merits_.col(j).minCoeff() - 0.1 * all;
    out[j] = std::min(out[j], worst(feasible.col(j)));
  }
  return out;
}

std::vector<OutcomeBound> Beliefs::bounds(bool of_regimes) const {
  const Matrix pending = this->pending();
  std::vector<OutcomeBound> out;
  for (const OutcomeConstraint& constraint : problem_.outcome_constraints) {
    const auto& model = models_.of[constraint.measurand];
    if (!model || (!of_regimes && models_.in_regimes(constraint.measurand))) continue;
    out.push_back(bound_beside(model->gp, constraint.at_most, model->transformed(constraint.bound), pending));
    if (any_feasible()) {
      out.back().reluctance = kReluctance;
      out.back().tolerated = kTolerated;
    }
  }
  if (models_.success) {
    out.push_back(bound_beside(models_.success, false, 0.5, pending));
    out.back().reluctance = kReluctance;
  }
  return out;
}

std::vector<Eigen::Index> Beliefs::promising(std::size_t& front) const {
  std::vector<double> worth(static_cast<std::size_t>(tried_));
  const std::vector<Eigen::Index> best =
      merits_.cols() == 1 ? std::vector<Eigen::Index>{} : pareto_front(merits_.topRows(tried_));
  front = best.size();
  for (Eigen::Index i = 0; i < tried_; ++i) {
    double& merit = worth[static_cast<std::size_t>(i)] = merits_.row(i).sum();
    if (std::binary_search(best.begin(), best.end(), i)) merit += 1e6;
    if (feasible_share(i) < 0.5) merit -= 1e9 * (1 - feasible_share(i));
  }
  std::vector<Eigen::Index> order(worth.size());
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    return worth[static_cast<std::size_t>(a)] > worth[static_cast<std::size_t>(b)];
  });
  return order;
}

}  // namespace athanor
