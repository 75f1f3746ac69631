#include "optimizers/design.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "optimizers/sobol.h"

namespace athanor {
namespace {

constexpr std::size_t kCandidates = 1000;
constexpr std::size_t kRepresentatives = 256;
constexpr std::size_t kSmallSpace = 20000;  // enumerated rather than sampled

/// Coordinates in which the Euclidean distance is that of the points: unit coordinates for numbers; for a choice one
/// coordinate each, 1/2 apart, so that two different choices are √½ from each other.
Matrix coordinates(const Space& space, const std::vector<Point>& points) {
  Eigen::Index width = 0;
  for (const Parameter& p : space.parameters())
    width += p.categorical() ? static_cast<Eigen::Index>(p.cardinality()) : 1;
  const Matrix unit = encode(space, points);
  Matrix out = Matrix::Zero(unit.rows(), width);
  Eigen::Index column = 0;
  for (std::size_t j = 0; j < space.size(); ++j) {
    if (!space[j].categorical()) {
      out.col(column++) = unit.col(static_cast<Eigen::Index>(j));
      continue;
    }
    for (std::size_t i = 0; i < points.size(); ++i)
      out(static_cast<Eigen::Index>(i), column + static_cast<Eigen::Index>(points[i][j])) = 0.5;
    column += static_cast<Eigen::Index>(space[j].cardinality());
  }
  return out;
}

/// Σ over the rows b of `to` |a − b|, for every row a of `from`.
Vector summed_distances(const Matrix& from, const Matrix& to) {
  constexpr Eigen::Index kBlock = 256;
  const Vector norms = from.rowwise().squaredNorm();
  Vector sum = Vector::Zero(from.rows());
  for (Eigen::Index begin = 0; begin < to.rows(); begin += kBlock) {
    const Matrix block = to.middleRows(begin, std::min(kBlock, to.rows() - begin));
    Matrix squares = -2 * from * block.transpose();
    squares.colwise() += norms;
    squares.rowwise() += block.rowwise().squaredNorm().transpose();
    sum += squares.cwiseMax(0).cwiseSqrt().rowwise().sum();
  }
  return sum;
}

/// `size` different numbers below `from`, in order (Floyd's method, then sorted).
std::vector<std::size_t> subset(std::size_t size, std::size_t from, RandomStream& random) {
  std::vector<std::size_t> chosen;
  if (size >= from) {
    for (std::size_t i = 0; i < from; ++i) chosen.push_back(i);
    return chosen;
  }
  for (std::size_t j = from - size; j < from; ++j) {
    const std::size_t pick = random.below(j + 1);
    const auto at = std::lower_bound(chosen.begin(), chosen.end(), pick);
    if (at == chosen.end() || *at != pick) {
      chosen.insert(at, pick);
    } else {
      chosen.push_back(j);
    }
  }
  return chosen;
}

/// Feasible points to choose among, none near to a tried one.
std::vector<Point> candidates(const Region& region, const Tried& tried, std::size_t count, RandomStream& random,
                              const std::function<bool()>& stop) {
  const Space& space = region.space();
  const std::size_t wanted = std::max(kCandidates, 4 * count);
  std::vector<Point> out;
  if (space.pool() || enumerable(space)) {
    const std::vector<Point> all = space.pool() ? std::vector<Point>{} : enumerate(space);
    const std::size_t rows = space.pool() ? space.pool()->rows : all.size();
    // More than wanted, since some were tried; every row if that is not enough.
    for (const std::size_t draw : {wanted + tried.size(), rows}) {
      out.clear();
      for (const std::size_t row : subset(draw, rows, random)) {
        const Point point = space.pool() ? pool_row(space, row) : all[row];
        if (out.size() < wanted && space.feasible(point) && !tried.near(point)) out.push_back(point);
      }
      if (out.size() >= count) break;
    }
    return out;
  }
  if (!region.constrained()) {
    Sobol sobol(space.size(), random);
    const Matrix unit = sobol.next(wanted);
    for (Eigen::Index i = 0; i < unit.rows(); ++i) {
      const Vector row = unit.row(i);
      Point point = space.decode(std::span(row.data(), static_cast<std::size_t>(row.size())));
      if (!tried.near(point)) out.push_back(std::move(point));
    }
    return out;
  }
  std::size_t patient = 2 * count;
  for (std::size_t i = 0; i < wanted; ++i) {
    if (out.size() >= 2 * count && stop && stop()) break;
    auto point = region.sample(random);
    if (!point && out.size() < count && patient-- > 0) point = region.sample_patiently(random);
    if (!point) break;
    if (!tried.near(*point)) out.push_back(std::move(*point));
  }
  return out;
}

}  // namespace

bool enumerable(const Space& space) {
  return space.finite() && !space.pool() && space.count(kSmallSpace) < kSmallSpace;
}

std::vector<Point> enumerate(const Space& space) {
  std::vector<Point> out;
  Point point(space.size());
  std::vector<std::size_t> index(space.size(), 0);
  const auto value = [&](std::size_t i) {
    if (const auto* levels = std::get_if<Levels>(&space[i].kind)) return levels->values[index[i]];
    return space[i].low() + static_cast<double>(index[i]);
  };
  for (;;) {
    for (std::size_t i = 0; i < space.size(); ++i) point[i] = value(i);
    if (space.feasible(point)) out.push_back(point);
    std::size_t i = space.size();
    while (i > 0 && ++index[i - 1] == space[i - 1].cardinality()) index[--i] = 0;
    if (i == 0) return out;
  }
}

Point pool_row(const Space& space, std::size_t row) {
  const double* first = space.pool()->values.data() + row * space.size();
  return {first, first + space.size()};
}

Matrix encode(const Space& space, const std::vector<Point>& points) {
  Matrix out(static_cast<Eigen::Index>(points.size()), static_cast<Eigen::Index>(space.size()));
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::vector<double> unit = space.encode(points[i]);
    for (std::size_t j = 0; j < unit.size(); ++j)
      out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = unit[j];
  }
  return out;
}

