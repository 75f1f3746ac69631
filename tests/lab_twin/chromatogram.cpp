// Goal: a trace holds what was reported, and is lost by no restart. Method: closed forms of the peak; integration of
// what an HPLC recorded; drivers that end before, within and after an injection, held against one that lives.
#include "lab_twin/chromatogram.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

#include "instruments/array_pipe.h"
#include "lab_twin/blueprint.h"
#include "tests/instruments/array_rig.h"
#include "tests/lab_twin/rig.h"

namespace athanor {
namespace {

using namespace test;

/// When sample `i` was taken, in the middle of its time.
double middle(std::size_t i, double rate_hz) {
  return (static_cast<double>(i) + 0.5) / rate_hz;
}

constexpr double kRunS = 240, kRateHz = 5, kNoiseMau = 0.05;  // docs/twin.md

/// With errors, and a trace of each injection if `rate` says so.
std::string bench(const std::string& rate) {
  std::string lab = exact_bench();
  lab.replace(lab.find("noise: 0, calibration: 0, drift: 0"), 34, "run_time: 240 s" + rate);
  return lab;
}
const std::string kTraced = ", chromatogram: 5 Hz";

/// A twin whose arrays go into `store`.
class TracedRig : public Rig {
 public:
  TracedRig(const std::string& folder, rig::MemoryStore& store, Time now = start_time(), const std::string& boot = "1",
            const std::string& lab = bench(kTraced))
      : Rig(lab, folder, now, boot) {
    for (Driver* driver : drivers()) {
      if (driver->arrays() == nullptr) continue;
      driver->receive(rig::hello_for_arrays(), now);
      pipe_.emplace(*driver->arrays(), store);
    }
  }
  void pump() { pipe_->pump(); }
  /// Until it has ended and all is stored.
  wire::Outcome run(const wire::Command& command) {
    if (const auto outcome = send(command)) return *outcome;
    return go_on();
  }
  wire::Outcome go_on() {
    for (;;) {
      pump();
      for (const wire::Outcome& outcome : advance()) return outcome;
    }
  }

