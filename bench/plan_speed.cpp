// How long one question to the planner takes, at the sizes that laboratories have and beyond, and whether deadlines are
// kept.
//
//   bench_plan_speed [--repeats 20] [--json]
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/random.h"
#include "optimizers/planner.h"

namespace athanor::bench {
namespace {

struct Case {
  std::string name;
  std::size_t parameters = 6, observations = 50, objectives = 1, count = 1, pool_rows = 0;
  double noise_sd = 0, deadline_s = 0;
  std::size_t most_repeats = 1000;
};

const std::vector<Case> kCases = {
    {"one suggestion, 6 parameters, 50 observations"},
    {"four at once, noisy, 60 observations", 6, 60, 1, 4, 0, 0.05},
    {"one suggestion, two objectives, 50 observations", 6, 50, 2},
    {"eight at once, 20 parameters, 500 observations", 20, 500, 1, 8, 0, 0.05, 0, 5},
    {"a pool of 1,000,000 rows, 200 observations", 6, 200, 1, 1, 1'000'000, 0.05, 0, 3},
    {"a pool of 1,000,000 rows, two objectives, 200 observations", 6, 200, 2, 1, 1'000'000, 0.05, 0, 3},
    {"a pool of 1,000,000 rows, eight at once, 200 observations", 6, 200, 1, 8, 1'000'000, 0.05, 0, 3},
    {"a pool of 1,000,000 rows, two objectives, eight at once, 200 observations", 6, 200, 2, 8, 1'000'000, 0.05, 0, 3},
    {"twenty at once, four objectives, 100 observations", 8, 100, 4, 20, 0, 0.05, 0, 3},
    {"four objectives, 100 observations, 10 ms", 6, 100, 4, 1, 0, 0.05, 0.01},
    {"four objectives, 500 observations, 20 ms", 6, 500, 4, 1, 0, 0.05, 0.02},
    {"ten at once, two objectives, 50 observations, 20 ms", 6, 50, 2, 10, 0, 0.05, 0.02},
    {"200 observations, 20 ms", 6, 200, 1, 1, 0, 0.05, 0.02},
    {"1,000 observations, 50 ms", 6, 1000, 1, 1, 0, 0.05, 0.05},
    {"1,000 observations, 200 ms", 6, 1000, 1, 1, 0, 0.05, 0.2},
    {"1,000 observations, 1 s", 6, 1000, 1, 1, 0, 0.05, 1, 20},
    {"four at once, three objectives, 300 observations, 500 ms", 6, 300, 3, 4, 0, 0.05, 0.5, 20},
    {"a pool of 100,000 rows, 200 observations, 100 ms", 6, 200, 1, 1, 100'000, 0.05, 0.1, 50},
};

/// A smooth outcome with a few valleys, another for each objective.
double outcome(const Point& x, std::size_t objective) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double best = 0.5 + 0.4 * std::sin(static_cast<double>(3 * i + 7 * objective));
    sum += (x[i] - best) * (x[i] - best) + 0.05 * std::cos(9 * x[i]);
  }
  return -sum;
}

Problem problem_of(const Case& one, RandomStream& random) {
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < one.parameters; ++i) parameters.push_back({fmt::format("x{}", i + 1), {}, Continuous{}});
  std::optional<CandidatePool> pool;
  if (one.pool_rows > 0) {
    pool.emplace();
    pool->rows = one.pool_rows;
    pool->values.resize(one.pool_rows * one.parameters);
    for (double& value : pool->values) value = random.uniform();
  }
  Problem problem;
  problem.space = Space(std::move(parameters), {}, std::move(pool));
  for (std::size_t k = 0; k < one.objectives; ++k) {
    Objective objective;
    objective.name = fmt::format("y{}", k + 1);
    problem.objectives.push_back(objective);
  }
  return problem;
}

std::vector<Observation> observe(const Case& one, const Problem& problem, RandomStream& random) {
  std::vector<Observation> out(one.observations);
  for (Observation& observation : out) {
    observation.at.resize(one.parameters);
    if (problem.space.pool()) {
      const std::size_t row = random.below(one.pool_rows);
      const auto first = problem.space.pool()->values.begin() + static_cast<long>(row * one.parameters);
      std::copy_n(first, one.parameters, observation.at.begin());
    } else {
      for (double& value : observation.at) value = random.uniform();
    }
    for (std::size_t k = 0; k < one.objectives; ++k) {
      observation.measured.push_back(Measurement{outcome(observation.at, k) + one.noise_sd * random.normal(), {}});
    }
  }
  return out;
}

nlohmann::ordered_json measure(const Case& one, std::size_t repeats) {
  RandomStream random(1, one.name);
  const Problem problem = problem_of(one, random);
  std::vector<double> seconds;
  for (std::size_t i = 0; i < std::min(repeats, one.most_repeats); ++i) {
    PlanQuestion question;
    question.observations = observe(one, problem, random);
    question.count = one.count;
    question.seed = i;
    question.deadline_s = one.deadline_s;
    const double began = monotonic_seconds();
    const Plan answer = plan(problem, question);
    seconds.push_back(monotonic_seconds() - began);
    if (answer.suggestions.size() != one.count) throw std::runtime_error(one.name + ": too few suggestions");
  }
  std::sort(seconds.begin(), seconds.end());
  const auto quantile = [&](double share) {
    return seconds[static_cast<std::size_t>(share * static_cast<double>(seconds.size() - 1) + 0.5)];
  };
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {{"case", one.name},
          {"repeats", seconds.size()},
          {"seconds_p50", quantile(0.5)},
          {"seconds_p99", quantile(0.99)},
          {"deadline", one.deadline_s},
          {"peak_megabytes", static_cast<double>(usage.ru_maxrss) / 1024}};
}

}  // namespace
}  // namespace athanor::bench

int main(int argc, char** argv) {
  CLI::App app{"How long the planner takes for one question. The memory is the largest that the process had so far."};
  std::size_t repeats = 20;
  std::string only;
  bool json = false;
  app.add_option("--repeats", repeats, "questions a case; the large ones are asked fewer times")
      ->check(CLI::Range(1, 100000));
  app.add_option("--only", only, "cases whose name contains this");
  app.add_flag("--json", json, "one JSON object a case");
  CLI11_PARSE(app, argc, argv);
  for (const auto& one : athanor::bench::kCases) {
    if (one.name.find(only) == std::string::npos) continue;
    const auto row = athanor::bench::measure(one, repeats);
    if (json) {
      fmt::print("{}\n", row.dump());
    } else {
      fmt::print("{:<58} p50 {:>8.1f} ms  p99 {:>8.1f} ms  {:>6.0f} MB  ({} times)\n", one.name,
                 1e3 * row["seconds_p50"].get<double>(), 1e3 * row["seconds_p99"].get<double>(),
                 row["peak_megabytes"].get<double>(), row["repeats"].get<std::size_t>());
    }
    std::fflush(stdout);
  }
}
