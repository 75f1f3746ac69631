#include "optimizers/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/clock.h"
#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/models.h"
#include "optimizers/planning.h"

namespace athanor {
namespace {

constexpr std::size_t kNearest = 3;

bool any_objective_measured(const Problem& problem, const std::vector<Observation>& observations) {
  return std::any_of(observations.begin(), observations.end(), [&](const Observation& o) {
    for (std::size_t k = 0; !o.failed && k < problem.objectives.size(); ++k) {
      if (o.measured[k]) return true;
    }
    return false;
  });
}

/// Whether there are points that nobody tried and that a resolution rules out all the same.
bool shuts_out(const Space& space) {
  return std::any_of(space.parameters().begin(), space.parameters().end(),
                     [](const Parameter& p) { return p.resolution > (p.continuous() ? 0 : 1); });
}

void suggest_design(Planning& planning, std::size_t count, bool initial) {
  std::vector<Point> taken = planning.pending;
  for (const Observation& o : planning.question.observations) taken.push_back(o.at);
  RandomStream random = planning.random.stream("design");
  const auto stop = [&] { return planning.late(kShareOfFit); };
  for (Point& point : space_filling(planning.region, taken, count, random, stop)) {
    planning.suggest(
        {std::move(point), {}, initial ? "initial design" : "fills the space: no objective was measured yet", {}});
  }
}

/// What was suggested so far, and how many times.
class Replicates {
 public:
  Replicates(const Problem& problem, const PlanQuestion& question) : problem_(problem) {
    if (wanted() == 1) return;
    for (const Observation& o : question.observations) {
      if (o.suggested) add(o.at);
    }
    for (const Point& point : question.pending) add(point);
  }

  std::size_t wanted() const { return problem_.planner.replicates; }
  /// At most `count`, of one point after the other.
  std::vector<Suggestion> missing(std::size_t count) const {
    std::vector<Suggestion> out;
    for (const Group& group : groups_) append(out, {group.at, {}, "", {}}, group.times, count);
    return out;
  }
  /// `first`, a point that is new, and its replicates, up to `most` suggestions in all.
  void append(std::vector<Suggestion>& out, const Suggestion& first, std::size_t times, std::size_t most) const {
    for (std::size_t k = times; k < wanted() && out.size() < most; ++k) {
      out.push_back(first);
      if (k > 0) out.back().reason = fmt::format("replicate {} of {}", k + 1, wanted());
    }
  }

 private:
  struct Group {
    Point at;
    Tried near;
    std::size_t times = 0;
  };
  void add(const Point& point) {
    auto group = std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.near.near(point); });
    if (group == groups_.end()) {
      groups_.push_back({point, Tried(problem_.space), 0});
      group = groups_.end() - 1;
      group->near.add(point);
    }
    ++group->times;
  }

  const Problem& problem_;
  std::vector<Group> groups_;
};

}  // namespace

Planning::Planning(const Problem& p, const PlanQuestion& q)
    : problem(p),
      question(q),
      region(p.space),
      random(q.seed),
      tried(p.space),
      pending(q.pending),
      began_(monotonic_seconds()) {
  for (const Observation& o : q.observations) tried.add(o.at);
  for (const Point& point : q.pending) tried.add(point);
}

double Planning::seconds() const {
  return monotonic_seconds() - began_;
}

bool Planning::late(double share, double from_now) const {
  return question.deadline_s > 0 && seconds() + from_now > share * question.deadline_s;
}

void Planning::suggest(Suggestion suggestion) {
  Point tidy = suggestion.at;
  region.tidy(tidy);
  if (!tried.near(tidy)) suggestion.at = std::move(tidy);
  suggestion.nearest = nearest(suggestion.at);
  tried.add(suggestion.at);
  pending.push_back(suggestion.at);
  plan.suggestions.push_back(std::move(suggestion));
}

