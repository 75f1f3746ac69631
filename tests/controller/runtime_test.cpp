#include "controller/runtime.h"

#include <catch2/catch.hpp>
#include <functional>
#include <set>

#include "controller/session.h"
#include "core/error.h"
#include "fixture.h"
#include "instruments/kit.h"

namespace athanor {
namespace {

// The bench of the fixture as a real driver: doses and heats for a minute, measures the temperature's distance to 70
// degC.
std::vector<std::unique_ptr<Instrument>> bench(std::map<std::string, double>& heated) {
  std::vector<std::unique_ptr<Instrument>> instruments;
  for (const char* id : {"dispenser-1", "reactor-1", "reactor-2", "hplc-1"}) {
    const wire::Instrument described = testing::instrument(id);
    const wire::Capability& offered = described.capabilities(0);
    CapabilityBuilder builder(offered.name());
    for (const wire::Field& field : offered.parameters()) {
      if (field.is_text()) {
        builder.text(field.name());
      } else {
        builder.number(field.name(), field.unit(), field.low(), field.high());
      }
    }
    for (const wire::Field& field : offered.results()) builder.result(field.name(), field.unit());
    builder.usual_duration(from_seconds(60));
    InstrumentPlan plan;
    plan.id = id;
    plan.kind = "test";
    const bool measures = offered.results_size() > 0;
    plan.offers.push_back({builder, [&heated, measures](const Arguments& with, Time) -> Outcome<Work> {
                             if (with.given("temperature")) heated[with.sample()] = with.number("temperature");
                             Work work;
                             work.duration = from_seconds(60);
                             work.finish = [&heated, measures, sample = with.sample()](Time) {
                               if (!measures) return Outcome<Results>(Results{});
                               const double off = heated.contains(sample) ? heated.at(sample) - 70 : 0;
                               return Outcome<Results>(Results{{"area", 100 - off * off / 20}});
                             };
                             return work;
                           }});
    instruments.push_back(make_instrument(std::move(plan)));
  }
  return instruments;
}

// Notes what was durable when, and can refuse.
class WatchedStore final : public Store {
 public:
  void append(const std::vector<Record>& records) override {
    if (fail_after > 0) --fail_after;
    if (fail_after == 0 && failures > 0) {
      --failures;
      if (failing) failing();
      throw EnvironmentError("the disk is full");
    }
    for (const Record& record : records) {
      if (record.has_intended()) intended.insert(record.intended().command().id());
      all.push_back(record);
    }
  }
  std::vector<Record> all;
  std::set<std::string> intended;
  int fail_after = -1;  ///< so many commits that hold
  int failures = 0;     ///< so many that do not, after them
  std::function<void()> failing = {};
};

// Every command that passes must have been written before.
class WatchedLink final : public DriverLink {
 public:
  WatchedLink(DriverLink& inner, const WatchedStore& store) : inner_(inner), store_(store) {}
  void send(const std::string& driver, const wire::ToDriver& message) override {
    if (message.has_command()) {
      CHECK(store_.intended.contains(message.command().id()));
      ++commands;
    }
    inner_.send(driver, message);
  }
  DriverArrivals receive(Time until, int wake_fd) override { return inner_.receive(until, wake_fd); }
  int commands = 0;

 private:
  DriverLink& inner_;
  const WatchedStore& store_;
};

struct VirtualRig {
  VirtualRig()
      : campaign(parse_campaign(testing::kCampaign, "c.yaml", ".")),
        lab(parse_lab(testing::kLab, "l.yaml", ".")),
        clock(Time{std::chrono::seconds{1000}}),
        ledger("", Database::Sync::kNone),
        driver("hands", "boot-1", bench(heated), ledger, {}, clock.now()),
        local(make_local_link({&driver}, clock)),
        link(*local, store) {
    Record opened;
    opened.mutable_opened()->set_campaign(campaign.name);
    opened.mutable_opened()->set_nonce("n");
    store.append({opened});
  }

  bool go(PlannerLink& planner, std::function<void(const std::string&)> unwritable = {}) {
    State state;
    for (const Record& record : store.all) state.apply(record);
    engine.emplace(campaign, lab, std::move(state), Engine::Options{});
    Shell shell{store, link, planner, clock, wake, stops, {}};
    shell.unwritable = std::move(unwritable);
    return run(*engine, shell, "test");
  }

