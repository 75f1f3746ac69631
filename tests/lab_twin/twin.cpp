// Goal: what happens physically happens once, is counted honestly, is the same for the same seed whatever the
// processes, and outlives those who asked for it. Method: whole procedures on a manual clock, restarts of drivers in
// the middle, two layouts of one laboratory side by side.
#include "lab_twin/twin.h"

#include <catch2/catch.hpp>

#include "lab_twin/state.h"
#include "tests/lab_twin/rig.h"

namespace athanor {
namespace {

using namespace test;

const PhysicalAction& find(const std::vector<PhysicalAction>& actions, const std::string& id) {
  const auto found =
      std::find_if(actions.begin(), actions.end(), [&](const auto& action) { return action.command == id; });
  REQUIRE(found != actions.end());
  return *found;
}

TEST_CASE("a state reads back as it was written") {
  State state;
  CHECK(State::parse(state.text()).all().empty());
  state.set("A", 0.1 + 0.2);
  state.set("catalyst P(t-Bu)3=x", -1e-300);
  state.add("A", 1);
  CHECK(State::parse(state.text()).all() == state.all());
  CHECK(state.get("never set") == 0);
  CHECK_THROWS_AS(State::parse("A=1\nB"), EnvironmentError);
  CHECK_THROWS_AS(State::parse("A=x\n"), EnvironmentError);
}

TEST_CASE("a command sent twice is carried out once; a device asked behind its driver's back counts twice") {
  Folder folder;
  {
    Rig rig(exact_bench(), folder.path());
    REQUIRE_FALSE(rig.send(dispense("1", "s", "XPhos", 0.1)));
    REQUIRE_FALSE(rig.send(dispense("1", "s", "XPhos", 0.1)));
    rig.advance();
    CHECK(rig.send(dispense("1", "s", "XPhos", 0.1))->done());
    CHECK(find(physical_actions(folder.path()), "1").begun == 1);
    CHECK(find(physical_actions(folder.path()), "1").completed);
  }
  // A driver that lost its ledger has forgotten the id: the yardstick must show what it then does.
  std::filesystem::remove(folder.path() + "/liquids.ledger");
  std::filesystem::remove(folder.path() + "/liquids.ledger-wal");
  std::filesystem::remove(folder.path() + "/liquids.ledger-shm");
  Rig rig(exact_bench(), folder.path(), start_time() + std::chrono::minutes(1), "2");
  REQUIRE(rig.run(dispense("1", "s", "XPhos", 0.1)).done());
  const auto action = find(physical_actions(folder.path()), "1");
  CHECK(action.begun == 2);
  CHECK(action.instrument == "dispenser-1");
  CHECK(action.capability == "dispense");
  CHECK(action.sample == "s");
}

TEST_CASE("a device goes on when its driver dies, and tells the next one the truth") {
  Folder folder;
  const Time start = start_time();
  {
    Rig rig(exact_bench(), folder.path());
    REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
    REQUIRE_FALSE(rig.send(heat("2", "s", 80, 600)));
  }
  {
    // Still running: goes on, and its end is reported by the new driver at the old time.
    Rig rig(exact_bench(), folder.path(), start + std::chrono::minutes(5), "2");
    CHECK(rig.ask("reactor-1", "2").standing() == wire::CommandState::RUNNING);
    CHECK(rig.ask("reactor-1", "3").standing() == wire::CommandState::NEVER_SEEN);
    CHECK(rig.run(heat("3", "t", 80, 600)).fault() == wire::DEVICE);  // busy
    CHECK_FALSE(find(physical_actions(folder.path()), "2").completed);
  }
  {
    // Finished meanwhile: the device kept its result.
    Rig rig(exact_bench(), folder.path(), start + std::chrono::hours(5), "3");
    const auto state = rig.ask("reactor-1", "2");
    REQUIRE(state.standing() == wire::CommandState::FINISHED);
    CHECK(state.outcome().done());
    CHECK(state.outcome().took_s() == Approx(600 + 2 * 0.55));
    CHECK(find(physical_actions(folder.path()), "2").completed);
    CHECK(rig.run(heat("4", "s", 60, 10)).done());
  }
  for (const auto& action : physical_actions(folder.path())) CHECK(action.begun == 1);
}

TEST_CASE("a device that went on ends its job at its own time under the next driver") {
  Folder folder;
  {
    Rig rig(exact_bench(), folder.path());
    REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
    REQUIRE_FALSE(rig.send(heat("2", "s", 80, 600)));
  }
  Rig rig(exact_bench(), folder.path(), start_time() + std::chrono::minutes(1), "2");
  const auto outcomes = rig.advance();
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].id() == "2");
  CHECK(outcomes[0].took_s() == Approx(600 + 2 * 0.55));
}