std::vector<Neighbour> Planning::nearest(const Point& at) {
  const Space& space = problem.space;
  const std::vector<double> here = space.encode(at);
  const auto& observations = question.observations;
  std::vector<std::pair<double, std::size_t>> all;  // squared distances; of observations, then of what is pending
  for (std::size_t k = 0; k < observations.size() + pending.size(); ++k) {
    const Point& other = k < observations.size() ? observations[k].at : pending[k - observations.size()];
    if (k == encoded_.size()) encoded_.push_back(space.encode(other));
    const std::vector<double>& there = encoded_[k];
    double sum = 0;
    for (std::size_t i = 0; i < here.size(); ++i) {
      const double apart = space[i].categorical() ? (at[i] == other[i] ? 0 : 1) : here[i] - there[i];
      sum += apart * apart;
    }
    all.emplace_back(sum, k);
  }
  const std::size_t count = std::min(kNearest, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<long>(count), all.end());
  std::vector<Neighbour> out;
  for (std::size_t rank = 0; rank < count; ++rank) {
    const auto& [squared, k] = all[rank];
    const bool observed = k < observations.size();
    out.push_back({observed ? observations[k].id : "", observed ? observations[k].at : pending[k - observations.size()],
                   std::sqrt(squared)});
  }
  return out;
}

Plan plan(const Problem& problem, const PlanQuestion& question) {
  check_observations(problem, question.observations);
  for (std::size_t i = 0; i < question.pending.size(); ++i) {
    check_point(problem.space, question.pending[i], fmt::format("pending point {}", i + 1));
  }
  if (problem.objectives.empty()) throw InputError("there is no objective: nothing says what is better");
  if (!(question.deadline_s >= 0)) throw InputError("the deadline must be a number of seconds from 0 up");

  Planning planning(problem, question);
  Plan& out = planning.plan;
  const Replicates replicates(problem, question);
  std::vector<Suggestion> again = replicates.missing(question.count);
  const auto points = [&](std::size_t experiments) {
    return (experiments + replicates.wanted() - 1) / replicates.wanted();
  };
  const std::size_t count = points(question.count - again.size());
  const std::size_t known = points(question.observations.size() + question.pending.size());
  std::size_t designed = known < problem.planner.initial ? std::min(count, problem.planner.initial - known) : 0;
  if (!any_objective_measured(problem, question.observations)) designed = count;
  suggest_design(planning, designed, known < problem.planner.initial);
  const std::size_t missing = out.suggestions.size() == designed ? count - designed : 0;
  std::vector<Suggestion*> design;
  if (question.predict_design && !question.observations.empty() && !planning.late(kShareOfAll)) {
    for (Suggestion& one : again) design.push_back(&one);
    for (Suggestion& one : out.suggestions) design.push_back(&one);
  }
  if (missing > 0 || !design.empty()) suggest_by_models(planning, missing, design);
  if (out.suggestions.size() < count) {
    // Where constraints rule out nearly everything, that nothing else was found proves nothing.
    const Space& space = problem.space;
    const bool proven = space.pool() || !planning.region.scarce() || enumerable(space);
    planning.note(fmt::format(
        "{}: {} of the {} {} asked for{}{}",
        proven ? "the space is exhausted"
               : "nothing more was found that the constraints permit and nobody tried, which is no proof that there is "
                 "nothing",
        out.suggestions.size(), count, replicates.wanted() == 1 ? "suggestions" : "new points",
        proven ? " are left in it" : "",
        shuts_out(space) ? "; all else lies within the resolution of what was tried or is pending" : ""));
  }
  for (const Suggestion& one : out.suggestions) replicates.append(again, one, 0, question.count);
  out.suggestions = std::move(again);
  const double searched = planning.searches == 0 ? 1 : planning.searched / static_cast<double>(planning.searches);
  if (searched < 1 || planning.late(kShareOfAll)) {
    planning.note(
        fmt::format("the deadline was reached: this is the best answer found by then{}",
                    planning.searches == 0 ? "" : fmt::format(", with {:.0f} % of the search done", 100 * searched)));
  }
  out.seconds = planning.seconds();
  return std::move(planning.plan);
}

}  // namespace athanor