std::vector<Column> columns(const Space& space) {
  std::vector<Column> out;
  for (const Parameter& p : space.parameters()) {
    const auto* choices = std::get_if<Choices>(&p.kind);
    if (!choices || choices->descriptors.empty()) {
      out.push_back(choices ? Column::choices(static_cast<Eigen::Index>(choices->names.size())) : Column::kNumeric);
      continue;
    }
    const auto rows = static_cast<Eigen::Index>(choices->descriptors.size());
    Matrix descriptors(rows, static_cast<Eigen::Index>(choices->descriptors.front().size()));
    for (Eigen::Index i = 0; i < rows; ++i) {
      descriptors.row(i) = Eigen::Map<const Eigen::RowVectorXd>(
          choices->descriptors[static_cast<std::size_t>(i)].data(), descriptors.cols());
    }
    out.push_back(Column::described(descriptors));
  }
  return out;
}

std::vector<Point> space_filling(const Region& region, const std::vector<Point>& taken, std::size_t count,
                                 RandomStream& random, const std::function<bool()>& stop) {
  const Space& space = region.space();
  std::vector<Point> chosen;
  Tried tried(space);
  for (const Point& point : taken) tried.add(point);
  if (count == 0) return chosen;

  if (taken.empty() && !region.constrained() && !space.finite()) {
    Sobol sobol(space.size(), random);
    const Matrix unit = sobol.next(2 * count);
    for (Eigen::Index i = 0; i < unit.rows() && chosen.size() < count; ++i) {
      const Vector row = unit.row(i);
      const Point point = space.decode(std::span(row.data(), static_cast<std::size_t>(row.size())));
      if (tried.near(point)) continue;
      tried.add(point);
      chosen.push_back(point);
    }
    if (chosen.size() == count) return chosen;
  }

  // Energy distance of the chosen set to the candidates: each choice is the candidate c with the least
  //   mean over candidates |c − x|  −  mean over chosen and taken |c − x|.
  const std::vector<Point> points = candidates(region, tried, count, random, stop);
  if (points.empty()) return chosen;
  std::vector<Point> known = taken;
  known.insert(known.end(), chosen.begin(), chosen.end());
  const Matrix at = coordinates(space, points);
  const auto n = at.rows();
  // A few hundred candidates stand for all of them, drawn by chance: every fourth point of a Sobol sequence would lie
  // in one corner.
  const std::vector<std::size_t> drawn = subset(kRepresentatives, points.size(), random);
  Matrix some(static_cast<Eigen::Index>(drawn.size()), at.cols());
  for (std::size_t i = 0; i < drawn.size(); ++i)
    some.row(static_cast<Eigen::Index>(i)) = at.row(static_cast<Eigen::Index>(drawn[i]));
  const Vector to_all = summed_distances(at, some) / static_cast<double>(some.rows());
  Vector to_known = summed_distances(at, coordinates(space, known));
  auto count_known = static_cast<double>(known.size());
  while (chosen.size() < count) {
    Eigen::Index best = -1;
    double least = std::numeric_limits<double>::infinity();
    for (Eigen::Index i = 0; i < n; ++i) {
      const double energy = to_all[i] - to_known[i] / (count_known + 1);
      if (energy < least && !tried.near(points[static_cast<std::size_t>(i)])) {
        least = energy;
        best = i;
      }
    }
    if (best < 0) break;
    chosen.push_back(points[static_cast<std::size_t>(best)]);
    tried.add(chosen.back());
    to_known += (at.rowwise() - at.row(best)).rowwise().norm();
    count_known += 1;
  }
  return chosen;
}

}  // namespace athanor
