// Goal: whatever the space and the data, the planner's answer is valid, feasible, finite and new, and there in time.
// Method: random mixed spaces with random, often awkward observations.
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "optimizers/design.h"
#include "optimizers/planner.h"
#include "spaces.h"
#include "tests/core/tries.h"

using namespace athanor;
using testing::line;
using testing::observe;

namespace {

/// A question about a random space with random, often awkward data.
struct RandomQuestion {
  Problem problem;
  PlanQuestion question;
};

RandomQuestion random_question(std::uint64_t seed, std::size_t most_told = 13) {
  RandomStream random(seed, "planner");
  Problem problem = testing::random_problem(random, random.below(3) == 0 ? 2 + random.below(4) : 1);
  const Region region(problem.space);
  const auto draw = [&] {
    const auto& pool = problem.space.pool();
    return pool ? pool_row(problem.space, random.below(pool->rows)) : region.sample(random).value();
  };
  PlanQuestion question;
  question.seed = seed;
  question.count = 1 + random.below(3);
  const std::uint64_t kind = random.below(8);
  const std::size_t told = random.below(most_told + 1);
  for (std::size_t i = 0; i < told; ++i) {
    Observation o = observe(problem, draw());
    for (auto& m : o.measured) {
      if (kind == 0) m->value = 5;                                            // constant
      if (kind == 1) m->value *= std::pow(10.0, random.uniform(-6, 12));      // wild
      if (kind == 2) m->sd = i % 2 == 0 ? std::optional(0.1) : std::nullopt;  // stated now and then
      if (kind == 3 && random.below(3) == 0) m = std::nullopt;                // partial
      if (kind == 7 && i % 3 == 0) m->value += 1000;                          // two regimes
    }
    if (kind == 4 || (kind == 5 && random.below(3) == 0)) {
      o.failed = "clogged";
      for (auto& m : o.measured) m = std::nullopt;
    }
    question.observations.push_back(o);
    if (kind == 6) question.observations.push_back(o);  // twice the same
  }
  for (Objective& o : problem.objectives) {
    if (kind == 7) o.transform = Objective::Transform::kAuto;
  }
  const std::size_t pending = random.below(3);
  for (std::size_t i = 0; i < pending; ++i) question.pending.push_back(draw());
  return {problem, question};
}

/// How many experiments are left in a space of few points, none within the resolution of another.
std::size_t left_in(const Space& space, Tried tried) {
  std::vector<Point> all;
  for (std::size_t i = 0; space.pool() && i < space.pool()->rows; ++i) all.push_back(pool_row(space, i));
  if (!space.pool()) all = enumerate(space);
  std::size_t left = 0;
  for (const Point& point : all) {
    if (!space.feasible(point) || tried.near(point)) continue;
    tried.add(point);
    ++left;
  }
  return left;
}

void require_sound(const RandomQuestion& asked, const Plan& answer) {
  const auto& [problem, question] = asked;
  Tried tried(problem.space);
  for (const Observation& o : question.observations) tried.add(o.at);
  for (const Point& point : question.pending) tried.add(point);
  const bool coarse = std::any_of(problem.space.parameters().begin(), problem.space.parameters().end(),
                                  [](const Parameter& p) { return p.resolution > 0; });
  if (!problem.space.finite() && !coarse) CHECK(answer.suggestions.size() == question.count);
  if ((problem.space.pool() || enumerable(problem.space)) && !coarse)
    CHECK(answer.suggestions.size() == std::min(question.count, left_in(problem.space, tried)));
  if (answer.suggestions.size() < question.count) CHECK_FALSE(answer.notes.empty());
  for (const Suggestion& suggestion : answer.suggestions) {
    INFO(problem.space.why_infeasible(suggestion.at));
    CHECK(problem.space.feasible(suggestion.at));
    CHECK_FALSE(tried.near(suggestion.at));
    tried.add(suggestion.at);
    for (const auto& p : suggestion.forecast.of) {
      if (!p) continue;
      CHECK(std::isfinite(p->mean));
      CHECK(std::isfinite(p->sd));
      CHECK(p->sd >= 0);
    }
    CHECK_FALSE(suggestion.reason.empty());
  }
}

double processor_seconds() {
  rusage used{};
  getrusage(RUSAGE_THREAD, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace

TEST_CASE("random spaces, random data: always a valid, feasible, finite, new suggestion") {
  for (std::uint64_t seed = 0; seed < tries(500u); ++seed) {
    INFO("seed " << seed);
    const RandomQuestion asked = random_question(seed);
    require_sound(asked, plan(asked.problem, asked.question));
  }
}

// Nothing on the way to an answer may forget the clock. What counts is the processor's time, and of three tries the
// least, so that what else the machine does makes no difference; what is added to the deadline is for slow machines,
// and for sanitizers.
TEST_CASE("random spaces with up to 150 experiments: the same within a deadline") {
  constexpr double kDeadline = 0.02, kSlowMachine = tries(4u) == 4 ? 0.1 : 1;
  for (std::uint64_t seed = 0; seed < tries(500u); ++seed) {
    INFO("seed " << seed);
    RandomQuestion asked = random_question(seed, 150);
    asked.question.deadline_s = kDeadline;
    double took = HUGE_VAL;
    for (int again = 0; again < 3 && took > kDeadline + kSlowMachine; ++again) {
      const double before = processor_seconds();
      const Plan answer = plan(asked.problem, asked.question);
      took = std::min(took, processor_seconds() - before);
      if (again == 0) require_sound(asked, answer);
    }
    CHECK(took <= kDeadline + kSlowMachine);
  }
}

// Measures, and asserts nothing, for how long an answer takes is the machine's business too:
//   build/release/tests/test_optimizers "[deadlines]"
TEST_CASE("how deadlines are kept over the random spaces", "[.deadlines]") {
  for (const double deadline_ms : {1.0, 5.0, 10.0, 20.0, 50.0}) {
    std::vector<double> taken;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      RandomQuestion one = random_question(seed);
      one.question.deadline_s = 1e-3 * deadline_ms;
      taken.push_back(1e3 * plan(one.problem, one.question).seconds);
    }
    std::sort(taken.begin(), taken.end());
    const auto late = std::count_if(taken.begin(), taken.end(), [&](double ms) { return ms > 1.1 * deadline_ms; });
    fmt::print("{:5.0f} ms: p50 {:6.2f}, p99 {:6.2f}, longest {:6.2f} ms; {} of 500 later than a tenth after it\n",
               deadline_ms, taken[250], taken[495], taken[499], late);
  }
}

TEST_CASE("random spaces with resolutions: nothing is suggested nearer than them to a point tried or suggested") {
  std::size_t suggested = 0;
  for (std::uint64_t seed = 0; seed < tries(120u); ++seed) {
    RandomStream random(seed, "resolution");
    Problem problem = testing::random_problem(random);
    std::vector<Parameter> parameters = problem.space.parameters();
    for (Parameter& p : parameters) {
      const bool numeric = p.continuous() || std::holds_alternative<Integer>(p.kind);
      if (numeric && p.high() > p.low()) p.resolution = p.width() * random.uniform(0.05, 0.4);
    }
    problem.space = Space(parameters, problem.space.constraints(), problem.space.pool());
    // By the definition, with no more slack than rounding needs.
    const auto same = [&](const Point& a, const Point& b) {
      for (std::size_t i = 0; i < a.size(); ++i) {
        const Parameter& p = problem.space[i];
        const double apart = std::abs(a[i] - b[i]);
        if (p.resolution > 0 ? apart >= p.resolution * (1 - 2e-6) : apart > 1e-9 * p.width()) return false;
      }
      return true;
    };
    PlanQuestion question;
    question.seed = seed;
    question.count = 2;
    const Region region(problem.space);
    std::vector<Point> before;
    for (int i = 0; i < 6; ++i) {
      before.push_back(problem.space.pool() ? pool_row(problem.space, random.below(problem.space.pool()->rows))
                                            : region.sample(random).value());
      question.observations.push_back(observe(problem, before.back()));
    }
    for (const Suggestion& suggestion : plan(problem, question).suggestions) {
      INFO("seed " << seed);
      CHECK(problem.space.feasible(suggestion.at));
      for (const Point& other : before) CHECK_FALSE(same(suggestion.at, other));
      before.push_back(suggestion.at);
      ++suggested;
    }
  }
  CHECK(suggested > tries(120u));
}
