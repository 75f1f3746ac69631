#include "controller/observed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "controller/points.h"
#include "core/canary.h"
#include "core/document.h"
#include "instruments/description.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

using journal::v1::Observed;
using Values = google::protobuf::RepeatedPtrField<wire::Value>;

struct Mistakes {
  std::vector<Mistake> all;
  void add(const std::string& what) { all.emplace_back().message = what; }
};

const std::vector<wire::Value> kNone;

/// What stood before: of one that is added, nothing.
struct Known {
  const std::vector<wire::Value>* at = &kNone;
  Counted counted = {&kNone, nullptr, nullptr};
};

template <class List>
const wire::Value* find(const List& values, const std::string& name) {
  const auto found =
      std::find_if(values.begin(), values.end(), [&](const auto& value) { return value.name() == name; });
  return found == values.end() ? nullptr : &*found;
}

template <class List>
std::string listed(const List& values) {
  std::vector<std::string> texts;
  for (const wire::Value& value : values) texts.push_back(value.name() + " " + readable(value));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string subject(const Observed& observed) {
  return observed.experiment() > 0 ? fmt::format("experiment {}", observed.experiment())
                                   : fmt::format("added experiment {}", observed.added());
}

Known known_of(const State& state, const Observed& asked) {
  if (asked.experiment() > 0) {
    const std::uint64_t number = asked.experiment();
    if (number > state.experiments.size())
      throw InputError(fmt::format("there is no experiment {}; there are {} so far", number, state.experiments.size()));
    const ExperimentEntry& experiment = state.experiment(number);
    if (!experiment.ended_already()) {
      throw InputError(fmt::format(
          "experiment {0} is {1}, and what it gives is not known yet; wait for its end, or give it up first (“athanor "
          "abort JOURNAL --experiment {0}”)",
          number, to_string(experiment.state)));
    }
    if (experiment.corrected) return {&experiment.at, {&experiment.corrected->values, nullptr, nullptr}};
    return {&experiment.at, {&experiment.measured, nullptr, &experiment.flags}};
  }
  if (asked.added() == 0) return {};
  if (asked.added() > state.added.size()) {
    throw InputError(
        fmt::format("there is no added experiment {}; there are {} so far; one is added by saying where it was done",
                    asked.added(), state.added.size()));
  }
  const AddedEntry& added = state.added[asked.added() - 1];
  return {&added.at, {&added.told.values, nullptr, nullptr}};
}

void require_one_statement(const Observed& asked) {
  if (asked.experiment() > 0 && asked.added() > 0)
    throw InputError("an observation is of one experiment: one of the campaign, or an added one");
  const bool values = asked.values_size() > 0, failed = !asked.failed().empty();
  if (values + failed + asked.withdrawn() > 1)
    throw InputError("an experiment gave values, or it failed, or it is withdrawn: say one of these");
  const bool is_new = asked.experiment() == 0 && asked.added() == 0;
  if (is_new && asked.at_size() == 0) {
    throw InputError(
        "which experiment is it of? Name one of the campaign or an added one, or say where another one was done");
  }
  if (is_new && !values && !failed) throw InputError("what did it give? Say which values, or why it failed");
  if (values || failed || asked.withdrawn() || (asked.added() > 0 && asked.at_size() > 0)) return;
  throw InputError("nothing is said of it: say which values it gave, why it failed, or that it is withdrawn");
}

/// `what`: "parameter", "measured value".
void check_names(const Values& asked, const std::vector<std::string>& known, const char* what, Mistakes& mistakes) {
  std::set<std::string> seen;
  for (const wire::Value& value : asked) {
    if (std::find(known.begin(), known.end(), value.name()) == known.end()) {
      mistakes.add(fmt::format("there is no {} “{}”{}", what, value.name(), suggest_name(value.name(), known)));
    } else if (!seen.insert(value.name()).second) {
      mistakes.add(fmt::format("“{}” is given twice", value.name()));
    }
  }
}

/// As in the files, a number carries its unit: “50” for a yield may be meant as 50 % or as 5000 %.
double number_of(const wire::Value& value, const Unit& unit) {
  if (value.kind_case() != wire::Value::kText) return number_in(value, unit);
  const Quantity quantity = parse_quantity(value.text());
  if (quantity.unit.text().empty() && !unit.text().empty()) {
    throw InputError(fmt::format("“{0}” has no unit; write “{0} {1}”, or another unit that converts to “{1}”",
                                 value.text(), unit.text()));
  }
  return in_unit(quantity, unit);
}

double coordinate(const wire::Value& value, const Parameter& parameter) {
  if (const auto* choices = std::get_if<Choices>(&parameter.kind)) {
    const std::string name = value.kind_case() == wire::Value::kText ? value.text() : format_number(value.number());
    const auto found = std::find(choices->names.begin(), choices->names.end(), name);
    if (found == choices->names.end())
      throw InputError(fmt::format("“{}” is none of its choices{}", name, suggest_name(name, choices->names)));
    return static_cast<double>(found - choices->names.begin());
  }
  const double number = number_of(value, parameter.unit);
  // A converted quantity is off by rounding: take the legal number that it means.
  const double legal = parameter.nearest(number);
  const double slack = 1e-9 * (parameter.continuous() ? std::abs(legal) : 1);
  return std::abs(legal - number) <= slack ? legal : number;
}

std::vector<wire::Value> read_at(const Space& space, const Values& asked, const std::vector<wire::Value>& known,
                                 Mistakes& mistakes) {
  std::vector<std::string> names;
  for (const Parameter& parameter : space.parameters()) names.push_back(parameter.name);
  check_names(asked, names, "parameter", mistakes);
  Point point(space.size());
  const std::size_t before = mistakes.all.size();
  for (std::size_t i = 0; i < space.size(); ++i) {
    const wire::Value* value = find(asked, names[i]);
    if (value == nullptr) value = find(known, names[i]);
    try {
      if (value == nullptr) throw InputError("where was it? Every parameter needs a value");
      point[i] = coordinate(*value, space[i]);
    } catch (const InputError& error) {
      mistakes.add(fmt::format("“{}”: {}", names[i], error.what()));
    }
  }
  if (mistakes.all.size() > before) return {};
  if (const std::string why = space.why_implausible(point); !why.empty()) mistakes.add(why);
  return to_values(space, point);
}

std::vector<wire::Value> read_values(const std::vector<Measurand>& measurands, const Values& asked,
                                     const Counted& known, Mistakes& mistakes) {
  std::vector<std::string> names;
  for (const Measurand& measurand : measurands) names.push_back(measurand.name);
  check_names(asked, names, "measured value", mistakes);
  std::vector<wire::Value> all;
  for (const auto& [name, unit] : measurands) {
    const wire::Value* said = find(asked, name);
    const wire::Value* stood = known.believes(name) ? find(*known.values, name) : nullptr;
    if (said == nullptr && stood != nullptr) all.push_back(*stood);
    if (said == nullptr) continue;
    try {
      const double number = number_of(*said, unit);
      if (!(std::abs(number) <= kLargestOutcome)) {  // nor a NaN is
        throw InputError(fmt::format("{} cannot be computed with; the largest number that can, either way, is {}",
                                     readable(*said), format_number(kLargestOutcome)));
      }
      all.push_back(number_value(name, number, unit.text()));
    } catch (const InputError& error) {
      mistakes.add(fmt::format("“{}”: {}", name, error.what()));
    }
  }
  return all;
}

}  // namespace

