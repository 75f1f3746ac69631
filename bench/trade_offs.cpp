// Several objectives. Reference points are those of the papers and of BoTorch's test functions. Best hypervolumes are
// exact for ZDT and C2-DTLZ2, whose fronts have a formula. The others are of fronts of finitely many points and so a
// little too small (vehicle_safety by 0.05 % at least, car_side_impact and penicillin by a per cent or so): a score may
// fall below 0 by as much. They are published, except for penicillin's: an evolutionary search of 6,000,000
// evaluations.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "bench/catalogue.h"
#include "bench/functions.h"
#include "bench/simulators.h"

namespace athanor::bench {
namespace {

constexpr double kPi = std::numbers::pi;

struct TradeOffProblem {
  const char* source;
  std::vector<Parameter> parameters;
  std::vector<double> (*truth)(const Point&);
  std::vector<double> reference;
  double best_hypervolume;
  std::size_t evaluations = 50;
};

/// y1, y2, … to be minimised.
BenchProblem make(const TradeOffProblem& what) {
  BenchProblem out;
  out.source = what.source;
  out.problem.space = Space(what.parameters);
  for (const double reference : what.reference) {
    out.problem.objectives.push_back(minimised(fmt::format("y{}", out.problem.objectives.size() + 1)));
    out.problem.objectives.back().reference = reference;
  }
  out.problem.planner.initial = 2 * (what.parameters.size() + 1);
  out.evaluations = what.evaluations;
  out.score = Score::kHypervolumeGap;
  out.truth = what.truth;
  out.optimum = what.best_hypervolume;
  return out;
}

std::vector<double> branin_currin(const Point& x) {
  const double a = x[0], b = x[1];
  const double falling = b > 0 ? 1 - std::exp(-1 / (2 * b)) : 1;
  const double currin =
      falling * (2300 * a * a * a + 1900 * a * a + 2092 * a + 60) / (100 * a * a * a + 500 * a * a + 4 * a + 20);
  return {branin({15 * a - 5, 15 * b}), currin};
}

/// g of the ZDT functions: 1 on the front.
double distance(const Point& x) {
  double sum = 0;
  for (std::size_t i = 1; i < x.size(); ++i) sum += x[i];
  return 1 + 9 * sum / static_cast<double>(x.size() - 1);
}

std::vector<double> zdt1(const Point& x) {
  const double g = distance(x);
  return {x[0], g * (1 - std::sqrt(x[0] / g))};
}

std::vector<double> zdt2(const Point& x) {
  const double g = distance(x);
  return {x[0], g * (1 - (x[0] / g) * (x[0] / g))};
}

std::vector<double> zdt3(const Point& x) {
  const double g = distance(x);
  return {x[0], g * (1 - std::sqrt(x[0] / g) - x[0] / g * std::sin(10 * kPi * x[0]))};
}

/// Two objectives on the unit circle and beyond, and c ≤ 0 within three discs (as BoTorch has their radii).
std::vector<double> c2dtlz2_truth(const Point& x) {
  constexpr double r2 = 0.2 * 0.2;
  double g = 0;
  for (std::size_t i = 1; i < x.size(); ++i) g += (x[i] - 0.5) * (x[i] - 0.5);
  const double a = (1 + g) * std::cos(x[0] * kPi / 2), b = (1 + g) * std::sin(x[0] * kPi / 2);
  const auto square = [](double v) { return v * v; };
  const double ends = std::min(square(a - 1) + square(b), square(b - 1) + square(a)) - r2;
  const double middle = square(a - std::numbers::sqrt2 / 2) + square(b - std::numbers::sqrt2 / 2) - 2 * r2;
  return {a, b, std::min(ends, middle)};
}

/// The front is three arcs of the unit circle; nothing off the circle is as good as their ends. Over an arc from angle
/// s to t the volume is ∫ (1.1 − sin) dcos, over a gap the rectangle up to the end of the arc before it.
double c2dtlz2_volume() {
  const double end = 2 * std::asin(0.1), half = 2 * std::asin(0.1 * std::numbers::sqrt2), reference = 1.1;
  const auto arc = [&](double s, double t) {
    return reference * (std::cos(s) - std::cos(t)) - (t - s) / 2 + (std::sin(2 * t) - std::sin(2 * s)) / 4;
  };
  const auto gap = [&](double s, double t) { return (std::cos(s) - std::cos(t)) * (reference - std::sin(t)); };
  return arc(0, end) + gap(end, kPi / 4 - half) + arc(kPi / 4 - half, kPi / 4 + half) +
         gap(kPi / 4 + half, kPi / 2 - end) + arc(kPi / 2 - end, kPi / 2) + 0.1 * reference;
}

BenchProblem c2dtlz2() {
  BenchProblem out = make(
      {"Jain & Deb 2014, C2-DTLZ2; discs as in BoTorch", box(4, 0, 1), c2dtlz2_truth, {1.1, 1.1}, c2dtlz2_volume()});
  out.problem.measured_too = {{"c", {}}};
  out.problem.outcome_constraints = {{2, true, 0, "c <= 0"}};
  return out;
}

TradeOffProblem penicillin_production() {
  return {"Liang & Lai 2021, penicillin production",
          {{"volume", {}, Continuous{60, 120}},
           {"biomass", {}, Continuous{0.05, 18}},
           {"temperature", {}, Continuous{293, 303}},
           {"glucose", {}, Continuous{0.05, 18}},
           {"feed_rate", {}, Continuous{0.01, 0.5}},
           {"feed_glucose", {}, Continuous{500, 700}},
           {"ph", {}, Continuous{5.0, 6.5}}},
          penicillin,
          {1.85, 86.93, 514.70},
          709878.66};
}

std::map<std::string, TradeOffProblem> plain() {
  const char* const zitzler = "Zitzler, Deb & Thiele 2000";
  const std::vector<double> far = {11, 11};
  return {
      {"branin_currin", {"Belakaria et al. 2019", box(2, 0, 1), branin_currin, {18, 6}, 59.36011874867746, 30}},
      {"zdt1", {zitzler, box(6, 0, 1), zdt1, far, 120 + 2.0 / 3}},
      {"zdt2", {zitzler, box(6, 0, 1), zdt2, far, 120 + 1.0 / 3}},
      {"zdt3", {zitzler, box(6, 0, 1), zdt3, far, 128.77811613069076}},
      {"penicillin", penicillin_production()},
      {"vehicle_safety",
       {"Tanabe & Ishibuchi 2020, RE3-5-4",
        box(5, 1, 3),
        vehicle_safety,
        {1864.72022, 11.81993945, 0.2903999384},
        246.81607081187002}},
      {"car_side_impact",
       {"Tanabe & Ishibuchi 2020, RE4-7-1",
        box({{0.5, 1.5}, {0.45, 1.35}, {0.5, 1.5}, {0.5, 1.5}, {0.875, 2.625}, {0.4, 1.2}, {0.4, 1.2}}),
        car_side_impact,
        {45.4872, 4.5114, 13.3394, 10.3942},
        484.72654347642793}},
  };
}

/// Noise as in BoTorch's tutorial on noisy expected hypervolume improvement.
BenchProblem branin_currin_noisy_q4() {
  BenchProblem out = make(plain().at("branin_currin"));
  out.noise_sd = {15.19, 0.63};
  out.problem.planner.batch = 4;
  out.evaluations = 46;
  return out;
}

}  // namespace

Chapter trade_offs() {
  Chapter out = {{"branin_currin_noisy_q4", branin_currin_noisy_q4}, {"c2dtlz2", c2dtlz2}};
  for (const auto& [name, what] : plain()) {
    out[name] = [what = what] { return make(what); };
  }
  return out;
}

}  // namespace athanor::bench
