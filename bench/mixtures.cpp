// Parts of a whole: all parameters are 0 or more and sum to 1.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/catalogue.h"

namespace athanor::bench {
namespace {

/// Gaussian in each part's distance from `best`, in units of `width`.
double peak(const Point& x, const Point& best, const Point& width) {
  double squares = 0;
  for (std::size_t i = 0; i < best.size(); ++i) squares += std::pow((x[i] - best[i]) / width[i], 2);
  return std::exp(-squares / 2);
}

/// Two families of formulations, of which the better is what one measures: the best recipe has all five parts in it,
/// the second family (60 at best) is rich in the fifth.
double mixture5(const Point& x) {
  const double first = peak(x, {0.40, 0.25, 0.20, 0.10, 0.05}, {0.25, 0.15, 0.30, 0.10, 0.08});
  const double second = peak(x, {0.05, 0.10, 0.10, 0.15, 0.60}, {0.30, 0.30, 0.30, 0.30, 0.20});
  return std::max(100 * first, 60 * second);
}

const Point kBestOf20 = {0.45, 0.30, 0.15, 0.10};

/// Four parts that matter, each with a best amount, and sixteen that do harm, some more than others: the best recipe
/// has none of them.
double mixture20(const Point& x) {
  double harm = 0;
  for (std::size_t i = 4; i < x.size(); ++i) harm += (1 + 0.25 * static_cast<double>(i - 4)) * x[i];
  return 100 * peak(x, kBestOf20, {0.25, 0.15, 0.10, 0.10}) * std::exp(-harm);
}

BenchProblem make(std::size_t parts, double (*truth)(const Point&), const Point& best, std::size_t evaluations) {
  LinearConstraint whole;
  whole.sense = LinearConstraint::Sense::kEqual;
  whole.bound = 1;
  for (std::size_t i = 0; i < parts; ++i) {
    whole.terms.push_back({i, 1});
    whole.text += fmt::format("{}x{}", i == 0 ? "" : " + ", i + 1);
  }
  whole.text += " = 1";
  BenchProblem out;
  out.source =
      "our own: Gaussian response peaks over the simplex of a mixture (Cornell 2002, Experiments with Mixtures)";
  out.problem.space = Space(box(parts, 0, 1), {whole});
  Objective objective;
  objective.name = "y";
  out.problem.objectives = {objective};
  out.problem.planner.initial = usual_initial(parts);
  out.evaluations = evaluations;
  out.truth = [truth](const Point& x) { return std::vector<double>{truth(x)}; };
  out.optimum = 100;
  out.optimisers = {best};
  return out;
}

}  // namespace

Chapter mixtures() {
  Point best = kBestOf20;
  best.resize(20, 0.0);
  return {{"mixture5",
           [] {
             return make(5, mixture5, {0.40, 0.25, 0.20, 0.10, 0.05}, 40);
           }},
          {"mixture20", [best] { return make(20, mixture20, best, 80); }}};
}

}  // namespace athanor::bench
