// One objective, continuous parameters: the classics.
#include <cmath>
#include <numbers>

#include "bench/catalogue.h"
#include "bench/functions.h"

namespace athanor::bench {
constexpr double kPi = std::numbers::pi;

double ackley(const Point& x) {
  double squares = 0, cosines = 0;
  for (const double v : x) {
    squares += v * v;
    cosines += std::cos(2 * kPi * v);
  }
  const auto d = static_cast<double>(x.size());
  return -20 * std::exp(-0.2 * std::sqrt(squares / d)) - std::exp(cosines / d) + 20 + std::numbers::e;
}

double branin(const Point& x) {
  const double a = x[1] - 5.1 / (4 * kPi * kPi) * x[0] * x[0] + 5 / kPi * x[0] - 6;
  return a * a + 10 * (1 - 1 / (8 * kPi)) * std::cos(x[0]) + 10;
}

double rosenbrock(const Point& x) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  }
  return sum;
}

namespace {

/// The four peaks of Hartmann's functions, in as many dimensions as `widths` and `centres` have columns.
template <std::size_t D>
double hartmann(const Point& x, const double (&widths)[4][D], const double (&centres)[4][D]) {
  constexpr double heights[4] = {1, 1.2, 3, 3.2};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double r = 0;
    for (std::size_t j = 0; j < D; ++j) r += widths[i][j] * (x[j] - centres[i][j]) * (x[j] - centres[i][j]);
    sum -= heights[i] * std::exp(-r);
  }
  return sum;
}

double hartmann3(const Point& x) {
  constexpr double a[4][3] = {{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}};
  constexpr double p[4][3] = {
      {0.3689, 0.1170, 0.2673}, {0.4699, 0.4387, 0.7470}, {0.1091, 0.8732, 0.5547}, {0.0381, 0.5743, 0.8828}};
  return hartmann(x, a, p);
}

double hartmann6(const Point& x) {
  constexpr double a[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                              {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                              {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                              {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  return hartmann(x, a, p);
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

double michalewicz(const Point& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum -= std::sin(x[i]) * std::pow(std::sin(static_cast<double>(i + 1) * x[i] * x[i] / kPi), 20);
  }
  return sum;
}

struct Function {
  std::vector<Parameter> parameters;
  double (*truth)(const Point&);
  double optimum;
  std::vector<Point> optimisers;
  std::size_t evaluations;
  double noise_sd = 0;
  std::size_t batch = 1;
  std::size_t initial = 0;  // 0: the usual number
};

BenchProblem make(const Function& function) {
  BenchProblem out;
  out.source = "Surjanovic & Bingham, Virtual Library of Simulation Experiments";
  out.problem.space = Space(function.parameters);
  out.problem.objectives = {minimised("y")};
  const std::size_t usual = usual_initial(function.parameters.size());
  out.problem.planner = {function.initial > 0 ? function.initial : usual, function.batch};
  out.evaluations = function.evaluations;
  out.noise_sd = {function.noise_sd};
  out.truth = [truth = function.truth](const Point& x) { return std::vector<double>{truth(x)}; };
  out.optimum = function.optimum;
  out.optimisers = function.optimisers;
  return out;
}

}  // namespace

Chapter functions() {
  const std::vector<Parameter> unit6 = box(6, 0, 1);
  const Point best6 = {0.20168952, 0.15001069, 0.47687398, 0.27533243, 0.31165162, 0.65730053};
  constexpr double kHartmann6 = -3.3223680114155147;
  const auto at = [](std::size_t size, double value) { return std::vector<Point>{Point(size, value)}; };
  const std::map<std::string, Function> all = {
      {"branin",
       {box({{-5, 10}, {0, 15}}), branin, 0.39788735772973816, {{-kPi, 12.275}, {kPi, 2.275}, {3 * kPi, 2.475}}, 30}},
      {"hartmann3", {box(3, 0, 1), hartmann3, -3.8627797873327, {{0.11458889, 0.55564886, 0.85254696}}, 30}},
      {"hartmann6", {unit6, hartmann6, kHartmann6, {best6}, 50}},
      {"hartmann6_noisy", {unit6, hartmann6, kHartmann6, {best6}, 50, 0.05}},
      {"hartmann6_noisy_q4", {unit6, hartmann6, kHartmann6, {best6}, 64, 0.05, 4}},
      {"ackley4", {box(4, -32.768, 32.768), ackley, 0, at(4, 0), 40}},
      {"ackley20", {box(20, -32.768, 32.768), ackley, 0, at(20, 0), 200, 0, 4}},
      {"levy4", {box(4, -10, 10), levy, 0, at(4, 1), 40}},
      {"griewank4", {box(4, -600, 600), griewank, 0, at(4, 0), 40}},
      {"rosenbrock4", {box(4, -5, 10), rosenbrock, 0, at(4, 1), 40}},
      {"michalewicz10", {box(10, 0, kPi), michalewicz, -9.6601517156413, {}, 100, 0, 1, 8}},
  };
  Chapter out;
  for (const auto& [name, function] : all) {
    out[name] = [function = function] { return make(function); };
  }
  return out;
}

}  // namespace athanor::bench