// ── What counts ──────────────────────────────────────────────────────────────────────────────────────────────────────

bool Counted::believes(const std::string& measurand) const {
  return flags == nullptr || ATHANOR_CANARY("teach what cannot be") ||
         std::none_of(flags->begin(), flags->end(), [&](const auto& flag) { return flag.result() == measurand; });
}

Counted what_counts(ExperimentState state, const std::vector<wire::Value>& measured, const Counted::Flags& flags,
                    const std::string& why, const Correction* corrected) {
  if (corrected != nullptr) return what_counts(*corrected);
  if (state == ExperimentState::kMeasured) return {&measured, nullptr, &flags};
  if (state == ExperimentState::kFailed) return {nullptr, &why, nullptr};
  return {};
}

Counted what_counts(const ExperimentEntry& experiment) {
  return what_counts(experiment.state, experiment.measured, experiment.flags, experiment.why,
                     experiment.corrected ? &*experiment.corrected : nullptr);
}

Counted what_counts(const Correction& told) {
  if (told.withdrawn) return {};
  if (!told.failed.empty()) return {nullptr, &told.failed, nullptr};
  return {&told.values, nullptr, nullptr};
}

// ── What is said ─────────────────────────────────────────────────────────────────────────────────────────────────────

Correction correction_of(const Observed& observed) {
  return {{observed.values().begin(), observed.values().end()},
          observed.failed(),
          observed.withdrawn(),
          observed.who(),
          observed.why(),
          Time{Duration{observed.said_us()}}};
}

Observed complete(const Problem& problem, const State& state, const Observed& asked) {
  require_one_statement(asked);
  const Known known = known_of(state, asked);
  Observed record = asked;
  record.clear_at();
  record.clear_values();
  Mistakes mistakes;
  std::vector<wire::Value> at, values;
  if (asked.experiment() == 0) {
    at = read_at(problem.space, asked.at(), *known.at, mistakes);
    if (asked.added() == 0) record.set_added(state.added.size() + 1);
  } else if (asked.at_size() > 0) {
    mistakes.add(
        "where an experiment of the campaign was carried out is not corrected; withdraw it, and add one where it was");
  }
  if (asked.failed().empty()) values = read_values(problem.measurands(), asked.values(), known.counted, mistakes);
  if (!mistakes.all.empty()) throw InputError(std::move(mistakes.all));
  const bool only_moved = asked.values_size() == 0 && asked.failed().empty() && !asked.withdrawn();
  if (only_moved) {
    record.set_failed(state.added[asked.added() - 1].told.failed);
    record.set_withdrawn(state.added[asked.added() - 1].told.withdrawn);
  }
  record.mutable_at()->Add(at.begin(), at.end());
  record.mutable_values()->Add(values.begin(), values.end());
  return record;
}

// ── In words ─────────────────────────────────────────────────────────────────────────────────────────────────────────

std::string describe_counted(const Counted& counted) {
  if (counted.failed != nullptr) return fmt::format("failed ({})", *counted.failed);
  return counted.values == nullptr || counted.values->empty() ? "nothing" : listed(*counted.values);
}

std::string describe_observed(const Observed& observed) {
  const std::string at = observed.at_size() > 0 ? " at " + listed(observed.at()) + "," : "";
  const Correction told = correction_of(observed);
  return fmt::format("{}{} counts as {}, by {}: {}", subject(observed), at, describe_counted(what_counts(told)),
                     observed.who(), observed.why());
}

}  // namespace athanor
