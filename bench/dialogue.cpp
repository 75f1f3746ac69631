#include "bench/dialogue.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/document.h"
#include "core/error.h"
#include "optimizers/design.h"
#include "optimizers/plan_json.h"

namespace athanor::bench {
namespace {

constexpr double kRounding = 1e-6;  // of a parameter's range: nearer to a legal number than that is that number

const std::vector<std::string> kVerbs = {"describe", "start", "measure"};

Json describe_parameter(const Parameter& p) {
  if (const auto* choices = std::get_if<Choices>(&p.kind))
    return {{"name", p.name}, {"kind", "choices"}, {"choices", choices->names}};
  if (const auto* levels = std::get_if<Levels>(&p.kind))
    return {{"name", p.name}, {"kind", "levels"}, {"values", levels->values}};
  if (const auto* integer = std::get_if<Integer>(&p.kind))
    return {{"name", p.name}, {"kind", "integer"}, {"low", integer->low}, {"high", integer->high}};
  const auto& range = std::get<Continuous>(p.kind);
  return {{"name", p.name}, {"kind", "continuous"}, {"low", range.low}, {"high", range.high}, {"log", range.log}};
}

Json describe_constraint(const LinearConstraint& constraint, const Space& space) {
  Json coefficients = Json::object();
  for (const auto& term : constraint.terms) coefficients[space[term.parameter].name] = term.coefficient;
  using Sense = LinearConstraint::Sense;
  const char* const sense =
      constraint.sense == Sense::kAtMost ? "<=" : (constraint.sense == Sense::kAtLeast ? ">=" : "=");
  return {{"coefficients", std::move(coefficients)}, {"sense", sense}, {"bound", constraint.bound}};
}

/// Rows of numbers and choices' names, in the parameters' order.
Json describe_pool(const Space& space) {
  if (!space.pool()) return nullptr;
  Json rows = Json::array();
  for (std::size_t i = 0; i < space.pool()->rows; ++i) {
    Json row = Json::array();
    const Json point = write_point(space, pool_row(space, i));
    for (const auto& [name, value] : point.items()) row.push_back(value);
    rows.push_back(std::move(row));
  }
  return rows;
}

Json describe(const BenchProblem& bench) {
  const Problem& problem = bench.problem;
  const std::vector<Measurand> measurands = problem.measurands();
  Json parameters = Json::array(), constraints = Json::array(), objectives = Json::array(), outcomes = Json::array();
  for (const Parameter& p : problem.space.parameters()) parameters.push_back(describe_parameter(p));
  for (const auto& c : problem.space.constraints()) constraints.push_back(describe_constraint(c, problem.space));
  for (const Objective& o : problem.objectives) {
    objectives.push_back({{"name", o.name},
                          {"goal", o.goal == Objective::Goal::kMaximize ? "maximize" : "minimize"},
                          {"reference", o.reference ? Json(*o.reference) : Json(nullptr)}});
  }
  for (const OutcomeConstraint& c : problem.outcome_constraints) {
    outcomes.push_back(
        {{"name", measurands[c.measurand].name}, {"sense", c.at_most ? "<=" : ">="}, {"bound", c.bound}});
  }
  Json noise = Json::object();
  for (std::size_t k = 0; k < measurands.size(); ++k) noise[measurands[k].name] = bench.noise_sd[k];
  return {{"name", bench.name},
          {"source", bench.source},
          {"parameters", std::move(parameters)},
          {"constraints", std::move(constraints)},
          {"pool", describe_pool(problem.space)},
          {"objectives", std::move(objectives)},
          {"outcome_constraints", std::move(outcomes)},
          {"initial", bench.starting_points()},
          {"evaluations", bench.evaluations},
          {"batch", problem.planner.batch},
          {"noise_sd", std::move(noise)},
          {"score", to_string(bench.score)}};
}

/// Numbers that rounding has moved off a legal one are put back on it.
void settle(const Space& space, Json& point) {
  if (!point.is_object()) return;
  for (const Parameter& p : space.parameters()) {
    const auto at = point.find(p.name);
    if (p.categorical() || at == point.end() || !at->is_number()) continue;
    const double value = at->get<double>(), legal = p.nearest(value);
    if (std::abs(value - legal) <= kRounding * p.width()) *at = legal;
  }
}

/// The row of the pool that `point` means, or `point` itself where there is no pool.
Point row_meant(const Space& space, const Point& point, const std::string& where) {
  if (!space.pool()) return point;
  for (std::size_t i = 0; i < space.pool()->rows; ++i) {
    const Point row = pool_row(space, i);
    bool same = true;
    for (std::size_t j = 0; j < space.size() && same; ++j) {
      same = std::abs(row[j] - point[j]) <= kRounding * (space[j].high() - space[j].low());
    }
    if (same) return row;
  }
  throw InputError(fmt::format("{}: {} is no row of the table", where, shown(write_point(space, point))));
}

Json measure(Session& session, Json list) {
  if (!list.is_array()) throw InputError(fmt::format("“measure” expects a list of points, found {}", shown(list)));
  const Space& space = session.bench().problem.space;
  Mistakes mistakes;
  std::vector<Point> points;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("measure, item {}", i + 1);
    settle(space, list[i]);
    const auto point = read_point(space, list[i], where, mistakes);
    if (!point) continue;
    try {
      points.push_back(row_meant(space, *point, where));
    } catch (const InputError& error) {
      mistakes.add("", error.what());
    }
  }
  mistakes.throw_if_any();
  const std::vector<Measurand> measurands = session.bench().problem.measurands();
  Json measured = Json::array(), scores = Json::array();
  for (const Point& point : points) {
    const Observation& observation = session.measure(point);
    Json values = Json::object();
    for (std::size_t k = 0; k < measurands.size(); ++k) values[measurands[k].name] = observation.measured[k]->value;
    measured.push_back(std::move(values));
    scores.push_back(session.scores().back());
  }
  return {{"measured", std::move(measured)}, {"scores", std::move(scores)}};
}

Json start(Session& session, const Json& seed) {
  if (!seed.is_number_unsigned())
    throw InputError(fmt::format("“start” expects a seed, an integer from 0 up, found {}", shown(seed)));
  Json points = Json::array();
  for (const Point& point : session.start(seed.get<std::uint64_t>())) {
    points.push_back(write_point(session.bench().problem.space, point));
  }
  return {{"points", std::move(points)}};
}

}  // namespace

std::string Dialogue::answer(const std::string& line) {
  Json out;
  try {
    const Json question = parse_line(line);
    if (!question.is_object() || question.size() != 1)
      throw InputError(
          fmt::format("expected an object with one of describe, start or measure, found {}", shown(question)));
    const std::string verb = question.begin().key();
    if (verb == "describe") {
      out = describe(session_.bench());
    } else if (verb == "start") {
      out = start(session_, question["start"]);
      started_ = true;
    } else if (verb == "measure") {
      if (!started_) throw InputError("nothing can be measured before a “start” has said with which seed");
      out = measure(session_, question["measure"]);
    } else {
      throw InputError(fmt::format("“{}” is not understood{}", verb, suggest_name(verb, kVerbs)));
    }
  } catch (const std::exception& error) {
    out = {{"error", error.what()}};
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace athanor::bench
