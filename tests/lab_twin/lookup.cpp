// Goal: a table of experiments answers as the laboratory that measured it would.
// Method: a small table written by hand; brute force over a random one.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <set>

#include "core/random.h"
#include "lab_twin/lookup_table.h"
#include "tests/lab_twin/rig.h"

namespace athanor {
namespace {

using namespace test;

std::string write(const Folder& folder, const std::string& text) {
  const std::string file = folder.path() + "/table.csv";
  std::ofstream(file) << text;
  return file;
}

const char* const kTable =
    "solvent,temp C,yield\n"
    "water,20,10\n"
    "water,20,14\n"
    "water,60,30\n"
    "ethanol,20,50\n"
    "ethanol,60,80\n";

std::string lookup_lab(const std::string& file, const std::string& settings) {
  return "lab: x\ntwin: {model: lookup, table: \"" + file + "\", duration: 20 min, " + settings +
         ", parameters: {solvent: {}, temperature: {column: temp C, unit: degC}}, results: {yield: {unit: \"%\"}}}\n"
         "drivers: {d: {}}\ninstruments: {station-1: {driver: d, kind: station}}\n";
}

wire::Command ask(const std::string& id, const std::string& solvent, double temperature,
                  const std::string& unit = "degC") {
  return command(id, "station-1", "measure", "s",
                 {text_value("solvent", solvent), number_value("temperature", temperature, unit)});
}

TEST_CASE("an exact laboratory measures the points of its table and names the nearest to any other") {
  Folder folder;
  Rig rig(lookup_lab(write(folder, kTable), "replicates: mean"), folder.path());
  const auto hit = rig.run(ask("1", "ethanol", 60));
  CHECK(result(hit, "yield") == 80);
  CHECK(hit.took_s() == 1200);
  CHECK(result(rig.run(ask("2", "water", 20)), "yield") == 12);
  CHECK(result(rig.run(ask("3", "water", 333.15, "K")), "yield") == 30);
  const auto between = rig.run(ask("4", "water", 55));
  CHECK(between.fault() == wire::LIMIT);
  CHECK_THAT(between.message(), Catch::Contains("none of its 2 levels (the nearest: 20 and 60 degC)"));
  CHECK(rig.run(ask("5", "acetone", 60)).fault() == wire::LIMIT);
  CHECK(physical_actions(folder.path()).size() == 3);
}

TEST_CASE("a near laboratory measures the nearest point of the same texts") {
  Folder folder;
  Rig rig(lookup_lab(write(folder, kTable), "match: nearest, replicates: mean"), folder.path());
  CHECK(result(rig.run(ask("1", "water", 55)), "yield") == 30);
  CHECK(result(rig.run(ask("2", "ethanol", 39)), "yield") == 50);
}

TEST_CASE("replicates are drawn, each by its command, and all of them come up") {
  Folder one, two;
  const std::string file = write(one, kTable);
  Rig rig(lookup_lab(file, "replicates: draw, seed: 3"), one.path());
  Rig other(lookup_lab(file, "replicates: draw, seed: 3"), two.path());
  std::set<double> seen;
  for (int i = 0; i < 40; ++i) {
    const double value = result(rig.run(ask(std::to_string(i), "water", 20)), "yield");
    seen.insert(value);
    CHECK(value == result(other.run(ask(std::to_string(i), "water", 20)), "yield"));
  }
  CHECK(seen == std::set<double>{10, 14});  // missing one has probability 2^-39
}

TEST_CASE("the nearest point is the one that brute force finds") {
  RandomStream random(11, "lookup");
  std::vector<LookupColumn> columns(4);
  columns[0].name = "a";
  columns[0].low = -5;
  columns[0].high = 5;
  columns[1].name = "b";
  columns[1].low = 0;
  columns[1].high = 1000;
  columns[2].name = "c";
  columns[2].choices = {"x", "y", "z"};
  columns[3].name = "d";
  columns[3].choices = {"u", "v"};
  const auto draw = [&] {
    return std::vector<double>{random.uniform(-5, 5), random.uniform(0, 1000), static_cast<double>(random.below(3)),
                               static_cast<double>(random.below(2))};
  };
  std::vector<std::vector<double>> rows;
  for (int i = 0; i < 50; ++i) rows.push_back(draw());
  const LookupTable table(columns, rows);
  REQUIRE(table.points() == 50);
  for (int i = 0; i < 200; ++i) {
    const auto at = draw();
    const auto penalty = [&](const std::vector<double>& row) {
      const double numbers = std::pow((row[0] - at[0]) / 10, 2) + std::pow((row[1] - at[1]) / 1000, 2);
      return 100 * ((row[2] != at[2] ? 1 : 0) + (row[3] != at[3] ? 1 : 0)) + numbers;
    };
    std::size_t best = 0;
    for (std::size_t r = 1; r < rows.size(); ++r) best = penalty(rows[r]) < penalty(rows[best]) ? r : best;
    CHECK(table.nearest(at).point == best);
  }
  for (std::size_t r = 0; r < rows.size(); ++r)
    CHECK((table.nearest(rows[r]).exact && table.nearest(rows[r]).point == r));
  auto almost = rows[7];
  almost[1] += 0.5e-6 * 1000;
  CHECK(table.nearest(almost).exact);
  almost[1] += 2e-6 * 1000;
  CHECK_FALSE(table.nearest(almost).exact);
}

TEST_CASE("the real tables can be looked up, where they are") {
  const char* folder = std::getenv("ATHANOR_DATA_DIR");
  if (folder == nullptr) {
    WARN("skipped: ATHANOR_DATA_DIR is not set");
    return;
  }
  for (const std::string example : {"crossed_barrel", "photo_pce10", "suzuki_edbo", "alkox"}) {
    const auto lab = load_lab(std::string(ATHANOR_SOURCE_DIR) + "/examples/" + example + "/lab.yaml");
    const auto described = describe_twin(lab);
    INFO(example);
    REQUIRE(described.size() >= 1);
    CHECK(described[0].capabilities(0).name() == "measure");
  }
}

}  // namespace
}  // namespace athanor
