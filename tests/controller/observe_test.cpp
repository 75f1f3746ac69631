// What a person says that experiments gave: what then counts, what stays, and what the planner is asked next.
#include "controller/observed.h"

#include <catch2/catch.hpp>

#include "controller/points.h"
#include "fixture.h"

namespace athanor {
using journal::v1::Observed;
using testing::Rig;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

/// The yield, and an impurity that is measured too.
std::string roomy_campaign() {
  std::string text = replaced(testing::kCampaign, "experiments: 3", "experiments: 30");
  text = replaced(text, "{yield: area}", "{yield: area, impurity: area}");
  return replaced(text, "procedure:", "outcome_constraints: [\"impurity <= 60 %\"]\nprocedure:");
}

/// Carries experiments out, each of which measures 50 % of both, until `count` are done.
void measure(Rig& rig, std::size_t count) {
  while (rig.state().done() < count) {
    while (!rig.asked.empty()) rig.plan();
    rig.outcome(Rig::success(rig.take()));
  }
}

/// A rig with as many experiments measured, and others under way.
Rig measured(std::size_t count) {
  Rig rig(roomy_campaign());
  rig.link_up();
  measure(rig, count);
  return rig;
}

/// "yield=54 %": as a person says it.
wire::Value said(const std::string& text) {
  const std::size_t equals = text.find('=');
  return text_value(text.substr(0, equals), text.substr(equals + 1));
}

Observed word(std::uint64_t experiment, const std::vector<std::string>& values = {},
              const std::vector<std::string>& at = {}) {
  Observed asked;
  asked.set_experiment(experiment);
  for (const std::string& text : values) *asked.add_values() = said(text);
  for (const std::string& text : at) *asked.add_at() = said(text);
  asked.set_who("ann");
  asked.set_why("integrated anew");
  return asked;
}

const std::vector<std::string> kThere = {"temperature=80 degC", "ligand=XPhos"};

Observed about_added(std::uint64_t number, const std::vector<std::string>& values = {},
                     const std::vector<std::string>& at = {}) {
  Observed asked = word(0, values, at);
  asked.set_added(number);
  return asked;
}

Observed failed(Observed asked, const std::string& why) {
  asked.set_failed(why);
  return asked;
}

Observed withdrawn(Observed asked) {
  asked.set_withdrawn(true);
  return asked;
}

/// Says it, which must be taken.
void tell(Rig& rig, const Observed& asked) {
  RequestMade made;
  *made.request.mutable_observe() = asked;
  rig.answered.set_text("");
  rig.give(made);
  INFO(rig.answered.text());
  REQUIRE_FALSE(rig.answered.refused());
}

/// Says it, which must not; gives the answer.
std::string refused(Rig& rig, const Observed& asked) {
  const std::size_t before = rig.journal.size();
  RequestMade made;
  *made.request.mutable_observe() = asked;
  rig.give(made);
  REQUIRE(rig.answered.refused());
  CHECK(rig.journal.size() == before);
  return rig.answered.text();
}

/// What the planner would be told: id → "50, 50", "clogged".
std::map<std::string, std::string> taught(const Rig& rig) {
  std::map<std::string, std::string> all;
  for (const Observation& one : observations(rig.campaign.problem, rig.state())) {
    std::string text = one.failed.value_or("");
    for (const auto& number : one.measured) {
      if (!one.failed) text += (text.empty() ? "" : ", ") + (number ? pretty_number(number->value) : std::string("-"));
    }
    all[one.id] = text;
  }
  return all;
}

std::string replayed(const Rig& rig) {
  State state;
  for (const Record& record : rig.journal) state.apply(record);
  return state.canonical();
}

}  // namespace

// Goal: a correction counts from then on, and what was measured stays. Method: the planner's next question.
TEST_CASE("a corrected experiment is told to the planner as corrected, and keeps what was measured") {
  Rig rig = measured(1);
  const std::uint64_t results = rig.state().planning.results;
  tell(rig, word(1, {"yield=54 percent"}));
  tell(rig, word(1, {"yield=54.2 %"}));
  CHECK(rig.answered.text() ==
        "experiment 1 counts as yield 54.2 %, impurity 50 %, by ann: integrated anew (before: yield 54 %, impurity 50 "
        "%)");
  CHECK(rig.state().planning.results == results + 2);
  CHECK(rig.state().measured == 1);
  CHECK(rig.state().experiment(1).state == ExperimentState::kMeasured);
  CHECK(rig.state().experiment(1).measured.at(0).number() == 50);
  while (!rig.asked.empty()) rig.plan();
  measure(rig, 2);
  REQUIRE_FALSE(rig.asked.empty());
  const Observation& told = rig.asked.back().question.observations.at(0);
  CHECK(told.id == "1");
  CHECK(told.measured.at(0)->value == 54.2);
  CHECK(told.measured.at(1)->value == 50);
  CHECK(told.suggested);
  CHECK(replayed(rig) == rig.state().canonical());
}

