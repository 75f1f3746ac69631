// Goal: a command is carried out at most once, and its id keeps one answer. Method: a device that counts what it really
// does.
#include "instruments/driver.h"

#include <signal.h>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "core/error.h"
#include "instruments/description.h"
#include "instruments/messages.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Contains;
using rig::at;

namespace {

struct Bench {
  rig::Device device;
  std::unique_ptr<Ledger> ledger = std::make_unique<Ledger>("");
  std::unique_ptr<Driver> driver;
  int boots = 0;

  Bench() { restart(0); }
  explicit Bench(const std::string& file) : ledger(std::make_unique<Ledger>(file)) { restart(0); }

  void restart(double after_s) {
    driver.reset();
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(rig::heater("heater-1", device));
    driver = std::make_unique<Driver>("hot", "boot-" + std::to_string(++boots), std::move(instruments), *ledger,
                                      Driver::Options{30}, at(after_s));
  }
  auto tell(const wire::ToDriver& message, double after_s) { return driver->receive(message, at(after_s)); }
  auto tell(const wire::Command& command, double after_s) { return tell(rig::say(command), after_s); }
  auto standing(const std::string& id, double after_s) { return rig::state_of(*driver, id, at(after_s)).standing(); }
};

/// While it lives, no file of this process can grow: what a full disk looks like to the ledger.
struct FullDisk {
  FullDisk() {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit full{0, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before); }
  rlimit before{};
};

}  // namespace

TEST_CASE("a command is accepted, reported on and ended, each message under the driver's name and boot") {
  // Goal: the ordinary course. Method: one command, every message held against what it must say.
  Bench bench;
  auto said = bench.tell(rig::heat("a"), 0);
  REQUIRE(said.size() == 1);
  CHECK(said[0].version() == kProtocolVersion);
  CHECK(said[0].driver() == "hot");
  CHECK(said[0].boot() == "boot-1");
  CHECK(said[0].accepted().expected_s() == 60);
  CHECK(bench.driver->wakes_at() == at(30));
  CHECK(bench.driver->advance(at(29)).empty());
  said = bench.driver->advance(at(30));
  REQUIRE(said.size() == 1);
  CHECK(said[0].progress().fraction() == 0.5);
  CHECK(bench.driver->wakes_at() == at(60));
  said = bench.driver->advance(at(60));
  REQUIRE(said.size() == 1);
  CHECK(said[0].boot() == "boot-1");
  const wire::Outcome& outcome = said[0].outcome();
  CHECK(outcome.id() == "a");
  CHECK(outcome.done());
  CHECK(outcome.took_s() == 60);
  REQUIRE(outcome.results_size() == 2);
  CHECK(outcome.results(0).number() == 79.5);
  CHECK(outcome.results(0).unit() == "degC");
  CHECK(outcome.results(1).text() == "amber");
  CHECK(bench.driver->wakes_at() == kNever);
  CHECK(bench.ledger->find("a")->outcome->SerializeAsString() == outcome.SerializeAsString());
}

TEST_CASE("a doubled command is answered again and not carried out again") {
  // Goal: one physical start an id. Method: double it while it runs, when it ended, and after a restart.
  Bench bench;
  const wire::Command command = rig::heat("a");
  bench.tell(command, 0);
  CHECK(rig::accepted_in(bench.tell(command, 1), "a")->expected_s() == 60);
  const auto ended = bench.driver->advance(at(60));
  const std::string outcome = rig::outcome_in(ended, "a")->SerializeAsString();
  CHECK(rig::outcome_in(bench.tell(command, 61), "a")->SerializeAsString() == outcome);
  bench.restart(62);
  CHECK(rig::outcome_in(bench.tell(command, 63), "a")->SerializeAsString() == outcome);
  CHECK(bench.device.starts["a"] == 1);
}

TEST_CASE("an id stands for one command for ever") {
  // Goal: two commands under one id are found out. Method: another parameter, while it runs and when it ended.
  Bench bench;
  bench.tell(rig::heat("a"), 0);
  for (double when : {1.0, 61.0}) {
    const auto said = bench.tell(rig::heat("a", "heater-1", 90), when);
    REQUIRE(said.size() == 1);
    CHECK(said[0].refused().id() == "a");
    CHECK_THAT(said[0].refused().why(), Contains("used before"));
    bench.driver->advance(at(when + 60));
  }
  CHECK(bench.device.starts["a"] == 1);
}

