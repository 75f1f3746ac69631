// Goal: a twin describes itself without a world, and every mistake in its settings is answered with its place and a way
// out. Method: lab files with known mistakes; the place and the name in each message.
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/lab_twin/rig.h"

namespace athanor {
namespace {

using namespace test;

std::vector<Mistake> mistakes(const std::string& text) {
  try {
    describe_twin(parse_lab(text, "lab.yaml", "."));
  } catch (const InputError& error) {
    return error.mistakes();
  }
  return {};
}

void check_mistake(const Mistake& mistake, int line, const std::string& part) {
  INFO(mistake.message);
  CHECK(mistake.place.file == "lab.yaml");
  CHECK(mistake.place.line == line);
  CHECK_THAT(mistake.message, Catch::Contains(part));
}

TEST_CASE("the twin's instruments describe themselves within the laboratory's limits") {
  const auto lab = parse_lab(
      "lab: x\ntwin: {model: suzuki}\ndrivers: {d: {}}\n"
      "instruments:\n"
      "  pump: {driver: d, kind: dispenser, limits: {dispense: {volume: [50 uL, 2 mL]}}}\n"
      "  oven: {driver: d, kind: reactor}\n"
      "stock: {XPhos: 1 mL}\n",
      "lab.yaml", ".");
  const auto described = describe_twin(lab);
  REQUIRE(described.size() == 2);
  CHECK(described[0].id() == "pump");
  CHECK(described[0].kind() == "dispenser");
  const auto& dispense = described[0].capabilities(0);
  REQUIRE(dispense.parameters_size() == 2);
  CHECK(dispense.parameters(0).choices(0) == "XPhos");
  CHECK(dispense.parameters(1).low() == Approx(0.05));
  CHECK(dispense.parameters(1).high() == Approx(2));
  CHECK_FALSE(dispense.repeatable());
  REQUIRE(dispense.uses_size() == 1);
  CHECK(described[1].capabilities(0).duration_parameter() == "duration");
}

TEST_CASE("mistakes in the world's settings") {
  const std::string rest = "drivers: {d: {}}\ninstruments: {oven: {driver: d, kind: reactor}}\n";
  REQUIRE(mistakes("lab: x\n" + rest).size() == 1);
  CHECK_THAT(mistakes("lab: x\n" + rest)[0].message, Catch::Contains("no twin"));
  auto found = mistakes("lab: x\ntwin:\n  model: suzuky\n" + rest);
  REQUIRE(found.size() == 1);
  check_mistake(found[0], 3, "suzuki");
  found = mistakes("lab: x\ntwin:\n  model: suzuki\n  seed: -1\n  case: 9\n  sede: 1\n  a: 3 degC\n" + rest);
  REQUIRE(found.size() == 4);
  check_mistake(found[0], 4, "negative");
  check_mistake(found[1], 5, "1 to 5");
  check_mistake(found[2], 6, "seed");
  check_mistake(found[3], 7, "mol/L");
}

TEST_CASE("mistakes in an instrument's settings, all at once") {
  const auto found = mistakes(
      "lab: x\ntwin: {model: suzuki}\ndrivers: {d: {}}\ninstruments:\n"
      "  oven: {driver: d, kind: reaktor}\n"
      "  hplc: {driver: d, kind: hplc, twin: {nose: 1}}\n"
      "  other:\n    driver: d\n    kind: reactor\n    twin: {fails: 2}\n"
      "    limits: {heat: {temprature: [20 degC, 80 degC]}}\n"
      "stock: {XFos: 1 mL}\n");
  REQUIRE(found.size() == 5);
  CHECK_THAT(found[0].message, Catch::Contains("XFos") && Catch::Contains("XPhos"));
  check_mistake(found[1], 5, "“reactor”");
  check_mistake(found[2], 6, "noise");
  check_mistake(found[3], 10, "0 to 1");
  check_mistake(found[4], 11, "temperature");
}

TEST_CASE("mistakes in a lookup's settings") {
  Folder folder;
  const std::string file = folder.path() + "/t.csv";
  std::ofstream(file) << "n,theta,toughness\n6,0,1.5\n8,0,oops\n";
  const std::string rest = "drivers: {d: {}}\ninstruments: {s: {driver: d, kind: station}}\n";
  const auto lab = [&](const std::string& table, const std::string& columns) {
    return "lab: x\ntwin:\n  model: lookup\n  table: " + table + "\n" + columns + rest;
  };
  auto found = mistakes(lab(file, "  parameters: {n: {}, thta: {unit: degree}}\n  results: {toughness: {unit: J}}\n"));
  REQUIRE(found.size() == 2);
  check_mistake(found[0], 5, "“theta”");
  check_mistake(found[1], 6, "oops");
  found = mistakes(lab("/no/such/table.csv", "  parameters: {n: {}}\n  results: {toughness: {}}\n"));
  REQUIRE(found.size() == 1);
  check_mistake(found[0], 4, "/no/such/table.csv");
  found = mistakes(lab("$ATHANOR_SURELY_NOT_SET/t.csv", "  parameters: {n: {}}\n  results: {toughness: {}}\n"));
  REQUIRE(found.size() == 1);
  check_mistake(found[0], 4, "ATHANOR_SURELY_NOT_SET");
  found = mistakes(lab(file, "  parameters: {n: {unit: furlongz}}\n"));
  REQUIRE_FALSE(found.empty());
  CHECK_THAT(found.back().message, Catch::Contains("results") || Catch::Contains("furlongz"));
}

TEST_CASE("mistakes in an assay's settings") {
  const auto found = mistakes(
      "lab: x\ntwin:\n  model: dose_response\n  doubling: {tumour: 24 h}\n"
      "  drugs:\n    drug_a: {stock: 1 mmol/L, tumour: {sc50: 1 mL}, healthy: {sc50: 1 umol/L, hil: 2}}\n"
      "drivers: {d: {}}\ninstruments: {r: {driver: d, kind: reader}}\nstock: {cells: 1 mL, drug_b: 1 g}\n");
  REQUIRE(found.size() == 5);
  std::string all;
  for (const auto& mistake : found) all += mistake.message + "\n";
  for (const char* part : {"healthy", "umol/L", "hill", "drug_b", "volume expected"})
    CHECK_THAT(all, Catch::Contains(part));
}

}  // namespace
}  // namespace athanor
