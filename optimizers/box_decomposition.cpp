// Legend: m objectives, a the last but those already cut; D_i what point i dominates of the first objectives and the
// points before it do not, points taken from the highest in the last objective down. An outcome whose first objectives
// lie in D_i is dominated once its last one is below p_i, so the undominated points are
//   ∪_i D_i × [p_i, ∞)  ∪  (what no point dominates of the first objectives) × [r, ∞),
// a disjoint union. D_i is itself what no point dominates: of the box up to point i, by those before it clipped to it.
//
// Everything is done on the ranks of the coordinates: 0 for the reference, 1, 2, … for the levels of the front.
#include "optimizers/box_decomposition.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "core/check.h"

namespace athanor {
namespace {

constexpr std::size_t kMostObjectives = 4;
constexpr int kEndless = std::numeric_limits<int>::max();

using Corner = std::array<int, kMostObjectives>;
struct Box {
  Corner lower, upper;
};

void take(std::vector<Box>& boxes, const Box& box, std::size_t size) {
  for (std::size_t j = 0; j < size; ++j) {
    if (box.lower[j] >= box.upper[j]) return;
  }
  boxes.push_back(box);
}

/// The first two objectives of what is left of `box` (from 0 up to box.upper) below the `points`, sorted by the second.
void cut_two(const std::vector<Corner>& points, Box box, std::vector<Box>& out) {
  const Corner end = box.upper;
  int left = 0;
  for (const Corner& p : points) {
    if (p[0] <= left) continue;
    box.lower[0] = left;
    box.upper[0] = left = p[0];
    box.lower[1] = p[1];
    take(out, box, 2);
  }
  box.lower[0] = left;
  box.upper[0] = end[0];
  box.lower[1] = 0;
  take(out, box, 2);
}

/// The first three, of points sorted from the highest third coordinate down and clipped to box.upper.
///
/// `stair` is the front of the first two coordinates of the points so far, from left to right, between two sentinels;
/// what it leaves undominated is a slab between each two neighbours, above the right one of them.
void cut_three(const std::vector<Corner>& points, Box box, std::vector<Box>& out) {
  struct Step {
    int x, y;
  };
  const Corner end = box.upper;
  std::vector<Step> stair{{0, kEndless}, {kEndless, 0}};
  for (const Corner& p : points) {
    const auto right = std::lower_bound(stair.begin(), stair.end(), p[0], [](Step s, int x) { return s.x < x; });
    if (right->y >= p[1]) continue;  // D is empty
    box.lower[2] = p[2];
    box.upper[1] = p[1];
    box.upper[0] = p[0];
    auto step = right;
    for (;; --step) {  // ends at the first sentinel
      box.lower[1] = step->y;
      box.lower[0] = (step - 1)->x;
      take(out, box, 3);
      if ((step - 1)->y >= p[1]) break;
      box.upper[0] = (step - 1)->x;
    }
    const auto after = right->x == p[0] ? right + 1 : right;
    stair.insert(stair.erase(step, after), {p[0], p[1]});
  }
  box.lower[2] = 0;
  box.upper[1] = end[1];
  for (std::size_t i = 1; i < stair.size(); ++i) {
    box.lower[0] = stair[i - 1].x;
    box.upper[0] = std::min(stair[i].x, end[0]);
    box.lower[1] = stair[i].y;
    take(out, box, 3);
  }
}

/// All four, of points sorted from the highest fourth coordinate down.
void cut_four(const std::vector<Corner>& points, Box box, std::vector<Box>& out) {
  const Corner end = box.upper;
  std::vector<Corner> before, clipped;  // the points before this one, from the highest third coordinate down
  for (const Corner& p : points) {
    clipped = before;  // clipping keeps them sorted
    for (Corner& q : clipped) {
      for (std::size_t j = 0; j < 3; ++j) q[j] = std::min(q[j], p[j]);
    }
    box.upper = {p[0], p[1], p[2], end[3]};
    box.lower[3] = p[3];
    cut_three(clipped, box, out);
    before.insert(std::upper_bound(before.begin(), before.end(), p, [](auto& a, auto& b) { return a[2] > b[2]; }), p);
  }
  box.upper = end;
  box.lower[3] = 0;
  cut_three(before, box, out);
}

}  // namespace

std::vector<Eigen::Index> pareto_front(const Matrix& outcomes) {
  // From the best first objective down, ties by the following ones: a row can be dominated by rows before it alone.
  const Matrix rows = outcomes.transpose();
  const auto size = rows.rows();
  std::vector<Eigen::Index> order(static_cast<std::size_t>(rows.cols())), front;
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Eigen::Index a, Eigen::Index b) {
    const double *x = rows.col(a).data(), *y = rows.col(b).data();
    return std::lexicographical_compare(y, y + size, x, x + size);
  });
  for (const Eigen::Index i : order) {
    const bool dominated = std::any_of(front.begin(), front.end(), [&](Eigen::Index other) {
      return (rows.col(other).array() >= rows.col(i).array()).all();
    });
    if (!dominated) front.push_back(i);
  }
  std::sort(front.begin(), front.end());
  return front;
}

