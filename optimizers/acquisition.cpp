#include "optimizers/acquisition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "optimizers/normal.h"

namespace athanor {
namespace {

constexpr double kHalfLog2Pi = 0.91893853320467274178;
constexpr double kNearestTarget = 1e-6;
constexpr Eigen::Index kChunk = 4096;
constexpr double kNearlyOne = 1 - 1e-12;  // of the improvements at a thin box's two ends

LogImprovement target_improvement(double e, double sd, double b) {
  // By symmetry the mean lies below the target; `sign` turns the derivative back.
  const double sign = e > 0 ? -1 : 1;
  const double z = -std::abs(e) / sd, d = b / sd;
  LogImprovement out;
  if (d * std::max(1.0, -z) < 0.03) {
    // The second difference of h by its series d² φ(z) (1 + d² (z² − 1)/12), for the difference itself cancels.
    const double q = d * d * (z * z - 1) / 12;
    out.value = std::log(sd) + 2 * std::log(d) - 0.5 * z * z - kHalfLog2Pi + std::log1p(q);
    out.by_mean = sign * (-z + d * d * z / 6 / (1 + q)) / sd;
    out.by_sd = (-1 + z * z - (d * d * (z * z - 1) / 6 + d * d * z * z / 6) / (1 + q)) / sd;
    return out;
  }
  // All by the largest of the three, h(z + d).
  const LogH high = log_h(z + d), middle = log_h(z), low = log_h(z - d);
  const double h1 = std::exp(middle.value - high.value), h2 = std::exp(low.value - high.value);
  const double sum = 1 - 2 * h1 + h2;
  const double by_z = (high.slope - 2 * h1 * middle.slope + h2 * low.slope) / sum;
  const auto density = [&](double at) { return std::exp(-0.5 * at * at - kHalfLog2Pi - high.value); };
  out.value = std::log(sd) + high.value + std::log(sum);
  out.by_mean = sign * by_z / sd;
  // ∂(sd h((e + b)/sd))/∂sd = φ
  out.by_sd = (density(z + d) - 2 * density(z) + density(z - d)) / (sum * sd);
  return out;
}

}  // namespace

double Aim::merit(double value) const {
  switch (goal) {
    case Objective::Goal::kMaximize:
      return value;
    case Objective::Goal::kMinimize:
      return -value;
    case Objective::Goal::kTarget:
      return -std::abs(value - target);
  }
  return value;
}

bool Aim::falls(double value) const {
  return goal == Objective::Goal::kMinimize || (goal == Objective::Goal::kTarget && value > target);
}

LogImprovement log_expected_improvement(const Aim& aim, double mean, double sd, double best) {
  if (aim.goal == Objective::Goal::kTarget) {
    return target_improvement(mean - aim.target, sd, std::max(-best, kNearestTarget));
  }
  const double sign = aim.goal == Objective::Goal::kMaximize ? 1 : -1;
  const double z = (sign * mean - best) / sd;
  const LogH h = log_h(z);
  return {std::log(sd) + h.value, sign * h.slope / sd, (1 - h.slope * z) / sd};
}

double Acquisition::value(const Vector& point, Vector* gradient) const {
  Matrix gradients;
  const double value = evaluate(point.transpose(), gradient ? &gradients : nullptr)[0];
  if (gradient) *gradient = gradients.row(0);
  return value;
}

namespace {

using Marginal = LogImprovement;  // a value, with its derivatives by mean and standard deviation

/// A function of mean and standard deviation at each point.
template <class Function>
Vector of_marginals(const Surrogate& surrogate, const Matrix& points, Matrix* gradients, const Function& function) {
  PointPosteriors at;
  if (gradients) {
    at = surrogate.at_each(points);
    gradients->resize(points.rows(), points.cols());
  } else {
    surrogate.marginals(points, at.mean, at.variance);
  }
  Vector out(points.rows());
  for (Eigen::Index i = 0; i < out.size(); ++i) {
    const double sd = std::sqrt(at.variance[i]);
    const Marginal one = function(at.mean[i], sd);
    out[i] = one.value;
    if (!gradients) continue;
    gradients->row(i) = one.by_mean * at.mean_gradients.row(i) + one.by_sd / (2 * sd) * at.variance_gradients.row(i);
  }
  return out;
}

}  // namespace

LogExpectedImprovement::LogExpectedImprovement(const Surrogate& surrogate, const Aim& aim, double best)
    : surrogate_(surrogate), aim_(aim), best_(best) {}

Vector LogExpectedImprovement::evaluate(const Matrix& points, Matrix* gradients) const {
  return of_marginals(surrogate_, points, gradients,
                      [&](double mean, double sd) { return log_expected_improvement(aim_, mean, sd, best_); });
}

namespace {

/// The merits of the base points in fantasy `s`; the number of fantasies may be 1 where nothing is uncertain.
Vector base_merits(const Fantasies& fantasies, const Aim& aim, Eigen::Index s) {
  return fantasies.values().col(s % fantasies.count()).unaryExpr([&](double v) { return aim.merit(v); });
}

bool feasible_in(const Feasible& feasible, Eigen::Index point, Eigen::Index fantasy) {
  return feasible.size() == 0 || feasible(point, fantasy % feasible.cols());
}

/// ln of the mean of e^value, without overflow.
double log_mean_exp(const Vector& values) {
  const double largest = values.maxCoeff();
  return std::isfinite(largest) ? largest + std::log((values.array() - largest).exp().mean()) : largest;
}

}  // namespace

LogNoisyExpectedImprovement::LogNoisyExpectedImprovement(Fantasies fantasies, const Aim& aim, const Feasible& feasible)
    : fantasies_(std::move(fantasies)), aim_(aim), best_(std::max(fantasies_.count(), feasible.cols())) {
  for (Eigen::Index s = 0; s < best_.size(); ++s) {
    const Vector merits = base_merits(fantasies_, aim_, s);
    best_[s] = -HUGE_VAL;
    for (Eigen::Index i = 0; i < merits.size(); ++i) {
      if (feasible_in(feasible, i, s)) best_[s] = std::max(best_[s], merits[i]);
    }
    if (!std::isfinite(best_[s])) best_[s] = merits.minCoeff();
  }
}

Vector LogNoisyExpectedImprovement::evaluate(const Matrix& points, Matrix* gradients) const {
  const Eigen::Index count = best_.size();
  Vector out(points.rows()), logs(count);
  std::vector<LogImprovement> each(static_cast<std::size_t>(count));
  if (gradients) gradients->resize(points.rows(), points.cols());
  Fantasies::Local local;
  for (Eigen::Index begin = 0; begin < points.rows(); begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, points.rows() - begin);
    if (gradients) {
      fantasies_.at(points.middleRows(begin, m), local);
    } else {
      fantasies_.at(points.middleRows(begin, m), local.means, local.variance);
    }
    Matrix by_mean = Matrix::Zero(gradients ? m : 0, local.means.cols());
    Vector by_variance = Vector::Zero(m);
    for (Eigen::Index i = 0; i < m; ++i) {
      const double sd = std::sqrt(local.variance[i]);
      for (Eigen::Index s = 0; s < count; ++s) {
        LogImprovement& one = each[static_cast<std::size_t>(s)];
        one = log_expected_improvement(aim_, local.means(i, s % local.means.cols()), sd, best_[s]);
        logs[s] = one.value;
      }
      const double largest = logs.maxCoeff();
      const Vector share = (logs.array() - largest).exp();
      const double sum = share.sum();
      out[begin + i] = std::isfinite(largest) ? largest + std::log(sum / static_cast<double>(count)) : largest;
      if (!gradients) continue;
      for (Eigen::Index s = 0; s < count; ++s) {
        const LogImprovement& one = each[static_cast<std::size_t>(s)];
        by_mean(i, s % by_mean.cols()) += share[s] / sum * one.by_mean;
        by_variance[i] += share[s] / sum * one.by_sd / (2 * sd);
      }
    }
    if (gradients) gradients->middleRows(begin, m) = fantasies_.gradients(local, by_mean, by_variance);
  }
  return out;
}