TEST_CASE("a device that forgets ends its job with the restart and cannot tell") {
  Folder folder;
  {
    Rig rig(exact_bench("case: 1", ", forgets: true"), folder.path());
    REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
    REQUIRE_FALSE(rig.send(heat("2", "s", 80, 600)));
  }
  Rig rig(exact_bench("case: 1", ", forgets: true"), folder.path(), start_time() + std::chrono::minutes(1), "2");
  CHECK(rig.ask("reactor-1", "2").standing() == wire::CommandState::INTERRUPTED);
  const auto action = find(physical_actions(folder.path()), "2");
  CHECK(action.begun == 1);
  CHECK_FALSE(action.completed);
  CHECK(rig.run(heat("3", "s", 80, 10)).done());
}

TEST_CASE("a lab file that was changed under a running job ends it") {
  Folder folder;
  {
    Rig rig(exact_bench(), folder.path());
    REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
    REQUIRE_FALSE(rig.send(heat("2", "s", 80, 600)));
  }
  std::string changed = exact_bench();
  changed.replace(changed.find("kind: reactor, "), 15,
                  "kind: reactor, limits: {heat: {temperature: {max: 60 degC}}}, ");
  Rig rig(changed, folder.path(), start_time() + std::chrono::minutes(1), "2");
  const auto state = rig.ask("reactor-1", "2");
  REQUIRE(state.standing() == wire::CommandState::FINISHED);
  CHECK(state.outcome().fault() == wire::INTERRUPTED);
  CHECK_THAT(state.outcome().message(), Catch::Contains("changed in the lab file"));
  CHECK(rig.run(heat("3", "s", 50, 10)).done());
}

TEST_CASE("a job that fails ends half way; one that hangs ends when it is made to") {
  Folder folder;
  Rig rig(exact_bench("case: 1", ", fails: 1"), folder.path());
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  const auto failed = rig.run(heat("2", "s", 80, 600));
  CHECK(failed.fault() == wire::DEVICE);
  CHECK(failed.took_s() == Approx(300 + 0.55));
  CHECK_FALSE(find(physical_actions(folder.path()), "2").completed);

  Folder other;
  Rig hung(exact_bench("case: 1", ", hangs: 1"), other.path());
  REQUIRE(hung.run(dispense("1", "s", "substrates", 0.8)).done());
  REQUIRE_FALSE(hung.send(heat("2", "s", 80, 600)));
  CHECK(hung.advance(hung.now() + std::chrono::hours(1000)).empty());
  hung.stop();
  CHECK(hung.ask("reactor-1", "2").outcome().fault() == wire::INTERRUPTED);
}

TEST_CASE("a device that breaks fails at everything until it is repaired, and its self-test says so") {
  Folder folder;
  Rig rig(exact_bench("case: 1", ", breaks: 0.4, broken_for: 1 h"), folder.path());
  const auto test = [&](const std::string& id) { return rig.run(command(id, "reactor-1", "self_test", "")); };
  CHECK(test("t0").done());
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  wire::Outcome broke;
  int jobs = 0;
  for (broke.set_done(true); broke.done() && jobs < 50; ++jobs)
    broke = rig.run(heat("h" + std::to_string(jobs), "s", 40, 60));
  CHECK(broke.fault() == wire::DEVICE);
  CHECK(test("t1").fault() == wire::DEVICE);
  CHECK(rig.run(heat("again", "s", 40, 60)).fault() == wire::DEVICE);
  rig.advance(rig.now() + std::chrono::hours(1));
  CHECK(test("t2").done());
}

