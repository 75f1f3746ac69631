#include "core/read_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/descriptors.h"
#include "core/error.h"
#include "core/text.h"

namespace athanor {
namespace {

bool is_name_character(char c) {
  return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// Numbers of one list, in the unit of the first of them.
struct Numbers {
  Unit unit;
  std::vector<double> values;
};

std::optional<Numbers> read_numbers(const Node& list) {
  Numbers numbers;
  const std::vector<Node> items = list.items();
  if (list.kind() != Node::Kind::kSequence) return std::nullopt;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto quantity = items[i].quantity();
    if (!quantity) continue;
    if (i == 0) {
      numbers.unit = quantity->unit;
      numbers.values.push_back(quantity->value);
    } else if (numbers.unit.text().empty() && !quantity->unit.text().empty() && items[0].quantity()) {
      items[0].error(fmt::format("“{0}” has no unit, but “{1}” beside it has; write “{0} {2}”", *items[0].text(),
                                 to_string(*quantity), quantity->unit.text()));
      return std::nullopt;
    } else if (const auto value = items[i].quantity_in(numbers.unit)) {
      numbers.values.push_back(*value);
    }
  }
  if (numbers.values.size() != items.size()) return std::nullopt;
  return numbers;
}

std::optional<Numbers> read_ends(const Node& list) {
  if (list.kind() != Node::Kind::kSequence || list.items().size() != 2) {
    list.error("expected the two ends of a range, such as [30 degC, 110 degC]");
    return std::nullopt;
  }
  return read_numbers(list);
}

bool read_range(MapReader& map, const Node& range, Parameter& parameter) {
  bool log = false, well = true;
  if (const Node scale = map.optional("scale")) {
    const auto word = scale.one_of({"linear", "log"});
    log = word == "log";
    well = word.has_value();
  }
  const auto ends = read_ends(range);
  if (!ends) return false;
  parameter.unit = ends->unit;
  parameter.kind = Continuous{ends->values[0], ends->values[1], log};
  return well;
}

bool read_integer(const Node& range, Parameter& parameter) {
  const auto ends = read_ends(range);
  if (!ends) return false;
  constexpr double kLargest = 0x1p53;
  for (const double end : ends->values) {
    if (std::trunc(end) == end && std::abs(end) <= kLargest) continue;
    const char* what = std::trunc(end) == end ? "too large to be a whole number exactly" : "no whole number";
    range.error(fmt::format("“{}” is {}; write one, or use range: [low, high]", format_number(end), what));
    return false;
  }
  parameter.unit = ends->unit;
  parameter.kind = Integer{static_cast<long>(ends->values[0]), static_cast<long>(ends->values[1])};
  return true;
}

bool read_levels(const Node& list, Parameter& parameter) {
  auto numbers = read_numbers(list);
  if (!numbers) return false;
  std::sort(numbers->values.begin(), numbers->values.end());
  parameter.unit = numbers->unit;
  parameter.kind = Levels{std::move(numbers->values)};
  return true;
}

/// Whether `parameter` can stand in a space. A mistake is reported at `culprit`.
bool check_alone(const Parameter& parameter, const Node& culprit) {
  try {
    const Space alone({parameter});
    return true;
  } catch (const InputError& mistake) {
    culprit.error(mistake.mistakes().front().message);
    return false;
  }
}

/// `list` may be missing where `descriptors` name the choices. `unread` where these stand in a file that is not to be
/// read.
bool read_choices(const Node& list, const Node& descriptors, NamedFiles files, Parameter& parameter, bool& unread) {
  Choices choices;
  const std::vector<Node> items = list.items();
  for (const Node& item : items) {
    if (auto name = item.text()) choices.names.push_back(std::move(*name));
  }
  bool well = choices.names.size() == items.size() && (!list || list.kind() == Node::Kind::kSequence);
  parameter.kind = choices;
  // Their names first: a name that stands there twice is a mistake of the list, not of the table.
  if (well && list) well = check_alone(parameter, list);
  if (!well || !descriptors) return well;
  if (files == NamedFiles::kIgnore && descriptors.kind() != Node::Kind::kSequence) {
    unread = !list;
    return !unread;
  }
  well = read_descriptors(descriptors, parameter.name, choices);
  parameter.kind = std::move(choices);
  return well && check_alone(parameter, descriptors);
}

bool read_parameter(const Node& node, NamedFiles files, Parameter& parameter, bool& unread) {
  MapReader map(node, fmt::format("parameter “{}”", parameter.name));
  if (node.kind() != Node::Kind::kMap) return false;
  const std::size_t before = node.document().mistakes().size();
  std::vector<std::pair<std::string, Node>> given;
  for (const char* kind : {"range", "integer", "levels", "choices"}) {
    if (const Node value = map.optional(kind)) given.emplace_back(kind, value);
  }
  const bool described = given.empty() || given.front().first == "choices";
  const Node descriptors = described ? map.optional("descriptors") : Node();
  if (given.empty() && descriptors) given.emplace_back("choices", Node());
  bool well = given.size() == 1;
  if (!well) {
    node.error(
        fmt::format("parameter “{}” needs exactly one of range: [low, high], integer: [low, high], levels: [a, b, …] "
                    "and choices: [A, B, …]; found {}",
                    parameter.name, given.empty() ? "none" : given[0].first + " and " + given[1].first));
    for (const char* key : {"scale", "resolution", "descriptors"}) map.optional(key);
  } else {
    const auto& [kind, value] = given.front();
    well = kind == "range"     ? read_range(map, value, parameter)
           : kind == "integer" ? read_integer(value, parameter)
           : kind == "levels"  ? read_levels(value, parameter)
                               : read_choices(value, descriptors, files, parameter, unread);
  }
  const bool numeric = given.size() == 1 && (given.front().first == "range" || given.front().first == "integer");
  const Node resolution = numeric ? map.optional("resolution") : Node();
  map.finish();
  if (!well || (given.front().first != "choices" && !check_alone(parameter, given.front().second))) return false;
  if (resolution) {
    const auto difference = resolution.difference_in(parameter.unit);
    parameter.resolution = difference.value_or(0);
    if (difference == 0) {
      resolution.error(
          fmt::format("parameter “{}”: its resolution is 0; expected a positive number (without one, every "
                      "difference counts)",
                      parameter.name));
    }
    check_alone(parameter, resolution);
  }
  return node.document().mistakes().size() == before;
}

std::string known_numbers(const SpaceDraft& draft, const std::string& wanted) {
  std::vector<std::string> names;
  for (const Parameter& p : draft.parameters) {
    if (!p.categorical()) names.push_back(p.name);
  }
  return suggest_name(wanted, names);
}

// The parts as indices; none if one is not there, is a choice, or measures something else than the first.
std::optional<std::vector<std::size_t>> read_parts(const Node& node, const SpaceDraft& draft,
                                                   const std::string& mixture) {
  std::vector<std::size_t> parts;
  const std::vector<Node> items = node.items();
  for (const Node& item : items) {
    const auto name = item.text();
    if (!name || draft.broken.contains(*name)) continue;
    const auto found = std::find_if(draft.parameters.begin(), draft.parameters.end(),
                                    [&](const Parameter& p) { return p.name == *name; });
    const auto index = static_cast<std::size_t>(found - draft.parameters.begin());
    if (found == draft.parameters.end()) {
      item.error(fmt::format("mixture “{}”: its part “{}” is no parameter under “space:”{}", mixture, *name,
                             known_numbers(draft, *name)));
    } else if (found->categorical()) {
      item.error(
          fmt::format("mixture “{}”: its part “{}” is a choice, not an amount; parts are ranges", mixture, *name));
    } else if (std::find(parts.begin(), parts.end(), index) != parts.end()) {
      item.error(fmt::format("mixture “{}”: its part “{}” is named twice; remove one", mixture, *name));
    } else if (!parts.empty() && !(draft.parameters[parts[0]].unit == found->unit)) {
      item.error(fmt::format("mixture “{}”: “{}” is in “{}” but “{}” in “{}”; give all parts one unit", mixture, *name,
                             found->unit.text(), draft.parameters[parts[0]].name,
                             draft.parameters[parts[0]].unit.text()));
    } else {
      parts.push_back(index);
    }
  }
  if (node.kind() == Node::Kind::kSequence && items.size() < 2) {
    node.error(fmt::format("mixture “{}” needs two parts at least", mixture));
  }
  if (parts.size() != items.size() || parts.size() < 2) return std::nullopt;
  return parts;
}

/// The choices under `when: {solvent: [water, ethanol]}`.
std::optional<LinearConstraint::Condition> read_condition(const std::string& name, const Node& node,
                                                          const SpaceDraft& draft, std::string& text) {
  if (draft.broken.contains(name)) return std::nullopt;
  const auto found = std::find_if(draft.parameters.begin(), draft.parameters.end(),
                                  [&](const Parameter& p) { return p.name == name; });
  std::vector<std::string> names;
  for (const Parameter& p : draft.parameters) {
    if (p.categorical()) names.push_back(p.name);
  }
  if (found == draft.parameters.end() || !found->categorical()) {
    node.document().error(node.key_place(),
                          fmt::format("“{}” is no parameter with choices{}", name, suggest_name(name, names)));
    return std::nullopt;
  }
  const std::vector<std::string>& choices = std::get<Choices>(found->kind).names;
  LinearConstraint::Condition condition{static_cast<std::size_t>(found - draft.parameters.begin()),
                                        std::vector<bool>(choices.size())};
  const bool list = node.kind() == Node::Kind::kSequence;
  const std::vector<Node> items = list ? node.items() : std::vector<Node>{node};
  std::string words;
  for (const Node& item : items) {
    const auto word = item.text();
    if (!word) return std::nullopt;
    const auto choice = std::find(choices.begin(), choices.end(), *word);
    if (choice == choices.end()) {
      item.error(fmt::format("“{}” is none of the choices of “{}”{}", *word, name, suggest_name(*word, choices)));
      return std::nullopt;
    }
    condition.meant[static_cast<std::size_t>(choice - choices.begin())] = true;
    words += (words.empty() ? "" : " or ") + *word;
  }
  if (items.empty()) {
    node.error(fmt::format("“{}” needs one of its choices at least", name));
    return std::nullopt;
  }
  text += fmt::format("{} {} is {}", text.empty() ? "when" : " and", name, words);
  return condition;
}

// Whether `text` names a parameter that could not be read: then nothing more can be said about it.
bool names_broken(std::string_view text, const SpaceDraft& draft) {
  for (std::size_t i = 0; i < text.size();) {
    if (!is_name_character(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && is_name_character(text[end])) ++end;
    if (draft.broken.contains(text.substr(i, end - i))) return true;
    i = end;
  }
  return false;
}

std::string write_rows(const std::vector<std::vector<double>>& rows) {
  std::string text;
  for (const auto& row : rows) {
    text += text.empty() ? "[[" : ", [";
    for (std::size_t i = 0; i < row.size(); ++i) text += (i > 0 ? ", " : "") + format_number(row[i]);
    text += "]";
  }
  return text + "]";
}

}  // namespace

bool is_parameter_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_name_character);
}

