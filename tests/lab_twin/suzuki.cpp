// Goal: the coupling follows the published rate laws, and the devices disturb it as they say and no more.
// Method: closed forms, mass balances, published constants by hand, whole procedures on a bench without error.
#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"
#include "lab_twin/suzuki_kinetics.h"
#include "tests/lab_twin/rig.h"

namespace athanor {
namespace {

using Kinetics = SuzukiKinetics;
using namespace test;

constexpr double kKelvin = 273.15;

TEST_CASE("rate constants are those of the source") {
  Kinetics::Catalysts c{};
  c[0] = 0.0025;  // √c = 0.05
  const double t = 80 + kKelvin, rt = 8.314e-3 * t;
  CHECK(Kinetics(1).constants(c, t).r == Approx(0.05 * 3.1e7 * std::exp(-55 / rt)));
  CHECK(Kinetics(1).constants(c, t).s1 == 0);
  CHECK(Kinetics(3).constants(c, t).s1 == Approx(0.05 * 1e12 * std::exp(-100 / rt)));
  CHECK(Kinetics(4).constants(c, t).s2 == Approx(0.05 * 3.1e5 * std::exp(-50 / rt)));
  CHECK(Kinetics(5).constants(c, t).r == Approx(0.05 * 3.1e7 * std::exp(-50 / rt)));
  CHECK(Kinetics(5).constants(c, t + 20).r == Approx(0.05 * 3.1e7 * std::exp(-56 / (8.314e-3 * (t + 20)))));
  Kinetics::Catalysts worst{};
  worst[7] = 0.0025;
  CHECK(Kinetics(1).constants(worst, t).r == Approx(0.05 * 3.1e7 * std::exp(-62.3 / rt)));
  Kinetics::Catalysts half{};  // two equal catalysts at half the concentration are one
  half[1] = half[2] = 0.00125;
  Kinetics::Catalysts one{};
  one[1] = 0.0025;
  CHECK(Kinetics(1).constants(half, t).r == Approx(Kinetics(1).constants(one, t).r));
}

TEST_CASE("without side reactions the conversion is the closed form of second-order kinetics") {
  Kinetics::Catalysts c{};
  c[0] = 0.00167;
  const double t = 70 + kKelvin, k = Kinetics(1).constants(c, t).r, a = 0.167, b = 0.25;
  for (const double s : {10.0, 100.0, 600.0, 5000.0}) {
    Kinetics::Mixture mixture = {a, b, 0, 0, 0};
    Kinetics(1).react(c, {t, t, s}, mixture);
    const double e = std::exp((b - a) * k * s);
    CHECK(mixture[Kinetics::kR] == Approx(a * b * (e - 1) / (b * e - a)).epsilon(1e-5));
  }
}

TEST_CASE("with a large excess of B the reaction is of first order in A") {
  Kinetics::Catalysts c{};
  c[3] = 0.002;
  const double t = 60 + kKelvin, k = Kinetics(1).constants(c, t).r, b = 10;
  Kinetics::Mixture mixture = {1e-4, b, 0, 0, 0};
  Kinetics(1).react(c, {t, t, 50}, mixture, {.absolute = 1e-12});
  CHECK(mixture[Kinetics::kA] == Approx(1e-4 * std::exp(-k * b * 50)).epsilon(1e-4));  // B falls by 1e-5 of itself
}

TEST_CASE("mass is conserved in every case, along ramps too") {
  for (int published = 1; published <= 5; ++published) {
    Kinetics::Catalysts c{};
    c[0] = c[5] = 0.002;
    Kinetics::Mixture m = {0.167, 0.25, 0, 0, 0};
    Kinetics(published).react(c, {300, 380, 200}, m);
    Kinetics(published).react(c, {380, 380, 1000}, m);
    CHECK(m[Kinetics::kA] + m[Kinetics::kR] + m[Kinetics::kS2] == Approx(0.167).epsilon(1e-12));
    CHECK(m[Kinetics::kB] + m[Kinetics::kR] + m[Kinetics::kS1] + 2 * m[Kinetics::kS2] == Approx(0.25).epsilon(1e-12));
    for (const double concentration : m) CHECK(concentration > -1e-8);
  }
}

TEST_CASE("a ramp is the limit of many small steps of temperature") {
  Kinetics::Catalysts c{};
  c[0] = 0.003;
  Kinetics::Mixture ramp = {0.167, 0.25, 0, 0, 0}, stairs = ramp;
  Kinetics(4).react(c, {300, 380, 300}, ramp);
  constexpr int kSteps = 2000;
  for (int i = 0; i < kSteps; ++i) {
    const double middle = 300 + 80 * (i + 0.5) / kSteps;
    Kinetics(4).react(c, {middle, middle, 300.0 / kSteps}, stairs);
  }
  for (std::size_t i = 0; i < Kinetics::kSpecies; ++i) CHECK(ramp[i] == Approx(stairs[i]).epsilon(1e-4).margin(1e-8));
}

TEST_CASE("a procedure on a bench without error measures what the kinetics say") {
  Folder folder;
  Rig rig(exact_bench("case: 4"), folder.path());
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  REQUIRE(rig.run(dispense("2", "s", "XPhos", 0.1)).done());
  const auto heated = rig.run(heat("3", "s", 90, 300));
  REQUIRE(heated.done());
  CHECK(heated.took_s() == Approx(300 + 2 * 0.65));
  const auto seen = rig.run(measure("4", "s"));
  REQUIRE(seen.done());

  Kinetics::Catalysts c{};
  c[0] = 0.016 / 9;
  Kinetics::Mixture m = {0.2 * 8 / 9, 0.3 * 8 / 9, 0, 0, 0};
  Kinetics(4).react(c, {25 + kKelvin, 90 + kKelvin, 0.65}, m);
  Kinetics(4).react(c, {90 + kKelvin, 90 + kKelvin, 300}, m);
  Kinetics(4).react(c, {90 + kKelvin, 25 + kKelvin, 0.65}, m);
  CHECK(result(seen, "area_percent") == Approx(100 * m[Kinetics::kR] / (0.2 * 8 / 9)).epsilon(1e-9));
  CHECK(result(seen, "conversion") == Approx(100 - 100 * m[Kinetics::kA] / (0.2 * 8 / 9)).epsilon(1e-9));
}

TEST_CASE("a reactor shows the temperature of its programme while it heats, and of the room while it rests") {
  Folder folder;
  Rig rig(exact_bench(), folder.path());
  const auto shown = [&]() -> std::optional<double> {
    for (Driver* driver : rig.drivers()) {
      for (const auto& message : driver->telemetry(rig.now())) {
        if (message.telemetry().instrument() == "reactor-1") return message.telemetry().values(0).number();
      }
    }
    return std::nullopt;
  };
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  CHECK(shown() == 25);
  REQUIRE_FALSE(rig.send(heat("2", "s", 90, 300)));
  const Time began = rig.now();
  for (const auto& [after_s, temperature_c] :
       std::vector<std::pair<double, double>>{{0, 25}, {0.325, 57.5}, {0.65, 90}, {200, 90}, {300.975, 57.5}}) {
    rig.advance(began + from_seconds(after_s));
    REQUIRE(shown());
    CHECK(*shown() == Approx(temperature_c).margin(0.01));
  }
  rig.advance(began + from_seconds(302));
  CHECK(shown() == 25);
}

TEST_CASE("a job that is broken off has acted for as long as it ran") {
  Folder folder;
  Rig rig(exact_bench(), folder.path());
  for (const std::string s : {"whole", "broken"}) {
    REQUIRE(rig.run(dispense(s + "1", s, "substrates", 0.8)).done());
    REQUIRE(rig.run(dispense(s + "2", s, "XPhos", 0.1)).done());
  }
  REQUIRE_FALSE(rig.send(heat("broken3", "broken", 70, 600)));
  rig.advance(rig.now() + from_seconds(100.45));  // 0.45 s of ramp, 100 s at 70 degC
  rig.stop();
  rig.advance();
  CHECK(rig.ask("reactor-1", "broken3").outcome().fault() == wire::INTERRUPTED);
  REQUIRE(rig.run(heat("whole3", "whole", 70, 100)).done());
  const double broken = result(rig.run(measure("b", "broken")), "area_percent");
  const double whole = result(rig.run(measure("w", "whole")), "area_percent");
  CHECK(broken == Approx(whole).epsilon(2e-3));  // but for the short way down
  CHECK(broken > 1);
}

// Goal: a job may end at any moment of its programme, which is reckoned in numbers that are rounded. Method: many
// heatings that fail half way; of some, what is left of the programme comes out a last digit below nothing.
TEST_CASE("a heating that fails ends at any moment of its programme") {
  Folder folder;
  Rig rig(exact_bench("case: 1", ", fails: 1"), folder.path());
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  RandomStream random(7, "heatings");
  for (int i = 0; i < 400; ++i) {
    const double hot = random.uniform(30, 110), duration = random.uniform(1, 600);
    CHECK(rig.run(heat("h" + std::to_string(i), "s", hot, duration)).fault() == wire::DEVICE);
  }
}

TEST_CASE("a loaded vial clogs in the cold, and neither heats nor measures on") {
  Folder folder;
  Rig rig(exact_bench(), folder.path());
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  REQUIRE(rig.run(dispense("2", "s", "XPhos", 0.25)).done());
  const auto heated = rig.run(heat("3", "s", 32, 60));
  CHECK_FALSE(heated.done());
  CHECK(heated.fault() == wire::SAMPLE);
  CHECK_THAT(heated.message(), Catch::Contains("clogged") && Catch::Contains("32 degC"));
  CHECK(rig.run(measure("4", "s")).fault() == wire::SAMPLE);
  CHECK(rig.run(heat("5", "nothing-in-it", 80, 60)).fault() == wire::SAMPLE);
}

TEST_CASE("a bottle runs out, and says so before it is begun") {
  Folder folder;
  Rig rig(exact_bench(), folder.path());
  REQUIRE(rig.run(dispense("1", "s", "XPhos", 1.5)).done());
  const auto refused = rig.run(dispense("2", "s", "XPhos", 0.6));
  CHECK(refused.fault() == wire::STOCK);
  CHECK_THAT(refused.message(), Catch::Contains("0.5 mL left"));
  CHECK(rig.run(dispense("3", "s", "XPhos", 0.5)).done());
  CHECK(rig.run(dispense("4", "s", "SPhos", 0.5)).done());
  const auto actions = physical_actions(folder.path());
  REQUIRE(actions.size() == 3);
  CHECK(actions[1].command == "3");
}

TEST_CASE("dispensers err by gain, drift and stroke as they are set to") {
  // 400 strokes of one device: mean 1 + gain + drift·(strokes/2)/1000, spread = precision; bounds of 4 standard errors.
  Folder folder;
  const std::string lab =
      "lab: x\ntwin: {model: suzuki, seed: 3}\ndrivers: {d: {}}\n"
      "instruments: {dispenser-1: {driver: d, kind: dispenser, twin: {accuracy: 0, precision: 0.02, drift: 0.1}}}\n"
      "stock: {solvent: 1 L}\n";
  Rig rig(lab, folder.path());
  double before = 0;
  for (int i = 0; i < 400; ++i) REQUIRE(rig.run(dispense(std::to_string(i), "s", "solvent", 0.5)).done());
  // What is left in the bottle tells: the 1000 mL that were there, less the strokes.
  const auto refused = rig.run(dispense("all", "s", "solvent", 20));
  REQUIRE(refused.done());
  for (int i = 0; i < 60; ++i) {
    const auto next = rig.run(dispense("more" + std::to_string(i), "t", "solvent", 20));
    if (!next.done()) {
      const auto at = next.message().find(", ");
      before = std::stod(next.message().substr(at + 2));
      const double dispensed = 1000 - before;
      // 400 × 0.5 mL, then i + 1 (one of them above) of 20 mL, each longer by the drift so far.
      double expected = 0, variance = 0;
      for (int n = 0; n < 400 + 1 + i; ++n) {
        const double volume = n < 400 ? 0.5 : 20;
        expected += volume * (1 + 0.1 * n / 1000);
        variance += std::pow(0.02 * volume, 2);
      }
      CHECK(std::abs(dispensed - expected) < 4 * std::sqrt(variance));
      return;
    }
  }
  FAIL("1 L did not run out");
}

}  // namespace
}  // namespace athanor
