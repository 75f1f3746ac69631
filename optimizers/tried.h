// The points that were tried, failed or are under way: none is suggested again.
#pragma once

#include <optional>
#include <vector>

#include "core/space.h"

namespace athanor {

class Tried {
 public:
  /// Keeps a reference to the space.
  explicit Tried(const Space& space);
  void add(const Point& point);
  std::size_t size() const { return order_.size(); }
  /// True if `point` is the same experiment as one of them: in every parameter nearer to it than the parameter's
  /// resolution (to 1e-6 of that, for rounding). Without one: equal in a discrete parameter, and in a continuous one to
  /// within 1e-9 of its encoded range in a finite space (a pool's rows are what they are) and 1e-4 in any other.
  bool near(const Point& point) const;

  /// Whether some parameter has a resolution: then tried points shut out regions and not only themselves.
  bool coarse() const { return coarse_; }
  /// The value of parameter `i`, a range or whole numbers, next above (`up`) or below that of `point` at which, the
  /// others as they are, nothing tried is near; none if there is none in the range.
  std::optional<double> next_free(const Point& point, std::size_t i, bool up) const;

 private:
  // How a parameter's nearness is measured: by |difference| ≤ reach, in natural numbers or encoded ones. What is `step`
  // away is not near.
  struct Measure {
    bool natural = false;
    double reach = 0, step = 0;
  };

  static Measure measure(const Parameter& parameter, bool finite);

  std::vector<double> measured(const Point& point) const;
  /// Calls `visit` with each tried point that is near to `at` in every parameter but `skipped`, until it says stop.
  template <class Visit>
  void visit_near(const std::vector<double>& at, std::size_t skipped, const Visit& visit) const;
  const double* row(std::size_t index) const { return rows_.data() + index * measures_.size(); }

  const Space& space_;
  std::vector<Measure> measures_;
  bool coarse_ = false;
  std::size_t key_ = 0;             // the parameter that tells points apart best: an index for near()
  std::vector<double> rows_;        // measured points, one after the other
  std::vector<std::size_t> order_;  // the rows by their number of parameter key_
};

}  // namespace athanor
