#include "controller/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "controller/points.h"
#include "core/best.h"
#include "instruments/description.h"

namespace athanor {
namespace {

using nlohmann::json;
namespace wire = driver::v1;

// JSON has no NaN and no infinity: what is none is nothing.
json number_json(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

json value_json(const wire::Value& value) {
  if (value.kind_case() == wire::Value::kText) return value.text();
  return value.kind_case() == wire::Value::kNumber ? number_json(value.number()) : json(nullptr);
}

json array_json(const wire::Command& command, const wire::Value& value, const ArrayFolder& folder) {
  const StoredArray array = stored_array(value);
  json shape = {array.rows};
  for (const std::uint64_t length : array.type.row_shape) shape.push_back(length);
  json out = {{"result", value.name()},   {"file", array.file},
              {"dataset", array.dataset}, {"element", to_string(array.type.element)},
              {"shape", shape},           {"unit", value.unit()},
              {"sha256", array.sha256}};
  if (folder.path.empty()) return out;
  out["folder"] = folder.path;
  const auto missing = folder.missing.find({command.instrument(), command.id(), value.name()});
  if (missing != folder.missing.end()) out["missing"] = missing->second;
  return out;
}

json parameter_json(const Parameter& parameter) {
  json out = {{"name", parameter.name}, {"unit", parameter.unit.text()}};
  std::visit(
      [&](const auto& kind) {
        using Kind = std::decay_t<decltype(kind)>;
        if constexpr (std::is_same_v<Kind, Continuous>) {
          out.update(
              {{"kind", "continuous"}, {"low", kind.low}, {"high", kind.high}, {"scale", kind.log ? "log" : "linear"}});
        } else if constexpr (std::is_same_v<Kind, Integer>) {
          out.update({{"kind", "integer"}, {"low", kind.low}, {"high", kind.high}});
        } else if constexpr (std::is_same_v<Kind, Levels>) {
          out.update({{"kind", "levels"}, {"levels", kind.values}});
        } else {
          out.update({{"kind", "choices"}, {"choices", kind.names}});
        }
      },
      parameter.kind);
  return out;
}

json objective_json(const Objective& objective) {
  json out = {{"name", objective.name}, {"unit", objective.unit.text()}};
  switch (objective.goal) {
    case Objective::Goal::kMaximize:
      out["goal"] = "maximize";
      break;
    case Objective::Goal::kMinimize:
      out["goal"] = "minimize";
      break;
    case Objective::Goal::kTarget:
      out["goal"] = "target";
      out["target"] = objective.target;
      break;
  }
  if (objective.reference) out["reference"] = *objective.reference;
  return out;
}

json outcome_constraint_json(const Problem& problem, const OutcomeConstraint& constraint) {
  return {{"text", constraint.text},
          {"measurand", problem.measurands()[constraint.measurand].name},
          {constraint.at_most ? "at_most" : "at_least", constraint.bound}};
}

template <class Values>
json values_json(const Values& values) {
  json out = json::object();
  for (const wire::Value& value : values) out[value.name()] = value_json(value);
  return out;
}

// What the planner holds of it: the keys “counts_as” and, of values, “measured”.
void add_counted(json& out, const Counted& counted) {
  json measured = json::object(), doubted = json::object();
  if (counted.values != nullptr) {
    for (const wire::Value& value : *counted.values) {
      if (counted.believes(value.name())) measured[value.name()] = value_json(value);
    }
  }
  if (counted.flags != nullptr) {
    for (const journal::v1::Flag& flag : *counted.flags) doubted[flag.result()] = flag.why();
  }
  const bool counts = counted.values != nullptr && (!measured.empty() || doubted.empty());
  out["counts_as"] = counts ? "measured" : counted.failed != nullptr ? "failed" : "nothing";
  if (!measured.empty()) out["measured"] = std::move(measured);
  if (!doubted.empty()) out["doubted"] = std::move(doubted);
}

// Every word of a person, the newest last.
json words_json(const std::vector<Word>& words, Time opened) {
  json out = json::array();
  for (const Word& word : words) {
    const Correction& told = word.told;
    json one = {{"at_s", seconds(word.time - opened)}, {"who", told.who}, {"why", told.why}};
    if (told.said > Time{}) one["said"] = to_string(told.said);
    if (!word.at.empty()) one["at"] = values_json(word.at);
    if (told.withdrawn) {
      one["withdrawn"] = true;
    } else if (!told.failed.empty()) {
      one["failed"] = told.failed;
    } else {
      one["measured"] = values_json(told.values);
    }
    out.push_back(std::move(one));
  }
  return out;
}

json added_json(std::uint64_t number, const std::vector<Word>& words, Time opened) {
  json out = {{"number", number},
              {"at", values_json(words.back().at)},
              {"at_s", seconds(words.front().time - opened)},
              {"corrections", words_json(words, opened)}};
  add_counted(out, what_counts(words.back().told));
  return out;
}

json experiment_json(const Campaign& campaign, const History& history, std::uint64_t number, const ExperimentLife& life,
                     const ArrayFolder& folder) {
  const auto since = [&](Time time) { return seconds(time - history.opened); };
  json out = {{"number", number},
              {"state", to_string(life.state)},
              {"at", values_json(life.proposed.at())},
              {"reason", life.proposed.reason()},
              {"proposed_s", since(life.proposed_at)},
              {"commands", json::array()}};
  for (const auto& predicted : life.proposed.predicted()) {
    out["predicted"][predicted.objective()] = {{"mean", number_json(predicted.mean())},
                                               {"sd", number_json(predicted.sd())}};
  }
  if (life.ended) add_counted(out, what_counts(life));
  const bool changed = !life.corrections.empty() || out.contains("doubted");
  if (changed && !life.measured.empty()) out["as_measured"] = values_json(life.measured);
  if (!life.corrections.empty()) {
    out["corrections"] = words_json(life.corrections, history.opened);
  }
  if (!life.why.empty()) out["why"] = life.why;
  if (!life.place.empty()) out["place"] = life.place;
  if (life.started) out.update({{"started_s", since(*life.started)}, {"started", to_string(*life.started)}});
  if (life.ended) out.update({{"ended_s", since(*life.ended)}, {"ended", to_string(*life.ended)}});
  for (const CommandLife& command : life.commands) {
    json line = {{"id", command.command.id()},
                 {"instrument", command.command.instrument()},
                 {"capability", command.command.capability()},
                 {"step", step_name(campaign, command.step)},
                 {"attempt", command.attempt},
                 {"state", to_string(command.state)},
                 {"start_s", since(command.start)}};
    if (command.end) line["end_s"] = since(*command.end);
    if (!command.why.empty()) line["why"] = command.why;
    for (const wire::Value& array : command.arrays)
      line["arrays"].push_back(array_json(command.command, array, folder));
    out["commands"].push_back(std::move(line));
  }
  return out;
}

// What counts of the experiments, in the order of their numbers, then of those that a person added; and which of them
// are the best.
struct Findings {
  std::vector<Outcomes> outcomes;
  Best best;
};

Findings findings_of(const Problem& problem, const History& history) {
  const std::vector<Measurand> measurands = problem.measurands();
  Findings all;
  for (const auto& [number, life] : history.experiments)
    all.outcomes.push_back(outcomes(measurands, what_counts(life)));
  for (const auto& [number, words] : history.added)
    all.outcomes.push_back(outcomes(measurands, what_counts(words.back().told)));
  all.best = best_of(problem, all.outcomes);
  return all;
}

// One of the experiments, or of the added ones after them, as it stands under “best” and “nearest”.
json found_json(const json& exported, std::size_t index) {
  const std::size_t own = exported["experiments"].size();
  const json& found = index < own ? exported["experiments"][index] : exported["added"][index - own];
  json out = {
      {index < own ? "experiment" : "added", found["number"]}, {"at", found["at"]}, {"measured", found["measured"]}};
  if (found.contains("violates")) out["violates"] = found["violates"];
  return out;
}

json happenings_json(const std::vector<Happening>& happenings, Time opened) {
  json out = json::array();
  for (const Happening& one : happenings) {
    out.push_back({{"at_s", seconds(one.time - opened)},
                   {"time", to_string(one.time)},
                   {"about", one.about},
                   {"text", one.text}});
  }
  return out;
}

json counts_json(const json& experiments) {
  json counts = {{"experiments", experiments.size()}};
  for (std::size_t state = 0; state < static_cast<std::size_t>(ExperimentState::kCount); ++state) {
    counts[to_string(static_cast<ExperimentState>(state))] = 0;
  }
  for (const json& experiment : experiments) {
    json& count = counts[experiment["state"].get<std::string>()];
    count = count.get<int>() + 1;
  }
  return counts;
}

}  // namespace

json export_json(const Campaign& campaign, const History& history, const ArrayFolder& arrays) {
  const Problem& problem = campaign.problem;
  json out = {{"campaign", campaign.name},
              {"status", to_string(history.status)},
              {"seed", history.seed},
              {"parameters", json::array()},
              {"constraints", json::array()},
              {"objectives", json::array()},
              {"measured_too", json::array()},
              {"outcome_constraints", json::array()},
              {"planner",
               {{"initial", problem.planner.initial},
                {"batch", problem.planner.batch},
                {"replicates", problem.planner.replicates}}},
              {"stop", json::object()},
              {"steps", json::array()},
              {"instruments", json::array()},
              {"experiments", json::array()},
              {"added", json::array()},
              {"best", json::array()},
              {"alarms", happenings_json(history.alarms, history.opened)},
              {"notes", happenings_json(history.notes, history.opened)},
              {"lab_time_s", seconds(history.last - history.opened)},
              {"planning_wait_s", seconds(history.planning_wait)}};
  if (!history.why.empty()) out["why"] = history.why;
  if (!history.empty) out.update({{"opened", to_string(history.opened)}, {"last", to_string(history.last)}});
  for (const Parameter& parameter : problem.space.parameters()) out["parameters"].push_back(parameter_json(parameter));
  for (const LinearConstraint& constraint : problem.space.constraints()) out["constraints"].push_back(constraint.text);
  for (const Objective& objective : problem.objectives) out["objectives"].push_back(objective_json(objective));
  for (const Measurand& measurand : problem.measured_too) {
    out["measured_too"].push_back({{"name", measurand.name}, {"unit", measurand.unit.text()}});
  }
  for (const OutcomeConstraint& constraint : problem.outcome_constraints) {
    out["outcome_constraints"].push_back(outcome_constraint_json(problem, constraint));
  }
  if (campaign.stop.experiments) out["stop"]["experiments"] = *campaign.stop.experiments;
  if (campaign.stop.lab_time) out["stop"]["lab_time_s"] = seconds(*campaign.stop.lab_time);
  for (const Step& step : campaign.steps) out["steps"].push_back(step.name);
  for (const auto& [id, known] : history.instruments) {
    out["instruments"].push_back({{"id", id}, {"driver", known.driver}, {"kind", known.kind}});
  }
  const Findings findings = findings_of(problem, history);
  std::size_t index = 0;
  const auto judged = [&](json one) {
    const auto violated = violations(problem, findings.outcomes[index++]);
    if (!violated.empty()) one["violates"] = violated;
    return one;
  };
  for (const auto& [number, life] : history.experiments)
    out["experiments"].push_back(judged(experiment_json(campaign, history, number, life, arrays)));
  for (const auto& [number, words] : history.added)
    out["added"].push_back(judged(added_json(number, words, history.opened)));
  for (const std::size_t best : findings.best.front) out["best"].push_back(found_json(out, best));
  if (const auto nearest = findings.best.nearest) out["nearest"] = found_json(out, *nearest);
  out["counts"] = counts_json(out["experiments"]);
  out["counts"]["added"] = out["added"].size();
  return out;
}

}  // namespace athanor
