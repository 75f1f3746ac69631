#include "optimizers/hypervolume_gain.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"
#include "optimizers/normal.h"

namespace athanor {
namespace {

constexpr Eigen::Index kChunk = 1024;     // points at a time
constexpr double kNearlyOne = 1 - 1e-12;  // of the improvements at a thin box's two ends

}  // namespace

/// What a gradient needs of one fantasy: derivatives of its logarithm by each objective's mean and sd.
struct LogNoisyHypervolumeImprovement::Work {
  std::vector<std::vector<LogImprovement>> levels;  // objective, level
  std::vector<std::vector<double>> weight;          // of each level's logarithm
  Vector logs;                                      // one a box
  Vector by_mean, by_sd;                            // one an objective
};

LogNoisyHypervolumeImprovement::LogNoisyHypervolumeImprovement(std::vector<Fantasies> fantasies, std::vector<Aim> aims,
                                                               const Vector& reference, const Feasible& feasible,
                                                               const std::function<bool()>& stop,
                                                               const std::vector<Matrix>& beside)
    : fantasies_(std::move(fantasies)), aims_(std::move(aims)) {
  const auto objectives = static_cast<Eigen::Index>(fantasies_.size());
  ATHANOR_CHECK(aims_.size() == fantasies_.size() && reference.size() == objectives && objectives >= 2,
                "objectives, aims and reference of different sizes");
  Eigen::Index count = std::max(feasible.cols(), static_cast<Eigen::Index>(beside.size()));
  for (const Fantasies& one : fantasies_) {
    ATHANOR_CHECK(one.values().rows() == fantasies_[0].values().rows(), "fantasies at different base points");
    count = std::max(count, one.count());
  }
  Matrix least;
  for (Eigen::Index s = 0; s < count && !(s > 0 && stop && stop()); ++s) {
    Matrix merits(fantasies_[0].values().rows(), objectives);
    for (Eigen::Index j = 0; j < objectives; ++j) {
      merits.col(j) = base_merits(fantasies_[static_cast<std::size_t>(j)], aims_[static_cast<std::size_t>(j)], s);
    }
    for (Eigen::Index i = 0; i < merits.rows(); ++i) {
      if (!feasible_in(feasible, i, s)) merits.row(i) = reference;  // dominates nothing
    }
    if (!beside.empty()) {
      const Matrix& more = beside[static_cast<std::size_t>(s) % beside.size()];
      merits.conservativeResize(merits.rows() + more.rows(), Eigen::NoChange);
      merits.bottomRows(more.rows()) = more;
    }
    boxes_.push_back(nondominated_boxes(merits, reference));
    least = s == 0 ? merits : Matrix(least.cwiseMin(merits));
  }
  least_ = boxes_.size() == 1 ? boxes_[0] : nondominated_boxes(least, reference);
}

double LogNoisyHypervolumeImprovement::dominated() const {
  double sum = 0;
  for (const BoxDecomposition& one : boxes_) sum += hypervolume(one);
  return sum / static_cast<double>(boxes_.size());
}

/// ln E[gain] over these boxes; mean and sd: one an objective.
double LogNoisyHypervolumeImprovement::gain(const BoxDecomposition& boxes, const Vector& mean, const Vector& sd,
                                            Work* work) const {
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
          std::isinf(levels[k]) ? LogImprovement{-HUGE_VAL, 0, 0}
                                : log_expected_improvement(aims_[j], mean[column], sd[column], levels[k]);
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
        logs[s] = gain(boxes_[static_cast<std::size_t>(s)], means.col(s), sd, gradients ? &work : nullptr);
        if (!gradients) continue;
        by_mean.col(s) = work.by_mean;
        by_sd.col(s) = work.by_sd;
      }
      out[begin + i] = log_mean_exp(logs.transpose())[0];
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

Vector LogNoisyHypervolumeImprovement::bounds(const Matrix& points) const {
  const auto objectives = static_cast<Eigen::Index>(aims_.size());
  const auto target = [](const Aim& aim) { return aim.goal == Objective::Goal::kTarget; };
  if (std::any_of(aims_.begin(), aims_.end(), target)) return values(points);  // such a merit has a peak
  Matrix promise(points.rows(), objectives), sd(points.rows(), objectives), means;
  Vector variance;
  for (Eigen::Index j = 0; j < objectives; ++j) {
    fantasies_[static_cast<std::size_t>(j)].at_most(points, means, variance);
    const bool falls = aims_[static_cast<std::size_t>(j)].falls(0);
    promise.col(j) = falls ? Vector(means.rowwise().minCoeff()) : Vector(means.rowwise().maxCoeff());
    sd.col(j) = variance.cwiseSqrt();
  }
  Vector out(points.rows());
  for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = gain(least_, promise.row(i), sd.row(i), nullptr);
  return out;
}

}  // namespace athanor
