// Goal: an interlock holds, refuses or stops what the lab file says as soon as its reading is past the bound, fails to
// the safe side, and only its changes are in the journal. Method: a driver played by hand, whose readings the test
// chooses.
#include <algorithm>
#include <catch2/catch.hpp>

#include "controller/snapshot.h"
#include "fixture.h"

namespace athanor {
using testing::Rig;
using Order = journal::v1::Order;

namespace {

std::string lab_with(const std::string& interlock) {
  return std::string(testing::kLab) + "interlocks:\n  overheat: " + interlock + "\n";
}

const std::string kHold = R"({when: "reactor-1.temperature > 130 degC", then: hold})";
const std::string kStop =
    R"({when: "reactor-1.temperature > 130 degC", then: stop, instruments: [reactor-1, reactor-2]})";
const std::string kRefuse = R"({when: "hplc-1.sash > 0.3 m", then: refuse, capabilities: [heat]})";

void reads(Rig& rig, const std::string& instrument, const wire::Value& value) {
  wire::FromDriver message = rig.from_driver();
  message.mutable_telemetry()->set_instrument(instrument);
  *message.mutable_telemetry()->add_values() = value;
  rig.give(DriverSaid{message});
}

void reads(Rig& rig, double temperature_c) {
  reads(rig, "reactor-1", number_value("temperature", temperature_c, "degC"));
}

void wait(Rig& rig, double length_s) {
  const Time end = rig.now + from_seconds(length_s);
  while (rig.engine->wakes_at() <= end) {
    rig.now = std::max(rig.now, rig.engine->wakes_at());
    rig.give(TimePassed{});
  }
  rig.now = end;
}

// Two experiments, one of which is being dosed.
Rig dosing(const std::string& interlock) {
  Rig rig(testing::kCampaign, lab_with(interlock));
  rig.link_up();
  rig.plan();
  return rig;
}

// One experiment on reactor-1, the other being dosed; the command to heat.
wire::Command heat(Rig& rig) {
  rig.outcome(Rig::success(rig.take()));
  const auto heating = std::find_if(rig.commands.begin(), rig.commands.end(),
                                    [](const wire::Command& command) { return command.capability() == "heat"; });
  REQUIRE(heating != rig.commands.end());
  const wire::Command command = *heating;
  rig.commands.erase(heating);
  return command;
}

std::vector<std::string> alarms(const Rig& rig) {
  std::vector<std::string> out;
  for (const Record& record : rig.journal) {
    if (record.has_alarm()) out.push_back(record.alarm().text());
  }
  return out;
}

bool tripped(const Rig& rig) {
  return rig.state().interlocks.contains("overheat");
}

// What the journal and a snapshot say is what the engine knows.
void check_replay(const Rig& rig) {
  State state;
  for (const Record& record : rig.journal) state.apply(record);
  CHECK(state.canonical() == rig.state().canonical());
  CHECK(state_of(snapshot_of(rig.state())).canonical() == rig.state().canonical());
}

}  // namespace

TEST_CASE("a hold keeps new commands from its instrument, and ends with the reading") {
  Rig rig = dosing(kHold);
  reads(rig, 130.5);
  REQUIRE(tripped(rig));
  REQUIRE(alarms(rig).size() == 1);
  CHECK_THAT(alarms(rig)[0], Catch::Contains("overheat") &&
                                 Catch::Contains("reactor-1.temperature 130.5 degC > 130 degC") &&
                                 Catch::Contains("no command"));
  CHECK(heat(rig).instrument() == "reactor-2");  // another one that can do it is free
  rig.outcome(Rig::success(rig.take()));         // the second dose; no reactor is left
  CHECK(rig.commands.empty());
  CHECK(rig.stops.empty());
  check_replay(rig);
  reads(rig, 129.9);
  CHECK_FALSE(tripped(rig));
  REQUIRE(rig.commands.size() == 1);
  CHECK(rig.take().instrument() == "reactor-1");
  check_replay(rig);
}

TEST_CASE("what a held instrument does goes on") {
  Rig rig = dosing(kHold);
  const wire::Command heating = heat(rig);
  REQUIRE(heating.instrument() == "reactor-1");
  rig.accept(heating.id());
  reads(rig, 140);
  CHECK(rig.cancels.empty());
  rig.outcome(Rig::success(heating));
  CHECK(rig.state().commands.at(heating.id()).state == CommandState::kDone);
  CHECK(rig.state().status == CampaignState::kRunning);
}

TEST_CASE("only what changes is in the journal") {
  Rig rig = dosing(kHold);
  std::size_t before = rig.journal.size();
  for (int i = 0; i < 100; ++i) reads(rig, 100 + 0.1 * i);
  CHECK(rig.journal.size() == before);
  reads(rig, 131);
  CHECK(rig.journal.size() == before + 2);  // the interlock, its alarm
  before = rig.journal.size();
  for (int i = 0; i < 100; ++i) reads(rig, 140 + 0.1 * i);
  CHECK(rig.journal.size() == before);
  CHECK(rig.engine->watches("reactor-1"));
  CHECK_FALSE(rig.engine->watches("reactor-2"));
}

TEST_CASE("a refused capability begins nowhere until the reading is back") {
  Rig rig = dosing(kRefuse);
  reads(rig, "hplc-1", number_value("sash", 31, "cm"));
  REQUIRE(tripped(rig));
  rig.outcome(Rig::success(rig.take()));
  REQUIRE(rig.commands.size() == 1);  // the other dose, which nobody refuses
  CHECK(rig.commands[0].capability() == "dispense");
  CHECK(rig.state().abandoned == 0);
  reads(rig, "hplc-1", number_value("sash", 29, "cm"));
  REQUIRE(rig.commands.size() == 2);
  CHECK(rig.commands[1].capability() == "heat");
  check_replay(rig);
}

TEST_CASE("a refusal without capabilities refuses all that its instruments can do, anywhere") {
  Rig rig = dosing(R"({when: "hplc-1.sash > 0.3 m", then: refuse, instruments: [reactor-2]})");
  reads(rig, "hplc-1", number_value("sash", 0.4, "m"));
  rig.outcome(Rig::success(rig.take()));
  CHECK(rig.take().capability() == "dispense");
  CHECK(rig.commands.empty());
}

TEST_CASE("a stop brings its instruments to their safe state, and a person ends it") {
  Rig rig = dosing(kStop);
  const wire::Command heating = heat(rig);
  rig.accept(heating.id());
  reads(rig, 131.2);
  CHECK(rig.cancels == std::vector<std::string>{heating.id()});
  REQUIRE(rig.stops.size() == 2);
  CHECK(rig.stops[0].why() == "interlock overheat");
  for (const char* id : {"reactor-1", "reactor-2"}) {
    CHECK(rig.state().instruments.at(id).hold == HoldState::kHalted);
    CHECK(rig.state().instruments.at(id).safe == SafeState::kAtOnce);
  }
  rig.outcome(failed_outcome(heating.id(), {Fault::Kind::kInterrupted, "stopped"}));
  rig.confirm_stops();
  CHECK(rig.state().instruments.at("reactor-2").safe == SafeState::kSafe);
  check_replay(rig);

  SECTION("it stays when the reading is back") {
    reads(rig, 80);
    CHECK_FALSE(tripped(rig));
    CHECK(rig.state().instruments.at("reactor-1").hold == HoldState::kHalted);
    rig.take();
    CHECK(rig.commands.empty());
    rig.order(Order::RESUME, Order::INSTRUMENT, "reactor-1");
    CHECK_FALSE(rig.answered.refused());
    REQUIRE(rig.commands.size() == 1);
    CHECK(rig.take().instrument() == "reactor-1");
  }
  SECTION("a person's resume waits for the reading") {
    rig.take();
    rig.order(Order::RESUME, Order::INSTRUMENT, "reactor-1");
    CHECK_THAT(rig.answered.text(), Catch::Contains("interlock overheat"));
    CHECK(rig.commands.empty());
    reads(rig, 131);
    CHECK(rig.state().instruments.at("reactor-1").hold == HoldState::kFree);  // it is not stopped anew …
    reads(rig, 80);
    REQUIRE(rig.commands.size() == 1);
    reads(rig, 131);  // … before the reading has been back
    CHECK(rig.state().instruments.at("reactor-1").hold == HoldState::kHalted);
  }
  SECTION("it outlives the process") {
    rig.restart();
    rig.link_up();
    CHECK(tripped(rig));
    CHECK(rig.commands.empty());
    CHECK(rig.state().instruments.at("reactor-2").hold == HoldState::kHalted);
  }
  check_replay(rig);
}

TEST_CASE("a stop reaches an instrument whose driver comes later") {
  Rig rig(testing::kCampaign, lab_with(kStop));
  reads(rig, 200);
  CHECK(tripped(rig));
  CHECK(rig.stops.empty());
  rig.link_up();
  CHECK(rig.stops.size() == 2);
  CHECK(rig.state().instruments.at("reactor-2").hold == HoldState::kHalted);
  CHECK(alarms(rig).size() == 1);
  check_replay(rig);
}

TEST_CASE("an interlock is as the journal says until a reading says otherwise") {
  Rig rig = dosing(kHold);
  const wire::Command dose = rig.take();
  reads(rig, 140);
  rig.restart();
  rig.link_up();
  CHECK(tripped(rig));
  rig.outcome(Rig::success(dose));
  REQUIRE(rig.commands.size() == 2);  // the other dose, and the heating
  CHECK(std::none_of(rig.commands.begin(), rig.commands.end(),
                     [](const wire::Command& command) { return command.instrument() == "reactor-1"; }));
  reads(rig, 100);
  CHECK_FALSE(tripped(rig));
}

TEST_CASE("one that the lab file does not name any more has passed") {
  Rig rig = dosing(kHold);
  reads(rig, 140);
  rig.lab = parse_lab(testing::kLab, "lab.yaml", ".");
  rig.restart();
  CHECK(rig.state().interlocks.empty());
  check_replay(rig);
}

TEST_CASE("a command that did not arrive before the interlock tripped does not begin until it has passed") {
  Rig rig = dosing(kHold);
  const wire::Command heating = heat(rig);
  REQUIRE(heating.instrument() == "reactor-1");
  rig.commands.clear();
  reads(rig, 140);
  rig.answer(heating.id(), wire::CommandState::NEVER_SEEN);
  CHECK(rig.commands.empty());

  SECTION("then it is sent") {
    reads(rig, 100);
    rig.questions.clear();
    wait(rig, 30);
    REQUIRE(std::find(rig.questions.begin(), rig.questions.end(), heating.id()) != rig.questions.end());
    rig.answer(heating.id(), wire::CommandState::NEVER_SEEN);
    REQUIRE(rig.commands.size() == 1);
    CHECK(rig.commands[0].id() == heating.id());
  }
  SECTION("a stop of the campaign does not wait for that") {
    rig.give(StopAsked{"enough"});
    rig.answer(heating.id(), wire::CommandState::NEVER_SEEN);
    CHECK(rig.cancels == std::vector<std::string>{heating.id()});
  }
}

TEST_CASE("silence trips an interlock that says so, while the link stands") {
  const std::string when = R"(when: "reactor-1.temperature > 130 degC", then: hold)";
  SECTION("heard, then silent, then heard") {
    Rig rig = dosing("{" + when + ", silent_after: 10 s}");
    reads(rig, 100);
    wait(rig, 9);
    reads(rig, 100);
    wait(rig, 9);
    CHECK_FALSE(tripped(rig));
    wait(rig, 1);
    REQUIRE(tripped(rig));
    CHECK_THAT(alarms(rig).back(), Catch::Contains("reactor-1.temperature was not heard for 10 s"));
    CHECK(alarms(rig).size() == 1);
    reads(rig, 100);
    CHECK_FALSE(tripped(rig));
  }
  SECTION("a lost link has an alarm of its own") {
    Rig rig = dosing("{" + when + ", silent_after: 10 s}");
    reads(rig, 100);
    rig.give(DriverLost{"hands"});
    wait(rig, 1000);
    CHECK_FALSE(tripped(rig));
    rig.link_up();
    wait(rig, 10);
    CHECK(tripped(rig));
  }
  SECTION("never heard: the name may be wrong") {
    Rig rig = dosing("{" + when + ", silent_after: 10 s}");
    reads(rig, "reactor-1", number_value("temp", 100, "degC"));
    wait(rig, 10);
    CHECK(tripped(rig));
    REQUIRE(alarms(rig).size() == 2);
    CHECK_THAT(alarms(rig)[0], Catch::Contains("reactor-1.temperature") && Catch::Contains("lab file"));
  }
  SECTION("without silent_after, silence is told once and trips nothing") {
    Rig rig = dosing("{" + when + "}");
    wait(rig, 59);
    CHECK(alarms(rig).empty());
    wait(rig, 1);
    CHECK(alarms(rig).size() == 2);  // the other is of the dose, which nobody answers
    CHECK_FALSE(tripped(rig));
  }
}

TEST_CASE("a reading that cannot be understood trips the interlock, once") {
  for (const wire::Value& value :
       {number_value("temperature", 20, "bar"), text_value("temperature", "warm"),
        number_value("temperature", std::nan(""), "degC"), number_value("temperature", 20, "no such unit")}) {
    CAPTURE(value.DebugString());
    Rig rig = dosing(kHold);
    for (int i = 0; i < 3; ++i) reads(rig, "reactor-1", value);
    CHECK(tripped(rig));
    CHECK(alarms(rig).size() == 1);
    reads(rig, 100);
    CHECK_FALSE(tripped(rig));
  }
}

TEST_CASE("a reading is compared in its bound's unit, and only from the driver that speaks for the instrument") {
  Rig rig = dosing(kHold);
  reads(rig, "reactor-1", number_value("temperature", 300, "K"));
  CHECK_FALSE(tripped(rig));
  reads(rig, "reactor-2", number_value("temperature", 300, "degC"));
  CHECK_FALSE(tripped(rig));
  wire::FromDriver stranger = rig.from_driver();
  stranger.set_driver("stranger");
  stranger.mutable_telemetry()->set_instrument("reactor-1");
  *stranger.mutable_telemetry()->add_values() = number_value("temperature", 300, "degC");
  rig.give(DriverSaid{stranger});
  CHECK_FALSE(tripped(rig));
  reads(rig, "reactor-1", number_value("temperature", 404, "K"));
  CHECK(tripped(rig));
}

TEST_CASE("a campaign in which all that could go on is held waits") {
  // Method: one instrument does not even end what it was told to end, and the other one that could go on is held.
  Rig rig = dosing(R"({when: "dispenser-1.level > 3", then: hold, instruments: [reactor-2]})");
  const wire::Command heating = heat(rig);
  REQUIRE(heating.instrument() == "reactor-1");
  rig.accept(heating.id());
  reads(rig, "dispenser-1", number_value("level", 4, ""));
  rig.outcome(Rig::success(rig.take()));
  wait(rig, 3600);
  CHECK(rig.state().status == CampaignState::kRunning);
  reads(rig, "dispenser-1", number_value("level", 1, ""));
  REQUIRE(rig.commands.size() == 1);
  CHECK(rig.take().instrument() == "reactor-2");
}

}  // namespace athanor
