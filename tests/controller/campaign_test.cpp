#include "controller/campaign.h"

#include <catch2/catch.hpp>

#include "fixture.h"

namespace athanor {
namespace {

std::string with(const std::string& from, const std::string& to) {
  std::string text = testing::kCampaign;
  REQUIRE(text.find(from) != std::string::npos);
  return text.replace(text.find(from), from.size(), to);
}

std::vector<Mistake> mistakes_of(const std::string& text) {
  try {
    parse_campaign(text, "c.yaml", ".");
  } catch (const InputError& error) {
    return error.mistakes();
  }
  return {};
}

// The mistakes of a campaign held against the fixture's laboratory.
std::vector<Mistake> unfit(const std::string& text) {
  const Campaign campaign = parse_campaign(text, "c.yaml", ".");
  const Lab lab = parse_lab(testing::kLab, "l.yaml", ".");
  std::vector<driver::v1::Instrument> instruments;
  for (const char* id : {"dispenser-1", "reactor-1", "reactor-2", "hplc-1"})
    instruments.push_back(testing::instrument(id));
  try {
    check_against(campaign, lab, instruments);
  } catch (const InputError& error) {
    return error.mistakes();
  }
  return {};
}

}  // namespace

// Goal: the file becomes what it says. Method: the fixture's campaign, field by field.
TEST_CASE("a campaign file is read") {
  const Campaign campaign = parse_campaign(testing::kCampaign, "c.yaml", ".");
  CHECK(campaign.name == "small");
  CHECK(campaign.problem.space.size() == 2);
  REQUIRE(campaign.steps.size() == 3);
  CHECK(campaign.steps[0].after.empty());
  CHECK(campaign.steps[2].after == std::vector<std::size_t>{1});
  CHECK(std::get<Quantity>(campaign.steps[0].with[0].value).value == 0.2);
  CHECK(std::get<Argument::FromSpace>(campaign.steps[0].with[1].value).parameter == 1);
  REQUIRE(campaign.steps[2].gives.size() == 1);
  CHECK(campaign.steps[2].gives[0].second == "area");
  CHECK(campaign.stop.experiments == 3u);
}

// Goal: what an outcome constraint alone speaks of is measured by a step like an objective. Method: the fixture's
// campaign with one, given by its step, by none, by two, and in a unit that the result does not have.
TEST_CASE("what is only constrained is a result of a step") {
  const std::string constrained = with("procedure:", "outcome_constraints: [\"impurity <= 5 %\"]\nprocedure:");
  const auto given = [&](const std::string& gives) {
    std::string text = constrained;
    return text.replace(text.find("{yield: area}"), 13, gives);
  };
  const Campaign campaign = parse_campaign(given("{yield: area, impurity: area}"), "c.yaml", ".");
  REQUIRE(campaign.steps[2].gives.size() == 2);
  CHECK(campaign.problem.measurands()[campaign.steps[2].gives[1].first].name == "impurity");
  CHECK(unfit(given("{yield: area, impurity: area}")).empty());
  CHECK(campaign.definition().find("impurity <= 5 %") != std::string::npos);

  const auto missing = mistakes_of(constrained);
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].message.find("“impurity” is given by 0 steps") != std::string::npos);
  const auto unknown = mistakes_of(given("{yield: area, impurty: area}"));
  REQUIRE(unknown.size() == 2);
  CHECK(unknown[1].message.find("no outcome constraint names it (did you mean “impurity”?)") != std::string::npos);
  const auto unit = unfit(constrained.substr(0, constrained.find("5 %")) + "5 mg" +
                          given("{yield: area, impurity: area}").substr(constrained.find("5 %") + 3));
  REQUIRE(unit.size() == 1);
  CHECK(unit[0].message.find("cannot be converted to “mg” of “impurity”") != std::string::npos);
}