TEST_CASE("a measured experiment may be called failed or be withdrawn, and come back") {
  Rig rig = measured(1);
  tell(rig, word(1, {"impurity=3 %"}));
  tell(rig, withdrawn(word(1)));
  CHECK(taught(rig).empty());
  tell(rig, word(1, {"yield=40 %"}));  // what is not named is what it was when it was withdrawn
  CHECK(taught(rig)["1"] == "40, 3");
  tell(rig, failed(word(1), "precipitated"));
  CHECK(taught(rig)["1"] == "precipitated");
  CHECK(rig.answered.text().find("counts as failed (precipitated)") != std::string::npos);
  tell(rig, word(1, {"yield=40 %"}));  // a failed one had measured nothing
  CHECK(taught(rig)["1"] == "40, -");
  CHECK(rig.state().failed == 0);
  CHECK(replayed(rig) == rig.state().canonical());
}

// Goal: what the laboratory gave up can still teach. Method: one abandoned by an order, one of whose sample failed.
TEST_CASE("an abandoned or failed experiment may be given what a person measured") {
  Rig rig(roomy_campaign());
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  rig.outcome(failed_outcome(dose.id(), {Fault::Kind::kSample, "clogged"}));
  rig.order(Rig::Order::ABORT, Rig::Order::EXPERIMENT, "2");
  rig.outcome(failed_outcome(rig.take().id(), {Fault::Kind::kInterrupted, "cancelled"}));
  REQUIRE(rig.state().experiment(1).state == ExperimentState::kFailed);
  REQUIRE(rig.state().experiment(2).state == ExperimentState::kAbandoned);
  CHECK(taught(rig).size() == 1);
  tell(rig, word(1, {"yield=12 %"}));
  tell(rig, word(2, {"yield=20 percent", "impurity=1 %"}));
  CHECK(taught(rig) == std::map<std::string, std::string>{{"1", "12, -"}, {"2", "20, 1"}});
  CHECK(rig.state().abandoned == 1);
  CHECK(rig.state().done() == 1);
}

TEST_CASE("experiments done elsewhere are added under numbers of their own, and can be corrected") {
  Rig rig = measured(1);
  tell(rig, word(0, {"yield=60 %"}, {"temperature=353.15 K", "ligand=XPhos"}));
  CHECK(rig.answered.text() ==
        "added experiment 1 at temperature 80 degC, ligand “XPhos”, counts as yield 60 %, by ann: integrated anew");
  tell(rig, failed(word(0, {}, {"temperature=90 degC", "ligand=SPhos"}), "clogged"));
  CHECK(taught(rig) ==
        std::map<std::string, std::string>{{"1", "50, 50"}, {"added 1", "60, -"}, {"added 2", "clogged"}});
  tell(rig, about_added(1, {"impurity=2 %"}));
  tell(rig, about_added(2, {}, {"temperature=95 degC"}));
  CHECK(taught(rig)["added 1"] == "60, 2");
  const std::vector<Observation> all = observations(rig.campaign.problem, rig.state());
  CHECK(all.at(1).at == Point{80, 0});
  CHECK_FALSE(all.at(1).suggested);
  CHECK(all.at(2).at == Point{95, 1});
  CHECK(all.at(2).failed == "clogged");
  tell(rig, withdrawn(about_added(2)));
  CHECK(taught(rig).size() == 2);
  CHECK(rig.state().done() == 1);  // the budget is the laboratory's
  CHECK(replayed(rig) == rig.state().canonical());
}

// Goal: nothing is done about an observation where no controller runs. Method: the journal of a killed run, with steps
// under way and others ready; an engine that was not started; then a start.
TEST_CASE("an engine that was not started records what a person says, and nothing follows") {
  Rig rig = measured(1);
  REQUIRE(rig.state().status == CampaignState::kRunning);
  REQUIRE(rig.state().commands_open());
  Engine alone(rig.campaign, Lab{}, rig.state(), {});
  RequestMade made;
  *made.request.mutable_observe() = word(1, {"yield=54.2 %"});
  const Decision decision = alone.handle({alone.state().last, made});
  REQUIRE(decision.records.size() == 1);
  CHECK(decision.records[0].observed().values(0).number() == 54.2);
  REQUIRE(decision.effects.size() == 1);
  CHECK(std::get<AnswerRequest>(decision.effects[0]).reply.text().find("54.2 %") != std::string::npos);
  rig.journal.insert(rig.journal.end(), decision.records.begin(), decision.records.end());
  rig.restart();
  CHECK(taught(rig)["1"] == "54.2, 50");
  rig.link_up();
  CHECK_FALSE(rig.questions.empty());
  CHECK(replayed(rig) == rig.state().canonical());
}

