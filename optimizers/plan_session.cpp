#include "optimizers/plan_session.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/document.h"
#include "core/error.h"
#include "optimizers/models.h"
#include "optimizers/tried.h"

namespace athanor {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDeepest = 32;               // nesting of a line; the protocol needs five
constexpr std::size_t kLargestAsk = 1000;  // suggestions at once

const std::vector<std::string> kVerbs = {"tell", "ask", "predict", "describe", "abandon"};

/// Collects the mistakes of one line, so that all of them are answered at once.
class Mistakes {
 public:
  void add(const std::string& where, const std::string& what) {
    list_.push_back(where.empty() ? what : where + ": " + what);
  }
  void throw_if_any() const {
    if (list_.empty()) return;
    std::string text;
    for (const std::string& one : list_) text += (text.empty() ? "" : "; ") + one;
    throw InputError(text);
  }

 private:
  std::vector<std::string> list_;
};

/// Brackets opened and not closed, at most, outside of texts: a cheap guard before the line is parsed.
int nesting(const std::string& line) {
  int depth = 0, deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

/// The few characters of `line` at which its reading ended; `at` counts from 1.
std::string excerpt(const std::string& line, std::size_t at) {
  constexpr std::size_t kAround = 20;
  std::size_t begin = std::min(at == 0 ? 0 : at - 1, line.size());
  if (begin == line.size()) return "the end";
  const auto inside = [&](std::size_t i) {
    return i < line.size() && (static_cast<unsigned char>(line[i]) & 0xC0) == 0x80;
  };
  while (begin > 0 && inside(begin)) --begin;
  std::size_t end = std::min(line.size(), begin + kAround);
  while (inside(end)) ++end;
  return line.substr(begin, end - begin);
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) {
    // Cut between characters, not inside one.
    std::size_t end = 57;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "…";
  }
  return text;
}

void check_keys(const Json& object, const std::vector<std::string>& known, const std::string& where,
                Mistakes& mistakes) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      mistakes.add(where, fmt::format("unknown key “{}”{}", key, suggest_name(key, known)));
    }
  }
}

/// A number, or a text with a number and a unit, in `unit`.
std::optional<double> read_number(const Json& value, const Unit& unit, const std::string& where, Mistakes& mistakes) {
  double number = 0;
  if (value.is_number()) {
    number = value.get<double>();
  } else if (value.is_string()) {
    try {
      const Quantity quantity = parse_quantity(value.get<std::string>());
      number = quantity.unit.text().empty() ? quantity.value : in_unit(quantity, unit);
    } catch (const InputError& error) {
      mistakes.add(where, error.what());
      return std::nullopt;
    }
  } else {
    mistakes.add(where, fmt::format("expected a number or a quantity such as “80 degC”, found {}", shown(value)));
    return std::nullopt;
  }
  if (std::isfinite(number)) return number;
  mistakes.add(where, fmt::format("{} is not a finite number", shown(value)));
  return std::nullopt;
}

std::optional<double> read_choice(const Json& value, const Choices& choices, const std::string& where,
                                  Mistakes& mistakes) {
  std::string name;
  if (value.is_string()) {
    name = value.get<std::string>();
  } else if (value.is_number()) {
    name = format_number(value.get<double>());
  } else {
    mistakes.add(where, fmt::format("expected one of its choices, found {}", shown(value)));
    return std::nullopt;
  }
  const auto found = std::find(choices.names.begin(), choices.names.end(), name);
  if (found != choices.names.end()) return static_cast<double>(found - choices.names.begin());
  mistakes.add(where, fmt::format("“{}” is none of its choices{}", name, suggest_name(name, choices.names)));
  return std::nullopt;
}

