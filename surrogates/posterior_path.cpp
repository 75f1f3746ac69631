// Legend: f(x) = s/√F Σ_i √w_i a_i cos(ω_i · φ(x) + b_i); φ the embedding of kernel.h, numeric columns x/ℓ and a
// category c the unit vector e_c/(√2 ℓ), so that two categories are 1/ℓ apart; ω_i drawn around the kernel's spectral
// density and weighted with w_i for it; b_i uniform.
//
// With a_i Rayleigh-distributed (a² = −2 ln u) each term is a Gaussian cosine plus a Gaussian sine in one, so that f is
// Gaussian and stationary given the frequencies.
#include "surrogates/posterior_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "core/check.h"
#include "core/error.h"

namespace athanor {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;  // phases are counted in turns

constexpr int kNormal = std::numeric_limits<int>::max();  // degrees of freedom

/// The spectral density of Matérn-ν is a multivariate t of 2ν degrees of freedom; of RBF, the normal it tends to.
/// (Rasmussen & Williams 2006, equation 4.15.)
int degrees_of_freedom(Kernel kernel) {
  switch (kernel) {
    case Kernel::kMatern12:
      return 1;
    case Kernel::kMatern32:
      return 3;
    case Kernel::kMatern52:
      return 5;
    case Kernel::kRbf:
      return kNormal;
  }
  ATHANOR_CHECK(false, "a kernel without a spectral density");
}

/// A normal vector times `stretch` = √(k/χ²_k) is a t-distributed one of k degrees of freedom.
///
/// Where data are dense the little that is left of the variance lies at high frequencies, which are so rare that most
/// paths would have none of them and a few far too many. So half of all features are drawn with one degree of freedom,
/// and `weight` is the ratio of the density to that of the mixture. With g = 1/stretch², χ²_k/k has the density
///   p_k(g) = (k/2)^(k/2)/Γ(k/2) g^(k/2 − 1) e^(−k g/2),   and   weight = p_k/(½ p_k + ½ p_1) ≤ 2.
struct Radius {
  double stretch = 1, weight = 1;
};
Radius draw_radius(int freedom, RandomStream& random) {
  if (freedom == kNormal) return {};
  const int drawn = random.below(2) == 0 ? freedom : 1;
  double square = 0;
  for (int i = 0; i < drawn; ++i) square += std::pow(random.normal(), 2);
  const double g = std::max(square / drawn, 1e-12), half = 0.5 * freedom;
  const double ratio = std::sqrt(0.5 / std::numbers::pi) * std::tgamma(half) * std::pow(half, -half) *
                       std::pow(g, 0.5 - half) * std::exp((half - 0.5) * g);  // p_1/p_k
  return {1 / std::sqrt(g), 2 / (1 + ratio)};
}

/// Each t becomes cos 2πt, to 1e-15, in vector instructions, which std::cos is not.
void take_cosines(Matrix& turns) {
  // cos 2πt = sin x with x = 2π(¼ − |t|) for t in [−½, ½]: its Taylor polynomial, as x is in [−π/2, π/2].
  constexpr int kTerms = 10;
  constexpr auto kCoefficients = [] {
    std::array<double, kTerms> out{1};
    for (int k = 1; k < kTerms; ++k) out[k] = -out[k - 1] / (2 * k * (2 * k + 1));
    return out;
  }();
  double* const data = turns.data();
  const Eigen::Index size = turns.size();
  for (Eigen::Index i = 0; i < size; ++i) {
    const double t = data[i] - std::rint(data[i]);
    const double x = kTurn * (0.25 - std::abs(t));
    const double square = x * x;
    double sum = kCoefficients[kTerms - 1];
    for (int k = kTerms - 2; k >= 0; --k) sum = sum * square + kCoefficients[k];
    data[i] = x * sum;
  }
}

}  // namespace

PosteriorPath::PosteriorPath(const ExactGp& gp, RandomStream& random, int features)
    : location_(gp.location()),
      scale_(gp.scale()),
      signal_(gp.parameters().signal_variance),
      mean_(gp.parameters().mean),
      base_(gp.covariance()),
      key_(random()) {
  ATHANOR_CHECK(features > 0, "a path needs features");
  const Eigen::Index n = base_.rows(), d = base_.dimension();
  stretch_.resize(features);
  shifts_.resize(features);
  amplitudes_.resize(features);
  frequencies_ = Matrix::Zero(features, d);
  for (Eigen::Index i = 0; i < features; ++i) {
    const Radius radius = draw_radius(degrees_of_freedom(base_.kernel()), random);
    stretch_[i] = radius.stretch;
    shifts_[i] = random.uniform();
    amplitudes_[i] = std::sqrt(-2 * std::log1p(-random.uniform()) * radius.weight * signal_ / features);
    for (Eigen::Index j = 0; j < d; ++j) {
      if (base_.columns()[static_cast<std::size_t>(j)] != Column::kNumeric) continue;
      frequencies_(i, j) = stretch_[i] * random.normal() / (kTurn * base_.lengthscales()[j]);
    }
  }
  for (Eigen::Index j = 0; j < d; ++j) {
    if (base_.columns()[static_cast<std::size_t>(j)] == Column::kNumeric) continue;
    for (const double value : gp.points().col(j)) {
      const Category category(j, value);
      if (!categories_.contains(category)) categories_[category] = category_phases(category);
    }
  }

  const auto width = trend_features(gp.points().topRows(1), base_.columns()).cols();
  trend_ = Vector::Zero(width);
  for (double& weight : trend_) weight = std::sqrt(gp.parameters().trend_variance) * random.normal();

  // The noise of each point is what its variance exceeds the prior's by: K = L Lᵀ is all that was conditioned on.
  Matrix factor = Matrix::Identity(n, n);
  gp.inverse_factor().triangularView<Eigen::Lower>().solveInPlace(factor);
  Vector drawn = prior(gp.points());
  const Vector noise = (factor.rowwise().squaredNorm() - base_.prior(gp.points())).cwiseMax(0).cwiseSqrt();
  for (Eigen::Index i = 0; i < n; ++i) drawn[i] += noise[i] * random.normal();
  const Vector half = gp.inverse_factor().triangularView<Eigen::Lower>() * drawn;
  weights_ = gp.alpha() - gp.inverse_factor().transpose().triangularView<Eigen::Upper>() * half;
}

