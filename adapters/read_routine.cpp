#include "adapters/read_routine.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace athanor {
namespace {

constexpr const char* kWait = "wait";
constexpr double kOftenest = 0.01, kMostSeldom = 3600;  // seconds between two questions of an `until`

std::optional<Fault::Kind> fault_kind(const Node& node) {
  const auto word = node.one_of({"device", "sample", "stock"});
  if (!word) return std::nullopt;
  return *word == "sample" ? Fault::Kind::kSample : *word == "stock" ? Fault::Kind::kStock : Fault::Kind::kDevice;
}

}  // namespace

RoutineReader::RoutineReader(const Adapter& adapter, Variables known, Variables results, std::string asking)
    : adapter_(adapter), known_(std::move(known)), results_(std::move(results)), asking_(std::move(asking)) {}

Routine RoutineReader::read(const Node& steps) {
  Routine routine;
  if (!steps) return routine;
  const std::vector<Node> items = steps.items();
  if (items.empty() && steps.kind() == Node::Kind::kSequence) steps.error("no steps; expected at least one");
  for (const Node& node : items) routine.push_back(read_step(node));
  return routine;
}

ProfileStep RoutineReader::read_step(const Node& node) {
  ProfileStep step;
  step.place = node.place();
  MapReader reader(node, "the step");
  const bool does_something = read_verb(reader, step);
  const bool answers = !does_something || (!step.wait && step.verb.answers);
  for (const char* key : {"take", "expect", "faults", "until"}) {
    const Node part = reader.optional(key);
    if (!part || answers) continue;
    part.error(
        fmt::format("“{}” gets no answer, so there is nothing for “{}”", step.wait ? kWait : step.verb.name, key));
  }
  if (const Node takes = reader.optional("take")) read_takes(takes, step);
  if (answers) {
    if (const Node expect = reader.optional("expect")) read_expect(expect, step);
    if (const Node faults = reader.optional("faults")) read_faults(faults, step);
    read_until(reader, step);
  }
  if (does_something) reader.finish();
  return step;
}

/// The one key that says what is done; false if there is none.
bool RoutineReader::read_verb(MapReader& reader, ProfileStep& step) {
  std::vector<std::string> names = {kWait};
  std::vector<Node> found;
  if (const Node wait = reader.optional(kWait)) {
    found.push_back(wait);
    step.wait = read_time(wait);
    if (step.wait) step.needs = step.wait->needs();
  }
  for (const Adapter::Verb& verb : adapter_.verbs()) {
    names.push_back(verb.name);
    const Node node = reader.optional(verb.name);
    if (!node) continue;
    found.push_back(node);
    step.verb = verb;
    step.what = {};
    if (!asking_.empty() && !verb.harmless) {
      std::vector<std::string> asks;
      for (const Adapter::Verb& other : adapter_.verbs()) {
        if (other.harmless) asks.push_back(other.name);
      }
      node.error(fmt::format("“{}” acts, and the steps of “{}” may only ask; expected one of {}", verb.name, asking_,
                             fmt::join(asks, ", ")));
    }
    bool good = put(step, verb.name, node, verb.filling);
    for (const std::string& key : verb.beside) {
      if (const Node beside = reader.optional(key)) good = put(step, key, beside, {}) && good;
    }
    if (good) adapter_.check(verb.name, step.what.fill(ones(known_)), node);
  }
  if (found.size() > 1)
    found.back().error(fmt::format("a step does one thing; expected one of {}", fmt::join(names, ", ")));
  if (!found.empty()) return true;
  // A slip of the pen is better told by the key than by the step.
  std::string hint;
  if (reader.node().kind() != Node::Kind::kMap) return false;  // on the list already
  for (const auto& [key, value] : reader.node().entries()) {
    if (const auto near = nearest_name(key, names)) hint = fmt::format("; did you mean “{}” by “{}”?", *near, key);
  }
  reader.node().error(fmt::format("the step does nothing; expected one of {}{}", fmt::join(names, ", "), hint));
  return false;
}

bool RoutineReader::put(ProfileStep& step, const std::string& key, const Node& node, const Filling& filling) const {
  auto what = StructureTemplate::read(node, known_, filling);
  if (!what) return false;
  step.needs.merge(what->needs());
  step.what.put(key, std::move(*what));
  return true;
}