Vector LogNoisyExpectedImprovement::bounds(const Matrix& points) const {
  // Improvement grows with the standard deviation and with how much the mean promises, so that the most promising
  // fantasy under the largest standard deviation bounds them all. A target's does not grow with either throughout.
  if (aim_.goal == Objective::Goal::kTarget) return values(points);
  Matrix means;
  Vector variance, out(points.rows());
  fantasies_.at_most(points, means, variance);
  const double sign = aim_.goal == Objective::Goal::kMaximize ? 1 : -1;
  for (Eigen::Index i = 0; i < points.rows(); ++i) {
    double promise = -HUGE_VAL;
    for (Eigen::Index s = 0; s < best_.size(); ++s) {
      promise = std::max(promise, sign * means(i, s % means.cols()) - best_[s]);
    }
    out[i] = log_expected_improvement({}, promise, std::sqrt(variance[i]), 0).value;
  }
  return out;
}

/// What a gradient needs of one fantasy: derivatives of its logarithm by each objective's mean and sd.
struct LogNoisyHypervolumeImprovement::Work {
  std::vector<std::vector<LogImprovement>> levels;  // objective, level
  std::vector<std::vector<double>> weight;          // of each level's logarithm
  Vector logs;                                      // one a box
  Vector by_mean, by_sd;                            // one an objective
};