TEST_CASE("a command that is refused keeps its answer, and is never started") {
  // Goal: one id, one answer. Method: every reason; then the same id again when the reason is gone, and after a
  // restart.
  Bench bench;
  bench.tell(rig::heat("first"), 0);
  struct Case {
    wire::Command command;
    wire::FaultKind fault;
    const char* text;
  };
  wire::Command unknown_capability = rig::heat("cool");
  unknown_capability.set_capability("heet");
  const std::vector<Case> cases{
      {rig::heat("hot", "heater-1", 400), wire::LIMIT, "above the limit of 150 degC"},
      {rig::heat("where", "heater-2"), wire::LIMIT, "no instrument “heater-2” (did you mean “heater-1”?)"},
      {unknown_capability, wire::LIMIT, "cannot “heet” (did you mean “heat”?)"},
      {rig::heat("busy"), wire::DEVICE, "busy with command “first”"}};
  std::vector<std::string> answers;
  for (const Case& each : cases) {
    const auto said = bench.tell(each.command, 1);
    REQUIRE(rig::outcome_in(said, each.command.id()));
    const wire::Outcome& outcome = *rig::outcome_in(said, each.command.id());
    CHECK_FALSE(outcome.done());
    CHECK(outcome.fault() == each.fault);
    CHECK_THAT(outcome.message(), Contains(each.text));
    answers.push_back(outcome.SerializeAsString());
  }
  bench.driver->advance(at(60));
  for (double when : {70.0, 80.0}) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::string& id = cases[i].command.id();
      CHECK(rig::outcome_in(bench.tell(cases[i].command, when), id)->SerializeAsString() == answers[i]);
      CHECK(bench.standing(id, when) == wire::CommandState::FINISHED);
      CHECK(bench.device.starts.count(id) == 0);
    }
    bench.restart(when + 1);
  }
}

TEST_CASE("a device that cannot begin, or spoils the sample, gives its fault as the outcome") {
  // Goal: faults are ordinary outcomes. Method: a broken device, then one that ends with a fault.
  Bench bench;
  bench.device.broken = Fault{Fault::Kind::kDevice, "no mains"};
  const auto said = bench.tell(rig::heat("a"), 0);
  CHECK(rig::outcome_in(said, "a")->message() == "no mains");
  bench.device.broken.reset();
  bench.device.spoils = Fault{Fault::Kind::kSample, "clogged"};
  bench.tell(rig::heat("b"), 1);
  const auto ended = bench.driver->advance(at(61));
  CHECK(rig::outcome_in(ended, "b")->fault() == wire::SAMPLE);
  CHECK(rig::outcome_in(bench.tell(rig::heat("a"), 70), "a")->message() == "no mains");
  CHECK(bench.device.starts.count("a") == 0);
}

TEST_CASE("an outcome with a fault says whether anything was begun") {
  // Goal: what may not be repeated is given again only where nothing happened. Method: each way to a fault; and the
  // same from the ledger, after a restart.
  Bench bench;
  const auto not_begun = [&](const std::vector<wire::FromDriver>& said, const std::string& id) {
    const wire::Outcome* outcome = rig::outcome_in(said, id);
    REQUIRE(outcome != nullptr);
    CHECK_FALSE(outcome->done());
    return outcome->not_begun();
  };
  CHECK(not_begun(bench.tell(rig::heat("too hot", "heater-1", 500), 0), "too hot"));
  CHECK(not_begun(bench.tell(rig::cancel("early"), 0), "early"));
  bench.device.broken = Fault{Fault::Kind::kDevice, "the lid is open"};
  CHECK(not_begun(bench.tell(rig::heat("lid"), 0), "lid"));
  bench.device.broken.reset();
  bench.device.spoils = Fault{Fault::Kind::kDevice, "it broke"};
  bench.tell(rig::heat("half way"), 0);
  CHECK(not_begun(bench.tell(rig::heat("beside it"), 10), "beside it"));  // busy
  CHECK_FALSE(not_begun(bench.driver->advance(at(60)), "half way"));
  bench.device.spoils.reset();
  bench.tell(rig::heat("cancelled"), 100);
  CHECK_FALSE(not_begun(bench.tell(rig::cancel("cancelled"), 110), "cancelled"));
  bench.restart(200);
  CHECK(rig::state_of(*bench.driver, "lid", at(200)).outcome().not_begun());
  CHECK_FALSE(rig::state_of(*bench.driver, "half way", at(200)).outcome().not_begun());
}