TEST_CASE("a wild device reports nonsense, and what it describes says that it cannot be") {
  Folder folder;
  std::string lab = exact_bench();
  lab.replace(lab.find("noise: 0,"), 9, "noise: 0, wild: 1,");
  Rig rig(lab, folder.path());
  REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
  const wire::Outcome outcome = rig.run(command("2", "hplc-1", "measure_hplc", "s"));
  REQUIRE(outcome.done());
  CHECK(result(outcome, "area_percent") >= 1000);
}

/// One campaign's worth of commands; all that was measured, as text.
std::string carry_out(const std::string& lab, const std::string& folder, bool one_process_a_driver,
                      std::uint64_t seed) {
  std::string log;
  const std::vector<std::string> drivers = {"liquids", "reactors", "analysis"};
  Time now = start_time();
  int boot = 0;
  const auto run = [&](const std::string& driver, const wire::Command& command) {
    Rig rig(lab, folder, now, std::to_string(++boot), seed, one_process_a_driver ? driver : "");
    log += rig.run(command).SerializeAsString();
    now = rig.now();
  };
  for (int i = 0; i < 6; ++i) {
    const std::string s = "sample-" + std::to_string(i);
    run("liquids", dispense(s + "a", s, "substrates", 0.8));
    run("liquids", dispense(s + "b", s, i % 2 == 0 ? "XPhos" : "PPh3", 0.05 + 0.02 * i));
    run("reactors", heat(s + "c", s, 60 + 5 * i, 60 + 40 * i));
    run("analysis", measure(s + "d", s));
  }
  return log;
}

TEST_CASE("a seed reproduces a run bit for bit, in one process or in many") {
  const std::string lab =
      "lab: bench\ntwin: {model: suzuki}\ndrivers: {liquids: {}, reactors: {}, analysis: {}}\n"
      "instruments:\n  dispenser-1: {driver: liquids, kind: dispenser}\n  reactor-1: {driver: reactors, kind: "
      "reactor}\n"
      "  hplc-1: {driver: analysis, kind: hplc}\nstock: {substrates: 100 mL, XPhos: 2 mL, PPh3: 2 mL}\n";
  Folder a, b, c, d;
  const std::string first = carry_out(lab, a.path(), false, 1);
  CHECK(first == carry_out(lab, b.path(), false, 1));
  CHECK(first == carry_out(lab, c.path(), true, 1));
  CHECK(first != carry_out(lab, d.path(), false, 2));
}

TEST_CASE("a world keeps its seed and its model") {
  Folder folder;
  CHECK_FALSE(world_time(folder.path()));
  CHECK_THROWS_AS(physical_actions(folder.path()), EnvironmentError);
  { Rig rig(exact_bench(), folder.path()); }
  CHECK_FALSE(world_time(folder.path()));
  {
    Rig rig(exact_bench(), folder.path(), start_time(), "2", 7);
    REQUIRE(rig.run(dispense("1", "s", "substrates", 0.8)).done());
    CHECK(world_time(folder.path()) == rig.now());
  }
  CHECK_THROWS_WITH(Rig(exact_bench(), folder.path(), start_time(), "3", 8), Catch::Contains("seed 7"));
  const std::string other =
      "lab: x\ntwin: {model: dose_response, doubling: {tumour: 24 h, healthy: 24 h}, drugs: {}}\ndrivers: {d: {}}\n"
      "instruments: {incubator-1: {driver: d, kind: incubator}}\n";
  CHECK_THROWS_WITH(Rig(other, folder.path()), Catch::Contains("suzuki"));
  CHECK_THROWS_WITH(Rig(exact_bench(), folder.path(), start_time(), "3", std::nullopt, "liquid"),
                    Catch::Contains("“liquids”"));
}

}  // namespace
}  // namespace athanor