LogNoisyHypervolumeImprovement::LogNoisyHypervolumeImprovement(std::vector<Fantasies> fantasies, std::vector<Aim> aims,
                                                               const Vector& reference, const Feasible& feasible,
                                                               const std::function<bool()>& stop)
    : fantasies_(std::move(fantasies)), aims_(std::move(aims)) {
  const auto objectives = static_cast<Eigen::Index>(fantasies_.size());
  ATHANOR_CHECK(aims_.size() == fantasies_.size() && reference.size() == objectives && objectives >= 2,
                "objectives, aims and reference of different sizes");
  Eigen::Index count = feasible.cols();
  for (const Fantasies& one : fantasies_) {
    ATHANOR_CHECK(one.values().rows() == fantasies_[0].values().rows(), "fantasies at different base points");
    count = std::max(count, one.count());
  }
  for (Eigen::Index s = 0; s < count && !(s > 0 && stop && stop()); ++s) {
    Matrix merits(fantasies_[0].values().rows(), objectives);
    for (Eigen::Index j = 0; j < objectives; ++j) {
      merits.col(j) = base_merits(fantasies_[static_cast<std::size_t>(j)], aims_[static_cast<std::size_t>(j)], s);
    }
    for (Eigen::Index i = 0; i < merits.rows(); ++i) {
      if (!feasible_in(feasible, i, s)) merits.row(i) = reference;  // dominates nothing
    }
    boxes_.push_back(nondominated_boxes(merits, reference));
  }
}

double LogNoisyHypervolumeImprovement::dominated() const {
  double sum = 0;
  for (const BoxDecomposition& one : boxes_) sum += hypervolume(one);
  return sum / static_cast<double>(boxes_.size());
}

/// ln E[gain] in one fantasy; means and sd: one an objective.
double LogNoisyHypervolumeImprovement::gain(std::size_t fantasy, const Matrix& means, const Vector& sd,
                                            Work* work) const {
  const BoxDecomposition& boxes = boxes_[fantasy];
  const std::size_t objectives = aims_.size();
  thread_local Work mine;
  Work& w = work ? *work : mine;
  w.levels.resize(objectives);
  for (std::size_t j = 0; j < objectives; ++j) {
    const auto column = static_cast<Eigen::Index>(j);
    const Vector& levels = boxes.levels[j];
    w.levels[j].resize(static_cast<std::size_t>(levels.size()));
    for (Eigen::Index k = 0; k < levels.size(); ++k) {
      w.levels[j][static_cast<std::size_t>(k)] =
          std::isinf(levels[k])
              ? LogImprovement{-HUGE_VAL, 0, 0}
              : log_expected_improvement(aims_[j], means(column, static_cast<Eigen::Index>(fantasy) % means.cols()),
                                         sd[column], levels[k]);
    }
  }
  w.logs.resize(boxes.lower.rows());
  for (Eigen::Index b = 0; b < w.logs.size(); ++b) {
    double sum = 0;
    for (std::size_t j = 0; j < objectives; ++j) {
      const auto& level = w.levels[j];
      const double low = level[static_cast<std::size_t>(boxes.lower(b, static_cast<Eigen::Index>(j)))].value;
      const double high = level[static_cast<std::size_t>(boxes.upper(b, static_cast<Eigen::Index>(j)))].value;
      sum += low + std::log1p(-std::min(std::exp(high - low), kNearlyOne));
    }
    w.logs[b] = sum;
  }
  const double largest = w.logs.maxCoeff();
  if (!std::isfinite(largest)) {
    if (work) w.by_mean = w.by_sd = Vector::Zero(static_cast<Eigen::Index>(objectives));
    return -std::numeric_limits<double>::max();
  }
  const double total = (w.logs.array() - largest).exp().sum();
  if (!work) return largest + std::log(total);

  w.weight.resize(objectives);
  w.by_mean = w.by_sd = Vector::Zero(static_cast<Eigen::Index>(objectives));
  for (std::size_t j = 0; j < objectives; ++j) w.weight[j].assign(w.levels[j].size(), 0);
  for (Eigen::Index b = 0; b < w.logs.size(); ++b) {
    const double share = std::exp(w.logs[b] - largest) / total;
    if (share < 1e-12) continue;
    for (std::size_t j = 0; j < objectives; ++j) {
      const auto low = static_cast<std::size_t>(boxes.lower(b, static_cast<Eigen::Index>(j)));
      const auto high = static_cast<std::size_t>(boxes.upper(b, static_cast<Eigen::Index>(j)));
      const double ratio = std::min(std::exp(w.levels[j][high].value - w.levels[j][low].value), kNearlyOne);
      w.weight[j][low] += share / (1 - ratio);
      w.weight[j][high] -= share * ratio / (1 - ratio);
    }
  }
  for (std::size_t j = 0; j < objectives; ++j) {
    for (std::size_t k = 0; k < w.levels[j].size(); ++k) {
      if (w.weight[j][k] == 0) continue;
      w.by_mean[static_cast<Eigen::Index>(j)] += w.weight[j][k] * w.levels[j][k].by_mean;
      w.by_sd[static_cast<Eigen::Index>(j)] += w.weight[j][k] * w.levels[j][k].by_sd;
    }
  }
  return largest + std::log(total);
}

