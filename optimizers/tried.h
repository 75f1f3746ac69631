// The points that were tried, failed or are under way: none is suggested again.
#pragma once

#include <vector>

#include "core/space.h"

namespace athanor {

class Tried {
 public:
  /// Keeps a reference to the space.
  explicit Tried(const Space& space) : space_(space) {}
  void add(const Point& point);
  std::size_t size() const { return encoded_.size(); }
  /// True if `point` equals one of them: in every discrete parameter and, in every continuous one, to within 1e-9 of
  /// its encoded range in a finite space (a pool's rows are what they are) and 1e-4 in any other.
  bool near(const Point& point) const;

 private:
  const Space& space_;
  std::vector<std::vector<double>> encoded_;
};

}  // namespace athanor
