// Goal: cells respond to drugs along the Hill curve of their growth rate; two drugs act independently; plates dry at
// the edge. Method: points of the curve known in closed form; whole assays on a plate without error.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "lab_twin/dose_response_curve.h"
#include "tests/lab_twin/rig.h"

namespace athanor {
namespace {

using namespace test;

TEST_CASE("the Hill curve goes through its known points") {
  const DrugEffect drug{.s_max = 1.6, .sc50 = 0.3, .hill = 1.7};
  CHECK(drug.inhibition(0) == 0);
  CHECK(drug.inhibition(0.3) == Approx(0.8));
  CHECK(drug.inhibition(1e9) == Approx(1.6));
  // At the slope's place: inhibition/(s_max − inhibition) = (c/sc50)^h.
  for (const double c : {0.01, 0.1, 1.0, 10.0}) {
    const double i = drug.inhibition(c);
    CHECK(std::log(i / (1.6 - i)) == Approx(1.7 * std::log(c / 0.3)));
  }
  CHECK(gr_value(0) == Approx(1));
  CHECK(gr_value(1) == Approx(0).margin(1e-15));
  CHECK(gr_value(2) == Approx(-0.5));
}

TEST_CASE("growth under constant and under drifting concentrations") {
  const std::vector<DrugEffect> two = {{1.5, 1, 1}, {1.2, 2, 2}};
  const std::vector<double> dose = {1, 2}, none = {0, 0}, first = {1, 0}, second = {0, 2};
  CHECK(log2_growth(two, none, none, 48, 24) == Approx(2));
  CHECK(log2_growth(two, dose, dose, 48, 24) == Approx(2 * (1 - 0.75 - 0.6)));
  // Bliss: the relative counts of the single drugs multiply.
  const double control = log2_growth(two, none, none, 48, 24);
  const double a = log2_growth(two, first, first, 48, 24) - control,
               b = log2_growth(two, second, second, 48, 24) - control;
  CHECK(log2_growth(two, dose, dose, 48, 24) - control == Approx(a + b));
  // h = 1 and c from 1 to 3: ∫ c/(1+c) = 1 − ½ ln 2 over the unit interval.
  const std::vector<DrugEffect> one = {{1, 1, 1}};
  const std::vector<double> from = {1}, to = {3};
  CHECK(log2_growth(one, from, to, 10, 10) == Approx(0.5 * std::log(2.0)).epsilon(1e-6));
}

std::string plate_lab(const std::string& world, const std::string& reader) {
  return "lab: plate\n"
         "twin:\n"
         "  model: dose_response\n"
         "  seed: 5\n" +
         world +
         "  doubling: {tumour: 24 h, healthy: 48 h}\n"
         "  drugs:\n"
         "    drug_a: {stock: 100 umol/L, tumour: {sc50: 1 umol/L, s_max: 1.5}, healthy: {sc50: 10 umol/L}}\n"
         "drivers: {d: {}}\n"
         "instruments:\n"
         "  dispenser-1: {driver: d, kind: dispenser, twin: {accuracy: 0, precision: 0, drift: 0}}\n"
         "  incubator-1: {driver: d, kind: incubator}\n"
         "  reader-1: {driver: d, kind: reader, twin: {" +
         reader +
         "}}\n"
         "stock: {cells: 100 mL, drug_a: 10 mL, medium: 100 mL}\n";
}

wire::Command incubate(const std::string& id, const std::string& sample, double hours) {
  return command(id, "incubator-1", "incubate", sample, {number_value("duration", hours, "h")});
}
wire::Command read_plate(const std::string& id, const std::string& sample) {
  return command(id, "reader-1", "read_plate", sample);
}

TEST_CASE("an assay without error gives the curve") {
  Folder folder;
  Rig rig(plate_lab("  evaporation: 0 1/h\n  edge_share: 0\n", "noise: 0, drift: 0"), folder.path());
  REQUIRE(rig.run(dispense("1", "s", "cells", 0.99)).done());
  REQUIRE(rig.run(dispense("2", "s", "drug_a", 0.01)).done());  // 1 µmol/L, the tumour's sc50
  const auto incubated = rig.run(incubate("3", "s", 48));
  REQUIRE(incubated.done());
  CHECK(incubated.took_s() == Approx(48 * 3600 + 120));
  const auto seen = rig.run(read_plate("4", "s"));
  const double tumour = 100 * std::exp2(-2 * 0.75), healthy = 100 * std::exp2(-1.0 / 11);
  CHECK(result(seen, "tumour") == Approx(tumour).epsilon(1e-9));
  CHECK(result(seen, "healthy") == Approx(healthy).epsilon(1e-9));
  CHECK(result(seen, "window") == Approx(healthy - tumour).epsilon(1e-9));
  // Two incubations are one of their sum.
  REQUIRE(rig.run(dispense("5", "t", "cells", 0.99)).done());
  REQUIRE(rig.run(dispense("6", "t", "drug_a", 0.01)).done());
  REQUIRE(rig.run(incubate("7", "t", 20)).done());
  REQUIRE(rig.run(incubate("8", "t", 28)).done());
  CHECK(result(rig.run(read_plate("9", "t")), "tumour") == Approx(tumour).epsilon(1e-9));
}

TEST_CASE("wells at the edge grow slower, and dry out first") {
  Folder folder;
  Rig rig(plate_lab("  evaporation: 2e-3 1/h\n  edge_share: 1\n  edge_growth: 0.8\n", "noise: 0, drift: 0"),
          folder.path());
  REQUIRE(rig.run(dispense("1", "s", "cells", 1)).done());
  REQUIRE(rig.run(incubate("2", "s", 24)).done());
  CHECK(result(rig.run(read_plate("3", "s")), "tumour") == Approx(100 * std::exp2(0.8 - 1)));
  const auto dried = rig.run(incubate("4", "s", 120));  // 3 · 0.002 · 144 > 0.8
  CHECK(dried.fault() == wire::SAMPLE);
  CHECK_THAT(dried.message(), Catch::Contains("dried out"));
  CHECK(rig.run(incubate("5", "no-cells", 24)).fault() == wire::SAMPLE);
  CHECK(rig.run(read_plate("6", "no-cells")).fault() == wire::SAMPLE);
}

TEST_CASE("the reader's noise has the spread it is set to") {
  // 300 readings of one plate: each of 2 × 4 wells with 5 %, so the ratio of means spreads by 5 % · √(2/4); 4 standard
  // errors of a standard deviation, σ/√(2n).
  Folder folder;
  Rig rig(plate_lab("  edge_share: 0\n", "noise: 0.05, background: 0, drift: 0"), folder.path());
  REQUIRE(rig.run(dispense("1", "s", "cells", 1)).done());
  REQUIRE(rig.run(incubate("2", "s", 24)).done());
  double sum = 0, squares = 0;
  constexpr int kReadings = 300;
  for (int i = 0; i < kReadings; ++i) {
    const double tumour = result(rig.run(read_plate(fmt::format("r{}", i), "s")), "tumour");
    sum += tumour;
    squares += tumour * tumour;
  }
  const double mean = sum / kReadings, sd = std::sqrt(squares / kReadings - mean * mean);
  const double expected = 100 * 0.05 * std::sqrt(0.5);
  CHECK(std::abs(mean - 100) < 4 * expected / std::sqrt(kReadings) + 0.2);
  CHECK(std::abs(sd - expected) < 4 * expected / std::sqrt(2.0 * kReadings));
}

}  // namespace
}  // namespace athanor