Vector LogNoisyHypervolumeImprovement::evaluate(const Matrix& points, Matrix* gradients) const {
  const auto objectives = static_cast<Eigen::Index>(aims_.size());
  const auto count = static_cast<Eigen::Index>(boxes_.size());
  Vector out(points.rows()), logs(count), sd(objectives);
  std::vector<Fantasies::Local> local(aims_.size());
  Matrix means(objectives, count), by_mean(objectives, count), by_sd(objectives, count);
  Work work;
  if (gradients) gradients->setZero(points.rows(), points.cols());
  for (Eigen::Index begin = 0; begin < points.rows(); begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, points.rows() - begin);
    std::vector<Matrix> mean_weights(aims_.size());
    Matrix variance_weights(m, objectives);
    for (std::size_t j = 0; j < aims_.size(); ++j) {
      if (gradients) {
        fantasies_[j].at(points.middleRows(begin, m), local[j]);
        mean_weights[j] = Matrix::Zero(m, local[j].means.cols());
      } else {
        fantasies_[j].at(points.middleRows(begin, m), local[j].means, local[j].variance);
      }
    }
    for (Eigen::Index i = 0; i < m; ++i) {
      for (Eigen::Index j = 0; j < objectives; ++j) {
        const Fantasies::Local& here = local[static_cast<std::size_t>(j)];
        for (Eigen::Index s = 0; s < count; ++s) means(j, s) = here.means(i, s % here.means.cols());
        sd[j] = std::sqrt(here.variance[i]);
      }
      for (Eigen::Index s = 0; s < count; ++s) {
        logs[s] = gain(static_cast<std::size_t>(s), means, sd, gradients ? &work : nullptr);
        if (!gradients) continue;
        by_mean.col(s) = work.by_mean;
        by_sd.col(s) = work.by_sd;
      }
      out[begin + i] = log_mean_exp(logs);
      if (!gradients) continue;
      const Vector share = (logs.array() - out[begin + i]).exp() / static_cast<double>(count);
      for (Eigen::Index j = 0; j < objectives; ++j) {
        Matrix& weights = mean_weights[static_cast<std::size_t>(j)];
        for (Eigen::Index s = 0; s < count; ++s) weights(i, s % weights.cols()) += share[s] * by_mean(j, s);
        variance_weights(i, j) = by_sd.row(j).dot(share) / (2 * sd[j]);
      }
    }
    for (std::size_t j = 0; gradients && j < aims_.size(); ++j) {
      gradients->middleRows(begin, m) +=
          fantasies_[j].gradients(local[j], mean_weights[j], variance_weights.col(static_cast<Eigen::Index>(j)));
    }
  }
  return out;
}

namespace {

/// ln of the mean of e^x over each row.
Vector log_mean(const Matrix& logarithms) {
  const Vector top = logarithms.rowwise().maxCoeff();
  return top.array() + (logarithms.colwise() - top).array().exp().rowwise().mean().log();
}

}  // namespace

LogMean::LogMean(std::vector<std::unique_ptr<Acquisition>> parts) : parts_(std::move(parts)) {
  ATHANOR_CHECK(!parts_.empty(), "a mean of no acquisitions");
}