std::optional<Point> read_point(const Space& space, const Json& value, const std::string& where, Mistakes& mistakes) {
  if (!value.is_object()) {
    mistakes.add(where, fmt::format("expected an object of parameters and values, found {}", shown(value)));
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const Parameter& p : space.parameters()) names.push_back(p.name);
  for (const auto& [key, ignored] : value.items()) {
    if (!space.find(key))
      mistakes.add(where, fmt::format("there is no parameter “{}”{}", key, suggest_name(key, names)));
  }
  Point point(space.size());
  bool whole = true;
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& p = space[i];
    const auto at = value.find(p.name);
    if (at == value.end()) {
      mistakes.add(where, fmt::format("the parameter “{}” is missing", p.name));
      whole = false;
      continue;
    }
    const std::string here = fmt::format("{}, “{}”", where, p.name);
    const auto* choices = std::get_if<Choices>(&p.kind);
    const auto number = choices ? read_choice(*at, *choices, here, mistakes) : read_number(*at, p.unit, here, mistakes);
    whole = whole && number;
    if (!number) continue;
    // A converted quantity is off by rounding: take the legal number that it means.
    const double legal = p.nearest(*number);
    const double slack = 1e-9 * std::max({1.0, std::abs(legal), p.high() - p.low()});
    point[i] = std::abs(legal - *number) <= slack ? legal : *number;
  }
  if (!whole) return std::nullopt;
  try {
    check_point(space, point, where);
  } catch (const InputError& error) {
    mistakes.add("", error.what());
    return std::nullopt;
  }
  return point;
}

Json write_point(const Space& space, const Point& point) {
  Json out = Json::object();
  for (std::size_t i = 0; i < space.size(); ++i) {
    const Parameter& p = space[i];
    if (const auto* choices = std::get_if<Choices>(&p.kind)) {
      out[p.name] = choices->names[static_cast<std::size_t>(point[i])];
    } else if (std::holds_alternative<Integer>(p.kind)) {
      out[p.name] = static_cast<std::int64_t>(point[i]);
    } else {
      out[p.name] = point[i];
    }
  }
  return out;
}

Json write_predictions(const Problem& problem, const std::vector<Prediction>& predictions) {
  Json out = Json::object();
  for (std::size_t k = 0; k < predictions.size(); ++k) {
    out[problem.objectives[k].name] = {{"mean", predictions[k].mean}, {"sd", predictions[k].sd}};
  }
  return out;
}

}  // namespace

/// The verbs, each of which reads all of its line before it changes anything.
class PlanDialogue {
 public:
  explicit PlanDialogue(PlanSession& session) : session_(session), problem_(session.problem_) {}

  Json answer(const Json& line) {
    if (!line.is_object()) throw InputError(fmt::format("expected one JSON object, found {}", shown(line)));
    std::vector<std::string> verbs;
    for (const std::string& verb : kVerbs) {
      if (line.contains(verb)) verbs.push_back(verb);
    }
    if (verbs.size() > 1) throw InputError(fmt::format("one verb a line: found “{}” and “{}”", verbs[0], verbs[1]));
    if (verbs.empty()) {
      const std::string first = line.empty() ? "" : line.begin().key();
      throw InputError(
          fmt::format("expected one of tell, ask, predict, describe or abandon{}",
                      first.empty() ? "" : fmt::format(", found “{}”{}", first, suggest_name(first, kVerbs))));
    }
    if (verbs[0] == "tell") return tell(line);
    if (verbs[0] == "ask") return ask(line);
    if (verbs[0] == "predict") return predict_points(line);
    if (verbs[0] == "describe") return describe_models(line);
    return abandon(line);
  }

 private:
  using Pending = PlanSession::Pending;

  const Json& list_of(const Json& line, const char* verb) {
    const Json& value = line[verb];
    if (!value.is_array()) throw InputError(fmt::format("“{}” expects a list, found {}", verb, shown(value)));
    return value;
  }

  std::vector<Pending>::const_iterator pending_by_id(const std::string& id) const {
    return std::find_if(session_.pending_.begin(), session_.pending_.end(),
                        [&](const Pending& p) { return p.id == id; });
  }

  std::string unknown_id(const std::string& id) const {
    std::vector<std::string> known;
    for (const Pending& p : session_.pending_) known.push_back(p.id);
    return fmt::format("nothing is pending under the id “{}”{}", id, known.empty() ? "" : suggest_name(id, known));
  }

