// Settings of the twin as written in the lab file: each has a default, a unit and a range, and an unknown one is a
// mistake.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/document.h"

namespace athanor {

class Settings {
 public:
  /// `node` may be missing: then every setting has its default. `what` names the thing in messages.
  Settings(const Node& node, std::string what);

  /// Each gives the setting, or `otherwise` where it is not there or wrong (which is added to the document's mistakes).
  double number(const std::string& key, double otherwise, double low, double high);
  long integer(const std::string& key, long otherwise, long low, long high);
  double quantity(const std::string& key, const std::string& unit, double otherwise, double low, double high);
  bool flag(const std::string& key, bool otherwise);
  std::string choice(const std::string& key, const std::vector<std::string>& allowed, const std::string& otherwise);
  /// Missing where there is none.
  Node raw(const std::string& key);
  /// Missing, and a mistake, where there is none.
  Node required(const std::string& key);
  /// The same for a quantity; none where it is missing or wrong.
  std::optional<double> required_quantity(const std::string& key, const std::string& unit, double low, double high);

  const std::string& what() const { return what_; }
  /// Reports the settings that nobody asked for.
  void finish();

 private:
  double in_range(const Node& node, std::optional<double> value, const std::string& unit, double otherwise, double low,
                  double high) const;
  std::optional<MapReader> reader_;
  std::string what_;
};

}  // namespace athanor
