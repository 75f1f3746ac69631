// How good the planner's suggestions are and how long they take, on functions with a known optimum and on measured
// tables; and the same problems for other planners.
//
//   bench_planner --problem hartmann6 --seeds 20 [--first-seed 0] [--evaluations 50] [--batch 1] [--json]
//   bench_planner --problem zdt3 --no-reference    the planner is not told below what an objective is worth nothing
//   bench_planner --problem hartmann6 --serve      a conversation in lines of JSON, see bench/dialogue.h
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/dialogue.h"
#include "bench/problems.h"
#include "bench/session.h"
#include "core/error.h"
#include "optimizers/planner.h"

namespace athanor::bench {
namespace {

struct Options {
  std::string problem = "hartmann6";
  std::size_t seeds = 20, first_seed = 0;
  std::size_t evaluations = 0, batch = 0;  // 0: the problem's usual number
  bool no_reference = false, json = false, list = false, serve = false;
};

struct Run {
  std::uint64_t seed = 0;
  std::vector<double> scores;   // after each experiment
  std::vector<double> seconds;  // of each question to the planner that was answered by a model
};

/// `problem`: what the planner is told of the bench's.
Run run(const BenchProblem& bench, const Problem& problem, std::uint64_t seed) {
  Session session(bench);
  Run out;
  out.seed = seed;
  for (const Point& at : session.start(seed)) {
    if (session.observations().size() < bench.evaluations) session.measure(at);
  }
  PlanQuestion question;
  while (session.observations().size() < bench.evaluations) {
    const std::size_t known = session.observations().size(), initial = bench.problem.planner.initial;
    question.observations = session.observations();
    question.seed = seed * 1000 + known;
    question.count =
        std::min(known < initial ? initial - known : bench.problem.planner.batch, bench.evaluations - known);
    const Plan answer = plan(problem, question);
    if (known >= initial) out.seconds.push_back(answer.seconds);
    if (answer.suggestions.empty()) break;
    for (const Suggestion& suggestion : answer.suggestions) session.measure(suggestion.at);
  }
  out.scores = session.scores();
  return out;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

struct Summary {
  std::vector<Run> runs;
  std::vector<double> seconds;  // of all runs
  std::vector<double> last;     // those of the last five questions of each run
  std::vector<double> finals;   // final scores
  std::vector<double> mean;     // score after each experiment

  explicit Summary(std::vector<Run> all) : runs(std::move(all)) {
    for (const Run& one : runs) {
      seconds.insert(seconds.end(), one.seconds.begin(), one.seconds.end());
      const auto count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(5, one.seconds.size()));
      last.insert(last.end(), one.seconds.end() - count, one.seconds.end());
      finals.push_back(one.scores.back());
      mean.resize(std::max(mean.size(), one.scores.size()), 0.0);
      for (std::size_t i = 0; i < one.scores.size(); ++i) mean[i] += one.scores[i] / static_cast<double>(runs.size());
    }
  }
};

void print_json(const BenchProblem& bench, const Summary& summary) {
  nlohmann::ordered_json noise = nlohmann::ordered_json::object(), runs = nlohmann::ordered_json::array();
  const std::vector<Measurand> measurands = bench.problem.measurands();
  for (std::size_t k = 0; k < measurands.size(); ++k) noise[measurands[k].name] = bench.noise_sd[k];
  for (const Run& one : summary.runs)
    runs.push_back({{"seed", one.seed}, {"scores", one.scores}, {"seconds", one.seconds}});
  const nlohmann::ordered_json out = {{"problem", bench.name},
                                      {"source", bench.source},
                                      {"planner", "athanor"},
                                      {"seeds", summary.runs.size()},
                                      {"evaluations", bench.evaluations},
                                      {"initial", bench.starting_points()},
                                      {"batch", bench.problem.planner.batch},
                                      {"noise_sd", noise},
                                      {"optimum", bench.optimum},
                                      {"score", to_string(bench.score)},
                                      {"seconds_p50", quantile(summary.seconds, 0.5)},
                                      {"seconds_p90", quantile(summary.seconds, 0.9)},
                                      {"seconds_p99", quantile(summary.seconds, 0.99)},
                                      {"seconds_p50_last", quantile(summary.last, 0.5)},
                                      {"final_mean", summary.mean.back()},
                                      {"final_median", quantile(summary.finals, 0.5)},
                                      {"mean_scores", summary.mean},
                                      {"runs", runs}};
  fmt::print("{}\n", out.dump());
}

void print_text(const BenchProblem& bench, const Summary& summary) {
  fmt::print("{:<16} {} seeds, {} experiments, batches of {}\n", bench.name, summary.runs.size(), bench.evaluations,
             bench.problem.planner.batch);
  fmt::print("  seconds per question: p50 {:.4f}, p90 {:.4f}, p99 {:.4f}; p50 of the last five {:.4f}\n",
             quantile(summary.seconds, 0.5), quantile(summary.seconds, 0.9), quantile(summary.seconds, 0.99),
             quantile(summary.last, 0.5));
  fmt::print("  final {}: mean {:.5f}, median {:.5f}, worst {:.5f}\n", to_string(bench.score), summary.mean.back(),
             quantile(summary.finals, 0.5), quantile(summary.finals, 1));
  const bool top = bench.score == Score::kTopMissed;
  fmt::print("  {} after", top ? "best 5 % found" : to_string(bench.score));
  for (const std::size_t k : {10u, 20u, 30u, 40u, 50u, 100u, 200u}) {
    if (k > summary.mean.size()) break;
    const double score = summary.mean[k - 1];
    fmt::print("  {}: {:.3f}", k, top ? 1 - score : score);
  }
  fmt::print("\n");
}

void serve(const BenchProblem& bench) {
  Dialogue dialogue(bench);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    fmt::print("{}\n", dialogue.answer(line));
    std::fflush(stdout);
  }
}

void work(const Options& options) {
  if (options.list) {
    for (const std::string& name : problem_names()) fmt::print("{}\n", name);
    return;
  }
  BenchProblem bench = make_problem(options.problem);
  if (options.evaluations > 0) bench.evaluations = options.evaluations;
  if (options.batch > 0) bench.problem.planner.batch = options.batch;
  if (options.serve) return serve(bench);
  Problem told = bench.problem;
  for (Objective& objective : told.objectives) {
    if (options.no_reference) objective.reference.reset();
  }
  std::vector<Run> runs;
  for (std::size_t i = 0; i < options.seeds; ++i) runs.push_back(run(bench, told, options.first_seed + i));
  const Summary summary(std::move(runs));
  options.json ? print_json(bench, summary) : print_text(bench, summary);
}

}  // namespace
}  // namespace athanor::bench

int main(int argc, char** argv) {
  CLI::App app{"Quality and speed of the planner's suggestions."};
  athanor::bench::Options options;
  app.add_option("--problem", options.problem, "one of --list");
  app.add_option("--seeds", options.seeds, "how many runs, each from other starting points")
      ->check(CLI::Range(1, 100000));
  app.add_option("--first-seed", options.first_seed, "seed of the first run; the others follow");
  app.add_option("--evaluations", options.evaluations, "experiments a run; the problem's usual number if not given")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--batch", options.batch, "suggestions asked for at once; the problem's usual number if not given")
      ->check(CLI::Range(1, 1000));
  app.add_flag("--no-reference", options.no_reference, "the planner is not told the objectives' references");
  app.add_flag("--json", options.json, "one JSON object");
  app.add_flag("--serve", options.serve, "let another planner be measured: a conversation in lines of JSON");
  app.add_flag("--list", options.list, "the names of the problems");
  CLI11_PARSE(app, argc, argv);
  try {
    athanor::bench::work(options);
    return 0;
  } catch (const athanor::InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  } catch (const athanor::EnvironmentError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 3;
  }
}