Vector LogMean::evaluate(const Matrix& points, Matrix* gradients) const {
  const auto count = static_cast<Eigen::Index>(parts_.size());
  Matrix all(points.rows(), count);
  std::vector<Matrix> slopes(parts_.size());
  for (Eigen::Index k = 0; k < count; ++k) {
    const auto part = static_cast<std::size_t>(k);
    all.col(k) = parts_[part]->evaluate(points, gradients ? &slopes[part] : nullptr);
  }
  const Vector out = log_mean(all);
  if (!gradients) return out;
  gradients->setZero(points.rows(), points.cols());
  for (Eigen::Index k = 0; k < count; ++k) {
    const Vector share = (all.col(k) - out).array().exp() / static_cast<double>(count);
    *gradients += share.asDiagonal() * slopes[static_cast<std::size_t>(k)];
  }
  return out;
}

Vector LogMean::bounds(const Matrix& points) const {
  Matrix all(points.rows(), static_cast<Eigen::Index>(parts_.size()));
  for (std::size_t k = 0; k < parts_.size(); ++k) all.col(static_cast<Eigen::Index>(k)) = parts_[k]->bounds(points);
  return log_mean(all);
}

UpperConfidenceBound::UpperConfidenceBound(const Surrogate& surrogate, const Aim& aim, double weight)
    : surrogate_(surrogate), aim_(aim), weight_(weight) {}

Vector UpperConfidenceBound::evaluate(const Matrix& points, Matrix* gradients) const {
  return of_marginals(surrogate_, points, gradients, [&](double mean, double sd) {
    return Marginal{aim_.merit(mean) + weight_ * sd, aim_.falls(mean) ? -1.0 : 1.0, weight_};
  });
}

PathMerit::PathMerit(PosteriorPath path, const Aim& aim) : path_(std::move(path)), aim_(aim) {}

Vector PathMerit::evaluate(const Matrix& points, Matrix* gradients) const {
  const Vector outcomes = path_.values(points, gradients);
  for (Eigen::Index i = 0; gradients && i < outcomes.size(); ++i) {
    if (aim_.falls(outcomes[i])) gradients->row(i) *= -1;
  }
  return outcomes.unaryExpr([&](double v) { return aim_.merit(v); });
}

LogFeasibility::LogFeasibility(std::vector<OutcomeBound> bounds) : bounds_(std::move(bounds)) {}

Vector LogFeasibility::evaluate(const Matrix& points, Matrix* gradients) const {
  Vector out = Vector::Zero(points.rows());
  Matrix of_one;
  if (gradients) gradients->setZero(points.rows(), points.cols());
  for (const OutcomeBound& b : bounds_) {
    const double sign = b.at_most ? 1 : -1;
    out += of_marginals(*b.surrogate, points, gradients ? &of_one : nullptr, [&](double mean, double sd) {
      const double z = sign * (b.bound - mean) / sd, hazard = gradients ? normal_hazard(z) : 0;
      const double beyond = z < 0 ? b.reluctance : 0;
      return Marginal{log_normal_cdf(z) + beyond * z, -sign * (hazard + beyond) / sd, -(hazard + beyond) * z / sd};
    });
    if (gradients) *gradients += of_one;
  }
  return out;
}

Floored::Floored(std::unique_ptr<Acquisition> acquisition, double floor)
    : acquisition_(std::move(acquisition)), log_floor_(std::log(floor)) {
  ATHANOR_CHECK(floor > 0, "a floor must be positive");
}

Vector Floored::evaluate(const Matrix& points, Matrix* gradients) const {
  Vector out = acquisition_->evaluate(points, gradients);
  for (Eigen::Index k = 0; k < out.size(); ++k) {
    const double above = out[k] - log_floor_;
    if (gradients) gradients->row(k) /= 1 + std::exp(-above);
    out[k] = above > 0 ? out[k] + std::log1p(std::exp(-above)) : log_floor_ + std::log1p(std::exp(above));
  }
  return out;
}

Vector Floored::bounds(const Matrix& points) const {
  const Vector bounds = acquisition_->bounds(points);
  return bounds.unaryExpr(
      [&](double b) { return std::max(b, log_floor_) + std::log1p(std::exp(-std::abs(b - log_floor_))); });
}

Sum::Sum(std::unique_ptr<Acquisition> first, std::unique_ptr<Acquisition> second)
    : first_(std::move(first)), second_(std::move(second)) {}

Vector Sum::evaluate(const Matrix& points, Matrix* gradients) const {
  Matrix other;
  Vector out = first_->evaluate(points, gradients);
  out += second_->evaluate(points, gradients ? &other : nullptr);
  if (gradients) *gradients += other;
  return out;
}

}  // namespace athanor
