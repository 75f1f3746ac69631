#include "surrogates/descent.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "core/check.h"

namespace athanor {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr std::size_t kMemory = 10;        // steps that the Hessian is made of
constexpr double kEnough = 1e-4;           // of the fall that the slope promises (Armijo)
constexpr double kLeastCurvature = 1e-10;  // cosine between a step and the change of gradient along it
constexpr double kShortest = 1e-12;        // a step in no coordinate longer than that is none

/// Legend: x the best point so far, g the gradient there, p the direction, s a step, y the change of gradient along it.
class Descent {
 public:
  Descent(const VectorXd& start, const VectorXd& low, const VectorXd& high, double first_step,
          const MinimiseOptions& options)
      : low_(low), high_(high), first_step_(first_step), options_(options), trial_(start.cwiseMax(low).cwiseMin(high)) {
    best_.point = trial_;
    best_.value = HUGE_VAL;
  }

  bool done() const { return done_; }
  const VectorXd& trial() const { return trial_; }
  const Minimum& best() const { return best_; }

  /// What the function is at the trial point.
  void take(double value, const VectorXd& gradient) {
    const bool first = best_.evaluations++ == 0;
    const bool finite = std::isfinite(value) && gradient.allFinite();
    const VectorXd s = trial_ - best_.point;
    if (first) {
      best_.value = value;
      gradient_ = gradient;
      done_ = !finite;
      if (finite) aim();
    } else if (finite && value <= best_.value + kEnough * gradient_.dot(s)) {
      accept(value, gradient, s);
    } else {
      // To the minimum of the parabola through both values and the slope, if there is one.
      const double slope = gradient_.dot(s), bend = value - best_.value - slope;
      length_ *= finite && bend > 0 ? std::clamp(-0.5 * slope / bend, 0.1, 0.5) : 0.1;
      move();
    }
    done_ = done_ || best_.evaluations >= options_.max_evaluations;
  }

 private:
  void accept(double value, const VectorXd& gradient, const VectorXd& s) {
    const VectorXd y = gradient - gradient_;
    const double fall = best_.value - value;
    best_.point = trial_;
    best_.value = value;
    gradient_ = gradient;
    if (s.dot(y) > kLeastCurvature * s.norm() * y.norm()) {
      steps_.push_back({s, y});
      if (steps_.size() > kMemory) steps_.pop_front();
    } else {
      // The function bends down: what was learned of it says nothing of how far to go.
      steps_.clear();
      first_step_ = 2 * s.norm();
    }
    const bool still = (s.array().abs() <= options_.point_tolerance * best_.point.array().abs()).all();
    done_ = still || fall <= options_.value_tolerance * std::abs(value);
    if (!done_) aim();
  }

  /// p = −H g, H the inverse of the Hessian that the last steps tell, in the coordinates that no bound holds.
  void aim() {
    const auto& x = best_.point.array();
    const VectorXd free =
        (((x <= low_.array() && gradient_.array() > 0) || (x >= high_.array() && gradient_.array() < 0)))
            .select(VectorXd::Zero(x.size()), VectorXd::Ones(x.size()));
    direction_ = -gradient_.cwiseProduct(free);
    struct Pair {
      VectorXd s, y;
      double curvature = 0, share = 0;
    };
    std::vector<Pair> pairs;
    for (const Step& step : steps_) {
      Pair pair{step.s.cwiseProduct(free), step.y.cwiseProduct(free)};
      pair.curvature = pair.s.dot(pair.y);
      if (pair.curvature > kLeastCurvature * pair.s.norm() * pair.y.norm()) pairs.push_back(std::move(pair));
    }
    for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair) {
      pair->share = pair->s.dot(direction_) / pair->curvature;
      direction_ -= pair->share * pair->y;
    }
    if (pairs.empty()) {
      const double norm = direction_.norm();
      if (norm > 0) direction_ *= first_step_ / norm;
    } else {
      direction_ *= pairs.back().curvature / pairs.back().y.squaredNorm();
    }
    for (const Pair& pair : pairs) direction_ += (pair.share - pair.y.dot(direction_) / pair.curvature) * pair.s;
    length_ = 1;
    move();
  }

  void move() {
    trial_ = (best_.point + length_ * direction_).cwiseMax(low_).cwiseMin(high_);
    const VectorXd s = trial_ - best_.point;
    if (!(gradient_.dot(s) < 0) || s.cwiseAbs().maxCoeff() < kShortest) done_ = true;
  }

  struct Step {
    VectorXd s, y;
  };
  const VectorXd &low_, &high_;
  double first_step_, length_ = 1;
  const MinimiseOptions& options_;
  VectorXd trial_, gradient_, direction_;
  Minimum best_;
  std::deque<Step> steps_;
  bool done_ = false;
};

}  // namespace

std::vector<Minimum> descend(const SmoothFunctions& function, const MatrixXd& starts, const VectorXd& low,
                             const VectorXd& high, double first_step, const MinimiseOptions& options) {
  ATHANOR_CHECK(starts.cols() == low.size() && starts.cols() == high.size(), "bounds of another size than the starts");
  std::vector<Descent> descents;
  for (Index i = 0; i < starts.rows(); ++i) {
    descents.emplace_back(starts.row(i).transpose(), low, high, first_step, options);
  }
  MatrixXd points, gradients;
  for (bool first = true;; first = false) {
    std::vector<Descent*> active;
    for (Descent& descent : descents) {
      if (!descent.done()) active.push_back(&descent);
    }
    // The values at the starts are asked for in any case.
    if (active.empty() || (!first && options.stop && options.stop())) break;
    points.resize(static_cast<Index>(active.size()), starts.cols());
    for (std::size_t k = 0; k < active.size(); ++k) points.row(static_cast<Index>(k)) = active[k]->trial();
    const VectorXd values = function(points, gradients);
    for (std::size_t k = 0; k < active.size(); ++k) {
      active[k]->take(values[static_cast<Index>(k)], gradients.row(static_cast<Index>(k)));
    }
  }
  std::vector<Minimum> out;
  for (const Descent& descent : descents) {
    out.push_back(descent.best());
    out.back().stopped = !descent.done();
  }
  return out;
}

}  // namespace athanor
