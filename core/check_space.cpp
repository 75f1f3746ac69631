#include "core/check_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/check.h"
#include "core/error.h"
#include "core/feasible_point.h"
#include "core/reachable_sums.h"

namespace athanor {
namespace {

void check_continuous(const Parameter& parameter, const Continuous& range) {
  const std::string& name = parameter.name;
  if (!std::isfinite(range.low) || !std::isfinite(range.high) || !std::isfinite(range.high - range.low)) {
    throw InputError(
        fmt::format("parameter “{}”: its range [{}, {}] is too wide to compute with; its width must be a "
                    "finite number",
                    name, format_number(range.low), format_number(range.high)));
  }
  if (!(range.low < range.high)) {
    throw InputError(
        fmt::format("parameter “{}”: its range [{}, {}] is empty; the lower end comes first (for one fixed "
                    "value write levels: [{}])",
                    name, format_number(range.low), format_number(range.high), parameter.with_unit(range.low)));
  }
  if (range.log && range.low <= 0) {
    throw InputError(fmt::format("parameter “{}”: a logarithmic scale needs a positive lower end; found {}", name,
                                 format_number(range.low)));
  }
  if (range.log && !std::isfinite(range.high / range.low)) {
    throw InputError(
        fmt::format("parameter “{}”: its logarithmic range [{}, {}] is too wide to compute with; the ratio of "
                    "its ends must be a finite number",
                    name, format_number(range.low), format_number(range.high)));
  }
}

void check_integer(const std::string& name, const Integer& range) {
  // Up to here every whole number survives the way to the unit cube and back.
  constexpr long kLargest = 1'000'000'000'000;
  if (range.low > range.high) {
    throw InputError(
        fmt::format("parameter “{}”: its range of whole numbers [{}, {}] is empty; the lower end comes first", name,
                    range.low, range.high));
  }
  if (range.low < -kLargest || range.high > kLargest) {
    throw InputError(
        fmt::format("parameter “{}”: whole numbers beyond ±{} are not supported; use a range", name, kLargest));
  }
}

void check_levels(const std::string& name, const Levels& levels) {
  if (levels.values.empty()) throw InputError(fmt::format("parameter “{}” has no levels; give one at least", name));
  for (std::size_t i = 0; i < levels.values.size(); ++i) {
    const bool ascends = i == 0 || levels.values[i - 1] < levels.values[i];
    if (!std::isfinite(levels.values[i]) || !ascends) {
      throw InputError(fmt::format("parameter “{}”: its levels must be finite numbers, ascending, each once; found {}",
                                   name, format_number(levels.values[i])));
    }
  }
}

void check_choices(const std::string& name, const Choices& choices) {
  if (choices.names.empty()) throw InputError(fmt::format("parameter “{}” has no choices; give one at least", name));
  std::unordered_set<std::string_view> seen;
  for (const std::string& choice : choices.names) {
    if (choice.empty()) throw InputError(fmt::format("parameter “{}” has a choice without a name", name));
    if (!seen.insert(choice).second) {
      throw InputError(fmt::format("parameter “{}” has the choice “{}” twice; remove one", name, choice));
    }
  }
}

void check_descriptors(const std::string& name, const Choices& choices) {
  const auto& rows = choices.descriptors;
  if (rows.empty()) return;
  bool well = rows.size() == choices.names.size() && !rows.front().empty();
  for (const auto& row : rows) {
    well = well && row.size() == rows.front().size() &&
           std::all_of(row.begin(), row.end(), [](double value) { return value >= 0 && value <= 1; });
  }
  if (well) return;
  throw InputError(
      fmt::format("parameter “{}”: its descriptors must be one row a choice, all equally long, of numbers "
                  "from 0 to 1",
                  name));
}

void check_resolution(const Parameter& parameter) {
  const double resolution = parameter.resolution;
  if (resolution == 0) return;
  if (std::holds_alternative<Levels>(parameter.kind) || parameter.categorical()) {
    throw InputError(
        fmt::format("parameter “{}”: only a range and whole numbers have a resolution; leave it out", parameter.name));
  }
  if (!(resolution > 0) || !std::isfinite(resolution)) {
    throw InputError(fmt::format("parameter “{}”: its resolution is {}; expected a positive number", parameter.name,
                                 parameter.with_unit(resolution)));
  }
  if (resolution > parameter.width()) {
    throw InputError(
        fmt::format("parameter “{}”: its resolution of {} is wider than its range, which is {} wide; "
                    "after one experiment no other value would be left",
                    parameter.name, parameter.with_unit(resolution), parameter.with_unit(parameter.width())));
  }
}

void check_parameter(const Parameter& parameter) {
  if (parameter.name.empty()) throw InputError("a parameter has no name");
  if (const auto* k = std::get_if<Continuous>(&parameter.kind)) check_continuous(parameter, *k);
  if (const auto* k = std::get_if<Integer>(&parameter.kind)) check_integer(parameter.name, *k);
  if (const auto* k = std::get_if<Levels>(&parameter.kind)) check_levels(parameter.name, *k);
  if (const auto* k = std::get_if<Choices>(&parameter.kind)) {
    check_choices(parameter.name, *k);
    check_descriptors(parameter.name, *k);
  }
  check_resolution(parameter);
}

void check_terms(const LinearConstraint& constraint, const std::vector<Parameter>& parameters) {
  bool finite = std::isfinite(constraint.bound);
  for (const auto& term : constraint.terms) {
    ATHANOR_CHECK(term.parameter < parameters.size(), "a constraint on a parameter that does not exist");
    finite = finite && std::isfinite(term.coefficient);
    if (parameters[term.parameter].categorical()) {
      throw InputError(
          fmt::format("constraint “{}”: “{}” is a choice, not a number; a constraint can depend on one: "
                      "{{when: {{{}: …}}, then: …}}",
                      constraint.text, parameters[term.parameter].name, parameters[term.parameter].name));
    }
  }
  if (!finite) throw InputError(fmt::format("constraint “{}”: a number is not finite", constraint.text));
}

void check_reachable(const LinearConstraint& constraint, const std::vector<Parameter>& parameters) {
  const auto around = sums_beside_bound(constraint, parameters);
  if (!around) return;
  std::string names;
  for (const auto& term : constraint.terms) {
    if (term.coefficient != 0) names += (names.empty() ? "" : ", ") + parameters[term.parameter].name;
  }
  throw InputError(
      fmt::format("constraint “{}” holds nowhere: from the values that {} can take come {} and {} and nothing between; "
                  "change a number of it",
                  constraint.text, names, pretty_number(around->first, 12), pretty_number(around->second, 12)));
}

/// “sum”, “other” of the constraints with these indices.
std::string quoted(const std::vector<LinearConstraint>& constraints, const std::vector<std::size_t>& which) {
  std::string texts;
  for (const std::size_t i : which) texts += (texts.empty() ? "“" : ", “") + constraints[i].text + "”";
  return texts;
}

void check_conflicts(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints) {
  if (can_hold_together(parameters, constraints)) return;
  const std::vector<std::size_t> conflict = smallest_conflict(parameters, constraints);
  std::string ranges;
  std::vector<bool> named(parameters.size(), false);
  for (const std::size_t i : conflict) {
    for (const auto& term : constraints[i].terms) {
      if (named[term.parameter]) continue;
      named[term.parameter] = true;
      const Parameter& p = parameters[term.parameter];
      ranges += fmt::format("{}{} {} … {}", ranges.empty() ? "" : ", ", p.name, format_number(p.low()),
                            p.with_unit(p.high()));
    }
  }
  throw InputError(fmt::format("no point satisfies {} within {}; widen a range or relax {}",
                               quoted(constraints, conflict), ranges,
                               conflict.size() == 1 ? "the constraint" : "one of these constraints"));
}

void check_conditions(const LinearConstraint& constraint, const std::vector<Parameter>& parameters) {
  for (const LinearConstraint::Condition& condition : constraint.when) {
    ATHANOR_CHECK(condition.parameter < parameters.size() && parameters[condition.parameter].categorical() &&
                      condition.meant.size() == parameters[condition.parameter].cardinality(),
                  "a condition that is not on a choice");
  }
  if (!constraint.when.empty() && constraint.sense == LinearConstraint::Sense::kEqual) {
    throw InputError(
        fmt::format("constraint “{}”: an equality cannot depend on a choice; write two inequalities", constraint.text));
  }
}

/// Whether a constraint forbids `choice` of a parameter and speaks of nothing else: it is meant to be left out.
bool forbidden(const std::vector<LinearConstraint>& constraints, std::size_t parameter, std::size_t choice) {
  return std::any_of(constraints.begin(), constraints.end(), [&](const LinearConstraint& c) {
    return c.terms.empty() && c.when.size() == 1 && c.when[0].parameter == parameter && c.when[0].meant[choice];
  });
}

/// Whether some combination of choices is left, and of each choice that a condition names one.
void check_choices_left(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints) {
  std::vector<std::size_t> conditional;
  std::vector<bool> named(parameters.size(), false);
  for (std::size_t c = 0; c < constraints.size(); ++c) {
    if (!constraints[c].when.empty()) conditional.push_back(c);
    for (const auto& condition : constraints[c].when) named[condition.parameter] = true;
  }
  if (conditional.empty()) return;
  if (!can_hold_together(parameters, constraints)) {
    throw InputError(fmt::format("no combination of choices is left by {}; relax one of them",
                                 quoted(constraints, smallest_conflict(parameters, constraints))));
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    for (std::size_t choice = 0; named[i] && choice < parameters[i].cardinality(); ++choice) {
      const Held held{i, static_cast<double>(choice)};
      if (forbidden(constraints, i, choice) || can_hold_together(parameters, constraints, held)) continue;
      throw InputError(fmt::format(
          "with “{}” of “{}” no point satisfies {}; relax one of these constraints, or take that choice out",
          parameters[i].text(held.value), parameters[i].name,
          quoted(constraints, smallest_conflict(parameters, constraints, held))));
    }
  }
}

}  // namespace

void check_parameters(const std::vector<Parameter>& parameters) {
  if (parameters.empty()) throw InputError("the space has no parameters; name at least one thing that may be varied");
  std::unordered_set<std::string_view> names;
  for (const Parameter& parameter : parameters) {
    check_parameter(parameter);
    if (!names.insert(parameter.name).second) {
      throw InputError(fmt::format("two parameters are named “{}”; give each its own name", parameter.name));
    }
  }
}

void check_constraints(const std::vector<Parameter>& parameters, const std::vector<LinearConstraint>& constraints) {
  for (const LinearConstraint& constraint : constraints) {
    check_terms(constraint, parameters);
    check_reachable(constraint, parameters);
    check_conditions(constraint, parameters);
  }
  std::vector<LinearConstraint> always;
  for (const LinearConstraint& constraint : constraints) {
    if (constraint.when.empty()) always.push_back(constraint);
  }
  check_conflicts(parameters, always);
  // Where a condition holds there should be something left: who means to forbid it says so.
  for (const LinearConstraint& constraint : constraints) {
    if (constraint.when.empty() || constraint.terms.empty()) continue;
    always.push_back(constraint);
    always.back().when.clear();
    check_conflicts(parameters, always);
    always.pop_back();
  }
  check_choices_left(parameters, constraints);
}

}  // namespace athanor
