// Goal: every planner is measured in the same way. Method: runs and conversations as planners would have them;
// mistakes.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "bench/dialogue.h"
#include "bench/session.h"
#include "core/error.h"

using namespace athanor;
using namespace athanor::bench;
using Json = nlohmann::json;

namespace {

Json say(Dialogue& dialogue, const Json& line) {
  return Json::parse(dialogue.answer(line.dump()));
}

}  // namespace

TEST_CASE("a run can be repeated", "[session]") {
  const BenchProblem bench = make_problem("hartmann6_noisy");
  Session session(bench);
  const std::vector<Point> points = session.start(4);
  CHECK(points.size() == 8);
  for (const Point& at : points) session.measure(at);
  const std::vector<double> scores = session.scores();
  const double last = session.observations().back().measured[0]->value;
  CHECK(last != bench.truth(points.back())[0]);

  CHECK(session.start(5) != points);
  CHECK(session.observations().empty());
  CHECK(session.start(4) == points);
  for (const Point& at : points) session.measure(at);
  CHECK(session.scores() == scores);
  CHECK(session.observations().back().measured[0]->value == last);
}

TEST_CASE("the noise has the sd that is said, and scores know nothing of it", "[session]") {
  const BenchProblem bench = make_problem("branin_currin_noisy_q4");
  Session session(bench);
  session.start(0);
  const Point at = {0.5, 0.5};
  const std::vector<double> truth = bench.truth(at);
  constexpr int kMany = 2000;
  std::vector<double> squares(2);
  for (int i = 0; i < kMany; ++i) {
    const Observation& observation = session.measure(at);
    for (std::size_t k = 0; k < 2; ++k) squares[k] += std::pow(observation.measured[k]->value - truth[k], 2) / kMany;
  }
  // A variance from 2000 draws is off by 3 % or so; five times that.
  for (std::size_t k = 0; k < 2; ++k) CHECK(squares[k] == Approx(bench.noise_sd[k] * bench.noise_sd[k]).epsilon(0.16));
  CHECK(session.scores().front() == session.scores().back());
}

TEST_CASE("scores never grow, and what breaks a constraint counts for nothing", "[session]") {
  const BenchProblem bench = make_problem("gramacy");
  Session session(bench);
  session.start(0);
  session.measure({0, 0});  // the best objective of all, but c1 does not hold
  CHECK(session.scores().back() == Approx(bench.worst - bench.optimum));
  session.measure({0.5, 0.5});
  CHECK(session.scores().back() == Approx(1 - bench.optimum));
  session.measure({0, 0});
  session.measure({0.9, 0.4});
  CHECK(session.scores().back() == Approx(1 - bench.optimum));
  session.measure({bench.optimisers[0][0], bench.optimisers[0][1] + 1e-6});
  CHECK(session.scores().back() == Approx(0).margin(1e-5));
}

TEST_CASE("the gap closes as points of the front are measured", "[session]") {
  const BenchProblem bench = make_problem("zdt1");
  Session session(bench);
  session.start(0);
  session.measure({1, 1, 1, 1, 1, 1});
  const double first = session.scores().back();
  for (int i = 0; i <= 100; ++i) session.measure({i / 100.0, 0, 0, 0, 0, 0});
  CHECK(first > 0.5);
  CHECK(std::is_sorted(session.scores().rbegin(), session.scores().rend()));
  CHECK(session.scores().back() == Approx(0).margin(1e-3));
}

TEST_CASE("a planner can learn all about a problem", "[dialogue]") {
  const BenchProblem bench = make_problem("mixture5");
  Dialogue dialogue(bench);
  const Json told = say(dialogue, {{"describe", true}});
  CHECK(told["name"] == "mixture5");
  CHECK(told["parameters"].size() == 5);
  CHECK(told["parameters"][0] == Json{{"name", "x1"}, {"kind", "continuous"}, {"low", 0}, {"high", 1}, {"log", false}});
  CHECK(told["constraints"][0]["sense"] == "=");
  CHECK(told["constraints"][0]["bound"] == 1);
  CHECK(told["constraints"][0]["coefficients"] == Json{{"x1", 1}, {"x2", 1}, {"x3", 1}, {"x4", 1}, {"x5", 1}});
  CHECK(told["pool"].is_null());
  CHECK(told["objectives"][0] == Json{{"name", "y"}, {"goal", "maximize"}, {"reference", nullptr}});
  CHECK(told["initial"] == 8);
  CHECK(told["evaluations"] == 40);
  CHECK(told["score"] == "regret");

  const BenchProblem limited = make_problem("pressure_vessel");
  Dialogue other(limited);
  const Json vessel = say(other, {{"describe", true}});
  CHECK(vessel["parameters"][0]["kind"] == "levels");
  CHECK(vessel["parameters"][0]["values"][1] == 0.125);
  CHECK(vessel["outcome_constraints"][3] == Json{{"name", "c4"}, {"sense", "<="}, {"bound", 0}});
  CHECK(vessel["noise_sd"].size() == 5);
}

