// Goal: an instrument that its driver left unsafe is brought to its safe state by the next process of that driver, or
// by one of those after it. Method: a device that cannot be made safe for a while, and new drivers on the same ledger.
#include <catch2/catch.hpp>
#include <utility>

#include "core/error.h"
#include "instruments/driver.h"
#include "instruments/messages.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using rig::at;

namespace {

/// What the processes of the driver share.
struct Heater {
  bool reachable = true, safe = true;
  int made_safe = 0;  ///< how often it was tried
};

class HeaterInstrument final : public Instrument {
 public:
  HeaterInstrument(const std::string& id, Heater& heater) : name_(id), heater_(heater) {}
  wire::Instrument describe() const override {
    wire::Instrument description;
    description.set_id(name_);
    description.set_kind("heater");
    description.add_capabilities()->set_name("heat");
    return description;
  }
  Outcome<Duration> start(const wire::Command& command, Time) override {
    id_ = command.id();
    return Duration{0};
  }
  Time wakes_at() const override { return fails.empty() ? kNever : Time{}; }
  std::vector<wire::FromDriver> poll(Time now) override {
    if (fails.empty() || id_.empty()) return {};
    make_safe(now);
    std::vector<wire::FromDriver> ended(1);
    *ended[0].mutable_outcome() =
        failed_outcome(std::exchange(id_, ""), {Fault::Kind::kLink, std::exchange(fails, "")});
    return ended;
  }
  void cancel(const std::string&, Time) override {}
  void make_safe(Time) override {
    ++heater_.made_safe;
    heater_.safe = safe_ = heater_.reachable;
  }
  bool is_safe() const override { return safe_; }
  Memory recall(const wire::Command&, Time, Time) override { return {}; }

  std::string fails;  ///< with which words what runs is to end

 private:
  std::string name_;
  Heater& heater_;
  std::string id_;
  bool safe_ = true;
};

class FullLedger final : public Ledger {
 public:
  FullLedger() : Ledger("") {}
  void mark_interrupted(const std::string& id) override {
    if (full) throw EnvironmentError("the disk is full");
    Ledger::mark_interrupted(id);
  }
  bool full = false;
};

struct Bench {
  Bench() { start(); }
  /// As after a kill; without its instruments where they are set aside.
  void start(bool set_aside = false) {
    driver.reset();
    std::vector<std::unique_ptr<Instrument>> instruments;
    for (auto& [id, each] : heaters) {
      each.made_safe = 0;
      if (set_aside) continue;
      auto made = std::make_unique<HeaterInstrument>(id, each);
      device = id == "heater-1" ? made.get() : device;
      instruments.push_back(std::move(made));
    }
    ++boots;
    driver = std::make_unique<Driver>("ovens", "boot-" + std::to_string(boots), std::move(instruments), ledger,
                                      Driver::Options{}, at(boots));
  }
  std::vector<wire::FromDriver> heat(const std::string& id, const std::string& instrument = "heater-1") {
    wire::Command command;
    command.set_id(id);
    command.set_instrument(instrument);
    command.set_capability("heat");
    heaters[instrument].safe = false;
    return driver->receive(rig::say(command), at(boots));
  }
  FullLedger ledger;
  std::map<std::string, Heater> heaters{{"heater-1", {}}, {"heater-2", {}}};
  Heater& heater = heaters["heater-1"];
  HeaterInstrument* device = nullptr;  ///< the first
  int boots = 0;
  std::unique_ptr<Driver> driver;
};

}  // namespace

TEST_CASE("an instrument that could not be made safe is not forgotten by a driver that is started again") {
  // Goal: what a fault, or the end of its driver, left unsafe. Method: it cannot be reached for two starts.
  const bool driver_dies = GENERATE(true, false);
  Bench bench;
  bench.heat("a");
  bench.heater.reachable = false;
  if (driver_dies) {
    bench.start();
  } else {
    bench.device->fails = "no answer";
    bench.driver->advance(at(1));
  }
  REQUIRE(bench.ledger.unfinished().empty());
  CHECK(bench.ledger.unsafe() == std::vector<std::string>{"heater-1"});
  bench.start();
  CHECK(bench.heater.made_safe == 1);
  CHECK(rig::outcome_in(bench.heat("b"), "b")->not_begun());
  bench.heater.reachable = true;
  bench.start();
  CHECK(bench.heater.safe);
  CHECK(bench.ledger.unsafe().empty());
  CHECK(rig::accepted_in(bench.heat("c"), "c"));
}

TEST_CASE("an instrument that was set aside in mid-command is made safe once its driver speaks for it again") {
  Bench bench;
  bench.heat("a");
  bench.start(true);
  CHECK(bench.ledger.find("a")->interrupted);
  bench.start(true);
  bench.start();
  CHECK(bench.heater.made_safe == 1);
  CHECK(bench.heater.safe);
}

TEST_CASE("an instrument that reached its safe state is left alone at the next start") {
  // Method: reached at once, and later, while the driver goes on.
  Bench bench;
  bench.heater.reachable = GENERATE(true, false);
  bench.heat("a");
  bench.device->fails = "no answer";
  bench.driver->advance(at(1));
  bench.heater.reachable = true;
  bench.device->make_safe(at(2));
  bench.driver->advance(at(2));
  CHECK(bench.ledger.unsafe().empty());
  bench.start();
  CHECK(bench.heater.made_safe == 0);
}

TEST_CASE("a ledger that is full at a start keeps no instrument from its safe state") {
  Bench bench;
  bench.heat("a");
  bench.heat("b", "heater-2");
  bench.ledger.full = true;
  CHECK_THROWS_AS(bench.start(), EnvironmentError);
  for (const auto& [id, each] : bench.heaters) CHECK(each.safe);
  bench.ledger.full = false;
  bench.start();
  CHECK(bench.ledger.find("b")->interrupted);
}