TEST_CASE("cancel ends what runs, repeats what ended, and holds back what was never seen") {
  // Goal: after a cancel an id never starts. Method: cancel before, while, after; the command comes late.
  Bench bench;
  const auto before = bench.tell(rig::cancel("late"), 0);
  CHECK(rig::outcome_in(before, "late")->fault() == wire::INTERRUPTED);
  CHECK(rig::outcome_in(bench.tell(rig::heat("late"), 1), "late")->message() == "cancelled before it was begun");
  bench.tell(rig::heat("a"), 2);
  const auto during = bench.tell(rig::cancel("a"), 12);
  REQUIRE(rig::outcome_in(during, "a"));
  CHECK(rig::outcome_in(during, "a")->fault() == wire::INTERRUPTED);
  CHECK(rig::outcome_in(during, "a")->took_s() == 10);
  CHECK(bench.device.jobs["a"].interrupted);
  CHECK(rig::outcome_in(bench.tell(rig::cancel("a"), 13), "a")->took_s() == 10);
  bench.tell(rig::heat("b"), 20);
  bench.driver->advance(at(80));
  CHECK(rig::outcome_in(bench.tell(rig::cancel("b"), 81), "b")->done());
  CHECK(bench.device.starts.count("late") == 0);
}

TEST_CASE("stop makes every instrument safe, records what ran, and says so") {
  // Goal: an acknowledged stop. Method: stop in the middle; the same id afterwards; a new one.
  Bench bench;
  bench.tell(rig::heat("a"), 0);
  const auto said = bench.tell(rig::stop(), 5);
  REQUIRE(said.size() == 2);
  CHECK(said[0].outcome().fault() == wire::INTERRUPTED);
  CHECK(said[1].stopped().instruments(0) == "heater-1");
  CHECK(bench.device.safe);
  CHECK(rig::outcome_in(bench.tell(rig::heat("a"), 6), "a")->fault() == wire::INTERRUPTED);
  CHECK(rig::accepted_in(bench.tell(rig::heat("b"), 7), "b"));
  CHECK(bench.device.starts["a"] == 1);
}

TEST_CASE("a stop that names instruments leaves the others alone, and its answer names it") {
  // Goal: one instrument can be stopped. Method: two heaters at work, a stop of one, then of all.
  rig::Device one, other;
  std::vector<std::unique_ptr<Instrument>> instruments;
  instruments.push_back(rig::heater("heater-1", one));
  instruments.push_back(rig::heater("heater-2", other));
  Ledger ledger("");
  Driver driver("hot", "boot", std::move(instruments), ledger, {}, at(0));
  driver.receive(rig::say(rig::heat("a", "heater-1")), at(0));
  driver.receive(rig::say(rig::heat("b", "heater-2")), at(0));
  wire::ToDriver stop = rig::stop();
  stop.mutable_stop()->add_instruments("heater-2");
  stop.mutable_stop()->set_id("7");
  const auto said = driver.receive(stop, at(5));
  CHECK(rig::outcome_in(said, "b")->fault() == wire::INTERRUPTED);
  CHECK(said.back().stopped().id() == "7");
  REQUIRE(said.back().stopped().instruments_size() == 1);
  CHECK(said.back().stopped().instruments(0) == "heater-2");
  CHECK(other.safe);
  CHECK_FALSE(one.safe);
  CHECK(rig::state_of(driver, "a", at(6)).standing() == wire::CommandState::RUNNING);
}