TEST_CASE("what is said over the dialogue is what a session does", "[dialogue]") {
  const BenchProblem bench = make_problem("func2c");
  Dialogue dialogue(bench);
  Session session(bench);
  const std::vector<Point> points = session.start(3);
  const Json started = say(dialogue, {{"start", 3}});
  REQUIRE(started["points"].size() == points.size());
  const Json measured = say(dialogue, {{"measure", started["points"]}});
  for (std::size_t i = 0; i < points.size(); ++i) {
    CHECK(started["points"][i]["x1"] == points[i][2]);
    CHECK(measured["measured"][i]["y"] == session.measure(points[i]).measured[0]->value);
    CHECK(measured["scores"][i] == session.scores().back());
  }
}

TEST_CASE("numbers that rounding moved are put back, others are refused", "[dialogue]") {
  const BenchProblem bench = make_problem("pressure_vessel");
  Dialogue dialogue(bench);
  say(dialogue, {{"start", 0}});
  const Json exact = {{"shell", 0.8125}, {"head", 0.4375}, {"radius", 200}, {"length", 10}};
  Json off = exact;
  off["shell"] = 0.8125000001;
  off["radius"] = 200.00000001;
  const Json both = say(dialogue, {{"measure", {exact, off}}});
  REQUIRE(both.contains("measured"));
  CHECK(both["measured"][0] == both["measured"][1]);
  Json wrong = exact;
  wrong["shell"] = 0.82;
  CHECK(say(dialogue, {{"measure", {exact, wrong}}})["error"].get<std::string>().find("item 2") != std::string::npos);
}

TEST_CASE("mistakes are answered and change nothing", "[dialogue]") {
  const BenchProblem bench = make_problem("branin");
  Dialogue dialogue(bench);
  CHECK(say(dialogue, {{"measure", Json::array()}}).contains("error"));  // not started
  say(dialogue, {{"start", 1}});
  const Json at = {{"x1", 1}, {"x2", 2}};
  for (const Json& line : {Json{{"meazure", {at}}}, Json{{"measure", at}}, Json{{"measure", {at, {{"x1", 1}}}}},
                           Json{{"measure", {{{"x1", 11}, {"x2", 2}}}}}, Json{{"start", -1}}, Json{{"start", "a"}},
                           Json{{"start", 1}, {"measure", {at}}}, Json::array(), Json(3)}) {
    INFO(line.dump());
    CHECK(say(dialogue, line).contains("error"));
  }
  CHECK(Json::parse(dialogue.answer("{")).contains("error"));
  CHECK(say(dialogue, {{"measure", {at}}})["scores"].size() == 1);
}

TEST_CASE("a table knows its rows", "[dialogue][tables]") {
  if (!std::getenv("ATHANOR_DATA_DIR")) {
    WARN("skipped: ATHANOR_DATA_DIR is not set");
    return;
  }
  const BenchProblem bench = make_problem("suzuki_i");
  Dialogue dialogue(bench);
  const Json told = say(dialogue, {{"describe", true}});
  CHECK(told["pool"].size() == 74);
  CHECK(told["initial"] == 2);
  Json at = say(dialogue, {{"start", 0}})["points"][0];
  CHECK(say(dialogue, {{"measure", {at}}})["measured"][0].size() == 2);
  at["temperature"] = 99.5;
  CHECK(say(dialogue, {{"measure", {at}}})["error"].get<std::string>().find("no row") != std::string::npos);
}
