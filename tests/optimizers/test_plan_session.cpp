// Goal: the conversation keeps its protocol, whatever is said. Method: conversations as a user would have them;
// mistakes; garbage.
#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/random.h"
#include "optimizers/plan_session.h"

using namespace athanor;
using Json = nlohmann::json;

namespace {

Problem suzuki() {
  Problem problem;
  LinearConstraint limit;
  limit.terms = {{2, 1}, {3, 0.1}};
  limit.bound = 3;
  limit.text = "loading + 0.1*cycles <= 3";
  problem.space = Space({{"temperature", Unit::parse("degC"), Continuous{30, 110}},
                         {"residence", Unit::parse("s"), Continuous{60, 600, true}},
                         {"loading", {}, Continuous{0.498, 2.515}},
                         {"cycles", {}, Integer{1, 8}},
                         {"pressure", Unit::parse("bar"), Levels{{1, 2, 5}}},
                         {"ligand", {}, Choices{{"XPhos", "SPhos", "PPh3"}}}},
                        {limit});
  problem.objectives = {{"yield", Unit::parse("%"), Objective::Goal::kMaximize, 0}};
  problem.planner.initial = 3;
  return problem;
}

const char* const kAt =
    R"({"temperature": 80, "residence": 300, "loading": 1.5, "cycles": 2, "pressure": 1, "ligand": "XPhos"})";

Json say(PlanSession& session, const std::string& line) {
  return Json::parse(session.answer(line));
}

std::string tell(const std::string& at, const std::string& rest) {
  return R"({"tell": [{"at": )" + at + ", " + rest + "}]}";
}

/// The answer is an error that contains every one of `parts`.
void check_refused(PlanSession& session, const std::string& line, const std::vector<std::string>& parts) {
  const Json out = say(session, line);
  INFO(line << " → " << out.dump());
  REQUIRE(out.size() == 1);
  REQUIRE(out.contains("error"));
  for (const std::string& part : parts) {
    INFO(part);
    CHECK(out["error"].get<std::string>().find(part) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("an id that stands twice in a line is refused as that") {
  PlanSession session(suzuki());
  say(session, R"({"ask": 1, "seed": 1})");
  const Json answer = say(session, R"({"tell": [{"id": "s1", "failed": "a"}, {"id": "s1", "failed": "b"}]})");
  REQUIRE(answer.contains("error"));
  CHECK(answer["error"].get<std::string>().find("the id “s1” stands twice in this line") != std::string::npos);
  CHECK(say(session, R"({"tell": [{"id": "s1", "failed": "a"}]})") == Json({{"observations", 1}}));
}

TEST_CASE("a campaign by conversation") {
  PlanSession session(suzuki());
  CHECK(say(session, tell(kAt, R"("measured": {"yield": 41.2}, "sd": {"yield": 1.5})")) == Json({{"observations", 1}}));
  CHECK(
      say(session,
          tell(R"({"temperature": 100, "residence": 100, "loading": 1, "cycles": 4, "pressure": 5, "ligand": "PPh3"})",
               R"("failed": "clogged")")) == Json({{"observations", 2}}));
  for (int round = 0; round < 4; ++round) {
    const Json plan = say(session, R"({"ask": 2, "seed": 7, "deadline_ms": 20000})");
    REQUIRE(plan.contains("suggestions"));
    CHECK(plan["seconds"].is_number());
    REQUIRE(plan["suggestions"].size() == 2);
    Json told = Json::array();
    for (const Json& suggestion : plan["suggestions"]) {
      CHECK(suggestion["at"].size() == 6);
      CHECK(suggestion["at"]["ligand"].is_string());
      CHECK(suggestion["at"]["cycles"].is_number_integer());
      CHECK(suggestion["predicted"]["yield"]["sd"].get<double>() > 0);
      told.push_back({{"id", suggestion["id"]}, {"measured", {{"yield", 10 * round}}}});
    }
    CHECK(say(session, Json({{"tell", told}}).dump()) == Json({{"observations", 4 + 2 * round}}));
  }
  const Json predictions = say(session, std::string(R"({"predict": [)") + kAt + "]}");
  CHECK(predictions["predictions"][0]["yield"]["mean"].is_number());
  const Json model = say(session, R"({"describe": true})");
  CHECK(model["model"]["yield"]["lengthscales"].size() == 6);
  CHECK(model["model"]["yield"]["noise_sd"].get<double>() >= 0);
  CHECK(model["model"]["yield"].contains("cross_validated_rmse"));
}

TEST_CASE("what was asked for is pending until told by id, told by an equal point, or abandoned") {
  PlanSession session(suzuki());
  const Json first = say(session, R"({"ask": 3})")["suggestions"];
  const std::string a = first[0]["id"], b = first[1]["id"], c = first[2]["id"];
  CHECK(a != b);
  CHECK(say(session, Json({{"tell", {{{"id", a}, {"measured", {{"yield", 1}}}}}}}).dump())["observations"] == 1);
  CHECK(say(session,
            Json({{"tell", {{{"at", first[1]["at"]}, {"measured", {{"yield", 2}}}}}}}).dump())["observations"] == 2);
  // Both are done, so neither can be abandoned; the third can, once.
  check_refused(session, Json({{"abandon", {a}}}).dump(), {a});
  check_refused(session, Json({{"abandon", {b, c}}}).dump(), {b});
  check_refused(session, Json({{"abandon", {c, c}}}).dump(), {c, "named twice"});
  CHECK(say(session, Json({{"abandon", {c}}}).dump()) == Json({{"abandoned", 1}}));
  check_refused(session, Json({{"abandon", {c}}}).dump(), {c});
}

TEST_CASE("an id is of one experiment: told once, where it was asked for") {
  PlanSession session(suzuki());
  const auto told = [](const std::string& id, const Json& at) {
    Json item = {{"id", id}, {"measured", {{"yield", 1}}}};
    if (!at.is_null()) item["at"] = at;
    return Json({{"tell", {item}}}).dump();
  };
  const Json own = Json::parse(kAt);
  // One's own ids need an `at`, and are not given out again.
  check_refused(session, told("s1", {}), {"nothing is pending under the id “s1”"});
  CHECK(say(session, told("s1", own))["observations"] == 1);
  check_refused(session, told("s1", own), {"“s1” was told already", "another id", "replicate"});
  const Json asked = say(session, R"({"ask": 4})")["suggestions"];
  CHECK(asked[0]["id"] == "s2");
  CHECK(asked[3]["id"] == "s5");

  // What is pending is told where it was asked for, or where it was weighed out to be.
  check_refused(session, told("s2", own), {"“s2” was asked for at {", "is told at {\"temperature\":80"});
  Json near = asked[0]["at"];
  near["temperature"] = std::min(near["temperature"].get<double>() + 0.4, 110.0);
  CHECK(say(session, told("s2", near))["observations"] == 2);
  check_refused(session, told("s2", {}), {"“s2” was told already"});
  check_refused(session, Json({{"abandon", {"s2"}}}).dump(), {"“s2” was told already"});

  // Under an id of one's own, or none, it is pending no more all the same.
  CHECK(say(session, told("mine", asked[1]["at"]))["observations"] == 3);
  check_refused(session, told("s3", {}), {"“s3” was told already"});
  check_refused(session, R"({"tell": [{"id": "", "failed": "x"}]})", {"an id is a text"});

  // What was abandoned may turn up after all.
  say(session, Json({{"abandon", {"s4"}}}).dump());
  check_refused(session, told("s4", {}), {"“s4” was abandoned", "“at”"});
  check_refused(session, told("s4", own), {"“s4” was asked for at"});
  CHECK(say(session, told("s4", asked[2]["at"]))["observations"] == 4);
  check_refused(session, told("s4", asked[2]["at"]), {"“s4” was told already"});
  CHECK(say(session, R"({"abandon": ["s5"]})") == Json({{"abandoned", 1}}));
}

TEST_CASE("quantities are converted, and what they mean is a legal value") {
  PlanSession session(suzuki());
  CHECK(
      say(session,
          tell(R"({"temperature": "353.15 K", "residence": "5 min", "loading": 1.5, "cycles": 2, "pressure": "200 kPa",
                              "ligand": "SPhos"})",
               R"("measured": {"yield": "0.4"})")) == Json({{"observations", 1}}));
  check_refused(
      session,
      tell(
          R"({"temperature": "80 bar", "residence": 300, "loading": 1.5, "cycles": 2, "pressure": 1, "ligand": "SPhos"})",
          R"("measured": {"yield": 4})"),
      {"temperature", "bar", "degC"});
}

TEST_CASE("every mistake of a line is answered, and nothing of the line is taken") {
  PlanSession session(suzuki());
  const std::string good = std::string(R"({"at": )") + kAt + R"(, "measured": {"yield": 1}})";
  check_refused(
      session,
      R"({"tell": [)" + good +
          R"(, {"at": {"temprature": 80, "residence": 300, "loading": 1.5, "cycles": 2, "pressure": 1, "ligand": "XPhoss"},
                          "measured": {"yeild": 3}, "failedd": 1}]})",
      {"item 2", "temprature", "did you mean “temperature”", "XPhoss", "“XPhos”", "yeild", "“yield”", "failedd"});
  check_refused(session, R"({"describe": true})", {"yield"});  // nothing was taken
  CHECK(say(session, R"({"tell": [)" + good + "]}")["observations"] == 1);
}

