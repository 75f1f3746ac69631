#include "optimizers/tried.h"

#include <algorithm>
#include <cmath>

namespace athanor {

void Tried::add(const Point& point) {
  encoded_.push_back(space_.encode(point));
}

bool Tried::near(const Point& point) const {
  const std::vector<double> unit = space_.encode(point);
  const bool finite = space_.finite();
  return std::any_of(encoded_.begin(), encoded_.end(), [&](const std::vector<double>& other) {
    for (std::size_t i = 0; i < unit.size(); ++i) {
      const double resolution = finite || !space_[i].continuous() ? 1e-9 : 1e-4;
      if (std::abs(unit[i] - other[i]) > resolution) return false;
    }
    return true;
  });
}

}  // namespace athanor
