// Whether what the planner's models say of themselves is true: how many new points lie inside the central interval of
// their prediction, and how many of them `describe` says will.
//
//   bench_calibration [--problems branin,hartmann6] [--seeds 10] [--json]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/problems.h"
#include "bench/session.h"
#include "optimizers/planner.h"

namespace athanor::bench {
namespace {

constexpr std::size_t kNew = 200;  // points a run that the model was not shown
const std::vector<std::size_t> kShown = {6, 15, 40, 100};
constexpr double kCentral90 = 1.6448536269514722, kCentral50 = 0.6744897501960817;  // Φ⁻¹(0.95), Φ⁻¹(0.75)

Point anywhere(const Space& space, RandomStream& random) {
  std::vector<double> unit(space.size());
  for (double& u : unit) u = random.uniform();
  return space.decode(unit);
}

/// Shares of the points, and root mean square errors as shares of the new points' standard deviation.
struct Calibration {
  double inside90 = 0, inside50 = 0, error = 0, said90 = 0, said_error = 0;
};

void add(const BenchProblem& bench, std::size_t shown, std::uint64_t seed, Calibration& sum) {
  RandomStream random(seed, fmt::format("calibration of {} with {}", bench.name, shown));
  const Space& space = bench.problem.space;
  Session session(bench);
  session.start(seed);
  while (session.observations().size() < shown) session.measure(anywhere(space, random));
  std::vector<Point> points;
  std::vector<double> truth;
  double mean = 0, squares = 0;
  while (points.size() < kNew) {
    points.push_back(anywhere(space, random));
    truth.push_back(bench.truth(points.back())[0]);
    mean += truth.back() / kNew;
  }
  for (const double y : truth) squares += (y - mean) * (y - mean);
  const double spread = std::sqrt(squares / kNew);
  squares = 0;
  const std::vector<Forecast> forecasts = predict(bench.problem, session.observations(), points);
  for (std::size_t i = 0; i < kNew; ++i) {
    const Prediction& at = *forecasts[i].of[0];
    const double error = std::abs(at.mean - truth[i]);
    sum.inside90 += error <= kCentral90 * at.sd ? 1.0 / kNew : 0;
    sum.inside50 += error <= kCentral50 * at.sd ? 1.0 / kNew : 0;
    squares += error * error / kNew;
  }
  sum.error += std::sqrt(squares) / spread;
  const CrossValidation said = *describe(bench.problem, session.observations())[0].left_out;
  sum.said90 += said.coverage;
  sum.said_error += said.rmse / spread;
}

nlohmann::ordered_json measure(const BenchProblem& bench, std::size_t shown, std::size_t seeds) {
  Calibration sum;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) add(bench, shown, seed, sum);
  const auto count = static_cast<double>(seeds);
  return {{"problem", bench.name},
          {"observations", shown},
          {"seeds", seeds},
          {"inside_90", sum.inside90 / count},
          {"inside_50", sum.inside50 / count},
          {"said_inside_90", sum.said90 / count},
          {"error", sum.error / count},
          {"said_error", sum.said_error / count}};
}

}  // namespace
}  // namespace athanor::bench

int main(int argc, char** argv) {
  CLI::App app{
      "How many of 200 new points lie inside the interval that is predicted for them, and what the models say of "
      "that."};
  std::vector<std::string> names = {"branin", "hartmann6", "ackley4", "levy4", "michalewicz10", "func2c"};
  std::size_t seeds = 10;
  bool json = false;
  app.add_option("--problems", names, "names with commas between them; the first thing they measure counts")
      ->delimiter(',');
  app.add_option("--seeds", seeds)->check(CLI::Range(1, 100000));
  app.add_flag("--json", json, "one JSON object a line");
  CLI11_PARSE(app, argc, argv);
  for (const std::string& name : names) {
    const auto bench = athanor::bench::make_problem(name);
    for (const std::size_t shown : athanor::bench::kShown) {
      const auto row = athanor::bench::measure(bench, shown, seeds);
      if (json) {
        fmt::print("{}\n", row.dump());
      } else {
        fmt::print(
            "{:<16} {:>3} observations: inside 90 % {:.2f} (said {:.2f}), inside 50 % {:.2f}; error {:.2f} (said "
            "{:.2f})\n",
            name, shown, row["inside_90"].get<double>(), row["said_inside_90"].get<double>(),
            row["inside_50"].get<double>(), row["error"].get<double>(), row["said_error"].get<double>());
      }
      std::fflush(stdout);
    }
  }
}
