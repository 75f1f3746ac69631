// Choices beside continuous parameters.
#include <fmt/format.h>

#include <algorithm>

#include "bench/catalogue.h"
#include "bench/functions.h"

namespace athanor::bench {
namespace {

/// Ackley in 13 binary and 3 continuous parameters, all of them within [−1, 1]; the binary ones are 1 ("a") or 0
/// ("b"), the optimum is at 0.
double mixed_ackley(const Point& x) {
  Point real(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) real[i] = i + 3 < x.size() ? 1 - x[i] : x[i];
  return ackley(real);
}

BenchProblem ackley_mixed16() {
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < 13; ++i) parameters.push_back({fmt::format("b{}", i + 1), {}, Choices{{"a", "b"}}});
  for (const Parameter& p : box(3, -1, 1)) parameters.push_back(p);
  BenchProblem out;
  out.source = "Bliek et al. 2021, MVRSM, the Ackley function of 50 + 3 parameters cut down to 13 + 3";
  out.problem.space = Space(parameters);
  out.problem.objectives = {minimised("y")};
  out.evaluations = 60;
  out.truth = [](const Point& x) { return std::vector<double>{mixed_ackley(x)}; };
  Point best(16, 0);
  std::fill_n(best.begin(), 13, 1);
  out.optimisers = {best};
  return out;
}

double six_hump_camel(double a, double b) {
  return (4 - 2.1 * a * a + a * a * a * a / 3) * a * a + a * b + (4 * b * b - 4) * b * b;
}

double beale(double a, double b) {
  double sum = 0, power = 1;
  for (const double constant : {1.5, 2.25, 2.625}) {
    power *= b;
    sum += (constant - a + a * power) * (constant - a + a * power);
  }
  return sum;
}

enum class Term { kRosenbrock, kCamel, kBeale };

/// One of CoCaBO's terms at the continuous pair that ends `x`, which stretches over [−2, 2].
double term(Term which, const Point& x) {
  const double a = 2 * x[x.size() - 2], b = 2 * x[x.size() - 1];
  if (which == Term::kRosenbrock) return rosenbrock({a, b}) / 300;
  return which == Term::kCamel ? six_hump_camel(a, b) / 10 : beale(a, b) / 50;
}

/// The first three choices are the terms; what is beyond them is Beale's once more.
Term chosen(double choice) {
  return choice < 0.5 ? Term::kRosenbrock : (choice < 1.5 ? Term::kCamel : Term::kBeale);
}

double func2c(const Point& x) {
  return term(chosen(x[0]), x) + term(chosen(x[1]), x);
}

double func3c(const Point& x) {
  const double both = func2c(x);
  if (x[2] < 0.5) return both + 5 * term(Term::kCamel, x);
  if (x[2] < 1.5) return both + 2 * term(Term::kRosenbrock, x);
  return both + x[2] * term(Term::kBeale, x);
}

/// `choices`: how many each categorical parameter has. Both are best where every term is the camel's, of which there
/// are `camels` then.
BenchProblem cocabo(double (*truth)(const Point&), const std::vector<int>& choices, int camels,
                    const std::vector<double>& best, std::size_t evaluations) {
  std::vector<Parameter> parameters;
  for (const int count : choices) {
    Choices names;
    for (int i = 0; i < count; ++i) names.names.push_back(fmt::format("{}", static_cast<char>('a' + i)));
    parameters.push_back({fmt::format("h{}", parameters.size() + 1), {}, names});
  }
  for (const Parameter& p : box(2, -1, 1)) parameters.push_back(p);
  BenchProblem out;
  out.source = "Ru et al. 2020, CoCaBO: Bayesian optimisation over multiple continuous and categorical inputs";
  out.problem.space = Space(parameters);
  out.problem.objectives = {minimised("y")};
  out.evaluations = evaluations;
  out.truth = [truth](const Point& x) { return std::vector<double>{truth(x)}; };
  out.optimum = camels * -1.031628453489877 / 10;
  for (const double side : {-1.0, 1.0}) {
    Point at = best;
    at.push_back(side * 0.08984201310031806 / 2);
    at.push_back(side * -0.7126564030207396 / 2);
    out.optimisers.push_back(at);
  }
  return out;
}

}  // namespace

Chapter mixed() {
  return {{"ackley_mixed16", ackley_mixed16},
          {"func2c",
           [] {
             return cocabo(func2c, {3, 5}, 2, {1, 1}, 50);
           }},
          {"func3c", [] {
             return cocabo(func3c, {3, 5, 4}, 7, {1, 1, 0}, 60);
           }}};
}

}  // namespace athanor::bench
