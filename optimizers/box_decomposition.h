// What a set of outcomes of several objectives leaves undominated, cut into disjoint boxes. Every objective is
// maximised.
#pragma once

#include "surrogates/surrogate.h"

namespace athanor {

/// Rows of `outcomes` (n × m) that no other row dominates, ascending; of equal rows the first.
std::vector<Eigen::Index> pareto_front(const Matrix& outcomes);

/// Box b reaches from levels[j][lower(b, j)] up to levels[j][upper(b, j)] in objective j, so that whatever is asked of
/// the boxes costs one evaluation a level and one product a box.
struct BoxDecomposition {
  std::vector<Vector> levels;    ///< m times, ascending: the reference's coordinate, those of the front, +∞
  Eigen::MatrixXi lower, upper;  ///< boxes × m, indices into `levels`; lower < upper
  Eigen::Index count() const { return lower.rows(); }
};

/// The points above `reference` (m) that no row of `outcomes` (n × m, m = 2, 3 or 4, finite) dominates. Rows that are
/// dominated, equal to another or not above the reference in every objective change nothing. Of a front of k points
/// there are k + 1 boxes for m = 2, at most 2k + 1 for m = 3 and at most (k + 1)² for m = 4, in time O(k log k),
/// O(k log k) (but for moving the staircase in memory) and O(k² log k) once the front is found, which takes O(n k). The
/// upper end of every box in the last objective is +∞.
/// Method: sweep along the last objective, in three objectives as Yang et al. 2019, "Efficient computation of expected
/// hypervolume improvement using box decomposition algorithms"; in four what each point adds to the front above it is
/// a decomposition in three, of the front clipped to the point (While, Bradstreet & Barone 2012, "A fast way of
/// calculating exact hypervolumes").
BoxDecomposition nondominated_boxes(const Matrix& outcomes, const Vector& reference);

/// The volume that is dominated and above the reference; a sum of positive terms, so exact to rounding.
double hypervolume(const BoxDecomposition& boxes);

/// What the hypervolume grows by with one more outcome: Σ_boxes Π_j max(0, min(y_j, u_j) − l_j).
double hypervolume_improvement(const BoxDecomposition& boxes, const Vector& outcome);

}  // namespace athanor