TEST_CASE("a hazardous command without a person's word for exactly that is refused") {
  // Goal: the driver is the last to look. Method: no approval, one for other parameters, one that expired, a right one.
  int begun = 0;
  InstrumentPlan plan;
  plan.id = "press-1";
  plan.kind = "press";
  plan.offers.push_back({capability("press").number("force", "kN", 0, 10).risk(wire::HAZARDOUS),
                         [&](const Arguments&, Time) -> Outcome<Work> {
                           ++begun;
                           return Work{};
                         }});
  std::vector<std::unique_ptr<Instrument>> instruments;
  instruments.push_back(make_instrument(std::move(plan)));
  Ledger ledger("");
  Driver driver("hard", "boot", std::move(instruments), ledger, {}, at(0));
  const auto press = [](const std::string& id, double force) {
    wire::Command command;
    command.set_id(id);
    command.set_instrument("press-1");
    command.set_capability("press");
    command.set_sample("s");
    *command.add_with() = number_value("force", force, "kN");
    command.mutable_approval()->set_who("ann");
    command.mutable_approval()->set_digest(approval_digest(command));
    command.mutable_approval()->set_until_us(at(100).time_since_epoch().count());
    return command;
  };
  const auto refused = [&](const wire::Command& command, double when, const char* why) {
    const auto said = driver.receive(rig::say(command), at(when));
    REQUIRE(rig::outcome_in(said, command.id()));
    CHECK(rig::outcome_in(said, command.id())->fault() == wire::LIMIT);
    CHECK_THAT(rig::outcome_in(said, command.id())->message(), Contains(why));
  };
  wire::Command none = press("none", 5), other = press("other", 5);
  none.clear_approval();
  other.mutable_with(0)->set_number(6);
  refused(none, 1, "needs a person's approval");
  refused(other, 1, "that of ann is for something else");
  refused(press("late", 5), 101, "has expired");
  CHECK(begun == 0);
  CHECK(rig::accepted_in(driver.receive(rig::say(press("right", 5)), at(100)), "right"));
  CHECK(begun == 1);
}

TEST_CASE("a lost controller brings the instruments to their safe state, and what ran is recorded") {
  // Goal: the dead man's hand. Method: call it in mid-command.
  Bench bench;
  bench.tell(rig::heat("a"), 0);
  bench.driver->controller_lost(at(40));
  CHECK(bench.device.safe);
  CHECK(bench.driver->wakes_at() <= at(40));
  const auto said = bench.driver->advance(at(40));
  CHECK(rig::outcome_in(said, "a")->fault() == wire::INTERRUPTED);
  CHECK(bench.standing("a", 41) == wire::CommandState::FINISHED);
}

TEST_CASE("hello, heartbeat, other versions and empty messages have their answers") {
  // Goal: the rest of the protocol. Method: one message each.
  Bench bench;
  auto said = bench.tell(rig::hello(), 0);
  REQUIRE(said.size() == 1);
  CHECK(said[0].welcome().dead_man_s() == 30);
  CHECK(said[0].welcome().instruments(0).SerializeAsString() == bench.driver->describe()[0].SerializeAsString());
  wire::ToDriver beat = to_driver();
  beat.mutable_heartbeat();
  CHECK(bench.tell(beat, 0)[0].has_heartbeat());
  wire::ToDriver later = rig::say(rig::heat("a"));
  later.set_version(2);
  said = bench.tell(later, 0);
  CHECK_THAT(said[0].refused().why(), Contains("version 2") && Contains("version 1"));
  CHECK(said[0].refused().id() == "a");
  CHECK(bench.tell(to_driver(), 0)[0].has_refused());
  CHECK_THAT(bench.tell(rig::heat(""), 0)[0].refused().why(), Contains("without an id"));
  CHECK(bench.tell(rig::cancel(""), 0)[0].has_refused());
  const std::string too_long(1001, 'x');
  CHECK_THAT(bench.tell(rig::heat(too_long), 0)[0].refused().why(), Contains("an id of 1001 bytes; 1000 is the most"));
  CHECK(bench.tell(rig::cancel(too_long), 0)[0].has_refused());
  CHECK(bench.tell(rig::ask({"x", too_long}), 0)[0].has_refused());
  CHECK_THAT(bench.tell(rig::ask(std::vector<std::string>(1001, "x")), 0)[0].refused().why(),
             Contains("1000 is the most"));
  CHECK(bench.tell(rig::ask(std::vector<std::string>(1000, "x")), 0)[0].answer().states_size() == 1000);
  CHECK(bench.device.starts.empty());
}

