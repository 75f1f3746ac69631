// Goal: whatever hangs, an alarm names it within the bound that Engine::Options states, once, and nothing is sent twice
// because of it. Method: a driver played by hand, on a clock that goes to whatever the engine waits for.
#include <catch2/catch.hpp>
#include <functional>

#include "fixture.h"

namespace athanor {
using testing::Rig;

namespace {

struct Alarm {
  Time at;
  std::string about, text;
};

std::vector<Alarm> alarms(const Rig& rig) {
  std::vector<Alarm> out;
  for (const Record& record : rig.journal) {
    if (record.has_alarm())
      out.push_back({Time(Duration(record.time_us())), record.alarm().about(), record.alarm().text()});
  }
  return out;
}

// Time goes by, and only the clock speaks, but for what `reply` does after each turn.
void wait(
    Rig& rig, Duration length, const std::function<void()>& reply = [] {}) {
  const Time end = rig.now + length;
  while (rig.engine->wakes_at() <= end) {
    rig.now = std::max(rig.now, rig.engine->wakes_at());
    rig.give(TimePassed{});
    reply();
  }
  rig.now = end;
}

// Up to the first dose, which was sent and is not answered.
Rig dosing(wire::Command& dose) {
  Rig rig;
  rig.link_up();
  rig.plan();
  dose = rig.take();
  return rig;
}

}  // namespace

TEST_CASE("a driver that says nothing of a command raises an alarm after a minute, once") {
  // Method: the link stands and nothing is said, for a day.
  wire::Command dose;
  Rig rig = dosing(dose);
  const Time sent = rig.now;
  wait(rig, from_seconds(59));
  CHECK(alarms(rig).empty());
  wait(rig, from_seconds(86400));
  const std::vector<Alarm> raised = alarms(rig);
  REQUIRE(raised.size() == 1);
  CHECK(raised[0].at == sent + from_seconds(60));
  CHECK(raised[0].about == "dispenser-1");
  CHECK_THAT(raised[0].text, Catch::Contains("driver hands") && Catch::Contains("“dispense”") &&
                                 Catch::Contains("dispenser-1 at " + to_string(sent)) && Catch::Contains("restart"));
  CHECK(rig.commands.empty());
  CHECK(rig.questions.size() > 10);  // it is asked again and again …
  CHECK(rig.questions.size() < 50);  // … but ever less often
  rig.outcome(Rig::success(dose));
  CHECK(rig.state().commands.at(dose.id()).state == CommandState::kDone);
}

TEST_CASE("a driver that falls silent after it accepted a command raises an alarm half a minute after a question") {
  // Method: a link that comes up anew asks about a command that runs, whose deadline is far away.
  wire::Command dose;
  Rig rig = dosing(dose);
  wire::FromDriver message = rig.from_driver();
  message.mutable_accepted()->set_id(dose.id());
  message.mutable_accepted()->set_expected_s(7200);
  rig.give(DriverSaid{message});
  wait(rig, from_seconds(3600));
  rig.give(DriverLost{"hands"});
  rig.questions.clear();
  wait(rig, from_seconds(600));
  CHECK(alarms(rig).size() == 1);  // of the link
  rig.link_up();
  const Time asked = rig.now;

  SECTION("silent") {
    wait(rig, from_seconds(300));
    REQUIRE(alarms(rig).size() == 2);
    CHECK(alarms(rig)[1].at == asked + from_seconds(30));
    CHECK_THAT(alarms(rig)[1].text, Catch::Contains("says nothing of “dispense”") && Catch::Contains(to_string(asked)));
    CHECK(rig.questions.size() >= 2);  // the first may have been lost
  }
  SECTION("answered") {
    rig.answer(dose.id(), wire::CommandState::RUNNING);
    wait(rig, from_seconds(300));
    CHECK(alarms(rig).size() == 1);
    CHECK(rig.questions.size() == 1);  // the next is due at its deadline
  }
  SECTION("lost once more, before it could answer: that has its own alarm") {
    wait(rig, from_seconds(20));
    rig.give(DriverLost{"hands"});
    wait(rig, from_seconds(300));
    CHECK(alarms(rig).size() == 2);
  }
}

TEST_CASE("a word ends a silence, and the next silence is told again") {
  wire::Command dose;
  Rig rig = dosing(dose);
  wait(rig, from_seconds(100));
  CHECK(alarms(rig).size() == 1);
  rig.answer(dose.id(), wire::CommandState::NEVER_SEEN);
  CHECK(rig.take().id() == dose.id());
  wait(rig, from_seconds(100));
  CHECK(alarms(rig).size() == 2);
}

TEST_CASE("an instrument that ends nothing is named at its deadline, and half a minute later if it does not obey") {
  // Method: the driver answers no question and no cancel: two alarms name the instrument, and not a third one the
  // driver.
  wire::Command dose;
  Rig rig = dosing(dose);
  rig.accept(dose.id());
  const Time deadline = rig.now + from_seconds(30 + 2 * 60);
  wait(rig, from_seconds(200));
  const std::vector<Alarm> raised = alarms(rig);
  REQUIRE(raised.size() == 2);
  CHECK(raised[0].at == deadline);
  CHECK(raised[1].at == deadline + from_seconds(30));
  for (const Alarm& alarm : raised) CHECK(alarm.about == "dispenser-1");
}

TEST_CASE("a deadline that passed while the link was down is looked at half a minute after it is up") {
  wire::Command dose;
  Rig rig = dosing(dose);
  rig.accept(dose.id());
  rig.give(DriverLost{"hands"});
  wait(rig, from_seconds(20000));  // far beyond the deadline: by now it is looked at once an hour
  rig.link_up();
  const Time up = rig.now;
  rig.answer(dose.id(), wire::CommandState::RUNNING);
  wait(rig, from_seconds(100), [&] { rig.answer(dose.id(), wire::CommandState::RUNNING); });
  CHECK(rig.cancels == std::vector<std::string>{dose.id()});
  REQUIRE(alarms(rig).size() == 3);  // the link; the deadline; that it does not obey
  CHECK(alarms(rig)[1].at == up + from_seconds(30));
}

TEST_CASE("a question just before the deadline does not put it off") {
  // Method: a link that comes up late in a long job; the question and its answer are followed by nothing.
  wire::Command dose;
  Rig rig = dosing(dose);
  wire::FromDriver message = rig.from_driver();
  message.mutable_accepted()->set_id(dose.id());
  message.mutable_accepted()->set_expected_s(7200);
  rig.give(DriverSaid{message});
  const Time deadline = rig.now + from_seconds(30 + 2 * 7200);
  wait(rig, from_seconds(30 + 2 * 7200 - 60));
  rig.link_up();
  wait(rig, from_seconds(35));  // it is asked a second time after 30 s
  rig.answer(dose.id(), wire::CommandState::RUNNING);
  wait(rig, from_seconds(200), [&] { rig.answer(dose.id(), wire::CommandState::RUNNING); });
  REQUIRE(alarms(rig).size() == 3);  // its silence, its deadline, that it does not obey
  CHECK(alarms(rig)[1].at == deadline);
  CHECK(rig.cancels == std::vector<std::string>{dose.id()});
}

TEST_CASE("a command that is sent again has its whole time, and its alarms, once more") {
  // Method: it overruns and is cancelled; then it turns out that it never began.
  wire::Command dose;
  Rig rig = dosing(dose);
  rig.accept(dose.id());
  wait(rig, from_seconds(200));
  CHECK(alarms(rig).size() == 2);
  rig.answer(dose.id(), wire::CommandState::NEVER_SEEN);
  REQUIRE(rig.take().id() == dose.id());
  rig.accept(dose.id());
  const Time deadline = rig.now + from_seconds(30 + 2 * 60);
  wait(rig, from_seconds(200));
  REQUIRE(alarms(rig).size() == 4);
  CHECK(alarms(rig)[2].at == deadline);
}

TEST_CASE("what was kept back while the journal could not be written is waited for once it leaves") {
  // Method: the journal is full for an hour, in which the driver knows nothing of the command; then it falls silent.
  wire::Command dose;
  Rig rig = dosing(dose);
  rig.give(StoreChanged{"the disk is full"});
  wait(rig, from_seconds(3600), [&] {
    for (const std::string& id : std::exchange(rig.questions, {})) rig.answer(id, wire::CommandState::NEVER_SEEN);
  });
  CHECK(alarms(rig).size() == 1);
  rig.give(StoreChanged{});
  const Time left = rig.now;
  wait(rig, from_seconds(100));
  REQUIRE(alarms(rig).size() == 3);
  CHECK(alarms(rig)[2].at == left + from_seconds(60));
}

TEST_CASE("bounds are counted from the start of the process at the earliest") {
  wire::Command dose;
  Rig rig = dosing(dose);
  rig.now += from_seconds(86400);  // nobody was there
  rig.restart();
  rig.link_up();
  CHECK(alarms(rig).empty());
  const Time asked = rig.now;
  wait(rig, from_seconds(100));
  REQUIRE(alarms(rig).size() == 1);
  CHECK(alarms(rig)[0].at == asked + from_seconds(30));
}

TEST_CASE("a stop does not wait for a driver that says nothing") {
  // Method: asked to stop with a command under way; the next start asks about it.
  wire::Command dose;
  Rig rig = dosing(dose);
  rig.give(StopAsked{"by the test"});
  CHECK_FALSE(rig.engine->over());
  wait(rig, from_seconds(100));
  CHECK(rig.state().status == CampaignState::kStopped);
  rig.restart();
  rig.link_up();
  CHECK(rig.questions == std::vector<std::string>{dose.id()});
}

TEST_CASE("a command that its driver cannot enter in its ledger is sent again, ever less often, and told of once") {
  // Method: the ledger is full for six hours, in which the driver refuses whatever is sent.
  wire::Command dose;
  Rig rig = dosing(dose);
  const std::string full = "the ledger of driver “hands” failed: the disk is full";
  rig.refuse(dose.id(), full);
  int tries = 0;
  Time last_try{};
  Duration longest{0};
  const auto driver = [&] {
    for (const std::string& id : std::exchange(rig.questions, {})) rig.answer(id, wire::CommandState::NEVER_SEEN);
    for (const wire::Command& command : std::exchange(rig.commands, {})) {
      CHECK(command.id() == dose.id());
      CHECK(command.SerializeAsString() == dose.SerializeAsString());
      longest = std::max(longest, tries == 0 ? Duration{0} : rig.now - last_try);
      last_try = rig.now;
      ++tries;
      rig.refuse(command.id(), full);
    }
  };
  wait(rig, from_seconds(6 * 3600), driver);
  REQUIRE(alarms(rig).size() == 1);
  CHECK_THAT(alarms(rig)[0].text, Catch::Contains("driver hands refused to begin “dispense” on dispenser-1") &&
                                      Catch::Contains("the disk is full") && Catch::Contains("tried again"));
  CHECK(tries > 30);
  CHECK(tries < 50);
  CHECK(longest == from_seconds(600));
  const std::size_t records = rig.journal.size();
  CHECK(records < 100);

  SECTION("another reason is told, too") {
    rig.refuse(dose.id(), "driver “hands” takes commands from “ben”");
    CHECK(alarms(rig).size() == 2);
  }
  SECTION("a driver that restarts is asked at once") {
    rig.link_up("boot-2");
    CHECK(rig.questions == std::vector<std::string>{dose.id()});
    rig.answer(dose.id(), wire::CommandState::NEVER_SEEN, "boot-2");
    CHECK(rig.take().id() == dose.id());
  }
  SECTION("once there is room it goes on, and a late refusal changes nothing") {
    rig.accept(dose.id());
    rig.outcome(Rig::success(dose));
    rig.refuse(dose.id(), full);
    CHECK(alarms(rig).size() == 1);
    CHECK(rig.state().commands.at(dose.id()).state == CommandState::kDone);
  }
  SECTION("a stop does not wait for it") {
    rig.give(StopAsked{"by the test"});
    CHECK(rig.state().status == CampaignState::kStopped);
  }
}

// Goal: every command has a deadline, also one of which nobody says how long it takes. Method: a driver that answers,
// and an instrument that does not end; an alarm names it after an hour, once, and it is not cancelled.
TEST_CASE("what has no stated duration is named after an hour, and goes on") {
  Rig rig;
  rig.unknown_duration = true;
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  wire::FromDriver accepted = rig.from_driver();
  accepted.mutable_accepted()->set_id(dose.id());
  rig.give(DriverSaid{accepted});
  const Time began = rig.now;
  std::optional<Time> told;
  while (rig.now < began + std::chrono::hours{5}) {
    rig.now = rig.engine->wakes_at();
    REQUIRE(rig.now < kNever);
    rig.give(TimePassed{});
    const std::vector<std::string> questions = std::exchange(rig.questions, {});
    for (const std::string& id : questions) rig.answer(id, wire::CommandState::RUNNING);
    if (rig.state().alarms > 0 && !told) told = rig.now;
  }
  CHECK(told == began + std::chrono::hours{1});
  CHECK(rig.state().alarms == 1);
  CHECK(rig.cancels.empty());
  CHECK(rig.state().status == CampaignState::kRunning);
  rig.outcome(Rig::success(dose));
  CHECK(rig.state().commands.at(dose.id()).state == CommandState::kDone);
}

}  // namespace athanor