void read_parameters(const Node& space, NamedFiles files, SpaceDraft& draft) {
  const auto entries = space.entries();
  if (space.kind() == Node::Kind::kMap && entries.empty()) {
    space.error("the space has no parameters; name at least one, such as “temperature: {range: [30 degC, 110 degC]}”");
  }
  for (const auto& [name, node] : entries) {
    Parameter parameter;
    parameter.name = name;
    bool well = is_parameter_name(name);
    if (!well) {
      node.document().error(node.key_place(),
                            fmt::format("“{}” cannot name a parameter, since constraints and “$name” could not "
                                        "tell it apart; use letters, digits and “_”, a letter first",
                                        name));
    }
    well = read_parameter(node, files, parameter, draft.unread) && well;
    if (well) {
      draft.parameters.push_back(std::move(parameter));
    } else {
      draft.broken.insert(name);
    }
  }
}

std::string write_parameters(const std::vector<Parameter>& parameters) {
  std::string text;
  for (const Parameter& p : parameters) {
    const auto list = [&](const char* kind, const std::vector<double>& numbers) {
      std::string out = fmt::format("{}: [", kind);
      for (std::size_t i = 0; i < numbers.size(); ++i)
        out += (i > 0 ? ", " : "") + in_quotes(to_string(Quantity{numbers[i], p.unit}));
      return out + "]";
    };
    std::string kind;
    if (const auto* range = std::get_if<Continuous>(&p.kind)) {
      kind = list("range", {range->low, range->high}) + (range->log ? ", scale: log" : "");
    } else if (std::holds_alternative<Integer>(p.kind)) {
      kind = list("integer", {p.low(), p.high()});
    } else if (const auto* levels = std::get_if<Levels>(&p.kind)) {
      kind = list("levels", levels->values);
    } else {
      kind = "choices: [";
      const auto& [names, descriptors] = std::get<Choices>(p.kind);
      for (std::size_t i = 0; i < names.size(); ++i) kind += (i > 0 ? ", " : "") + in_quotes(names[i]);
      kind += "]";
      if (!descriptors.empty()) kind += ", descriptors: " + write_rows(descriptors);
    }
    if (p.resolution > 0) kind += ", resolution: " + in_quotes(to_string(Quantity{p.resolution, p.unit}));
    text += fmt::format("{}{}: {{{}}}", text.empty() ? "" : ", ", p.name, kind);
  }
  return "{" + text + "}";
}