BoxDecomposition nondominated_boxes(const Matrix& outcomes, const Vector& reference) {
  const Eigen::Index m = reference.size();
  ATHANOR_CHECK(m >= 2 && m <= static_cast<Eigen::Index>(kMostObjectives), "two to four objectives");
  ATHANOR_CHECK(outcomes.rows() == 0 || outcomes.cols() == m, "outcomes and reference of different widths");
  ATHANOR_CHECK(outcomes.allFinite() && reference.allFinite(), "an outcome or the reference is not finite");

  std::vector<Eigen::Index> rows;
  for (Eigen::Index i = 0; i < outcomes.rows(); ++i) {
    if ((outcomes.row(i).transpose().array() > reference.array()).all()) rows.push_back(i);
  }
  const Matrix above = outcomes(rows, Eigen::all);
  const Matrix front = above(pareto_front(above), Eigen::all);

  BoxDecomposition result;
  std::vector<Corner> points(static_cast<std::size_t>(front.rows()), Corner{});
  Box all{};
  for (Eigen::Index j = 0; j < m; ++j) {
    const auto column = front.col(j);
    std::vector<double> level(column.begin(), column.end());
    level.push_back(reference[j]);
    std::sort(level.begin(), level.end());
    level.erase(std::unique(level.begin(), level.end()), level.end());
    for (std::size_t i = 0; i < points.size(); ++i) {
      points[i][static_cast<std::size_t>(j)] = static_cast<int>(
          std::lower_bound(level.begin(), level.end(), column[static_cast<Eigen::Index>(i)]) - level.begin());
    }
    all.upper[static_cast<std::size_t>(j)] = static_cast<int>(level.size());
    level.push_back(std::numeric_limits<double>::infinity());
    result.levels.push_back(Eigen::Map<const Vector>(level.data(), static_cast<Eigen::Index>(level.size())));
  }

  const auto last = static_cast<std::size_t>(m - 1);
  std::sort(points.begin(), points.end(), [last](const Corner& a, const Corner& b) {
    return a[last] != b[last] ? a[last] > b[last] : a > b;  // ties in an order of their own: the rows' does not matter
  });
  std::vector<Box> boxes;
  if (m == 2) cut_two(points, all, boxes);
  if (m == 3) cut_three(points, all, boxes);
  if (m == 4) cut_four(points, all, boxes);

  const auto count = static_cast<Eigen::Index>(boxes.size());
  result.lower.resize(count, m);
  result.upper.resize(count, m);
  for (Eigen::Index b = 0; b < count; ++b) {
    const Box& box = boxes[static_cast<std::size_t>(b)];
    for (Eigen::Index j = 0; j < m; ++j) {
      result.lower(b, j) = box.lower[static_cast<std::size_t>(j)];
      result.upper(b, j) = box.upper[static_cast<std::size_t>(j)];
    }
  }
  return result;
}

double hypervolume(const BoxDecomposition& boxes) {
  // D_i × [r, p_i) is what is dominated; D_i × [p_i, ∞) are boxes, and the others begin at r.
  const Eigen::Index last = boxes.lower.cols() - 1;
  double sum = 0;
  for (Eigen::Index b = 0; b < boxes.count(); ++b) {
    if (boxes.lower(b, last) == 0) continue;
    const Vector& sweep = boxes.levels[static_cast<std::size_t>(last)];
    double volume = sweep[boxes.lower(b, last)] - sweep[0];
    for (Eigen::Index j = 0; j < last; ++j) {
      const Vector& level = boxes.levels[static_cast<std::size_t>(j)];
      volume *= level[boxes.upper(b, j)] - level[boxes.lower(b, j)];
    }
    sum += volume;
  }
  return sum;
}

double hypervolume_improvement(const BoxDecomposition& boxes, const Vector& outcome) {
  ATHANOR_CHECK(outcome.size() == boxes.lower.cols(), "an outcome of another width");
  double sum = 0;
  for (Eigen::Index b = 0; b < boxes.count(); ++b) {
    double volume = 1;
    for (Eigen::Index j = 0; j < outcome.size() && volume > 0; ++j) {
      const Vector& level = boxes.levels[static_cast<std::size_t>(j)];
      volume *= std::max(0.0, std::min(outcome[j], level[boxes.upper(b, j)]) - level[boxes.lower(b, j)]);
    }
    sum += volume;
  }
  return sum;
}

}  // namespace athanor
