#include "lab_twin/lookup_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/check.h"
#include "core/quantity.h"

namespace athanor {

LookupTable::LookupTable(std::vector<LookupColumn> columns, const std::vector<std::vector<double>>& rows)
    : columns_(std::move(columns)) {
  ATHANOR_CHECK(!rows.empty(), "a table without rows");
  std::map<std::vector<double>, std::size_t> known;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto [found, is_new] = known.emplace(rows[row], points_.size());
    if (is_new) points_.push_back({rows[row], {}});
    points_[found->second].rows.push_back(row);
  }
}

LookupTable::Match LookupTable::nearest(const std::vector<double>& at) const {
  constexpr double kExact = 1e-6;
  Match best;
  std::size_t best_differences = std::numeric_limits<std::size_t>::max();
  double best_distance = std::numeric_limits<double>::infinity(), best_largest = 0;
  for (std::size_t p = 0; p < points_.size(); ++p) {
    std::size_t differences = 0;
    double distance = 0, largest = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const double gap = points_[p].at[i] - at[i];
      if (columns_[i].is_text()) {
        differences += gap != 0 ? 1 : 0;
        continue;
      }
      const double range = columns_[i].high - columns_[i].low;
      const double scaled = std::abs(gap) / (range > 0 ? range : std::max(1.0, std::abs(columns_[i].low)));
      distance += scaled * scaled;
      largest = std::max(largest, scaled);
    }
    if (differences > best_differences || (differences == best_differences && distance >= best_distance)) continue;
    best_differences = differences;
    best_distance = distance;
    best_largest = largest;
    best.point = p;
  }
  best.same_texts = best_differences == 0;
  best.exact = best.same_texts && best_largest <= kExact;
  return best;
}

std::string LookupTable::text(std::size_t point) const {
  std::string text;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const double value = points_[point].at[i];
    text += (i == 0 ? "" : ", ") + columns_[i].name + " = ";
    text += columns_[i].is_text() ? columns_[i].choices[static_cast<std::size_t>(value)] : pretty_number(value, 6);
  }
  return text;
}

}  // namespace athanor
