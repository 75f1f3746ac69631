// Measured experiments, found again by their parameters: replicates of one point gathered, the nearest point to any
// other.
#pragma once

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace athanor {

/// A parameter's values in the table: numbers, or texts as the index of a choice.
struct LookupColumn {
  std::string name;                  ///< the parameter's
  std::vector<std::string> choices;  ///< of texts, in the order in which the table first names them; empty for numbers
  double low = 0, high = 0;          ///< of numbers
  std::vector<double> levels;        ///< of numbers: every different one, where there are few

  bool is_text() const { return !choices.empty(); }
};

class LookupTable {
 public:
  /// `rows` (each one number a column: the value, or the index of a choice) in the order of the file.
  LookupTable(std::vector<LookupColumn> columns, const std::vector<std::vector<double>>& rows);

  const std::vector<LookupColumn>& columns() const { return columns_; }
  std::size_t points() const { return points_.size(); }
  /// The table's rows at point `i`, in the file's order.
  const std::vector<std::size_t>& rows(std::size_t i) const { return points_[i].rows; }

  struct Match {
    std::size_t point = 0;
    bool exact = false;  ///< every number to 1e-6 of its column's range, every text the same
    bool same_texts = true;
  };
  /// The point nearest to `at`: the most equal texts first, then the Euclidean distance of the numbers, each divided by
  /// its column's range; of several the first in the file.
  Match nearest(const std::vector<double>& at) const;
  /// "n = 6, theta = 0": a point for a person.
  std::string text(std::size_t point) const;

 private:
  struct Entry {
    std::vector<double> at;
    std::vector<std::size_t> rows;
  };
  std::vector<LookupColumn> columns_;
  std::vector<Entry> points_;
};

}  // namespace athanor