TEST_CASE("after a restart a question is answered by what the device remembers") {
  // Goal: the driver's rows of the recovery table. Method: crash at each point, with a device that remembers and one
  // that does not.
  using S = wire::CommandState;
  struct Case {
    rig::Device::Die die;
    bool remembers;
    double restart_s;
    S::Standing standing;
    int starts;
  };
  using Die = rig::Device::Die;
  const auto each =
      GENERATE(Case{Die::kBeforeStart, true, 10, S::NEVER_SEEN, 0},
               Case{Die::kBeforeStart, false, 10, S::INTERRUPTED, 0}, Case{Die::kAfterStart, true, 10, S::RUNNING, 1},
               Case{Die::kAfterStart, false, 10, S::INTERRUPTED, 1}, Case{Die::kAfterStart, true, 100, S::FINISHED, 1},
               Case{Die::kAtEnd, true, 60, S::FINISHED, 1}, Case{Die::kAtEnd, false, 60, S::INTERRUPTED, 1});
  Bench bench;
  bench.device.die = each.die;
  bench.device.remembers = each.remembers;
  try {
    bench.tell(rig::heat("a"), 0);
    bench.driver->advance(at(60));
    FAIL("the device did not crash");
  } catch (const rig::Crash&) {
  }
  bench.device.die = Die::kNo;
  bench.restart(each.restart_s);
  CHECK(bench.standing("a", each.restart_s) == each.standing);
  CHECK(bench.device.safe == (each.standing == S::INTERRUPTED));  // it may be at work still
  CHECK(bench.device.starts["a"] == each.starts);
  // Whatever it is, a later restart says the same, and the same command is answered and not started a second time.
  bench.device.remembers = true;
  bench.restart(each.restart_s + 1);
  CHECK(bench.standing("a", each.restart_s + 1) == each.standing);
  const auto said = bench.tell(rig::heat("a"), each.restart_s + 2);
  REQUIRE(said.size() == 1);
  if (each.standing == S::INTERRUPTED) CHECK(said[0].answer().states(0).standing() == S::INTERRUPTED);
  if (each.standing == S::FINISHED) CHECK(said[0].outcome().done());
  if (each.standing == S::RUNNING || each.standing == S::NEVER_SEEN) CHECK(said[0].has_accepted());
  CHECK(bench.device.starts["a"] == (each.standing == S::INTERRUPTED ? each.starts : 1));
  bench.driver->advance(at(1000));
  if (each.standing == S::RUNNING) CHECK(bench.ledger->find("a")->outcome->took_s() == Approx(1000));
}

// Goal: what may be in a ledger that is lost is neither begun, nor said not to have been. Method: a command and a
// cancel that come late, to the driver that has lost it.
TEST_CASE("what is meant for another ledger is refused") {
  Bench bench;
  const std::string before = bench.driver->receive(rig::hello(), at(0)).at(0).welcome().ledger();
  bench.restart(1);
  CHECK(bench.driver->receive(rig::hello(), at(1)).at(0).welcome().ledger() == before);
  bench.ledger = std::make_unique<Ledger>("");
  bench.restart(2);
  const std::string after = bench.driver->receive(rig::hello(), at(2)).at(0).welcome().ledger();
  CHECK(after != before);

  wire::ToDriver begin = to_driver(rig::heat("a")), cancel = to_driver();
  cancel.mutable_cancel()->set_id("a");
  for (wire::ToDriver message : {begin, cancel}) {
    message.set_ledger(before);
    const auto said = bench.driver->receive(message, at(3));
    REQUIRE(said.size() == 1);
    CHECK(said[0].refused().id() == "a");
    CHECK(bench.standing("a", 3) == wire::CommandState::NEVER_SEEN);
  }
  CHECK(bench.device.starts["a"] == 0);
  begin.set_ledger(after);
  CHECK(bench.driver->receive(begin, at(4)).at(0).has_accepted());
}

