// How good the planner's suggestions are and how long they take, on functions with a known optimum and on measured
// tables.
//
//   bench_planner --problem hartmann6 --seeds 20 [--evaluations 50] [--batch 1] [--json]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/problems.h"
#include "core/error.h"
#include "optimizers/planner.h"

namespace athanor::bench {
namespace {

struct Run {
  std::vector<double> regret;   // after each experiment: |best noise-free outcome so far − optimum|
  std::vector<double> top;      // after each experiment: share of the best 5 % of rows found; tables only
  std::vector<double> seconds;  // of each question to the planner that was answered by a model
};

Run run(const BenchProblem& bench, std::uint64_t seed, std::size_t evaluations, std::size_t batch) {
  Run out;
  RandomStream noise(seed, "bench noise");
  PlanQuestion question;
  const bool minimise = bench.problem.objectives[0].goal == Objective::Goal::kMinimize;
  double best = minimise ? HUGE_VAL : -HUGE_VAL;
  std::size_t found = 0;
  const auto measure = [&](const Point& at) {
    const double truth = bench.truth(at);
    Observation observation;
    observation.at = at;
    observation.measured = {Measurement{truth + bench.noise_sd * noise.normal(), std::nullopt}};
    question.observations.push_back(std::move(observation));
    best = minimise ? std::min(best, truth) : std::max(best, truth);
    out.regret.push_back(std::abs(best - bench.optimum));
    if (bench.top.empty()) return;
    found += std::find(bench.top.begin(), bench.top.end(), at) != bench.top.end() ? 1 : 0;
    out.top.push_back(static_cast<double>(found) / static_cast<double>(bench.top.size()));
  };
  if (bench.random_start > 0) {
    const CandidatePool& pool = *bench.problem.space.pool();
    RandomStream start(seed, "bench start");
    std::vector<std::size_t> rows;
    while (rows.size() < bench.random_start) {
      const std::size_t row = start.below(pool.rows);
      if (std::find(rows.begin(), rows.end(), row) != rows.end()) continue;
      rows.push_back(row);
      const auto first = pool.values.begin() + static_cast<long>(row * bench.problem.space.size());
      measure(Point(first, first + static_cast<long>(bench.problem.space.size())));
    }
  }
  while (question.observations.size() < evaluations) {
    question.seed = seed * 1000 + question.observations.size();
    const std::size_t initial = bench.problem.planner.initial, known = question.observations.size();
    question.count = std::min(known < initial ? initial - known : batch, evaluations - known);
    const Plan answer = plan(bench.problem, question);
    if (known >= initial) out.seconds.push_back(answer.seconds);
    if (answer.suggestions.empty()) break;
    for (const Suggestion& suggestion : answer.suggestions) measure(suggestion.at);
  }
  return out;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

std::vector<double> mean_over_runs(const std::vector<Run>& runs, std::vector<double> Run::*curve) {
  std::vector<double> mean;
  for (const Run& one : runs) {
    mean.resize(std::max(mean.size(), (one.*curve).size()), 0.0);
    for (std::size_t i = 0; i < (one.*curve).size(); ++i) mean[i] += (one.*curve)[i] / static_cast<double>(runs.size());
  }
  return mean;
}

int report(const std::string& name, std::size_t seeds, std::size_t evaluations, std::size_t batch, bool json) {
  const BenchProblem bench = make_problem(name);
  if (evaluations == 0) evaluations = bench.evaluations;
  std::vector<Run> runs;
  std::vector<double> seconds, last_seconds, final_regret;
  for (std::size_t seed = 0; seed < seeds; ++seed) {
    runs.push_back(run(bench, seed, evaluations, batch));
    seconds.insert(seconds.end(), runs.back().seconds.begin(), runs.back().seconds.end());
    const std::size_t last = std::min<std::size_t>(5, runs.back().seconds.size());
    last_seconds.insert(last_seconds.end(), runs.back().seconds.end() - static_cast<long>(last),
                        runs.back().seconds.end());
    final_regret.push_back(runs.back().regret.back());
  }
  const std::vector<double> regret = mean_over_runs(runs, &Run::regret), top = mean_over_runs(runs, &Run::top);
  nlohmann::ordered_json out = {{"problem", name},
                                {"source", bench.source},
                                {"seeds", seeds},
                                {"evaluations", evaluations},
                                {"initial", bench.problem.planner.initial},
                                {"random_start", bench.random_start},
                                {"batch", batch},
                                {"noise_sd", bench.noise_sd},
                                {"optimum", bench.optimum},
                                {"seconds_p50", quantile(seconds, 0.5)},
                                {"seconds_p99", quantile(seconds, 0.99)},
                                {"seconds_p50_last", quantile(last_seconds, 0.5)},
                                {"final_regret_mean", regret.back()},
                                {"final_regret_median", quantile(final_regret, 0.5)},
                                {"final_regrets", final_regret},
                                {"regret", regret}};
  if (!top.empty()) out["top5_percent"] = top;
  if (json) {
    fmt::print("{}\n", out.dump());
    return 0;
  }
  fmt::print("{:<16} {} seeds, {} experiments, batches of {}\n", name, seeds, evaluations, batch);
  fmt::print("  seconds per question: p50 {:.4f}, p99 {:.4f}; p50 of the last five {:.4f}\n", quantile(seconds, 0.5),
             quantile(seconds, 0.99), quantile(last_seconds, 0.5));
  fmt::print("  final regret: mean {:.5f}, median {:.5f}, worst {:.5f}\n", regret.back(), quantile(final_regret, 0.5),
             quantile(final_regret, 1));
  if (!top.empty()) {
    fmt::print("  best 5 % found after");
    for (const std::size_t k : {10u, 20u, 30u, 40u, 50u, 100u, 200u}) {
      if (k <= top.size()) fmt::print("  {}: {:.3f}", k, top[k - 1]);
    }
    fmt::print("\n");
  }
  return 0;
}

}  // namespace
}  // namespace athanor::bench

int main(int argc, char** argv) {
  CLI::App app{"Quality and speed of the planner's suggestions."};
  std::string problem = "hartmann6";
  std::size_t seeds = 20, evaluations = 0, batch = 1;
  bool json = false, list = false;
  app.add_option("--problem", problem, "one of --list");
  app.add_option("--seeds", seeds, "how many runs, each from other starting points")->check(CLI::Range(1, 100000));
  app.add_option("--evaluations", evaluations, "experiments a run; the problem's usual number if not given");
  app.add_option("--batch", batch, "suggestions asked for at once")->check(CLI::Range(1, 1000));
  app.add_flag("--json", json, "one JSON object");
  app.add_flag("--list", list, "the names of the problems");
  CLI11_PARSE(app, argc, argv);
  try {
    if (list) {
      for (const std::string& name : athanor::bench::problem_names()) fmt::print("{}\n", name);
      return 0;
    }
    return athanor::bench::report(problem, seeds, evaluations, batch, json);
  } catch (const athanor::InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  } catch (const athanor::EnvironmentError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 3;
  }
}
