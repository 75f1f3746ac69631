// What changes in a world, as named numbers: what a sample holds, and what a device remembers of its own wear.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace athanor {

/// A small set of named numbers; a name that was never set is 0. Kept as text, one "name=number" a line, so that a
/// world can be read with any SQLite tool and reads back as the same doubles.
class State {
 public:
  double get(std::string_view name) const;
  void set(std::string_view name, double value);
  void add(std::string_view name, double change) { set(name, get(name) + change); }
  const std::map<std::string, double, std::less<>>& all() const { return values_; }

  std::string text() const;
  /// throws EnvironmentError for text that text() cannot have written (a damaged world).
  static State parse(std::string_view text);

 private:
  std::map<std::string, double, std::less<>> values_;
};

}  // namespace athanor
