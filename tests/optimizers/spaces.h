// Random search spaces that mix everything, and outcomes on them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/problem.h"
#include "core/random.h"
#include "optimizers/region.h"

namespace athanor::testing {

/// 1 to 7 parameters of all kinds, now and then with a mixture, inequalities or a pool; ranges from 1e-6 to 1e12 wide.
inline Space random_space(RandomStream& random) {
  for (;;) {
    std::vector<Parameter> parameters;
    std::vector<LinearConstraint> constraints;
    const std::size_t size = 1 + random.below(5);
    for (std::size_t i = 0; i < size; ++i) {
      Parameter p;
      p.name = fmt::format("p{}", i);
      const double width = std::pow(10.0, random.uniform(-6, 12));
      const double low = random.uniform(-1, 1) * width;
      switch (random.below(6)) {
        case 0:
        case 1:
          p.kind = Continuous{low, low + width};
          break;
        case 2:
          p.kind = Continuous{1e-6 * width, width, true};
          break;
        case 3:
          p.kind = Integer{-3, static_cast<long>(random.below(40))};
          break;
        case 4:
          p.kind = Levels{{low, low + 0.2 * width, low + width}};
          break;
        default: {
          Choices choices;
          const std::size_t count = 1 + random.below(5);
          for (std::size_t k = 0; k < count; ++k) choices.names.push_back(fmt::format("c{}", k));
          if (count > 1 && random.below(2) == 0) {  // something is known of them, now and then the same of two
            for (std::size_t k = 0; k < count; ++k) {
              choices.descriptors.push_back({static_cast<double>(random.below(3)) / 2, random.uniform()});
            }
          }
          p.kind = choices;
        }
      }
      if (p.continuous() && random.below(4) == 0) p.resolution = 0.1 * p.width();
      parameters.push_back(p);
    }
    if (random.below(3) == 0) {  // a mixture of three, each bounded
      LinearConstraint sum;
      sum.sense = LinearConstraint::Sense::kEqual;
      sum.bound = 1;
      sum.text = "a + b + c = 1";
      for (int k = 0; k < 3; ++k) {
        sum.terms.push_back({parameters.size(), 1});
        parameters.push_back({fmt::format("part{}", k), {}, Continuous{k == 0 ? 0.1 : 0.0, k == 1 ? 0.5 : 1.0}});
      }
      constraints.push_back(sum);
    }
    if (random.below(2) == 0) {  // an inequality over all numeric parameters, through a random point
      LinearConstraint limit;
      limit.sense = random.below(2) == 0 ? LinearConstraint::Sense::kAtMost : LinearConstraint::Sense::kAtLeast;
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (parameters[i].categorical() || random.below(3) == 0) continue;
        const double scale = std::max(std::abs(parameters[i].low()), std::abs(parameters[i].high()));
        const double a = random.uniform(-1, 1) / scale;
        limit.terms.push_back({i, a});
        limit.bound += a * random.uniform(parameters[i].low(), parameters[i].high());
      }
      limit.text = "limit";
      if (!limit.terms.empty()) constraints.push_back(limit);
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {  // what holds for some of the choices only
      if (!parameters[i].categorical() || parameters[i].cardinality() < 2 || random.below(3) != 0) continue;
      LinearConstraint some;
      some.text = "some";
      some.bound = -1;  // choices that do not go together
      some.when.push_back({i, std::vector<bool>(parameters[i].cardinality())});
      some.when.back().meant[random.below(parameters[i].cardinality())] = true;
      const std::size_t other = random.below(parameters.size());
      if (other != i && parameters[other].categorical() && parameters[other].cardinality() > 1) {
        some.when.push_back({other, std::vector<bool>(parameters[other].cardinality())});
        some.when.back().meant[random.below(parameters[other].cardinality())] = true;
      } else if (!parameters[other].categorical()) {
        some.terms.push_back({other, 1});
        some.bound = random.uniform(parameters[other].low(), parameters[other].high());
      }
      constraints.push_back(some);
    }
    try {
      Space space(parameters, constraints);
      if (random.below(5) != 0) return space;
      CandidatePool pool;
      pool.source = "pool";
      const Region region(space);
      for (std::size_t row = 0; row < 1 + random.below(60); ++row) {
        const auto point = region.sample(random);
        if (!point) break;
        pool.values.insert(pool.values.end(), point->begin(), point->end());
        ++pool.rows;
      }
      if (pool.rows > 0) return Space(parameters, constraints, pool);
    } catch (const InputError&) {  // contradictory, or nothing in it: another one
    }
  }
}

/// With outcome constraints now and then, on objectives and on what is measured besides.
inline Problem random_problem(RandomStream& random, std::size_t objectives = 1) {
  using Acquisition = PlannerSettings::Acquisition;
  Problem problem;
  problem.space = random_space(random);
  for (std::size_t k = 0; k < objectives; ++k) {
    Objective objective;
    objective.name = fmt::format("y{}", k);
    objective.goal =
        std::array{Objective::Goal::kMaximize, Objective::Goal::kMinimize, Objective::Goal::kTarget}[random.below(3)];
    objective.target = 0.3;
    if (random.below(4) == 0) objective.reference = -1;
    objective.transform = static_cast<Objective::Transform>(random.below(5));
    problem.objectives.push_back(objective);
  }
  for (std::size_t k = 0; k < random.below(3); ++k) {
    OutcomeConstraint constraint;
    constraint.measurand = objectives + problem.measured_too.size();
    if (random.below(3) == 0) {
      constraint.measurand = 0;
    } else {
      problem.measured_too.push_back({fmt::format("z{}", k), {}});
    }
    constraint.at_most = random.below(2) == 0;
    constraint.bound = random.uniform(-1, 1);
    problem.outcome_constraints.push_back(constraint);
  }
  problem.planner.acquisition =
      objectives == 1
          ? std::array{Acquisition::kAuto, Acquisition::kUpperConfidenceBound, Acquisition::kThompson}[random.below(3)]
          : std::array{Acquisition::kAuto, Acquisition::kParego, Acquisition::kThompson}[random.below(3)];
  problem.planner.initial = 1 + random.below(4);
  return problem;
}

/// A bumpy outcome of the encoded point.
inline double outcome(const Space& space, const Point& point, std::size_t objective) {
  double sum = 0;
  for (const double u : space.encode(point)) sum += std::sin(3 * u + static_cast<double>(objective));
  return sum;
}

/// What is measured there, everything.
inline Observation observe(const Problem& problem, const Point& at) {
  Observation o;
  o.at = at;
  for (std::size_t k = 0; k < problem.measurands().size(); ++k) {
    o.measured.push_back(Measurement{outcome(problem.space, at, k), std::nullopt});
  }
  return o;
}

/// One objective over −1 … 3.
inline Problem line() {
  Problem problem;
  problem.space = Space({{"x", {}, Continuous{-1, 3}}});
  problem.objectives = {{"y", {}, Objective::Goal::kMaximize, 0}};
  problem.planner.initial = 3;
  return problem;
}

}  // namespace athanor::testing