  std::vector<std::optional<Measurement>> read_measured(const Json& item, const std::string& where,
                                                        Mistakes& mistakes) {
    std::vector<std::optional<Measurement>> out(problem_.objectives.size());
    std::vector<std::string> names;
    for (const Objective& objective : problem_.objectives) names.push_back(objective.name);
    for (const char* key : {"measured", "sd"}) {
      if (!item.contains(key)) continue;
      const Json& values = item[key];
      const std::string here = fmt::format("{}, {}", where, key);
      if (!values.is_object() || (values.empty() && key == std::string("measured"))) {
        mistakes.add(here, fmt::format("expected an object of objectives and numbers, found {}", shown(values)));
        continue;
      }
      for (const auto& [name, value] : values.items()) {
        const auto at = std::find(names.begin(), names.end(), name);
        if (at == names.end()) {
          mistakes.add(here, fmt::format("there is no objective “{}”{}", name, suggest_name(name, names)));
          continue;
        }
        const auto k = static_cast<std::size_t>(at - names.begin());
        const std::string there = fmt::format("{}, “{}”", here, name);
        const auto number = read_number(value, problem_.objectives[k].unit, there, mistakes);
        if (!number) continue;
        if (key == std::string("measured")) {
          out[k] = Measurement{*number, std::nullopt};
        } else if (!(*number >= 0)) {
          mistakes.add(there, fmt::format("a standard deviation must be 0 or more, found {}", shown(value)));
        } else if (!out[k]) {
          mistakes.add(there, "a standard deviation of something that was not measured");
        } else {
          out[k]->sd = *number;
        }
      }
    }
    return out;
  }

