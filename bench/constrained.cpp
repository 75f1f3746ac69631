// One objective, and outcomes that must stay on one side of a bound.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "bench/catalogue.h"

namespace athanor::bench {
namespace {

constexpr double kPi = std::numbers::pi;

/// y to be minimised while c1, c2, … are at most 0, which is what `truth` gives in this order.
BenchProblem make(const std::string& source, std::vector<Parameter> parameters, std::size_t constraints,
                  std::vector<double> (*truth)(const Point&)) {
  BenchProblem out;
  out.source = source;
  out.problem.planner.initial = usual_initial(parameters.size());
  out.problem.space = Space(std::move(parameters));
  out.problem.objectives = {minimised("y")};
  for (std::size_t i = 1; i <= constraints; ++i) {
    const std::string name = fmt::format("c{}", i);
    out.problem.measured_too.push_back({name, {}});
    out.problem.outcome_constraints.push_back({i, true, 0, name + " <= 0"});
  }
  out.truth = truth;
  return out;
}

std::vector<double> gramacy_truth(const Point& x) {
  return {x[0] + x[1], 1.5 - x[0] - 2 * x[1] - 0.5 * std::sin(2 * kPi * (x[0] * x[0] - 2 * x[1])),
          x[0] * x[0] + x[1] * x[1] - 1.5};
}

BenchProblem gramacy() {
  BenchProblem out = make("Gramacy et al. 2016, Modeling an augmented Lagrangian for blackbox constrained optimization",
                          box(2, 0, 1), 2, gramacy_truth);
  out.optimum = 0.5997880520100677;
  out.optimisers = {{0.1951226848741956, 0.4046653671358721}};
  out.worst = worst_of_sample(out);
  return out;
}

/// Shell and head thickness, inner radius, length (inches); the cost of welding it, material included.
std::vector<double> pressure_vessel_truth(const Point& x) {
  const double shell = x[0], head = x[1], radius = x[2], length = x[3];
  return {0.6224 * shell * radius * length + 1.7781 * head * radius * radius + 3.1661 * shell * shell * length +
              19.84 * shell * shell * radius,
          0.0193 * radius - shell, 0.00954 * radius - head,
          1296000 - kPi * radius * radius * length - 4.0 / 3 * kPi * radius * radius * radius, length - 240};
}

BenchProblem pressure_vessel() {
  Levels sheets;  // the rolled steel that there is
  for (int i = 1; i <= 99; ++i) sheets.values.push_back(0.0625 * i);
  BenchProblem out =
      make("Coello Coello & Montes 2002, sheets of whole sixteenths of an inch; optimum as Yang et al. 2013",
           {{"shell", {}, sheets},
            {"head", {}, sheets},
            {"radius", {}, Continuous{10, 200}},
            {"length", {}, Continuous{10, 200}}},
           4, pressure_vessel_truth);
  out.optimum = 6059.714335048436;
  out.optimisers = {{0.8125, 0.4375, 0.8125 / 0.0193, 176.63659584243945}};
  out.worst = worst_of_sample(out);
  return out;
}

/// Weld thickness and length, beam height and thickness (inches); the cost. Shear and bending stress, geometry, cost of
/// material, deflection and buckling are bounded.
std::vector<double> welded_beam_truth(const Point& x) {
  constexpr double load = 6000, overhang = 14, young = 30e6, shear_modulus = 12e6;
  constexpr double most_shear = 13600, most_bending = 30000, most_deflection = 0.25;
  const double weld = x[0], length = x[1], height = x[2], beam = x[3];
  const double arm2 = 0.25 * (weld + height) * (weld + height);
  const double moment = load * (overhang + length / 2), radius = std::sqrt(0.25 * length * length + arm2);
  const double inertia = 2 * std::numbers::sqrt2 * weld * length * (length * length / 12 + arm2);
  const double primary = load / (std::numbers::sqrt2 * weld * length), torsion = moment * radius / inertia;
  const double shear = std::sqrt(primary * primary + primary * torsion * length / radius + torsion * torsion);
  const double bending = 6 * load * overhang / (beam * height * height);
  const double deflection = 4 * load * std::pow(overhang, 3) / (young * std::pow(height, 3) * beam);
  const double buckling = 4.013 * young * height * std::pow(beam, 3) / (6 * overhang * overhang) *
                          (1 - height / (2 * overhang) * std::sqrt(young / (4 * shear_modulus)));
  const double material = 0.04811 * height * beam * (14 + length);
  return {1.10471 * weld * weld * length + material, shear - most_shear,           bending - most_bending, weld - beam,
          0.10471 * weld * weld + material - 5,      deflection - most_deflection, load - buckling};
}

BenchProblem welded_beam() {
  BenchProblem out =
      make("Coello Coello & Montes 2002", box({{0.125, 10}, {0.1, 10}, {0.1, 10}, {0.1, 10}}), 6, welded_beam_truth);
  out.optimum = 1.724852308597366;
  out.optimisers = {{0.205729639786079, 3.470488665628002, 9.036623910357633, 0.205729639786080}};
  out.worst = worst_of_sample(out);
  return out;
}

}  // namespace

Chapter constrained() {
  return {{"gramacy", gramacy}, {"pressure_vessel", pressure_vessel}, {"welded_beam", welded_beam}};
}

}  // namespace athanor::bench