void PosteriorPath::check_width(Eigen::Index width) const {
  if (width != base_.dimension()) {
    throw InputError(
        fmt::format("a point of width {}, but the surrogate was fitted with {}", width, base_.dimension()));
  }
}

/// Every category has its own stream, so that its phases are the same whenever it is met.
Vector PosteriorPath::category_phases(const Category& category) const {
  const auto& [column, value] = category;
  RandomStream random(key_, fmt::format("categories of column {}", column), std::bit_cast<std::uint64_t>(value + 0.0));
  const Column& kind = base_.columns()[static_cast<std::size_t>(column)];
  const Matrix* positions = kind.positions();
  const double turn = kTurn * base_.lengthscales()[column];
  const double apart = std::numbers::sqrt2 * turn / (positions ? std::sqrt(Column::kUnlike) : 1);
  Vector out(stretch_.size());
  for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = stretch_[i] * random.normal() / apart;
  if (positions == nullptr) return out;
  RandomStream common(key_, fmt::format("descriptors of column {}", column));
  const Vector at = positions->row(kind.index(value));
  for (double& phase : out) {
    double sum = 0;
    for (const double coordinate : at) sum += coordinate * common.normal();
    phase += stretch_[&phase - out.data()] * sum / turn;
  }
  return out;
}

/// ω_i · φ(x) + b_i (F × q), in turns.
void PosteriorPath::phases(const Matrix& points, Matrix& out) const {
  out.noalias() = frequencies_ * points.transpose();
  out.colwise() += shifts_;
  for (Eigen::Index j = 0; j < points.cols(); ++j) {
    if (base_.columns()[static_cast<std::size_t>(j)] == Column::kNumeric) continue;
    for (Eigen::Index i = 0; i < points.rows(); ++i) {
      const Category category(j, points(i, j));
      const auto known = categories_.find(category);
      if (known != categories_.end()) {
        out.col(i) += known->second;
      } else {
        out.col(i) += category_phases(category);
      }
    }
  }
}

Vector PosteriorPath::prior(const Matrix& points, Matrix* gradients) const {
  constexpr Eigen::Index kChunk = 64;  // points at a time: phases stay in the cache
  Vector out(points.rows());
  if (gradients) gradients->setZero(points.rows(), points.cols());
  Matrix phase;
  for (Eigen::Index begin = 0; begin < points.rows(); begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, points.rows() - begin);
    phases(points.middleRows(begin, m), phase);
    if (gradients) {
      Matrix sine = phase.array() - 0.25;
      take_cosines(sine);
      gradients->middleRows(begin, m).noalias() =
          (-kTurn * sine).transpose() * (amplitudes_.asDiagonal() * frequencies_);
    }
    take_cosines(phase);
    out.segment(begin, m).noalias() = phase.transpose() * amplitudes_;
  }
  if (trend_.size() == 0) return out;
  out += trend_features(points, base_.columns()) * trend_;
  if (gradients) add_trend_gradients(points, base_.columns(), trend_.replicate(1, points.rows()), *gradients);
  return out;
}

Vector PosteriorPath::values(const Matrix& points, Matrix* gradients) const {
  check_width(points.cols());
  constexpr Eigen::Index kChunk = 256;
  Vector out = prior(points, gradients);
  Eigen::ArrayXXd slopes;
  for (Eigen::Index begin = 0; begin < points.rows(); begin += kChunk) {
    const Eigen::Index m = std::min(kChunk, points.rows() - begin);
    const Matrix some = points.middleRows(begin, m);
    const Matrix cross = gradients ? base_.with(some, slopes) : base_.with(some);
    out.segment(begin, m) += cross.transpose() * weights_;
    if (!gradients) continue;
    Matrix of_some = gradients->middleRows(begin, m);
    base_.add_gradients(some, weights_.replicate(1, m), slopes, of_some);
    gradients->middleRows(begin, m) = scale_ * of_some;
  }
  return location_ + scale_ * (out.array() + mean_);
}

}  // namespace athanor