TEST_CASE("a finished campaign takes observations and stays finished") {
  Rig rig;
  rig.link_up();
  measure(rig, 3);
  REQUIRE(rig.state().status == CampaignState::kFinished);
  tell(rig, withdrawn(word(2)));
  tell(rig, word(0, {"yield=99 %"}, kThere));
  CHECK(rig.state().status == CampaignState::kFinished);
  rig.restart();
  CHECK(rig.state().status == CampaignState::kFinished);
  CHECK(rig.asked.empty());
}

// Goal: what cannot be meant is refused, all of it at once, and with a way out. Method: each mistake, and its words.
TEST_CASE("observations that make no sense are refused") {
  Rig rig = measured(1);
  const std::uint64_t live = rig.state().live.front();
  const auto has = [](const std::string& part) { return Catch::Contains(part); };
  CHECK_THAT(refused(rig, word(99, {"yield=5 %"})), has("there is no experiment 99"));
  CHECK_THAT(refused(rig, word(live, {"yield=5 %"})), has("wait for its end, or give it up first"));
  CHECK_THAT(refused(rig, about_added(1, {"yield=5 %"})), has("there is no added experiment 1; there are 0"));
  CHECK_THAT(refused(rig, word(1)), has("nothing is said of it"));
  CHECK_THAT(refused(rig, word(0, {"yield=5 %"})), has("which experiment is it of?"));
  CHECK_THAT(refused(rig, word(0, {}, kThere)), has("what did it give?"));
  CHECK_THAT(refused(rig, withdrawn(word(0, {}, kThere))), has("what did it give?"));
  CHECK_THAT(refused(rig, failed(word(1, {"yield=5 %"}), "clogged")), has("say one of these"));
  CHECK_THAT(refused(rig, withdrawn(failed(word(1), "clogged"))), has("say one of these"));
  CHECK_THAT(refused(rig, word(1, {"yield=5 %"}, kThere)), has("withdraw it, and add one where it was"));
  CHECK_THAT(refused(rig, word(1, {"yeild=5 %"})), has("no measured value “yeild” (did you mean “yield”?)"));
  CHECK_THAT(refused(rig, word(1, {"yield=5 %", "yield=6 %"})), has("“yield” is given twice"));
  CHECK_THAT(refused(rig, word(1, {"yield=5"})), has("“5” has no unit; write “5 %”"));
  CHECK_THAT(refused(rig, word(1, {"yield=0.5 1"})), has("“0.5 1” has no unit"));
  CHECK_THAT(refused(rig, word(1, {"yield=5 bar"})), has("cannot be converted to “%”"));
  CHECK_THAT(refused(rig, word(1, {"yield=much"})), has("does not begin with a number"));
  CHECK_THAT(refused(rig, word(1, {"yield=1e101 %"})), has("cannot be computed with"));
  CHECK_THAT(refused(rig, word(0, {"yield=5 %"}, {"temperature=80 degC"})), has("“ligand”: where was it?"));
  CHECK_THAT(refused(rig, word(0, {"yield=5 %"}, {"temperature=80 degC", "ligand=XPho"})),
             has("“XPho” is none of its choices (did you mean “XPhos”?)"));
  CHECK_THAT(refused(rig, word(0, {"yield=5 %"}, {"temperature=20 degC", "ligand=XPhos"})),
             has("“temperature” is 20, which is outside the space; it must be between 30 and 110 degC"));
  CHECK_THAT(refused(rig, word(0, {"yeild=5 %"}, {"temprature=80 degC", "ligand=XPhos"})),
             has("no parameter “temprature”") && has("no measured value “yeild”"));
  Observed nobody = word(1, {"yield=5 %"});
  nobody.set_why("");
  CHECK_THAT(refused(rig, nobody), has("who gives it, and why"));
  Observed both = word(1, {"yield=5 %"});
  both.set_added(1);
  CHECK_THAT(refused(rig, both), has("of one experiment"));
  Observed mad = word(1);
  *mad.add_values() = number_value("yield", std::numeric_limits<double>::quiet_NaN(), "%");
  CHECK_THAT(refused(rig, mad), has("cannot be computed with"));
}

}  // namespace athanor
