// A Gaussian process computed naively and slowly, to hold the real one against.
#pragma once

#include <cmath>

#include "surrogates/exact_gp.h"

namespace athanor::reference {

inline double kernel(Kernel kind, const GpParameters& p, const std::vector<Column>& columns, const Vector& a,
                     const Vector& b) {
  double r2 = 0, trend = 0;
  int features = 0;
  for (Eigen::Index j = 0; j < a.size(); ++j) {
    const Column& column = columns[static_cast<std::size_t>(j)];
    if (column == Column::kNumeric) {
      r2 += std::pow((a[j] - b[j]) / p.lengthscales[j], 2);
      const double u = 2 * a[j] - 1, v = 2 * b[j] - 1;  // Legendre polynomials, by Bonnet's recursion
      trend += 3 * u * v + 5 * std::legendre(2, u) * std::legendre(2, v);
      features += 2;
    } else {
      r2 += column.squared_distance(a[j], b[j]) / (p.lengthscales[j] * p.lengthscales[j]);
      if (column.count() > 0) {  // an effect of its own for each category
        trend += a[j] == b[j] ? 2 : 0;
        features += 2;
      }
    }
  }
  const double r = std::sqrt(r2);
  double k = 0;
  switch (kind) {
    case Kernel::kMatern12:
      k = std::exp(-r);
      break;
    case Kernel::kMatern32:
      k = (1 + std::sqrt(3.0) * r) * std::exp(-std::sqrt(3.0) * r);
      break;
    case Kernel::kMatern52:
      k = (1 + std::sqrt(5.0) * r + 5 * r2 / 3) * std::exp(-std::sqrt(5.0) * r);
      break;
    case Kernel::kRbf:
      k = std::exp(-0.5 * r2);
      break;
  }
  return p.signal_variance * k + (features > 0 ? p.trend_variance / features * trend : 0);
}

inline Matrix kernel_matrix(Kernel kind, const GpParameters& p, const std::vector<Column>& columns, const Matrix& a,
                            const Matrix& b) {
  Matrix out(a.rows(), b.rows());
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index k = 0; k < b.rows(); ++k) out(i, k) = kernel(kind, p, columns, a.row(i), b.row(k));
  }
  return out;
}

/// Posterior of the noise-free outcome, standardised by `location` and `scale`, through a full-pivoting factorisation.
inline Posterior posterior(const TrainingData& data, const GpParameters& p, Kernel kind, double location, double scale,
                           const Matrix& at) {
  Matrix k = kernel_matrix(kind, p, data.columns, data.points, data.points);
  for (Eigen::Index i = 0; i < k.rows(); ++i) {
    const bool given = data.noise_sd.size() > 0 && !std::isnan(data.noise_sd[i]);
    k(i, i) += given ? std::pow(data.noise_sd[i] / scale, 2) : p.noise_variance;
  }
  const Eigen::FullPivLU<Matrix> lu(k);
  const Matrix cross = kernel_matrix(kind, p, data.columns, at, data.points);
  const Vector z = (data.outcomes.array() - location) / scale - p.mean;
  Posterior out;
  out.mean = location + scale * ((cross * lu.solve(z)).array() + p.mean);
  out.covariance =
      scale * scale * (kernel_matrix(kind, p, data.columns, at, at) - cross * lu.solve(Matrix(cross.transpose())));
  return out;
}

/// `n` points, the last column a category of three, with a smooth outcome plus noise of standard deviation `noise`.
inline TrainingData sample_data(Eigen::Index n, Eigen::Index numeric, double noise, RandomStream& random) {
  TrainingData data;
  data.points.resize(n, numeric + 1);
  data.outcomes.resize(n);
  data.columns.assign(static_cast<std::size_t>(numeric), Column::kNumeric);
  data.columns.push_back(Column::choices(3));
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < numeric; ++j) data.points(i, j) = random.uniform();
    data.points(i, numeric) = static_cast<double>(random.below(3)) / 2;
    data.outcomes[i] = 20 + 5 * std::sin(4 * data.points(i, 0)) + 3 * data.points.row(i).sum() +
                       (data.points(i, numeric) == 0.5 ? 4 : 0) + noise * random.normal();
  }
  return data;
}

inline GpParameters sample_parameters(Eigen::Index width, RandomStream& random) {
  GpParameters p;
  p.lengthscales.resize(width);
  for (double& l : p.lengthscales) l = random.uniform(0.2, 1.5);
  p.noise_variance = random.uniform(0.001, 0.1);
  p.signal_variance = random.uniform(0.5, 2);
  p.trend_variance = random.uniform(0.1, 1);
  p.mean = random.uniform(-0.5, 0.5);
  return p;
}

}  // namespace athanor::reference