void RoutineReader::read_takes(const Node& node, ProfileStep& step) {
  for (const auto& [name, place] : node.entries()) {
    const auto result = results_.find(name);
    if (result == results_.end() && known_.contains(name) && !taken_.contains(name)) {
      place.error(fmt::format("“{}” is a parameter; take the answer under another name", name));
      continue;
    }
    std::optional<Variable> declared;
    if (result != results_.end()) declared = result->second;
    auto take = Take::read(place, name, declared);
    Variable variable = take ? take->variable() : declared.value_or(Variable{});
    // The step may be left out, and no earlier one took it for certain.
    const auto before = taken_.find(name);
    const bool may_be_left_out =
        std::any_of(step.needs.begin(), step.needs.end(), [](const std::string& need) { return need != "position"; });
    variable.may_miss = may_be_left_out && (before == taken_.end() || before->second.may_miss);
    known_[name] = taken_[name] = variable;
    if (take) step.takes.push_back(std::move(*take));
    step.taken.push_back(name);
  }
}

std::vector<Condition> RoutineReader::read_conditions(const Node& node, ProfileStep& step) const {
  std::vector<Condition> conditions;
  const std::vector<std::string>& names = step.taken;
  for (const auto& [name, asked] : node.entries()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      asked.error(fmt::format("this step takes no “{}” from its answer{}", name, suggest_name(name, names)));
    } else if (auto condition = Condition::read(asked, name, known_)) {
      step.needs.merge(condition->needs());
      conditions.push_back(std::move(*condition));
    }
  }
  return conditions;
}

void RoutineReader::read_expect(const Node& node, ProfileStep& step) {
  if (node.kind() == Node::Kind::kScalar) {
    step.expect_answer = read_pattern(node);
  } else {
    step.expect = read_conditions(node, step);
  }
}

void RoutineReader::read_faults(const Node& node, ProfileStep& step) {
  for (const Node& item : node.items()) {
    MapReader reader(item, "the fault");
    FaultRule rule;
    rule.pattern = read_pattern(reader.required("answer"));
    if (const Node kind = reader.optional("kind")) rule.kind = fault_kind(kind).value_or(Fault::Kind::kDevice);
    if (const Node say = reader.optional("say")) rule.say = say.text().value_or("");
    reader.finish();
    if (rule.pattern) step.faults.push_back(std::move(rule));
  }
}

void RoutineReader::read_until(MapReader& reader, ProfileStep& step) {
  const Node node = reader.optional("until"), every = reader.optional("every"), within = reader.optional("within");
  const Node progress = reader.optional("progress");
  if (!node) {
    for (const Node& part : {every, within, progress}) {
      if (part) part.error("this goes with “until”, which is not there");
    }
    return;
  }
  Until until;
  until.conditions = read_conditions(node, step);
  if (every) {
    until.every_s = every.quantity_in(Unit::parse("s")).value_or(1);
    if (!(until.every_s >= kOftenest && until.every_s <= kMostSeldom))
      every.error(fmt::format("every {} s; expected {} s to {} s", until.every_s, kOftenest, kMostSeldom));
  }
  if (progress) read_progress(progress, step, until);
  if (!within) {
    node.error("“until” needs “within”: the time after which it is a fault, such as within: 5 min");
  } else if (auto bound = read_time(within)) {
    step.needs.merge(std::set<std::string>(bound->needs()));
    until.within = std::move(*bound);
  }
  step.until = std::move(until);
}

/// The name of a number that this step takes and that is a part of a whole: without a unit, or per cent.
void RoutineReader::read_progress(const Node& node, const ProfileStep& step, Until& until) const {
  const std::string name = node.text().value_or("");
  const auto variable = known_.find(name);
  if (std::find(step.taken.begin(), step.taken.end(), name) == step.taken.end()) {
    node.error(fmt::format("this step takes no “{}” from its answer{}", name, suggest_name(name, step.taken)));
  } else if (variable->second.is_text ||
             (variable->second.unit_known && !variable->second.unit.convertible_to(Unit()))) {
    node.error(fmt::format("“{}” is no part of a whole; expected a number without a unit, from 0 to 1, or in %", name));
  } else {
    until.progress = name;
    until.progress_unit = variable->second.unit;
  }
}

/// A time, which may have holes: "2 s", "{duration in s} s".
std::optional<Template> RoutineReader::read_time(const Node& node) const {
  const auto text = node.text();
  auto made = text ? Template::read(node, *text, known_) : std::nullopt;
  if (!made) return std::nullopt;
  try {
    const double time_s = in_unit(parse_quantity(made->fill(ones(known_))), Unit::parse("s"));
    if (const std::string why = why_no_time(time_s); !why.empty() && !made->has_holes()) node.error("a time of " + why);
  } catch (const InputError& error) {
    node.error(error.what());
    return std::nullopt;
  }
  return made;
}

}  // namespace athanor
