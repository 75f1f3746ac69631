// Legend: x the parameters within [low, high]; y = (x − low) / (high − low) the same in [0, 1]; each row of the tableau
// reads Σ row[j]·variable[j] = rhs, over the y, a slack for every inequality, and an artificial where a row needs one.
// Phase one: minimise the sum of the artificials; a point exists if and only if that minimum is 0.
#include "core/linear_feasibility.h"

#include <algorithm>
#include <cmath>

namespace athanor {
namespace {

using Sense = LinearConstraint::Sense;

constexpr double kTolerance = 1e-9;  // in scaled rows, whose largest coefficient is 1
constexpr double kPivot = 1e-11;     // smaller entries are rounding
constexpr std::size_t kMostPivots = 20'000;

class PhaseOne {
 public:
  explicit PhaseOne(std::size_t variables) : variables_(variables) {
    for (std::size_t j = 0; j < variables; ++j) {  // y ≤ 1
      std::vector<double> coefficients(variables, 0.0);
      coefficients[j] = 1;
      add(coefficients, Sense::kAtMost, 1);
    }
  }

  void add(std::vector<double> coefficients, Sense sense, double bound) {
    double largest = 0;
    for (const double c : coefficients) largest = std::max(largest, std::abs(c));
    if (largest > 0) {
      for (double& c : coefficients) c /= largest;
      bound /= largest;
    }
    rows_.push_back({std::move(coefficients), sense, bound});
  }

  bool feasible() {
    build();
    for (std::size_t pivots = 0; pivots < kMostPivots; ++pivots) {
      const std::size_t column = entering();
      if (column == width_) return -objective_.back() <= kTolerance * static_cast<double>(rows_.size());
      const std::size_t row = leaving(column);
      if (row == rows_.size()) return true;  // cannot be: the sum of artificials is bounded below
      pivot(row, column);
    }
    return true;  // undecided: rather admit a space than refuse a good one
  }

  /// The y at which it ended.
  std::vector<double> point() const {
    std::vector<double> out(variables_, 0.0);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (basis_[i] < variables_) out[basis_[i]] = tableau_[i].back();
    }
    return out;
  }

 private:
  struct Row {
    std::vector<double> coefficients;
    Sense sense;
    double bound;
  };

  void build() {
    const std::size_t m = rows_.size();
    width_ = variables_ + 2 * m;  // y, slacks, artificials
    tableau_.assign(m, std::vector<double>(width_ + 1, 0.0));
    basis_.assign(m, 0);
    objective_.assign(width_ + 1, 0.0);
    for (std::size_t i = 0; i < m; ++i) {
      std::vector<double>& row = tableau_[i];
      std::copy(rows_[i].coefficients.begin(), rows_[i].coefficients.end(), row.begin());
      if (rows_[i].sense != Sense::kEqual) row[variables_ + i] = rows_[i].sense == Sense::kAtMost ? 1 : -1;
      row.back() = rows_[i].bound;
      if (row.back() < 0) {
        for (double& entry : row) entry = -entry;
      }
      if (row[variables_ + i] > 0) {
        basis_[i] = variables_ + i;
        continue;
      }
      // The objective's row holds the reduced costs: artificials cost 1, and this one is in the basis.
      for (std::size_t j = 0; j <= width_; ++j) objective_[j] -= row[j];
      row[variables_ + m + i] = 1;
      basis_[i] = variables_ + m + i;
    }
  }

  // Bland's rule: the first column that improves, so that no sequence of pivots can repeat. Artificials never come
  // back.
  std::size_t entering() const {
    for (std::size_t j = 0; j < variables_ + rows_.size(); ++j) {
      if (objective_[j] < -kPivot) return j;
    }
    return width_;
  }

  std::size_t leaving(std::size_t column) const {
    std::size_t best = rows_.size();
    double least = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (tableau_[i][column] <= kPivot) continue;
      const double ratio = tableau_[i].back() / tableau_[i][column];
      if (best == rows_.size() || ratio < least || (ratio == least && basis_[i] < basis_[best])) {
        best = i;
        least = ratio;
      }
    }
    return best;
  }

  void pivot(std::size_t row, std::size_t column) {
    std::vector<double>& pivotal = tableau_[row];
    const double divisor = pivotal[column];
    for (double& entry : pivotal) entry /= divisor;
    const auto eliminate = [&](std::vector<double>& other) {
      const double factor = other[column];
      if (factor == 0) return;
      for (std::size_t j = 0; j <= width_; ++j) other[j] -= factor * pivotal[j];
      other[column] = 0;
    };
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (i != row) eliminate(tableau_[i]);
    }
    eliminate(objective_);
    basis_[row] = column;
  }

  std::size_t variables_;
  std::size_t width_ = 0;
  std::vector<Row> rows_;
  std::vector<std::vector<double>> tableau_;
  std::vector<std::size_t> basis_;
  std::vector<double> objective_;
};

}  // namespace

std::optional<std::vector<double>> relaxed_point(const std::vector<Range>& ranges,
                                                 const std::vector<LinearConstraint>& constraints) {
  std::vector<std::size_t> column(ranges.size(), ranges.size());
  std::size_t variables = 0;
  for (const LinearConstraint& constraint : constraints) {
    for (const auto& term : constraint.terms) {
      if (column[term.parameter] == ranges.size()) column[term.parameter] = variables++;
    }
  }
  PhaseOne phase_one(variables);
  for (const LinearConstraint& constraint : constraints) {
    std::vector<double> coefficients(variables, 0.0);
    double bound = constraint.bound, scale = std::abs(constraint.bound);
    for (const auto& term : constraint.terms) {
      const Range& range = ranges[term.parameter];
      coefficients[column[term.parameter]] += term.coefficient * (range.high - range.low);
      bound -= term.coefficient * range.low;
      scale += std::abs(term.coefficient) * std::max(std::abs(range.low), std::abs(range.high));
    }
    const bool constant = std::all_of(coefficients.begin(), coefficients.end(), [](double c) { return c == 0; });
    if (!constant) {
      phase_one.add(std::move(coefficients), constraint.sense, bound);
      continue;
    }
    const double excess = constraint.sense == Sense::kAtMost    ? -bound
                          : constraint.sense == Sense::kAtLeast ? bound
                                                                : std::abs(bound);
    if (excess > kTolerance * scale) return std::nullopt;
  }
  if (!phase_one.feasible()) return std::nullopt;
  const std::vector<double> y = phase_one.point();
  std::vector<double> out;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto& [low, high] = ranges[i];
    out.push_back(column[i] == ranges.size() ? low : low + std::clamp(y[column[i]], 0.0, 1.0) * (high - low));
  }
  return out;
}

}  // namespace athanor
