// Choices beside continuous parameters.
#include <fmt/format.h>

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
  out.source = "Bliek et al. 2021, EXPObench, ackley53 cut down to 13 + 3 parameters";
  out.problem.space = Space(parameters);
  out.problem.objectives = {minimised("y")};
  out.evaluations = 60;
  out.truth = [](const Point& x) { return std::vector<double>{mixed_ackley(x)}; };
  Point best(16, 0);
  std::fill_n(best.begin(), 13, 1);
  out.optimisers = {best};
  return out;
}

}  // namespace

Chapter mixed() {
  return {{"ackley_mixed16", ackley_mixed16}};
}

}  // namespace athanor::bench
