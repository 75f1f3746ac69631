#include "optimizers/acquisition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "optimizers/normal.h"

namespace athanor {
namespace {

constexpr double kNearestTarget = 1e-6;
constexpr Eigen::Index kChunk = 4096;

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

Vector base_merits(const Fantasies& fantasies, const Aim& aim, Eigen::Index s) {
  return fantasies.values().col(s % fantasies.count()).unaryExpr([&](double v) { return aim.merit(v); });
}

bool feasible_in(const Feasible& feasible, Eigen::Index point, Eigen::Index fantasy) {
  return feasible.size() == 0 || feasible(point, fantasy % feasible.cols());
}

Vector log_mean_exp(const Matrix& logarithms) {
  const Vector top = logarithms.rowwise().maxCoeff();
  const Vector finite = top.unaryExpr([](double v) { return std::isfinite(v) ? v : 0; });
  const Vector mean = (logarithms.colwise() - finite).array().exp().rowwise().mean();
  return finite.array() + mean.array().log();
}

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

Vector Curiosity::evaluate(const Matrix& points, Matrix* gradients) const {
  Vector sum = Vector::Zero(points.rows());
  if (gradients) gradients->setZero(points.rows(), points.cols());
  Fantasies::Local local;
  for (const Fantasies& outcome : outcomes_) {
    if (gradients) {
      outcome.at(points, local);
    } else {
      outcome.at(points, local.means, local.variance);
    }
    const Vector sd = local.variance.cwiseSqrt();
    sum += sd;
    if (gradients) {
      *gradients += outcome.gradients(local, Matrix::Zero(points.rows(), outcome.count()), 0.5 * sd.cwiseInverse());
    }
  }
  const auto count = static_cast<double>(outcomes_.size());
  if (gradients) *gradients = (count + sum.array()).inverse().matrix().asDiagonal() * *gradients;
  return (sum / count).array().log1p();
}

Vector Curiosity::bounds(const Matrix& points) const {
  Vector sum = Vector::Zero(points.rows()), variance;
  Matrix means;
  for (const Fantasies& outcome : outcomes_) {
    outcome.at_most(points, means, variance);
    sum += variance.cwiseSqrt();
  }
  return (sum / static_cast<double>(outcomes_.size())).array().log1p();
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
      const double beyond = z < -b.tolerated ? b.reluctance : 0;
      return Marginal{log_normal_cdf(z) + beyond * (z + b.tolerated), -sign * (hazard + beyond) / sd,
                      -(hazard + beyond) * z / sd};
    });
    if (gradients) *gradients += of_one;
  }
  return out;
}

Vector LogFeasibility::bounds(const Matrix& points) const {
  Vector out = Vector::Zero(points.rows()), mean, variance;
  for (const OutcomeBound& b : bounds_) {
    b.surrogate->marginals_at_most(points, mean, variance);
    for (Eigen::Index i = 0; i < out.size(); ++i) {
      const double z = (b.at_most ? 1 : -1) * (b.bound - mean[i]) / std::sqrt(variance[i]);
      if (z < 0) out[i] += log_normal_cdf(z) + b.reluctance * std::min(z + b.tolerated, 0.0);
    }
  }
  return out;
}

}  // namespace athanor
