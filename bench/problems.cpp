#include "bench/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numbers>

#include "core/document.h"
#include "core/error.h"
#include "core/table.h"

namespace athanor::bench {
namespace {

constexpr double kPi = std::numbers::pi;

std::vector<Parameter> box(std::size_t size, double low, double high) {
  std::vector<Parameter> out;
  for (std::size_t i = 0; i < size; ++i) out.push_back({fmt::format("x{}", i + 1), {}, Continuous{low, high}});
  return out;
}

double branin(const Point& x) {
  const double a = x[1] - 5.1 / (4 * kPi * kPi) * x[0] * x[0] + 5 / kPi * x[0] - 6;
  return a * a + 10 * (1 - 1 / (8 * kPi)) * std::cos(x[0]) + 10;
}

double hartmann3(const Point& x) {
  constexpr double alpha[4] = {1, 1.2, 3, 3.2};
  constexpr double a[4][3] = {{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}};
  constexpr double p[4][3] = {
      {0.3689, 0.1170, 0.2673}, {0.4699, 0.4387, 0.7470}, {0.1091, 0.8732, 0.5547}, {0.0381, 0.5743, 0.8828}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double r = 0;
    for (std::size_t j = 0; j < 3; ++j) r += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
    sum -= alpha[i] * std::exp(-r);
  }
  return sum;
}

double hartmann6(const Point& x) {
  constexpr double alpha[4] = {1, 1.2, 3, 3.2};
  constexpr double a[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                              {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                              {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                              {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double r = 0;
    for (std::size_t j = 0; j < 6; ++j) r += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
    sum -= alpha[i] * std::exp(-r);
  }
  return sum;
}

double ackley(const Point& x) {
  double squares = 0, cosines = 0;
  for (const double v : x) {
    squares += v * v;
    cosines += std::cos(2 * kPi * v);
  }
  const auto d = static_cast<double>(x.size());
  return -20 * std::exp(-0.2 * std::sqrt(squares / d)) - std::exp(cosines / d) + 20 + std::numbers::e;
}

double levy(const Point& x) {
  const auto w = [&](std::size_t i) { return 1 + (x[i] - 1) / 4; };
  double sum = std::pow(std::sin(kPi * w(0)), 2);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    sum += (w(i) - 1) * (w(i) - 1) * (1 + 10 * std::pow(std::sin(kPi * w(i) + 1), 2));
  }
  const double last = w(x.size() - 1);
  return sum + (last - 1) * (last - 1) * (1 + std::pow(std::sin(2 * kPi * last), 2));
}

double griewank(const Point& x) {
  double sum = 0, product = 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum += x[i] * x[i] / 4000;
    product *= std::cos(x[i] / std::sqrt(static_cast<double>(i + 1)));
  }
  return sum - product + 1;
}

double rosenbrock(const Point& x) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  }
  return sum;
}

double michalewicz(const Point& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum -= std::sin(x[i]) * std::pow(std::sin(static_cast<double>(i + 1) * x[i] * x[i] / kPi), 20);
  }
  return sum;
}

/// Ackley with its first coordinates binary (−1 or 1, given as choices) and the last three continuous in [−1, 1],
/// shifted so that the optimum of the binary ones is 0 → encoded as choice “b”. Bliek et al. 2021, "Expensivebench":
/// ackley53, cut down to 13 + 3.
double mixed_ackley(const Point& x) {
  Point real(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) real[i] = i + 3 < x.size() ? 1 - x[i] : x[i];
  return ackley(real);
}

struct Function {
  const char* source;
  std::vector<Parameter> parameters;
  double (*truth)(const Point&);
  double optimum;
  std::size_t evaluations;
  double noise_sd = 0;
};

std::map<std::string, Function> functions() {
  const char* const surjanovic = "Surjanovic & Bingham, Virtual Library of Simulation Experiments";
  std::vector<Parameter> branin_box = {{"x1", {}, Continuous{-5, 10}}, {"x2", {}, Continuous{0, 15}}};
  std::vector<Parameter> mixed;
  for (std::size_t i = 0; i < 13; ++i) mixed.push_back({fmt::format("b{}", i + 1), {}, Choices{{"a", "b"}}});
  for (std::size_t i = 0; i < 3; ++i) mixed.push_back({fmt::format("x{}", i + 1), {}, Continuous{-1, 1}});
  return {
      {"branin", {surjanovic, branin_box, branin, 0.39788735772973816, 30}},
      {"hartmann3", {surjanovic, box(3, 0, 1), hartmann3, -3.8627797873327, 30}},
      {"hartmann6", {surjanovic, box(6, 0, 1), hartmann6, -3.3223680114155147, 50}},
      {"hartmann6_noisy", {surjanovic, box(6, 0, 1), hartmann6, -3.3223680114155147, 50, 0.05}},
      {"ackley4", {surjanovic, box(4, -32.768, 32.768), ackley, 0, 40}},
      {"levy4", {surjanovic, box(4, -10, 10), levy, 0, 40}},
      {"griewank4", {surjanovic, box(4, -600, 600), griewank, 0, 40}},
      {"rosenbrock4", {surjanovic, box(4, -5, 10), rosenbrock, 0, 40}},
      {"michalewicz10", {surjanovic, box(10, 0, kPi), michalewicz, -9.6601517156413, 100}},
      {"ackley_mixed16", {"Bliek et al. 2021, Expensivebench", mixed, mixed_ackley, 0, 60}},
  };
}

