// Look-up laboratories: tables of experiments that somebody really ran, replicates averaged, each row a candidate.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "bench/catalogue.h"
#include "bench/hypervolume.h"
#include "bench/session.h"
#include "core/error.h"
#include "core/table.h"

namespace athanor::bench {
namespace {

using Goal = Objective::Goal;

struct TableProblem {
  std::string paper;
  std::size_t parameters;            // the first so many columns
  std::vector<Goal> goals;           // of the columns after them
  std::vector<std::size_t> choices;  // which of the parameters are names
  std::size_t evaluations;
};

std::map<std::string, TableProblem> known_tables() {
  const Goal max = Goal::kMaximize, min = Goal::kMinimize;
  return {
      {"crossed_barrel", {"Gongora et al. 2020", 4, {max}, {}, 100}},
      {"p3ht", {"Bash et al. 2021", 5, {max}, {}, 50}},
      {"autoam", {"Deneault et al. 2021", 4, {max}, {}, 30}},
      {"photo_pce10", {"Langner et al. 2020", 4, {min}, {}, 100}},
      {"colors_bob", {"Roch et al. 2020", 5, {min}, {}, 50}},
      {"alkox", {"Olympus, alkox", 4, {max}, {}, 40}},
      {"suzuki_i", {"Reizman et al. 2016", 4, {max, max}, {0}, 40}},
      {"suzuki_edbo", {"Perera et al. 2018", 5, {max}, {0, 1, 2, 3, 4}, 100}},
      {"buchwald_b", {"Ahneman et al. 2018", 4, {max}, {0, 1, 2, 3}, 100}},
      {"redoxmers", {"Olympus, redoxmers", 4, {min, min, min}, {0, 1, 2, 3}, 100}},
  };
}

Table read_table(const std::string& name) {
  const char* folder = std::getenv("ATHANOR_DATA_DIR");
  if (!folder)
    throw EnvironmentError(
        fmt::format("“{}” needs measured data: set ATHANOR_DATA_DIR to the folder with {}.csv", name, name));
  return read_csv(fmt::format("{}/{}.csv", folder, name));
}

/// Column `j` as a parameter: its range, or its names in the order in which they occur.
Parameter read_parameter(const Table& table, std::size_t j, bool names) {
  if (names) {
    Choices choices;
    for (const auto& row : table.rows) {
      if (std::find(choices.names.begin(), choices.names.end(), row[j]) == choices.names.end())
        choices.names.push_back(row[j]);
    }
    return {table.columns[j], {}, choices};
  }
  Continuous range{table.number(0, j), table.number(0, j)};
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    range.low = std::min(range.low, table.number(i, j));
    range.high = std::max(range.high, table.number(i, j));
  }
  return {table.columns[j], {}, range};
}

Point read_row(const Table& table, std::size_t i, const std::vector<Parameter>& parameters) {
  Point point;
  for (std::size_t j = 0; j < parameters.size(); ++j) {
    const auto* choices = std::get_if<Choices>(&parameters[j].kind);
    if (!choices) {
      point.push_back(table.number(i, j));
      continue;
    }
    const auto at = std::find(choices->names.begin(), choices->names.end(), table.rows[i][j]);
    point.push_back(static_cast<double>(at - choices->names.begin()));
  }
  return point;
}

/// The mean outcomes at each different point.
std::map<Point, std::vector<double>> mean_outcomes(const Table& table, const std::vector<Parameter>& parameters,
                                                   std::size_t outcomes) {
  std::map<Point, std::vector<std::vector<double>>> replicates;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    std::vector<double> measured;
    for (std::size_t k = 0; k < outcomes; ++k) measured.push_back(table.number(i, parameters.size() + k));
    replicates[read_row(table, i, parameters)].push_back(std::move(measured));
  }
  std::map<Point, std::vector<double>> means;
  for (const auto& [point, all] : replicates) {
    std::vector<double>& mean = means[point];
    mean.resize(outcomes);
    for (const auto& one : all) {
      for (std::size_t k = 0; k < outcomes; ++k) mean[k] += one[k];
    }
    for (double& value : mean) value /= static_cast<double>(all.size());
  }
  return means;
}

using Means = std::map<Point, std::vector<double>>;

/// One objective: the best row, and the best 5 %.
void score_by_top(BenchProblem& bench, const Means& means) {
  const Objective& objective = bench.problem.objectives[0];
  std::vector<std::pair<double, Point>> ranked;
  for (const auto& [point, values] : means) ranked.emplace_back(-objective.merit(values[0]), point);
  std::sort(ranked.begin(), ranked.end());
  bench.score = Score::kTopMissed;
  bench.optimum = means.at(ranked[0].second)[0];
  bench.optimisers = {ranked[0].second};
  const auto best = static_cast<std::size_t>(std::llround(0.05 * static_cast<double>(ranked.size())));
  for (std::size_t i = 0; i < best; ++i) bench.top.push_back(ranked[i].second);
}

/// Several: the hypervolume of the whole table, seen from the worst value of each objective in it.
void score_by_hypervolume(BenchProblem& bench, const Means& means) {
  std::vector<std::vector<double>> front;
  for (std::size_t k = 0; k < bench.problem.objectives.size(); ++k) {
    Objective& objective = bench.problem.objectives[k];
    for (const auto& [point, values] : means) {
      if (!objective.reference || objective.merit(values[k]) < objective.merit(*objective.reference))
        objective.reference = values[k];
    }
  }
  for (const auto& [point, values] : means) front.push_back(losses(bench.problem, values));
  bench.score = Score::kHypervolumeGap;
  bench.optimum = hypervolume(front, reference_losses(bench.problem));
}

BenchProblem make(const std::string& name, const TableProblem& what) {
  const Table table = read_table(name);
  std::vector<Parameter> parameters;
  for (std::size_t j = 0; j < what.parameters; ++j) {
    const bool names = std::find(what.choices.begin(), what.choices.end(), j) != what.choices.end();
    parameters.push_back(read_parameter(table, j, names));
  }
  const Means means = mean_outcomes(table, parameters, what.goals.size());
  CandidatePool pool;
  pool.rows = means.size();
  pool.source = table.file;
  for (const auto& [point, values] : means) pool.values.insert(pool.values.end(), point.begin(), point.end());

  BenchProblem out;
  out.source = fmt::format("{} ({}.csv)", what.paper, name);
  out.problem.space = Space(parameters, {}, pool);
  for (std::size_t k = 0; k < what.goals.size(); ++k) {
    Objective objective;
    objective.name = table.columns[what.parameters + k];
    objective.goal = what.goals[k];
    out.problem.objectives.push_back(objective);
  }
  // A model from the third experiment on would know next to nothing: our own planner fills the space a little first.
  out.problem.planner.initial = what.parameters + 1;
  out.random_start = 2;
  out.evaluations = std::min(what.evaluations, pool.rows);
  what.goals.size() == 1 ? score_by_top(out, means) : score_by_hypervolume(out, means);
  out.truth = [means](const Point& point) { return means.at(point); };
  return out;
}

}  // namespace

Chapter tables() {
  Chapter out;
  for (const auto& [name, what] : known_tables()) {
    out[name] = [name = name, what = what] { return make(name, what); };
  }
  return out;
}

}  // namespace athanor::bench
