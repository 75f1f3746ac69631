#include "controller/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "instruments/description.h"

namespace athanor {

std::vector<wire::Value> to_values(const Space& space, const Point& point) {
  std::vector<wire::Value> values;
  for (std::size_t i = 0; i < space.size(); ++i) {
    wire::Value value;
    value.set_name(space[i].name);
    if (space[i].categorical()) {
      value.set_text(space[i].text(point[i]));
    } else {
      value.set_number(point[i]);
      value.set_unit(space[i].unit.text());
    }
    values.push_back(std::move(value));
  }
  return values;
}

Point to_point(const Space& space, const std::vector<wire::Value>& values) {
  Point point(space.size());
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& parameter = space[i];
    const auto value =
        std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.name() == parameter.name; });
    if (value == values.end()) throw InputError(fmt::format("parameter “{}” has no value", parameter.name));
    if (!parameter.categorical()) {
      point[i] = number_in(*value, parameter.unit);
      continue;
    }
    const auto& names = std::get<Choices>(parameter.kind).names;
    const auto choice = std::find(names.begin(), names.end(), value->text());
    if (choice == names.end()) {
      throw InputError(fmt::format("“{}” is no choice of parameter “{}”{}", value->text(), parameter.name,
                                   suggest_name(value->text(), names)));
    }
    point[i] = static_cast<double>(choice - names.begin());
  }
  return point;
}

Outcomes outcomes(const std::vector<Measurand>& measurands, const Counted& counted) {
  Outcomes all(measurands.size());
  if (counted.values == nullptr) return all;
  for (std::size_t i = 0; i < measurands.size(); ++i) {
    for (const wire::Value& value : *counted.values) {
      const bool number = value.kind_case() == wire::Value::kNumber && value.name() == measurands[i].name;
      if (number && counted.believes(value.name())) all[i] = value.number();
    }
  }
  return all;
}

namespace {

using MaybeObservation = std::optional<Observation>;

// None: it taught nothing.
MaybeObservation observation(const Problem& problem, const std::vector<Measurand>& measurands, std::string id,
                             const std::vector<wire::Value>& at, const Counted& counted) {
  if (counted.values == nullptr && counted.failed == nullptr) return std::nullopt;
  Observation one;
  one.id = std::move(id);
  one.at = to_point(problem.space, at);
  one.measured.resize(measurands.size());
  if (counted.failed != nullptr) one.failed = *counted.failed;
  const Outcomes numbers = outcomes(measurands, counted);
  for (std::size_t i = 0; i < measurands.size(); ++i) {
    // What an instrument that went mad measured is in the journal; no model can be made of it.
    if (numbers[i] && std::abs(*numbers[i]) <= kLargestOutcome) one.measured[i] = Measurement{*numbers[i], {}};
  }
  return one;
}

MaybeObservation observation(const Problem& problem, const std::vector<Measurand>& measurands,
                             const ExperimentEntry& experiment) {
  MaybeObservation one =
      observation(problem, measurands, std::to_string(experiment.number), experiment.at, what_counts(experiment));
  if (one) one->suggested = true;
  return one;
}

}  // namespace

std::vector<Observation> observations(const Problem& problem, const State& state) {
  return ToldSoFar().of(problem, state);
}

const std::vector<Observation>& ToldSoFar::of(const Problem& problem, const State& state) {
  const std::vector<Measurand> measurands = problem.measurands();
  std::vector<std::uint64_t> open;
  const auto look = [&](std::uint64_t number) {
    const ExperimentEntry& experiment = state.experiment(number);
    if (!experiment.ended_already()) open.push_back(number);
    if (experiment.taught()) ++results_;
    MaybeObservation one = observation(problem, measurands, experiment);
    if (!one) return;
    const auto place = std::lower_bound(numbers_.begin(), numbers_.end(), number);
    all_.insert(all_.begin() + (place - numbers_.begin()), std::move(*one));
    numbers_.insert(place, number);
  };
  for (const std::uint64_t number : open_) look(number);
  while (looked_at_ < state.experiments.size()) look(++looked_at_);
  open_ = std::move(open);
  if (results_ == state.planning.results) return all_;
  // A person has said something: everything anew.
  all_.clear();
  numbers_.clear();
  open.clear();
  for (looked_at_ = 0; looked_at_ < state.experiments.size();) look(++looked_at_);
  open_ = std::move(open);
  for (std::size_t i = 0; i < state.added.size(); ++i) {
    if (auto one = observation(problem, measurands, fmt::format("added {}", i + 1), state.added[i].at,
                               what_counts(state.added[i].told)))
      all_.push_back(std::move(*one));
  }
  results_ = state.planning.results;
  return all_;
}

std::vector<Point> pending(const Problem& problem, const State& state) {
  std::vector<Point> points;
  for (const std::uint64_t number : state.live) points.push_back(to_point(problem.space, state.experiment(number).at));
  return points;
}

double number_in(const wire::Value& value, const Unit& unit) {
  if (value.kind_case() != wire::Value::kNumber) {
    throw InputError(
        fmt::format("“{}” is {}, where a number in “{}” is expected", value.name(), readable(value), unit.text()));
  }
  return in_unit({value.number(), Unit::parse(value.unit())}, unit);
}

}  // namespace athanor