  Campaign campaign;
  Lab lab;
  std::map<std::string, double> heated;
  ManualClock clock;
  Ledger ledger;
  Driver driver;
  std::unique_ptr<DriverLink> local;
  WatchedStore store;
  WatchedLink link;
  Wake wake;
  std::atomic<int> stops{0};
  std::optional<Engine> engine;
};

}  // namespace

// Goal: nothing leaves before it is durable. Method: a link that checks every command against what the store had by
// then.
TEST_CASE("every command was written before it was sent") {
  VirtualRig rig;
  const auto planner = make_inline_planner(rig.campaign.problem, rig.wake);
  CHECK(rig.go(*planner));
  CHECK(rig.engine->state().status == CampaignState::kFinished);
  CHECK(rig.engine->state().measured == 3);
  CHECK(rig.link.commands == 9);
}

// Goal: a full disk begins nothing and loses nothing. Method: the store fails at its k-th commit, for every k, and for
// an hour; meanwhile nothing is sent that was not written (the link looks), and then the campaign goes on to its end
// with every command begun once.
TEST_CASE("while the journal cannot be written, what runs ends and nothing begins; then it goes on") {
  for (int k = 1; k < 40; ++k) {
    CAPTURE(k);
    VirtualRig rig;
    rig.store.fail_after = k;
    rig.store.failures = 3600;
    int told = 0;
    const auto planner = make_inline_planner(rig.campaign.problem, rig.wake);
    CHECK(rig.go(*planner, [&](const std::string& fault) {
      ++told;
      CHECK(fault == "the disk is full");
    }));
    CHECK(told == (rig.store.failures == 3600 ? 0 : 1));
    CHECK(rig.engine->state().measured == 3);
    CHECK(rig.link.commands == 9);
    State replayed;
    for (const Record& record : rig.store.all) replayed.apply(record);
    CHECK(replayed.canonical() == rig.engine->state().canonical());
    if (rig.store.failures == 3600) break;
  }
}

// Goal: a person need not wait for the disk. Method: two stops while nothing can be written; a second run, once it can,
// asks the driver and finishes with every command begun once (the driver's ledger lives on).
TEST_CASE("a controller that is left with a full disk says so, and the next one goes on") {
  for (int k = 2; k < 40; ++k) {
    CAPTURE(k);
    VirtualRig rig;
    rig.store.fail_after = k;
    rig.store.failures = 1'000'000;
    rig.store.failing = [&] { rig.stops = 2; };
    const auto planner = make_inline_planner(rig.campaign.problem, rig.wake);
    bool failed = false;
    try {
      rig.go(*planner);
    } catch (const EnvironmentError& error) {
      CHECK_THAT(error.what(), Catch::Contains("not in the journal"));
      failed = true;
    }
    if (!failed) break;
    rig.store.failures = rig.stops = 0;
    rig.local = make_local_link({&rig.driver}, rig.clock);
    WatchedLink link(*rig.local, rig.store);
    const auto fresh = make_inline_planner(rig.campaign.problem, rig.wake);
    State state;
    for (const Record& record : rig.store.all) state.apply(record);
    Engine engine(rig.campaign, rig.lab, std::move(state), {});
    Shell shell{rig.store, link, *fresh, rig.clock, rig.wake, rig.stops, {}};
    CHECK(run(engine, shell, "test"));
    CHECK(engine.state().measured == 3);
    CHECK(engine.state().experiments.size() == 3);
  }
}

// Goal: the planner may take its time. Method: it answers from its own thread, whose answers wake the loop. (Run under
// TSan too.)
TEST_CASE("the planner's thread answers and wakes the loop") {
  VirtualRig rig;
  const auto planner = make_planner_thread(rig.campaign.problem, rig.wake);
  CHECK(rig.go(*planner));
  CHECK(rig.engine->state().measured == 3);
}

// Goal: a first stop finishes what runs, a second leaves at once. Method: the flag set before the loop begins.
TEST_CASE("one stop drains, two leave") {
  VirtualRig rig;
  const auto planner = make_inline_planner(rig.campaign.problem, rig.wake);
  rig.stops = 1;
  CHECK(rig.go(*planner));
  CHECK(rig.engine->state().status == CampaignState::kStopped);
  rig.stops = 2;
  CHECK_FALSE(rig.go(*planner));
}

}  // namespace athanor