TEST_CASE("a ledger that cannot be written starts nothing and loses nothing") {
  // Goal: disk full. Method: no file may grow while a command comes, and while one ends.
  rig::TemporaryFolder folder;
  Bench bench(folder / "ledger.db");
  bench.tell(rig::heat("a"), 0);
  {
    FullDisk full;
    bench.driver->advance(at(30));
    const auto ended = bench.driver->advance(at(60));
    CHECK_FALSE(rig::outcome_in(ended, "a"));
    REQUIRE(ended.size() == 1);
    CHECK_THAT(ended[0].refused().why(), Contains("“a”") && Contains("ledger"));
    CHECK(bench.standing("a", 60) == wire::CommandState::RUNNING);
    CHECK(bench.driver->wakes_at() == at(61));
    CHECK(bench.driver->advance(at(61)).empty());  // said once is enough
    const auto said = bench.tell(rig::heat("b"), 61);
    REQUIRE(said.size() == 1);
    CHECK(said[0].refused().id() == "b");
    CHECK_THAT(said[0].refused().why(), Contains("ledger"));
    CHECK(bench.device.starts.count("b") == 0);
    // Safe all the same.
    CHECK(bench.tell(rig::stop(), 61.5).back().has_stopped());
  }
  const auto ended = bench.driver->advance(at(62));
  CHECK(rig::outcome_in(ended, "a")->done());
  CHECK(bench.standing("b", 62) == wire::CommandState::NEVER_SEEN);
  CHECK(rig::accepted_in(bench.tell(rig::heat("b"), 63), "b"));
  CHECK(bench.device.starts["a"] == 1);
  CHECK(bench.device.starts["b"] == 1);
}

TEST_CASE("a driver that cannot enter what became of its commands does not start, and starts once it can") {
  // Goal: the recovery is written or has not happened. Method: disk full at the start after a crash.
  rig::TemporaryFolder folder;
  Bench bench(folder / "ledger.db");
  bench.device.remembers = false;
  bench.tell(rig::heat("a"), 0);
  {
    FullDisk full;
    CHECK_THROWS_AS(bench.restart(10), EnvironmentError);
  }
  bench.restart(20);
  CHECK(bench.standing("a", 20) == wire::CommandState::INTERRUPTED);
  CHECK(bench.device.starts["a"] == 1);
}

TEST_CASE("a cancel that cannot be entered is refused by its id, and holds nothing back") {
  // Goal: nobody takes a command for cancelled that may still begin. Method: disk full while an unknown id is
  // cancelled.
  rig::TemporaryFolder folder;
  Bench bench(folder / "ledger.db");
  {
    FullDisk full;
    const auto said = bench.tell(rig::cancel("a"), 0);
    REQUIRE(said.size() == 1);
    CHECK(said[0].refused().id() == "a");
  }
  CHECK(bench.standing("a", 1) == wire::CommandState::NEVER_SEEN);
  CHECK(rig::accepted_in(bench.tell(rig::heat("a"), 2), "a"));
}

TEST_CASE("a driver with two instruments of one id does not start") {
  // Goal: an id names one instrument. Method: two of them.
  rig::Device device;
  Ledger ledger("");
  std::vector<std::unique_ptr<Instrument>> instruments;
  instruments.push_back(rig::heater("heater-1", device));
  instruments.push_back(rig::heater("heater-1", device));
  CHECK_THROWS_AS(Driver("hot", "boot", std::move(instruments), ledger, {}, at(0)), InputError);
}

TEST_CASE("an outcome that no frame could hold becomes one that says so") {
  wire::Outcome outcome;
  outcome.set_id("a");
  outcome.set_done(true);
  outcome.set_took_s(5);
  *outcome.add_results() = text_value("log", std::string(kLongestTexts - 3, 'x'));
  *outcome.add_results() = text_value("end", "abc");
  CHECK(fit_to_be_sent(outcome).done());
  *outcome.add_results() = text_value("more", "d");
  const wire::Outcome failed = fit_to_be_sent(outcome);
  CHECK(failed.id() == "a");
  CHECK(failed.took_s() == 5);
  CHECK(failed.fault() == wire::DEVICE);
  CHECK(failed.results().empty());
  CHECK_THAT(failed.message(), Contains("1048577 bytes together; expected 1048576 at most"));
}

TEST_CASE("a fault's words are cut short between two characters, and the link goes on") {
  Bench bench;
  std::string words = "x";
  while (words.size() < std::size_t{20} << 20) words += "°";
  bench.device.broken = Fault{Fault::Kind::kDevice, words};
  const auto said = bench.tell(rig::heat("a"), 0);
  const wire::Outcome* outcome = rig::outcome_in(said, "a");
  REQUIRE(outcome != nullptr);
  CHECK(outcome->fault() == wire::DEVICE);
  CHECK(outcome->message() == words.substr(0, kLongestMessage - 1) + "…");
}
