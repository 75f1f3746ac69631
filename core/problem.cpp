#include "core/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/candidates.h"
#include "core/check.h"
#include "core/error.h"
#include "core/read_space.h"
#include "core/text.h"

namespace athanor {
namespace {

constexpr long kMostInitial = 10'000;
constexpr long kMostAtOnce = 1'000;  // experiments under way: more places and instruments than a laboratory has

std::optional<Unit> read_unit(const Node& node) {
  const auto text = node.text();
  if (!text) return std::nullopt;
  try {
    return Unit::parse(*text);
  } catch (const InputError& mistake) {
    node.error(mistake.mistakes().front().message);
    return std::nullopt;
  }
}

/// The value of the one of `words` that stands at `node`; the first one's where none of them does.
template <class Value>
Value read_word(const Node& node, const std::vector<std::pair<std::string, Value>>& words) {
  std::vector<std::string> known;
  for (const auto& [word, value] : words) known.push_back(word);
  const auto found = node.one_of(known);
  for (const auto& [word, value] : words) {
    if (found == word) return value;
  }
  return words.front().second;
}

// The target is in the objective's unit, or gives it its unit where none was named.
void read_target(const Node& target, bool has_unit, Objective& objective) {
  objective.goal = Objective::Goal::kTarget;
  if (has_unit) {
    objective.target = target.quantity_in(objective.unit).value_or(0);
  } else if (const auto quantity = target.quantity()) {
    objective.target = quantity->value;
    objective.unit = quantity->unit;
  }
}

// “goal: maximize”, “goal: minimize”, “goal: {target: 7}” or “target: 7”.
void read_goal(const Node& node, const Node& goal, Node target, bool has_unit, Objective& objective) {
  if (goal.kind() == Node::Kind::kMap) {
    MapReader inner(goal, "goal");
    const Node inner_target = inner.required("target");
    inner.finish();
    if (target) target.error("the target is given twice, here and under “goal:”; remove one");
    target = inner_target;
  } else if (goal) {
    const auto word = goal.one_of({"maximize", "minimize"});
    if (word == "minimize") objective.goal = Objective::Goal::kMinimize;
    if (target) target.error("an objective has either a goal or a target; remove one");
    return;
  }
  if (target) {
    read_target(target, has_unit, objective);
  } else if (!goal && node.kind() == Node::Kind::kMap) {
    node.error(
        fmt::format("objective “{}” needs “goal: maximize”, “goal: minimize” or “target: value”", objective.name));
  }
}

void read_reference(const Node& reference, bool lone, Objective& objective) {
  objective.reference = reference.quantity_in(objective.unit);
  if (lone) {
    reference.error(
        fmt::format("a reference counts only among several objectives, and “{}” is the only one; remove it, or write "
                    "an outcome constraint if what is worse is of no use",
                    objective.name));
  }
}

void read_transform(const Node& transform, Objective& objective) {
  using Transform = Objective::Transform;
  objective.transform = read_word<Transform>(transform, {{"auto", Transform::kAuto},
                                                         {"none", Transform::kNone},
                                                         {"log", Transform::kLog},
                                                         {"bilog", Transform::kBilog},
                                                         {"winsorise", Transform::kWinsorise}});
  if (objective.transform == Transform::kLog && objective.goal == Objective::Goal::kTarget) {
    transform.error(
        fmt::format("“log” tells apart what is nearly as high or as low as the best, and “{}” has a target between; "
                    "expected one of auto, none, bilog, winsorise",
                    objective.name));
  }
}

Objective read_objective(const std::string& name, const Node& node, bool lone) {
  Objective objective;
  objective.name = name;
  MapReader map(node, fmt::format("objective “{}”", name));
  const Node unit = map.optional("unit"), goal = map.optional("goal"), target = map.optional("target"),
             reference = map.optional("reference"), transform = map.optional("transform");
  map.finish();
  if (unit) objective.unit = read_unit(unit).value_or(Unit());
  read_goal(node, goal, target, static_cast<bool>(unit), objective);
  if (reference) read_reference(reference, lone, objective);
  if (transform) read_transform(transform, objective);
  return objective;
}

std::vector<Objective> read_objectives(const Node& node) {
  std::vector<Objective> objectives;
  const auto entries = node.entries();
  if (node.kind() == Node::Kind::kMap && entries.empty()) {
    node.error("there is no objective; name at least one, such as “yield: {goal: maximize, unit: \"%\"}”");
  }
  for (const auto& [name, value] : entries) objectives.push_back(read_objective(name, value, entries.size() == 1));
  return objectives;
}

/// Two bounds on one side of a measurand, or two that leave nothing between them.
std::optional<std::string> conflict_of(const OutcomeConstraint& constraint, const std::string& name,
                                       const std::vector<OutcomeConstraint>& others) {
  for (const OutcomeConstraint& other : others) {
    if (other.measurand != constraint.measurand) continue;
    if (other.at_most == constraint.at_most) {
      return fmt::format("“{}” and “{}” both bound “{}” from {}; remove the looser one", other.text, constraint.text,
                         name, constraint.at_most ? "above" : "below");
    }
    if (constraint.at_most ? constraint.bound <= other.bound : constraint.bound >= other.bound) {
      return fmt::format("“{}” and “{}” leave no room for “{}” between them; remove or widen one", other.text,
                         constraint.text, name);
    }
  }
  return std::nullopt;
}

/// "impurity <= 5 %": the name, the comparison, the bound. A measurand that is no objective takes the bound's unit.
void read_outcome_constraint(const Node& node, Problem& problem) {
  const auto text = node.text();
  if (!text) return;
  static constexpr std::pair<std::string_view, bool> kSigns[] = {{"<=", true}, {">=", false}, {"≤", true},
                                                                 {"≥", false}, {"<", true},   {">", false}};
  const auto fail = [&](const std::string& why) {
    node.error(fmt::format(
        "outcome constraint “{}” {}; expected a measured value and its bound, such as “impurity <= 5 %”", *text, why));
  };
  const std::pair<std::string_view, bool>* sign = nullptr;
  std::size_t at = std::string::npos;
  for (const auto& candidate : kSigns) {
    if (const std::size_t found = text->find(candidate.first); found < at) {
      sign = &candidate;
      at = found;
    }
  }
  if (sign == nullptr) return fail("has no comparison (<= or >=)");
  const std::string name(trimmed(std::string_view(*text).substr(0, at)));
  const std::string bound(trimmed(std::string_view(*text).substr(at + sign->first.size())));
  if (name.empty()) return fail("names nothing before its comparison");
  Quantity quantity;
  try {
    quantity = parse_quantity(bound);
  } catch (const InputError&) {
    return fail(fmt::format("has the bound “{}”, which is no number with a unit", bound));
  }
  OutcomeConstraint constraint{0, sign->second, quantity.value, *text};
  const std::vector<Measurand> known = problem.measurands();
  const auto same = std::find_if(known.begin(), known.end(), [&](const Measurand& m) { return m.name == name; });
  constraint.measurand = static_cast<std::size_t>(same - known.begin());
  if (same == known.end()) {
    if (name.find_first_of("+*/<>=") != name.npos || name.find(" - ") != name.npos) {
      return fail(
          fmt::format("has “{}” on its left, where one measured value stands alone; let the sum or ratio itself "
                      "be what is measured",
                      name));
    }
    if (problem.space.find(name)) {
      return fail(fmt::format("is about the parameter “{}”; what is varied is limited under “constraints”", name));
    }
    problem.measured_too.push_back({name, quantity.unit});
  } else {
    try {
      // As everywhere, “40” under the unit % might mean 40 % or 4000 %.
      const bool bare = quantity.unit.text().empty() && same->unit.convertible_to(quantity.unit);
      if (bare && same->unit.convert(1, quantity.unit) != 1) {
        return fail(fmt::format("has the bound “{0}” without a unit, and “{1}” is in “{2}”: write “{0} {2}”", bound,
                                name, same->unit.text()));
      }
      constraint.bound = in_unit(quantity, same->unit);
    } catch (const InputError& mistake) {
      return fail(fmt::format("does not fit “{}”: {}", name, mistake.mistakes().front().message));
    }
  }
  if (const auto conflict = conflict_of(constraint, name, problem.outcome_constraints)) return node.error(*conflict);
  problem.outcome_constraints.push_back(std::move(constraint));
}

// An acquisition made for one objective, or for several, asked for where the campaign has another number of them.
void check_acquisition(const Node& node, PlannerSettings::Acquisition acquisition, std::size_t objectives) {
  using Acquisition = PlannerSettings::Acquisition;
  if (objectives == 0) return;  // that is a mistake of its own
  const auto fail = [&](const std::string& why, const std::string& instead) {
    node.error(fmt::format("“{}” {}; expected {}, upper_confidence_bound, thompson, or auto, which takes what suits",
                           *node.text(), why, instead));
  };
  if (acquisition == Acquisition::kExpectedImprovement && objectives > 1) {
    fail(fmt::format("is of one objective, and there are {}", objectives),
         objectives <= kMostHypervolume ? "hypervolume, parego" : "parego");
  } else if ((acquisition == Acquisition::kHypervolume || acquisition == Acquisition::kParego) && objectives == 1) {
    fail("weighs several objectives, and there is one", "expected_improvement");
  } else if (acquisition == Acquisition::kHypervolume && objectives > kMostHypervolume) {
    fail(fmt::format("is of {} objectives at most, and there are {}", kMostHypervolume, objectives), "parego");
  }
}

PlannerSettings read_planner(const Node& node, std::size_t objectives) {
  PlannerSettings settings;
  MapReader map(node, "planner");
  const auto read = [](const Node& count, long most, std::size_t& setting) {
    const auto value = count.integer();
    if (!value) return;
    if (*value < 1 || *value > most) count.error(fmt::format("found {}; expected 1 to {}", *value, most));
    setting = static_cast<std::size_t>(std::clamp(*value, 1L, most));
  };
  read(map.optional("initial"), kMostInitial, settings.initial);
  read(map.optional("batch"), kMostAtOnce, settings.batch);
  read(map.optional("replicates"), kMostAtOnce, settings.replicates);
  if (const Node acquisition = map.optional("acquisition")) {
    settings.acquisition = read_word<PlannerSettings::Acquisition>(
        acquisition, {{"auto", PlannerSettings::Acquisition::kAuto},
                      {"expected_improvement", PlannerSettings::Acquisition::kExpectedImprovement},
                      {"hypervolume", PlannerSettings::Acquisition::kHypervolume},
                      {"parego", PlannerSettings::Acquisition::kParego},
                      {"upper_confidence_bound", PlannerSettings::Acquisition::kUpperConfidenceBound},
                      {"thompson", PlannerSettings::Acquisition::kThompson}});
    check_acquisition(acquisition, settings.acquisition, objectives);
  }
  map.finish();
  return settings;
}

struct SpaceNodes {
  Node space, mixtures, constraints, candidates;
};

std::optional<CandidatePool> read_space_parts(const SpaceNodes& nodes, const std::vector<std::string>& objectives,
                                              NamedFiles files, SpaceDraft& draft) {
  read_parameters(nodes.space, files, draft);
  if (draft.unread) return std::nullopt;
  std::optional<CandidateFile> table;
  if (nodes.candidates && files == NamedFiles::kRead) table = open_candidates(nodes.candidates);
  if (!nodes.space && table) draft.parameters = parameters_of(*table, objectives);
  if (draft.parameters.empty() && draft.broken.empty()) return std::nullopt;
  read_mixtures(nodes.mixtures, draft);
  read_constraints(nodes.constraints, draft);
  // With a parameter missing, its column and its constraints would all look wrong.
  if (!table || !draft.broken.empty()) return std::nullopt;
  return read_pool(*table, draft.parameters, draft.constraints);
}

Space read_space(const SpaceNodes& nodes, const std::vector<Objective>& objectives, NamedFiles files) {
  Document& document = (nodes.space ? nodes.space : nodes.candidates).document();
  const std::size_t before = document.mistakes().size();
  std::vector<std::string> names;
  for (const Objective& objective : objectives) names.push_back(objective.name);
  SpaceDraft draft;
  auto pool = read_space_parts(nodes, names, files, draft);
  for (const Parameter& parameter : draft.parameters) {
    if (std::find(names.begin(), names.end(), parameter.name) == names.end()) continue;
    document.error((nodes.space ? nodes.space : nodes.candidates).place(),
                   fmt::format("“{}” is both a parameter and an objective; give each its own name", parameter.name));
  }
  if (draft.parameters.empty() || draft.unread || document.mistakes().size() > before) return {};
  try {
    return {std::move(draft.parameters), std::move(draft.constraints), std::move(pool)};
  } catch (const InputError& error) {
    const Node& culprit = nodes.constraints ? nodes.constraints
                          : nodes.mixtures  ? nodes.mixtures
                          : nodes.space     ? nodes.space
                                            : nodes.candidates;
    for (const Mistake& mistake : error.mistakes()) culprit.error(mistake.message);
    return {};
  }
}

}  // namespace

double Objective::merit(double value) const {
  switch (goal) {
    case Goal::kMaximize:
      return value;
    case Goal::kMinimize:
      return -value;
    case Goal::kTarget:
      return -std::abs(value - target);
  }
  ATHANOR_CHECK(false, "an objective of no known goal");
}

std::vector<Measurand> Problem::measurands() const {
  std::vector<Measurand> all;
  for (const Objective& objective : objectives) all.push_back({objective.name, objective.unit});
  all.insert(all.end(), measured_too.begin(), measured_too.end());
  return all;
}

Problem read_problem(MapReader& campaign, NamedFiles files, const Node& recorded) {
  Problem problem;
  SpaceNodes nodes;
  nodes.candidates = campaign.optional("candidates");
  nodes.space = nodes.candidates || recorded ? campaign.optional("space") : campaign.required("space");
  if (recorded) nodes.space = recorded;
  nodes.mixtures = campaign.optional("mixtures");
  nodes.constraints = campaign.optional("constraints");
  problem.objectives = read_objectives(campaign.required("objectives"));
  if (nodes.space || nodes.candidates) problem.space = read_space(nodes, problem.objectives, files);
  for (const Node& constraint : campaign.optional("outcome_constraints").items()) {
    read_outcome_constraint(constraint, problem);
  }
  problem.planner = read_planner(campaign.optional("planner"), problem.objectives.size());
  return problem;
}

}  // namespace athanor