  Json tell(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"tell"}, "", mistakes);
    std::vector<Observation> told;
    std::vector<Pending> pending = session_.pending_;
    std::size_t number = 0;
    for (const Json& item : list_of(line, "tell")) {
      const std::string where = fmt::format("tell, item {}", ++number);
      if (!item.is_object()) {
        mistakes.add(where, fmt::format("expected an object, found {}", shown(item)));
        continue;
      }
      check_keys(item, {"id", "at", "measured", "sd", "failed"}, where, mistakes);
      Observation observation;
      std::optional<Point> at;
      if (item.contains("at")) at = read_point(problem_.space, item["at"], where + ", at", mistakes);
      if (item.contains("id")) {
        if (!item["id"].is_string()) {
          mistakes.add(where, fmt::format("an id is a text, found {}", shown(item["id"])));
        } else {
          observation.id = item["id"].get<std::string>();
          const auto known =
              std::find_if(pending.begin(), pending.end(), [&](const Pending& p) { return p.id == observation.id; });
          if (known != pending.end()) {
            if (!item.contains("at")) at = known->at;
            pending.erase(known);
          } else if (!at) {
            mistakes.add(where, unknown_id(observation.id));
          }
        }
      } else if (!item.contains("at")) {
        mistakes.add(where, "neither “at” nor “id” says which experiment this was");
      }
      if (at && observation.id.empty()) {
        Tried same(problem_.space);
        same.add(*at);
        const auto equal =
            std::find_if(pending.begin(), pending.end(), [&](const Pending& p) { return same.near(p.at); });
        if (equal != pending.end()) pending.erase(equal);
      }
      if (item.contains("failed") == item.contains("measured")) {
        mistakes.add(where, item.contains("failed")
                                ? "an experiment that failed measured nothing: give “measured” or “failed”"
                                : "expected “measured” or “failed”");
      }
      if (item.contains("failed")) {
        if (item["failed"].is_string()) {
          observation.failed = item["failed"].get<std::string>();
        } else {
          mistakes.add(where, fmt::format("“failed” is the reason, a text; found {}", shown(item["failed"])));
        }
        observation.measured.resize(problem_.objectives.size());
      } else {
        observation.measured = read_measured(item, where, mistakes);
      }
      if (at) observation.at = *at;
      told.push_back(std::move(observation));
    }
    mistakes.throw_if_any();
    check_observations(problem_, told);
    session_.observations_.insert(session_.observations_.end(), told.begin(), told.end());
    session_.pending_ = std::move(pending);
    return {{"observations", session_.observations_.size()}};
  }

  Json ask(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"ask", "seed", "deadline_ms"}, "", mistakes);
    PlanQuestion question;
    const Json& count = line["ask"];
    if (!count.is_number_integer() || count.get<double>() < 1 ||
        count.get<double>() > static_cast<double>(kLargestAsk)) {
      mistakes.add("ask", fmt::format("expected how many, from 1 to {}, found {}", kLargestAsk, shown(count)));
    } else {
      question.count = count.get<std::size_t>();
    }
    question.seed = session_.asked_;
    if (line.contains("seed")) {
      if (!line["seed"].is_number_integer() || line["seed"].get<double>() < 0) {
        mistakes.add("seed", fmt::format("expected an integer from 0 up, found {}", shown(line["seed"])));
      } else {
        question.seed = line["seed"].get<std::uint64_t>();
      }
    }
    if (line.contains("deadline_ms")) {
      const Json& deadline = line["deadline_ms"];
      if (!deadline.is_number() || !(deadline.get<double>() > 0)) {
        mistakes.add("deadline_ms", fmt::format("expected milliseconds, more than 0, found {}", shown(deadline)));
      } else {
        question.deadline_s = deadline.get<double>() / 1000;
      }
    }
    mistakes.throw_if_any();
    question.observations = session_.observations_;
    for (const Pending& p : session_.pending_) question.pending.push_back(p.at);
    const Plan answer = plan(problem_, question);

    ++session_.asked_;
    Json suggestions = Json::array();
    for (const Suggestion& suggestion : answer.suggestions) {
      const std::string id = fmt::format("s{}", ++session_.suggested_);
      session_.pending_.push_back({id, suggestion.at});
      suggestions.push_back({{"id", id},
                             {"at", write_point(problem_.space, suggestion.at)},
                             {"predicted", write_predictions(problem_, suggestion.predicted)},
                             {"reason", suggestion.reason}});
    }
    Json out = {{"suggestions", std::move(suggestions)}, {"seconds", answer.seconds}};
    if (!answer.notes.empty()) out["notes"] = answer.notes;
    return out;
  }

  Json predict_points(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"predict"}, "", mistakes);
    std::vector<Point> points;
    std::size_t number = 0;
    for (const Json& item : list_of(line, "predict")) {
      const auto point = read_point(problem_.space, item, fmt::format("predict, item {}", ++number), mistakes);
      if (point) points.push_back(*point);
    }
    mistakes.throw_if_any();
    Json out = Json::array();
    for (const auto& predictions : predict(problem_, session_.observations_, points)) {
      out.push_back(write_predictions(problem_, predictions));
    }
    return {{"predictions", std::move(out)}};
  }

  Json describe_models(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"describe"}, "", mistakes);
    if (line["describe"] != Json(true))
      mistakes.add("describe", fmt::format("expected true, found {}", shown(line["describe"])));
    mistakes.throw_if_any();
    Json out = Json::object();
    for (const ModelReport& report : describe(problem_, session_.observations_)) {
      Json lengthscales = Json::object();
      for (const auto& [name, value] : report.lengthscales) lengthscales[name] = value;
      out[report.objective] = {{"lengthscales", std::move(lengthscales)},
                               {"noise_sd", report.noise_sd},
                               {"leave_one_out_rmse", report.leave_one_out_rmse},
                               {"leave_one_out_coverage", report.leave_one_out_coverage},
                               {"warnings", report.warnings}};
    }
    return {{"model", std::move(out)}};
  }

  Json abandon(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"abandon"}, "", mistakes);
    std::vector<Pending> pending = session_.pending_;
    for (const Json& item : list_of(line, "abandon")) {
      if (!item.is_string()) {
        mistakes.add("abandon", fmt::format("an id is a text, found {}", shown(item)));
        continue;
      }
      const std::string id = item.get<std::string>();
      const auto found = std::find_if(pending.begin(), pending.end(), [&](const Pending& p) { return p.id == id; });
      if (found == pending.end()) {
        mistakes.add("abandon", unknown_id(id));
      } else {
        pending.erase(found);
      }
    }
    mistakes.throw_if_any();
    const std::size_t abandoned = session_.pending_.size() - pending.size();
    session_.pending_ = std::move(pending);
    return {{"abandoned", abandoned}};
  }

  PlanSession& session_;
  const Problem& problem_;
};

PlanSession::PlanSession(Problem problem) : problem_(std::move(problem)) {}

std::string PlanSession::answer(const std::string& line) {
  Json out;
  try {
    if (nesting(line) > kDeepest) throw InputError(fmt::format("the line is nested deeper than {} levels", kDeepest));
    Json in;
    try {
      in = Json::parse(line);
    } catch (const Json::parse_error& error) {
      throw InputError(
          fmt::format("this line is not JSON from character {} on: “{}” (NaN and Infinity are not JSON; a value that "
                      "was not measured is left out)",
                      error.byte, excerpt(line, error.byte)));
    } catch (const Json::out_of_range&) {
      throw InputError("this line has a number that is too large for any machine");
    }
    out = PlanDialogue(*this).answer(in);
  } catch (const std::exception& error) {
    out = {{"error", error.what()}};
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace athanor