struct TableProblem {
  std::size_t outcome;  // column, counted from the end of the parameters
  Objective::Goal goal;
  std::vector<std::string> categorical;
  std::size_t evaluations;
};

std::map<std::string, TableProblem> tables() {
  using Goal = Objective::Goal;
  const std::vector<std::string> suzuki = {"electrophile", "nucleophile", "base", "ligand", "solvent"};
  return {
      {"crossed_barrel", {4, Goal::kMaximize, {}, 100}},  {"p3ht", {5, Goal::kMaximize, {}, 50}},
      {"autoam", {4, Goal::kMaximize, {}, 30}},           {"photo_pce10", {4, Goal::kMinimize, {}, 100}},
      {"colors_bob", {5, Goal::kMinimize, {}, 50}},       {"alkox", {4, Goal::kMaximize, {}, 40}},
      {"suzuki_edbo", {5, Goal::kMaximize, suzuki, 100}},
  };
}

/// The table's rows as a candidate pool, replicates averaged: each different row once.
BenchProblem make_table(const std::string& name, const TableProblem& what) {
  const char* folder = std::getenv("ATHANOR_DATA_DIR");
  if (!folder)
    throw EnvironmentError(
        fmt::format("“{}” needs measured data: set ATHANOR_DATA_DIR to the folder with {}.csv", name, name));
  const Table table = read_csv(fmt::format("{}/{}.csv", folder, name));
  const std::size_t width = what.outcome;
  std::vector<Parameter> parameters;
  std::vector<std::map<std::string, double>> codes(width);
  for (std::size_t j = 0; j < width; ++j) {
    const std::string& column = table.columns[j];
    if (std::find(what.categorical.begin(), what.categorical.end(), column) != what.categorical.end()) {
      Choices choices;
      for (const auto& row : table.rows) {
        if (codes[j].emplace(row[j], static_cast<double>(codes[j].size())).second) choices.names.push_back(row[j]);
      }
      parameters.push_back({column, {}, choices});
    } else {
      double low = table.number(0, j), high = low;
      for (std::size_t i = 0; i < table.rows.size(); ++i) {
        low = std::min(low, table.number(i, j));
        high = std::max(high, table.number(i, j));
      }
      parameters.push_back({column, {}, Continuous{low, high}});
    }
  }
  std::map<Point, std::pair<double, double>> sums;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    Point point(width);
    for (std::size_t j = 0; j < width; ++j) {
      point[j] = codes[j].empty() ? table.number(i, j) : codes[j].at(table.rows[i][j]);
    }
    auto& [sum, count] = sums[point];
    sum += table.number(i, what.outcome);
    count += 1;
  }
  CandidatePool pool;
  pool.rows = sums.size();
  pool.source = table.file;
  std::vector<std::pair<double, Point>> ranked;
  std::map<Point, double> mean;
  const double sign = what.goal == Objective::Goal::kMaximize ? 1 : -1;
  for (const auto& [point, sum] : sums) {
    pool.values.insert(pool.values.end(), point.begin(), point.end());
    mean[point] = sum.first / sum.second;
    ranked.emplace_back(-sign * mean[point], point);
  }
  std::sort(ranked.begin(), ranked.end());

  BenchProblem out;
  out.name = name;
  out.source = table.file;
  out.problem.space = Space(parameters, {}, pool);
  Objective objective;
  objective.name = table.columns[what.outcome];
  objective.goal = what.goal;
  out.problem.objectives = {objective};
  out.random_start = 2;
  out.problem.planner.initial = width + 1;
  out.evaluations = std::min(what.evaluations, pool.rows);
  out.optimum = -sign * ranked.front().first;
  const auto best = static_cast<std::size_t>(std::llround(0.05 * static_cast<double>(ranked.size())));
  for (std::size_t i = 0; i < best; ++i) out.top.push_back(ranked[i].second);
  out.truth = [mean = std::move(mean)](const Point& point) { return mean.at(point); };
  return out;
}

}  // namespace

std::vector<std::string> problem_names() {
  std::vector<std::string> names;
  for (const auto& entry : functions()) names.push_back(entry.first);
  for (const auto& entry : tables()) names.push_back(entry.first);
  return names;
}

BenchProblem make_problem(const std::string& name) {
  const auto known_tables = tables();
  if (const auto table = known_tables.find(name); table != known_tables.end()) return make_table(name, table->second);
  const auto known = functions();
  const auto found = known.find(name);
  if (found == known.end())
    throw InputError(fmt::format("there is no problem “{}”{}", name, suggest_name(name, problem_names())));
  const Function& function = found->second;
  BenchProblem out;
  out.name = name;
  out.source = function.source;
  out.problem.space = Space(function.parameters);
  Objective objective;
  objective.name = "y";
  objective.goal = Objective::Goal::kMinimize;
  out.problem.objectives = {objective};
  out.problem.planner.initial = 8;
  out.evaluations = function.evaluations;
  out.noise_sd = function.noise_sd;
  out.truth = function.truth;
  out.optimum = function.optimum;
  return out;
}

}  // namespace athanor::bench