 private:
  std::optional<ArrayPipe> pipe_;
};

void prepare(TracedRig& rig) {
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  REQUIRE(rig.run(dispense("2", "s", "XPhos", 0.1)).done());
  REQUIRE(rig.run(heat("3", "s", 70, 120)).done());
}

const ArrayName kName{"hplc-1", "4", "chromatogram"};

std::vector<float> trace_in(const rig::MemoryStore& store) {
  const auto kept = store.of(kName);
  std::vector<float> trace(kept.bytes.size() / sizeof(float));
  std::memcpy(trace.data(), kept.bytes.data(), kept.bytes.size());
  return trace;
}

TEST_CASE("a peak has its area, its mean and its variance, however few the samples are") {
  // Closed form: Grushka's peak has the mean t + τ and the variance σ² + τ²; a mean over 1/rate adds 1/(12 rate²).
  const Chromatogram seen{{{100, 3000}}, 3, 4, 0, 0};
  for (const double rate : {50.0, 5.0, 0.1, 0.01}) {
    RandomStream chance(1, "none");
    const auto trace = seen.record(240, rate, chance);
    REQUIRE(trace.size() == static_cast<std::size_t>(std::ceil(240 * rate)));
    double area = 0, mean = 0, variance = 0;
    for (std::size_t i = 0; i < trace.size(); ++i) area += trace[i] / rate;
    CHECK(area == Approx(3000).epsilon(1e-6));  // 32-bit floating point
    if (rate < 1) continue;
    for (std::size_t i = 0; i < trace.size(); ++i) mean += middle(i, rate) * trace[i] / rate / area;
    for (std::size_t i = 0; i < trace.size(); ++i)
      variance += std::pow(middle(i, rate) - mean, 2) * trace[i] / rate / area;
    CHECK(mean == Approx(104).epsilon(1e-5));
    CHECK(variance == Approx(9 + 16 + 1 / (12 * rate * rate)).epsilon(1e-4));
  }
}

TEST_CASE("where a tail is short, a peak is a Gaussian") {
  RandomStream chance(1, "none");
  const auto trace = Chromatogram{{{50, 100}}, 2, 1e-3, 0, 0}.record(100, 10, chance);
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const double z = (middle(i, 10) - 50 - 1e-3) / 2;
    CHECK(trace[i] == Approx(100 / (2 * std::sqrt(2 * M_PI)) * std::exp(-z * z / 2)).margin(0.01));
  }
}

TEST_CASE("a baseline has its noise and its drift, and the same chance gives the same trace") {
  const Chromatogram blank{{}, 1, 1, 0.01, 0.5};
  RandomStream chance(3, "blank"), again(3, "blank");
  const auto trace = blank.record(2000, 5, chance);
  CHECK(trace == blank.record(2000, 5, again));
  double noise = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) noise += std::pow(trace[i] - 0.01 * middle(i, 5), 2);
  CHECK(noise / static_cast<double>(trace.size()) == Approx(0.25).epsilon(4 * std::sqrt(2.0 / 10'000)));  // 4 σ
}

/// The area of what stands above a line through the means of both ends of [from, to) of the run.
double integrate(const std::vector<float>& trace, double from, double to) {
  constexpr double kEnd = 0.04;  // of the run: free of peaks
  const auto at = [&](double share) { return static_cast<std::size_t>(share * static_cast<double>(trace.size())); };
  const auto mean = [&](double begin, double end) {
    double sum = 0;
    for (std::size_t i = at(begin); i < at(end); ++i) sum += trace[i];
    return sum / static_cast<double>(at(end) - at(begin));
  };
  const double left = mean(from, from + kEnd), right = mean(to - kEnd, to);
  double area = 0;
  for (std::size_t i = at(from + kEnd); i < at(to - kEnd); ++i) {
    // Of the way from the middle of the one end to that of the other.
    const double share = (middle(i, 1) / static_cast<double>(trace.size()) - from - kEnd / 2) / (to - from - kEnd);
    area += (trace[i] - left - share * (right - left)) / kRateHz;
  }
  return area;
}

TEST_CASE("the integral of a trace is the reported area") {
  // Method: each peak in its window. The tolerance is 5 standard deviations of what white noise leaves in an integral:
  // of its n samples and, for a baseline through two means of m samples each, n²/(2 m) more.
  Folder folder;
  rig::MemoryStore store;
  TracedRig rig(folder.path(), store);
  prepare(rig);
  const wire::Outcome outcome = rig.run(measure("4", "s"));
  REQUIRE(outcome.done());
  const auto trace = trace_in(store);
  REQUIRE(trace.size() == static_cast<std::size_t>(kRunS * kRateHz));
  const double a = integrate(trace, 0.2, 0.45), r = integrate(trace, 0.45, 0.7), s2 = integrate(trace, 0.7, 0.98);
  const double n = 0.2 * kRunS * kRateHz, m = 0.04 * kRunS * kRateHz;
  const double spread = kNoiseMau / kRateHz * std::sqrt(n + n * n / (2 * m));
  const double sum = a + r + s2;
  CHECK(sum > 1000);
  CHECK(std::abs(s2) < 5 * spread);  // of which case 1 makes none
  CHECK(100 * r / sum == Approx(result(outcome, "area_percent")).margin(100 * 5 * 2 * spread / sum));
  CHECK(100 * (1 - a / sum) == Approx(result(outcome, "conversion")).margin(100 * 5 * 2 * spread / sum));
}

TEST_CASE("without the setting, and beside it, what is measured is the same to the bit") {
  const auto measured = [](const std::string& rate) {
    Folder folder;
    rig::MemoryStore store;
    Rig plain(bench(rate), folder.path());
    std::optional<ArrayPipe> pipe;
    for (Driver* driver : plain.drivers()) driver->receive(rig::hello_for_arrays(), start_time());
    for (Driver* driver : plain.drivers()) {
      if (driver->arrays() != nullptr) pipe.emplace(*driver->arrays(), store);
    }
    CHECK(pipe.has_value() == (rate == kTraced));
    REQUIRE(plain.run(dispense("1", "s", "substrates", 0.8)).done());
    REQUIRE(plain.run(heat("3", "s", 70, 120)).done());
    plain.send(measure("4", "s"));
    std::vector<wire::Outcome> ended = plain.advance();
    if (pipe) {
      pipe->pump();
      ended = plain.advance();
    }
    REQUIRE(ended.size() == 1);
    wire::Outcome outcome = ended.front();
    while (outcome.results_size() > 2) outcome.mutable_results()->RemoveLast();
    return outcome.SerializeAsString();
  };
  CHECK(measured(kTraced) == measured(""));
  CHECK(measured(", chromatogram: 0 Hz") == measured(""));
}

TEST_CASE("a driver that ends before, within or after an injection loses nothing of its trace") {
  Folder folder;
  rig::MemoryStore whole;
  {
    TracedRig rig(folder.path(), whole);
    prepare(rig);
    REQUIRE(rig.run(measure("4", "s")).done());
  }
  const auto expected = whole.of(kName);
  REQUIRE(expected.sha256 != "");

  const auto moment = GENERATE(0, 1, 2, 3);
  CAPTURE(moment);
  Folder again;
  rig::MemoryStore store;
  Time now;
  {
    TracedRig rig(again.path(), store);
    prepare(rig);
    REQUIRE_FALSE(rig.send(measure("4", "s")));
    if (moment > 0) rig.pump();     // the store knows of it
    if (moment > 1) rig.advance();  // the trace is in the window, and with it lost
    if (moment > 2) rig.pump();     // it is stored, and the driver did not live to say so
    now = rig.now();
  }
  store.crash();
  if (moment == 1) now += std::chrono::hours(1);  // the injection ends while nobody is there
  TracedRig rig(again.path(), store, now, "2");
  CHECK(rig.ask("hplc-1", "4").standing() == wire::CommandState::RUNNING);
  CHECK(rig.ask("hplc-1", "5").standing() == wire::CommandState::NEVER_SEEN);
  CHECK_THAT(rig.run(measure("5", "s")).message(), Catch::Contains("busy"));
  const wire::Outcome outcome = rig.go_on();
  REQUIRE(outcome.done());
  CHECK(outcome.id() == "4");
  CHECK(outcome.took_s() == kRunS);
  CHECK(outcome.results(2).array().sha256() == expected.sha256);
  CHECK(store.of(kName).bytes == expected.bytes);
  CHECK(store.of(kName).sha256 == expected.sha256);
  CHECK(rig.run(measure("6", "s")).done());
  for (const PhysicalAction& action : physical_actions(again.path())) CHECK(action.begun == 1);
}

TEST_CASE("a trace of more than the window holds waits for room, and can be cancelled meanwhile") {
  Folder folder;
  const Lab lab = parse_lab(bench(kTraced), "lab.yaml", ".");
  const Blueprint blueprint = read_blueprint(lab);
  const auto world = open_world(lab, blueprint, folder.path(), std::nullopt);
  State sample;
  sample.set("A", 0.1);
  sample.set("volume", 1);
  world->transaction([&] { world->put_sample("s", sample); });
  Ledger ledger("");
  std::vector<std::unique_ptr<Instrument>> instruments;
  const PlannedDevice& hplc = blueprint.devices.back();
  instruments.push_back(std::make_unique<Device>(hplc.description, hplc.behaviours, hplc.temper, world, start_time()));
  constexpr std::size_t kWindow = 1000;  // bytes, of 4800
  Driver driver("analysis", "1", std::move(instruments), ledger, Driver::Options{0, kWindow}, start_time());
  driver.receive(rig::hello_for_arrays(), start_time());
  wire::ToDriver message = to_driver(measure("4", "s"));
  driver.receive(message, start_time());
  const Time end = driver.wakes_at();
  driver.advance(end);
  CHECK(driver.wakes_at() == kNever);
  CHECK(driver.arrays()->room() < 4);

  SECTION("room comes") {
    rig::MemoryStore store;
    ArrayPipe pipe(*driver.arrays(), store);
    int turns = 0;
    for (bool ended = false; !ended; ++turns) {
      pipe.pump();
      for (const auto& said : driver.advance(end)) ended = ended || said.outcome().done();
    }
    CHECK(turns >= 5);
    CHECK(store.of(kName).bytes.size() == 4800);
    CHECK(store.find(kName));
  }
  SECTION("it is cancelled") {
    wire::ToDriver cancel = to_driver();
    cancel.mutable_cancel()->set_id("4");
    const auto said = driver.receive(cancel, end);
    REQUIRE(said.size() == 1);
    CHECK(said[0].outcome().fault() == wire::INTERRUPTED);
    CHECK(driver.arrays()->room() == kWindow);
    CHECK(driver.wakes_at() == kNever);
  }
}

TEST_CASE("a recording that the lab file no longer describes is left out, and one that is missing is said to be") {
  Folder folder;
  rig::MemoryStore store;
  const bool traced_first = GENERATE(true, false);
  const std::string before = bench(traced_first ? kTraced : ""), after = bench(traced_first ? "" : kTraced);
  {
    Rig rig(before, folder.path());
    for (Driver* driver : rig.drivers()) driver->receive(rig::hello_for_arrays(), start_time());
    REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
    REQUIRE_FALSE(rig.send(measure("4", "s")));
  }
  {
    const Lab lab = parse_lab(before, "lab.yaml", ".");
    const Blueprint blueprint = read_blueprint(lab);
    const PlannedDevice& hplc = blueprint.devices.back();
    // It ends by itself, with what it was then.
    Device(hplc.description, hplc.behaviours, hplc.temper, open_world(lab, blueprint, folder.path(), std::nullopt),
           start_time() + std::chrono::hours(1));
  }
  Rig rig(after, folder.path(), start_time() + std::chrono::hours(2), "3");
  const wire::CommandState state = rig.ask("hplc-1", "4");
  REQUIRE(state.standing() == wire::CommandState::FINISHED);
  CHECK(state.outcome().done() == traced_first);
  if (!traced_first) CHECK_THAT(state.outcome().message(), Catch::Contains("arrays are gone"));
}

TEST_CASE("a device that speaks for itself cannot say an array, and its lab file is told so") {
  const std::string speaks = bench(kTraced + ", speaks: sics");
  CHECK_THROWS_WITH(describe_twin(parse_lab(speaks, "lab.yaml", ".")),
                    Catch::Contains("lab.yaml:7:") && Catch::Contains("“measure_hplc” cannot say its array "
                                                                      "“chromatogram”; leave out “speaks”"));
  CHECK_NOTHROW(describe_twin(parse_lab(bench(", speaks: sics"), "lab.yaml", ".")));
  CHECK_THROWS_WITH(describe_twin(parse_lab(bench(", chromatogram: 200 Hz"), "lab.yaml", ".")),
                    Catch::Contains("100 Hz"));
}

}  // namespace
}  // namespace athanor