TEST_CASE("mistakes name what, where and the way out") {
  PlanSession session(suzuki());
  const auto at = [](const std::string& key, const std::string& value) {
    Json point = Json::parse(kAt);
    point[key] = Json::parse(value);
    return tell(point.dump(), R"("measured": {"yield": 1})");
  };
  check_refused(session, at("temperature", "120"), {"temperature", "120", "30", "110", "degC"});
  check_refused(session, at("temperature", "null"), {"temperature", "null"});
  check_refused(session, at("temperature", "true"), {"temperature"});
  check_refused(session, at("temperature", R"("nan")"), {"temperature"});
  check_refused(session, at("temperature", R"("warm")"), {"temperature", "warm"});
  check_refused(session, at("cycles", "2.5"), {"cycles", "2.5"});
  check_refused(session, at("pressure", "3"), {"pressure", "1, 2, 5"});
  check_refused(session, at("ligand", "1"), {"ligand", "XPhos"});
}

TEST_CASE("lines that say nothing the planner knows are answered, and the session goes on") {
  PlanSession session(suzuki());
  check_refused(session, "", {"JSON"});
  check_refused(session, "hello", {"JSON"});
  check_refused(session, "[1, 2]", {"object"});
  check_refused(session, "{}", {"tell", "ask"});
  check_refused(session, R"({"aks": 1})", {"aks", "“ask”"});
  check_refused(session, R"({"ask": 1, "tell": []})", {"one verb"});
  check_refused(session, R"({"ask": 0})", {"ask"});
  check_refused(session, R"({"ask": -3})", {"ask"});
  check_refused(session, R"({"ask": 1e30})", {"ask"});
  check_refused(session, R"({"ask": "two"})", {"ask"});
  check_refused(session, R"({"ask": 1, "sede": 3})", {"sede", "“seed”"});
  check_refused(session, R"({"ask": 1, "seed": -1})", {"seed"});
  check_refused(session, R"({"ask": 1, "deadline_ms": 0})", {"deadline_ms"});
  check_refused(session, R"({"tell": {}})", {"tell", "list"});
  check_refused(session, R"({"tell": [7]})", {"item 1"});
  check_refused(session, R"({"tell": [{"measured": {"yield": 3}}]})", {"at", "id"});
  check_refused(session, R"({"tell": [{"id": "s9", "measured": {"yield": 3}}]})", {"s9"});
  check_refused(session, tell(kAt, R"("measured": {"yield": 1}, "failed": "x")"), {"failed"});
  check_refused(session, tell(kAt, R"("failed": "")"), {"failed", "the reason", "clogged"});
  check_refused(session, tell(kAt, R"("measured": {"yield": 1, "yield": 2})"), {"“yield” is given twice"});
  check_refused(session, tell(R"({"ligand": "XPhos", "ligand": "SPhos"})", R"("measured": {"yield": 1})"),
                {"“ligand” is given twice"});
  check_refused(session, R"({"ask": 1, "ask": 2, "seed": 1, "seed": 1})", {"“ask” is given", "“seed” is given"});
  check_refused(session, tell(kAt, R"("measured": {})"), {"measured"});
  check_refused(session, tell(kAt, R"("measured": {"yield": 1e999})"), {"large"});
  check_refused(session, tell(kAt, R"("measured": {"yield": 1}, "sd": {"yield": -1})"), {"sd", "yield"});
  check_refused(session, R"({"predict": [{}]})", {"temperature"});
  check_refused(session, std::string(R"({"predict": [)") + kAt + "]}", {"yield"});  // nothing was measured yet
  check_refused(session, R"({"describe": 3})", {"describe"});
  check_refused(session, R"({"abandon": [1]})", {"abandon"});
  check_refused(session, std::string(100000, '['), {"nested"});
  check_refused(session, "{\"ask\": \"\xff\xfe\"}", {"UTF-8", "byte 10 is 0xff"});
  check_refused(session, "{\"\xc3\xa4\": \"\xc3(\"}", {"UTF-8", "byte 9 is 0xc3"});
  check_refused(session, std::string("{\"ask\"\0: 1}", 11), {"\\x00: 1}”"});
  check_refused(session, R"({"tell": [{"id": "a\u0000b", "failed": "x"}]})", {"“a\\x00b”"});
  check_refused(session, R"({"abandon": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]})", {"found 10; and 2 more"});
  for (const char* value : {"1e101", "-1e308"}) {
    check_refused(session, tell(kAt, std::string(R"("measured": {"yield": )") + value + "}"),
                  {"measured, “yield”", "cannot be computed with", "1e+100"});
  }
  check_refused(session, tell(kAt, R"("measured": {"yield": 1}, "sd": {"yield": 1e200})"), {"sd, “yield”", "1e+100"});
  CHECK(say(session, R"({"ask": 1})")["suggestions"].size() == 1);
}

