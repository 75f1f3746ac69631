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

LogImprovement log_expected_improvement(const Aim& aim, double mean, double sd, double best) {
  if (aim.goal == Objective::Goal::kTarget) {
    return target_improvement(mean - aim.target, sd, std::max(-best, kNearestTarget));
  }
  const double sign = aim.goal == Objective::Goal::kMaximize ? 1 : -1;
  const double z = (sign * mean - best) / sd;
  const LogH h = log_h(z);
  return {std::log(sd) + h.value, sign * h.slope / sd, (1 - h.slope * z) / sd};
}

LogExpectedImprovement::LogExpectedImprovement(const Surrogate& surrogate, const Aim& aim, double best)
    : surrogate_(surrogate), aim_(aim), best_(best) {}

Vector LogExpectedImprovement::values(const Matrix& points) const {
  Vector mean, variance;
  surrogate_.marginals(points, mean, variance);
  for (Eigen::Index i = 0; i < mean.size(); ++i) {
    mean[i] = log_expected_improvement(aim_, mean[i], std::sqrt(variance[i]), best_).value;
  }
  return mean;
}

double LogExpectedImprovement::value(const Vector& point, Vector* gradient) const {
  const PointPosterior at = surrogate_.at(point);
  const double sd = std::sqrt(at.variance);
  const LogImprovement improvement = log_expected_improvement(aim_, at.mean, sd, best_);
  if (gradient)
    *gradient = improvement.by_mean * at.mean_gradient + improvement.by_sd / (2 * sd) * at.variance_gradient;
  return improvement.value;
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

Vector LogNoisyExpectedImprovement::values(const Matrix& points) const {
  Vector out(points.rows());
  Matrix means;
  Vector variance, logs(best_.size());
  for (Eigen::Index begin = 0; begin < points.rows(); begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, points.rows() - begin);
    fantasies_.at(points.middleRows(begin, m), means, variance);
    for (Eigen::Index i = 0; i < m; ++i) {
      const double sd = std::sqrt(variance[i]);
      for (Eigen::Index s = 0; s < logs.size(); ++s) {
        logs[s] = log_expected_improvement(aim_, means(i, s % means.cols()), sd, best_[s]).value;
      }
      out[begin + i] = log_mean_exp(logs);
    }
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

double LogNoisyExpectedImprovement::value(const Vector& point, Vector* gradient) const {
  Fantasies::Local local;
  fantasies_.at(point, local);
  const double sd = std::sqrt(local.variance);
  const Eigen::Index count = best_.size();
  Vector logs(count), by_mean(count), by_sd(count);
  for (Eigen::Index s = 0; s < count; ++s) {
    const LogImprovement one = log_expected_improvement(aim_, local.means[s % local.means.size()], sd, best_[s]);
    logs[s] = one.value;
    by_mean[s] = one.by_mean;
    by_sd[s] = one.by_sd;
  }
  const double largest = logs.maxCoeff();
  Vector share = (logs.array() - largest).exp();
  const double sum = share.sum();
  share /= sum;
  if (gradient) {
    Vector weight = Vector::Zero(local.means.size());
    for (Eigen::Index s = 0; s < count; ++s) weight[s % weight.size()] += share[s] * by_mean[s];
    *gradient = fantasies_.gradient(local, weight, share.dot(by_sd) / (2 * sd));
  }
  return largest + std::log(sum / static_cast<double>(count));
}

/// What a gradient needs of one fantasy: derivatives of its logarithm by each objective's mean and sd.
struct LogNoisyHypervolumeImprovement::Work {
  std::vector<std::vector<LogImprovement>> levels;  // objective, level
  std::vector<std::vector<double>> weight;          // of each level's logarithm
  Vector logs;                                      // one a box
  Vector by_mean, by_sd;                            // one an objective
};

LogNoisyHypervolumeImprovement::LogNoisyHypervolumeImprovement(std::vector<Fantasies> fantasies, std::vector<Aim> aims,
                                                               const Vector& reference, const Feasible& feasible)
    : fantasies_(std::move(fantasies)), aims_(std::move(aims)) {
  const auto objectives = static_cast<Eigen::Index>(fantasies_.size());
  ATHANOR_CHECK(aims_.size() == fantasies_.size() && reference.size() == objectives && objectives >= 2,
                "objectives, aims and reference of different sizes");
  Eigen::Index count = feasible.cols();
  for (const Fantasies& one : fantasies_) {
    ATHANOR_CHECK(one.values().rows() == fantasies_[0].values().rows(), "fantasies at different base points");
    count = std::max(count, one.count());
  }
  for (Eigen::Index s = 0; s < count; ++s) {
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

Vector LogNoisyHypervolumeImprovement::values(const Matrix& points) const {
  const auto objectives = static_cast<Eigen::Index>(aims_.size());
  const auto count = static_cast<Eigen::Index>(boxes_.size());
  Vector out(points.rows()), logs(count), sd(objectives);
  std::vector<Matrix> means(aims_.size());
  std::vector<Vector> variance(aims_.size());
  Matrix here(objectives, count);
  for (Eigen::Index begin = 0; begin < points.rows(); begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, points.rows() - begin);
    for (std::size_t j = 0; j < aims_.size(); ++j) {
      fantasies_[j].at(points.middleRows(begin, m), means[j], variance[j]);
    }
    for (Eigen::Index i = 0; i < m; ++i) {
      for (Eigen::Index j = 0; j < objectives; ++j) {
        const Matrix& mean = means[static_cast<std::size_t>(j)];
        for (Eigen::Index s = 0; s < count; ++s) here(j, s) = mean(i, s % mean.cols());
        sd[j] = std::sqrt(variance[static_cast<std::size_t>(j)][i]);
      }
      for (Eigen::Index s = 0; s < count; ++s) logs[s] = gain(static_cast<std::size_t>(s), here, sd, nullptr);
      out[begin + i] = log_mean_exp(logs);
    }
  }
  return out;
}

double LogNoisyHypervolumeImprovement::value(const Vector& point, Vector* gradient) const {
  const std::size_t objectives = aims_.size();
  const auto count = static_cast<Eigen::Index>(boxes_.size());
  std::vector<Fantasies::Local> local(objectives);
  Matrix means(static_cast<Eigen::Index>(objectives), count);
  Vector sd(means.rows()), logs(count);
  for (std::size_t j = 0; j < objectives; ++j) {
    fantasies_[j].at(point, local[j]);
    const auto row = static_cast<Eigen::Index>(j);
    for (Eigen::Index s = 0; s < count; ++s) means(row, s) = local[j].means[s % local[j].means.size()];
    sd[row] = std::sqrt(local[j].variance);
  }
  Work work;
  Matrix by_mean(means.rows(), count), by_sd(means.rows(), count);
  for (Eigen::Index s = 0; s < count; ++s) {
    logs[s] = gain(static_cast<std::size_t>(s), means, sd, gradient ? &work : nullptr);
    if (!gradient) continue;
    by_mean.col(s) = work.by_mean;
    by_sd.col(s) = work.by_sd;
  }
  const double result = log_mean_exp(logs);
  if (gradient) {
    *gradient = Vector::Zero(point.size());
    const Vector share = (logs.array() - result).exp() / static_cast<double>(count);
    for (std::size_t j = 0; j < objectives; ++j) {
      const auto row = static_cast<Eigen::Index>(j);
      Vector weight = Vector::Zero(local[j].means.size());
      for (Eigen::Index s = 0; s < count; ++s) weight[s % weight.size()] += share[s] * by_mean(row, s);
      *gradient += fantasies_[j].gradient(local[j], weight, share.dot(by_sd.row(row)) / (2 * sd[row]));
    }
  }
  return result;
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

Vector LogMean::values(const Matrix& points) const {
  Matrix all(points.rows(), static_cast<Eigen::Index>(parts_.size()));
  for (std::size_t k = 0; k < parts_.size(); ++k) all.col(static_cast<Eigen::Index>(k)) = parts_[k]->values(points);
  return log_mean(all);
}

Vector LogMean::bounds(const Matrix& points) const {
  Matrix all(points.rows(), static_cast<Eigen::Index>(parts_.size()));
  for (std::size_t k = 0; k < parts_.size(); ++k) all.col(static_cast<Eigen::Index>(k)) = parts_[k]->bounds(points);
  return log_mean(all);
}

double LogMean::value(const Vector& point, Vector* gradient) const {
  const auto count = static_cast<Eigen::Index>(parts_.size());
  Vector logarithms(count), slope(point.size());
  Matrix slopes(point.size(), count);
  for (Eigen::Index k = 0; k < count; ++k) {
    logarithms[k] = parts_[static_cast<std::size_t>(k)]->value(point, gradient ? &slope : nullptr);
    if (gradient) slopes.col(k) = slope;
  }
  const double out = log_mean(logarithms.transpose())[0];
  if (gradient) *gradient = slopes * ((logarithms.array() - out).exp() / static_cast<double>(count)).matrix();
  return out;
}

UpperConfidenceBound::UpperConfidenceBound(const Surrogate& surrogate, const Aim& aim, double weight)
    : surrogate_(surrogate), aim_(aim), weight_(weight) {}

double UpperConfidenceBound::bound(double mean, double sd, double& by_mean, double& by_sd) const {
  by_sd = weight_;
  switch (aim_.goal) {
    case Objective::Goal::kMaximize:
      by_mean = 1;
      return mean + weight_ * sd;
    case Objective::Goal::kMinimize:
      by_mean = -1;
      return -mean + weight_ * sd;
    case Objective::Goal::kTarget:
      by_mean = mean > aim_.target ? -1 : 1;
      return -std::abs(mean - aim_.target) + weight_ * sd;
  }
  return 0;
}

Vector UpperConfidenceBound::values(const Matrix& points) const {
  Vector mean, variance;
  surrogate_.marginals(points, mean, variance);
  double by_mean = 0, by_sd = 0;
  for (Eigen::Index i = 0; i < mean.size(); ++i) mean[i] = bound(mean[i], std::sqrt(variance[i]), by_mean, by_sd);
  return mean;
}

double UpperConfidenceBound::value(const Vector& point, Vector* gradient) const {
  const PointPosterior at = surrogate_.at(point);
  const double sd = std::sqrt(at.variance);
  double by_mean = 0, by_sd = 0;
  const double result = bound(at.mean, sd, by_mean, by_sd);
  if (gradient) *gradient = by_mean * at.mean_gradient + by_sd / (2 * sd) * at.variance_gradient;
  return result;
}

PathMerit::PathMerit(PosteriorPath path, const Aim& aim) : path_(std::move(path)), aim_(aim) {}

Vector PathMerit::values(const Matrix& points) const {
  return path_.values(points).unaryExpr([&](double v) { return aim_.merit(v); });
}

double PathMerit::value(const Vector& point, Vector* gradient) const {
  const double outcome = path_.value(point, gradient);
  const bool falls =
      aim_.goal == Objective::Goal::kMinimize || (aim_.goal == Objective::Goal::kTarget && outcome > aim_.target);
  if (gradient && falls) *gradient = -*gradient;
  return aim_.merit(outcome);
}

LogFeasibility::LogFeasibility(std::vector<OutcomeBound> bounds) : bounds_(std::move(bounds)) {}

Vector LogFeasibility::values(const Matrix& points) const {
  Vector out = Vector::Zero(points.rows()), mean, variance;
  for (const OutcomeBound& b : bounds_) {
    b.surrogate->marginals(points, mean, variance);
    for (Eigen::Index i = 0; i < out.size(); ++i) {
      const double z = (b.bound - mean[i]) / std::sqrt(variance[i]);
      out[i] += log_normal_cdf(b.at_most ? z : -z);
    }
  }
  return out;
}

double LogFeasibility::value(const Vector& point, Vector* gradient) const {
  double result = 0;
  if (gradient) *gradient = Vector::Zero(point.size());
  for (const OutcomeBound& b : bounds_) {
    const PointPosterior at = b.surrogate->at(point);
    const double sd = std::sqrt(at.variance), sign = b.at_most ? 1 : -1;
    const double z = sign * (b.bound - at.mean) / sd;
    result += log_normal_cdf(z);
    if (!gradient) continue;
    *gradient += normal_hazard(z) * (-sign * at.mean_gradient / sd - z / (2 * at.variance) * at.variance_gradient);
  }
  return result;
}

Sum::Sum(std::unique_ptr<Acquisition> first, std::unique_ptr<Acquisition> second)
    : first_(std::move(first)), second_(std::move(second)) {}

Vector Sum::values(const Matrix& points) const {
  return first_->values(points) + second_->values(points);
}

double Sum::value(const Vector& point, Vector* gradient) const {
  Vector other;
  const double result = first_->value(point, gradient) + second_->value(point, gradient ? &other : nullptr);
  if (gradient) *gradient += other;
  return result;
}

}  // namespace athanor
