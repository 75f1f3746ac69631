// The lines of a planner's conversation, read and written: numbers with units, points, measurements.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "optimizers/planner.h"

namespace athanor {

using Json = nlohmann::ordered_json;

/// Collects the mistakes of one line, so that all of them are answered at once.
class Mistakes {
 public:
  /// where: "tell, item 2"; empty for the line as a whole.
  void add(const std::string& where, const std::string& what);
  /// throws InputError with the first ten, and how many more there are.
  void throw_if_any() const;

 private:
  std::vector<std::string> list_;
};

/// throws InputError that says from which character on it is no JSON, or that it is nested too deep.
Json parse_line(const std::string& line);
/// `value` as it is quoted in a message, shortened where it is long.
std::string shown(const Json& value);

// What follows adds what it finds wrong to `mistakes`, under `where`.

void check_keys(const Json& object, const std::vector<std::string>& known, const std::string& where,
                Mistakes& mistakes);
/// {"temperature": 80, "residence": "2 min", "ligand": "XPhos"}: a number is in the parameter's own unit.
std::optional<Point> read_point(const Space& space, const Json& value, const std::string& where, Mistakes& mistakes);
/// The keys “measured” and “sd” of `item`, one entry a measurand.
std::vector<std::optional<Measurement>> read_measured(const std::vector<Measurand>& measurands, const Json& item,
                                                      const std::string& where, Mistakes& mistakes);

Json write_point(const Space& space, const Point& point);
/// {"yield": {"mean": …, "sd": …}}; empty where nothing is predicted.
Json write_predictions(const Problem& problem, const Forecast& forecast);

}  // namespace athanor