TEST_CASE("garbage does not end the session") {
  PlanSession session(suzuki());
  RandomStream random(1, "garbage");
  const std::string valid =
      std::string(R"({"tell": [{"at": )") + kAt + R"(, "measured": {"yield": 41.2}, "sd": {"yield": 1.5}}]})";
  for (int i = 0; i < 3000; ++i) {
    std::string line = valid;
    if (i % 3 == 0) line.resize(random.below(200), ' ');
    for (std::uint64_t k = 0; k < 1 + random.below(5) && !line.empty(); ++k) {
      line[random.below(line.size())] = static_cast<char>(random.below(256));
    }
    const std::string answer = session.answer(line);
    CHECK(answer.find('\n') == std::string::npos);
    const Json out = Json::parse(answer);  // throws if it is not JSON
    CHECK((out.contains("error") || out.contains("observations")));
  }
}

TEST_CASE("the same conversation gives the same suggestions") {
  const auto talk = [] {
    PlanSession session(suzuki());
    std::string all;
    for (int i = 0; i < 5; ++i) {
      Json plan = say(session, R"({"ask": 1})");
      const Json suggestion = plan["suggestions"][0];
      all += suggestion.dump();
      session.answer(Json({{"tell", {{{"id", suggestion["id"]}, {"measured", {{"yield", 3 * i % 4}}}}}}}).dump());
    }
    return all;
  };
  CHECK(talk() == talk());
}