// Goal: each mistake in a procedure is found at its place, with the way out. Method: one change to the fixture each.
TEST_CASE("mistakes in a procedure") {
  const auto [from, to, line, word] = GENERATE(table<std::string, std::string, int, std::string>({
      {"$temperature", "$temprature", 9, "did you mean “temperature”"},
      {"after: [dose]", "after: [dos]", 9, "did you mean “dose”"},
      {"{step: dose, do: dispense", "{step: dose, after: [look], do: dispense", 8, "waits for itself"},
      {"step: look", "step: react", 10, "two steps are named"},
      {"gives: {yield: area}", "gives: {yeild: area}", 10, "is no objective"},
      {", gives: {yield: area}", "", 8, "is given by 0 steps"},
      {"do: heat", "does: heat", 9, "“do:”"},
      {"stop: {experiments: 3}", "stop: {experiments: 0}", 12, "At least 1"},
      {"stop: {experiments: 3}", "stop: {}", 12, "stop"},
      {"stop: {experiments: 3}\n", "", 8, "stop"},
      {"campaign: small", "campaign: a/b", 1, "letters"},
      {"do: heat,", "do: heat, on_fault: {retry: 101},", 9, "0 to 100"},
      {"do: heat,", "do: heat, on_fault: {retrry: 1},", 9, "did you mean “retry”"},
      {"do: heat,", "do: heat, on_fault: {wait: 3},", 9, "unit"},
      {"do: heat,", "do: heat, on_fault: {wait: 2 day},", 9, "up to a day"},
      {"do: heat,", "do: heat, on_fault: {then: aks},", 9, "did you mean “ask”"},
      {"do: heat,", "do: heat, on_fault: {clean_up: [rinse]},", 9, "which there is none"},
      {"planner:", "clean_up: [{step: react, do: heat}]\nplanner:", 11, "two steps are named"},
      {"planner:", "clean_up: [{step: rinse, do: heat, after: [react]}]\nplanner:", 11, "“after”"},
  }));
  CAPTURE(from, to);
  const auto mistakes = mistakes_of(with(from, to));
  REQUIRE_FALSE(mistakes.empty());
  bool found = false;
  for (const Mistake& mistake : mistakes) {
    UNSCOPED_INFO(to_string(mistake.place) + ": " + mistake.message);
    found = found || (mistake.message.find(word) != std::string::npos && mistake.place.line == line);
  }
  CHECK(found);
}

// Goal: nothing starts that some instrument would refuse. Method: one change to the fixture each, held against its
// laboratory.
TEST_CASE("a campaign is held against what the laboratory offers") {
  CHECK(unfit(testing::kCampaign).empty());
  const auto [from, to, line, word] = GENERATE(table<std::string, std::string, int, std::string>({
      {"do: heat", "do: haet", 9, "did you mean “heat”"},
      {"30 degC, 110 degC", "30 degC, 160 degC", 9, "160"},
      {"volume: \"0.2 mL\"", "volume: \"3 mL\"", 8, "2"},
      {"volume: \"0.2 mL\"", "volume: \"0.2 degC\"", 8, "degC"},
      {"volume: \"0.2 mL\"", "volumes: \"0.2 mL\"", 8, "did you mean “volume”"},
      {", reagent: \"$ligand\"", "", 8, "reagent"},
      {"{yield: area}", "{yield: aria}", 10, "did you mean “area”"},
      {"unit: \"%\"", "unit: kg", 10, "cannot be converted"},
      {"[XPhos, SPhos]", "[XPhos, TPhos]", 8, "no stock of “TPhos”"},
      {"do: dispense,", "do: dispense, on_fault: {retry: 1},", 8, "may not be repeated"},
      {"planner:", "clean_up: [{step: rinse, do: rince}]\nplanner:", 11, "offers “rince”"},
  }));
  CAPTURE(from, to);
  const auto mistakes = unfit(with(from, to));
  REQUIRE_FALSE(mistakes.empty());
  UNSCOPED_INFO(to_string(mistakes[0].place) + ": " + mistakes[0].message);
  CHECK(mistakes[0].message.find(word) != std::string::npos);
  CHECK(mistakes[0].place.line == line);
}

// Goal: what may change while a journal goes on. Method: definitions compared.
TEST_CASE("the definition leaves out budget, planner and layout") {
  const std::string definition = parse_campaign(testing::kCampaign, "c", ".").definition();
  CHECK(parse_campaign(with("experiments: 3", "experiments: 30"), "c", ".").definition() == definition);
  CHECK(parse_campaign(with("batch: 2", "batch: 1"), "c", ".").definition() == definition);
  CHECK(parse_campaign("# a comment\n" + with("goal: maximize, ", "goal:  maximize,  "), "c", ".").definition() ==
        definition);
  CHECK(parse_campaign(with("110 degC", "100 degC"), "c", ".").definition() != definition);
  CHECK(parse_campaign(with("0.2 mL", "0.3 mL"), "c", ".").definition() != definition);
}

}  // namespace athanor
