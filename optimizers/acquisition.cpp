#include "optimizers/acquisition.h"

#include <algorithm>
#include <cmath>

#include "optimizers/normal.h"

namespace athanor {
namespace {

constexpr double kHalfLog2Pi = 0.91893853320467274178;
constexpr double kNearestTarget = 1e-6;
constexpr double kChunk = 4096;

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

LogNoisyExpectedImprovement::LogNoisyExpectedImprovement(Fantasies fantasies, const Aim& aim)
    : fantasies_(std::move(fantasies)), aim_(aim), best_(fantasies_.count()) {
  for (Eigen::Index s = 0; s < best_.size(); ++s) {
    best_[s] = fantasies_.values().col(s).unaryExpr([&](double v) { return aim_.merit(v); }).maxCoeff();
  }
}

Vector LogNoisyExpectedImprovement::values(const Matrix& points) const {
  Vector out(points.rows());
  Matrix means;
  Vector variance, logs(best_.size());
  for (Eigen::Index begin = 0; begin < points.rows(); begin += static_cast<Eigen::Index>(kChunk)) {
    const Eigen::Index m = std::min(static_cast<Eigen::Index>(kChunk), points.rows() - begin);
    fantasies_.at(points.middleRows(begin, m), means, variance);
    for (Eigen::Index i = 0; i < m; ++i) {
      const double sd = std::sqrt(variance[i]);
      for (Eigen::Index s = 0; s < logs.size(); ++s) {
        logs[s] = log_expected_improvement(aim_, means(i, s), sd, best_[s]).value;
      }
      const double largest = logs.maxCoeff();
      out[begin + i] = largest + std::log((logs.array() - largest).exp().mean());
    }
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
    const LogImprovement one = log_expected_improvement(aim_, local.means[s], sd, best_[s]);
    logs[s] = one.value;
    by_mean[s] = one.by_mean;
    by_sd[s] = one.by_sd;
  }
  const double largest = logs.maxCoeff();
  Vector share = (logs.array() - largest).exp();
  const double sum = share.sum();
  share /= sum;
  if (gradient) *gradient = fantasies_.gradient(local, share.cwiseProduct(by_mean), share.dot(by_sd) / (2 * sd));
  return largest + std::log(sum / static_cast<double>(count));
}

TimesSuccess::TimesSuccess(std::unique_ptr<Acquisition> worth, std::shared_ptr<const Surrogate> success)
    : worth_(std::move(worth)), success_(std::move(success)) {}

Vector TimesSuccess::values(const Matrix& points) const {
  Vector out = worth_->values(points), mean, variance;
  success_->marginals(points, mean, variance);
  for (Eigen::Index i = 0; i < out.size(); ++i) out[i] += log_normal_cdf((mean[i] - 0.5) / std::sqrt(variance[i]));
  return out;
}

double TimesSuccess::value(const Vector& point, Vector* gradient) const {
  const double worth = worth_->value(point, gradient);
  const PointPosterior at = success_->at(point);
  const double sd = std::sqrt(at.variance);
  const double z = (at.mean - 0.5) / sd;
  if (gradient) {
    *gradient += normal_hazard(z) * (at.mean_gradient / sd - z / (2 * at.variance) * at.variance_gradient);
  }
  return worth + log_normal_cdf(z);
}

}  // namespace athanor