void read_mixtures(const Node& mixtures, SpaceDraft& draft) {
  for (const auto& [name, node] : mixtures.entries()) {
    MapReader map(node, fmt::format("mixture “{}”", name));
    const Node part_list = map.required("parts");
    const Node total_node = map.required("total");
    map.finish();
    const auto parts = read_parts(part_list, draft, name);
    if (!parts) continue;
    const auto total = total_node.quantity_in(draft.parameters[parts->front()].unit);
    if (!total) continue;
    LinearConstraint constraint{{}, LinearConstraint::Sense::kEqual, *total, name + ": "};
    for (const std::size_t part : *parts) {
      constraint.text += (constraint.terms.empty() ? "" : " + ") + draft.parameters[part].name;
      constraint.terms.push_back({part, 1.0});
    }
    constraint.text += " = " + *total_node.text();
    draft.constraints.push_back(std::move(constraint));
  }
}

void read_constraints(const Node& constraints, SpaceDraft& draft) {
  for (const Node& item : constraints.items()) {
    Node then = item;
    std::vector<LinearConstraint::Condition> when;
    std::string conditions;
    if (item.kind() == Node::Kind::kMap) {
      MapReader map(item, "constraint");
      const Node states = map.required("when");
      then = map.required("then");
      map.finish();
      const auto entries = states.entries();
      if (states && entries.empty()) states.error("“when” needs a choice at least, such as “when: {solvent: water}”");
      for (const auto& [name, node] : entries) {
        if (auto condition = read_condition(name, node, draft, conditions)) when.push_back(std::move(*condition));
      }
      if (entries.empty() || when.size() != entries.size()) continue;
      conditions += ": ";
    }
    const auto text = then.text();
    if (!text || names_broken(*text, draft)) continue;
    if (!when.empty() && *text != "never" && text->find_first_of("<>=") == text->npos &&
        text->find("≤") == text->npos && text->find("≥") == text->npos) {
      then.error(fmt::format("expected an inequality, such as “temperature <= 95 degC”, or never; found “{}”", *text));
      continue;
    }
    try {
      LinearConstraint constraint{{}, LinearConstraint::Sense::kAtMost, -1, *text};
      if (when.empty() || *text != "never") constraint = parse_constraint(*text, draft.parameters);
      constraint.when = std::move(when);
      constraint.text = conditions + *text;
      draft.constraints.push_back(std::move(constraint));
    } catch (const InputError& mistake) {
      then.error(mistake.mistakes().front().message);
    }
  }
}

}  // namespace athanor
