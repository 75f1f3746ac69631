#include "controller/engine.h"

#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <set>

#include "core/random.h"
#include "fixture.h"

namespace athanor {
using testing::Rig;

namespace {

std::size_t alarms(const Rig& rig) {
  return rig.state().alarms;
}

// Carries out everything that is asked for until the campaign is over, in the order in which it was sent.
void carry_out(Rig& rig) {
  while (!rig.engine->over()) {
    if (!rig.asked.empty()) {
      rig.plan();
    } else {
      const wire::Command command = rig.take();
      rig.accept(command.id());
      rig.now += from_seconds(60);
      rig.outcome(Rig::success(command));
    }
  }
}

}  // namespace

// Goal: a campaign runs to its end. Method: a driver and a planner played by hand.
TEST_CASE("a campaign goes through all its steps and finishes") {
  Rig rig;
  rig.link_up();
  carry_out(rig);
  CHECK(rig.state().status == CampaignState::kFinished);
  CHECK(rig.state().measured == 3);
  CHECK(rig.state().live.empty());
  CHECK(rig.state().places_taken.empty());
  CHECK(rig.state().commands.empty());
  CHECK(rig.state().stock_used.at("XPhos") == Approx(0.4));
  CHECK(rig.state().experiments[0].measured[0].number() == 50);
}

// Goal: steps keep their order, and a sample is acted on by one instrument at a time. Method: the commands as they are
// sent.
TEST_CASE("a step waits for the steps before it") {
  Rig rig;
  rig.link_up();
  rig.plan();
  REQUIRE(rig.commands.size() == 1);  // one dispenser: the second experiment waits for it
  const wire::Command dose = rig.take();
  CHECK(dose.capability() == "dispense");
  CHECK(dose.place() == "vial-1");
  rig.accept(dose.id());
  CHECK(rig.commands.empty());
  rig.outcome(Rig::success(dose));
  REQUIRE(rig.commands.size() == 2);
  std::set<std::string> next = {rig.commands[0].capability(), rig.commands[1].capability()};
  CHECK(next == std::set<std::string>{"heat", "dispense"});
}

// Goal: never twice. Method: every message to the engine doubled and late; commands sent must be the same as without.
TEST_CASE("doubled and late messages change nothing") {
  Rig plain, doubled;
  for (Rig* rig : {&plain, &doubled}) {
    rig->link_up();
    while (!rig->engine->over()) {
      if (!rig->asked.empty()) {
        rig->plan();
        continue;
      }
      const wire::Command command = rig->take();
      rig->accept(command.id());
      if (rig == &doubled) rig->accept(command.id());
      rig->outcome(Rig::success(command));
      if (rig == &doubled) {
        rig->outcome(Rig::success(command));
        rig->accept(command.id());
        rig->answer(command.id(), wire::CommandState::RUNNING);
        rig->link_up();
      }
    }
  }
  CHECK(plain.state().measured == doubled.state().measured);
  CHECK(plain.state().experiments.size() == doubled.state().experiments.size());
}

// Goal: the recovery table, row by row, at a restart of the controller. Method: one command open, and each answer in
// turn.
TEST_CASE("after a restart each open command is asked about, and the table decides") {
  Rig rig;
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  rig.restart();
  CHECK(rig.commands.empty());  // nothing is sent before the driver was asked
  rig.link_up();
  REQUIRE(rig.questions == std::vector<std::string>{dose.id()});

  SECTION("finished: the outcome is recorded, the command is not sent again") {
    wire::FromDriver message = rig.from_driver();
    wire::CommandState& state = *message.mutable_answer()->add_states();
    state.set_id(dose.id());
    state.set_standing(wire::CommandState::FINISHED);
    *state.mutable_outcome() = Rig::success(dose);
    rig.give(DriverSaid{message});
    for (const wire::Command& command : rig.commands) CHECK(command.id() != dose.id());
    CHECK(rig.state().commands.at(dose.id()).state == CommandState::kDone);
  }
  SECTION("running: it is waited for") {
    rig.answer(dose.id(), wire::CommandState::RUNNING);
    CHECK(rig.commands.empty());
    CHECK(rig.state().commands.at(dose.id()).state == CommandState::kAccepted);
  }
  SECTION("never seen: the same id is sent") {
    rig.answer(dose.id(), wire::CommandState::NEVER_SEEN);
    REQUIRE(rig.commands.size() == 1);
    CHECK(rig.commands.front().SerializeAsString() == dose.SerializeAsString());
  }
  SECTION("interrupted, may not be repeated: doubtful, a person is asked, the place is kept") {
    rig.answer(dose.id(), wire::CommandState::INTERRUPTED, "boot-2");
    CHECK(alarms(rig) == 1);
    CHECK(rig.state().experiment(1).state == ExperimentState::kRunning);
    CHECK(rig.state().experiment(1).help.has_value());
    CHECK(rig.state().places_taken.contains("vial-1"));
    for (const wire::Command& command : rig.commands) CHECK(command.sample() != dose.sample());
  }
}

// Goal: a step that may be repeated is, under a new id. Method: the heating of the first experiment is interrupted.
TEST_CASE("an interrupted step that may be repeated gets a new command") {
  Rig rig;
  rig.link_up();
  rig.plan();
  rig.outcome(Rig::success(rig.take()));
  wire::Command heat = rig.take();
  if (heat.capability() != "heat") heat = rig.take();
  rig.restart();
  rig.link_up("boot-2");
  rig.answer(heat.id(), wire::CommandState::INTERRUPTED, "boot-2");
  REQUIRE_FALSE(rig.commands.empty());
  const wire::Command again = rig.take();
  CHECK(again.capability() == "heat");
  CHECK(again.sample() == heat.sample());
  CHECK(again.id() == heat.id().substr(0, heat.id().size() - 1) + "2");
}

// Goal: a person hears of an instrument that its driver set aside. Method: a driver that speaks for all others, at the
// start and after a restart; its link comes up twice each time.
TEST_CASE("an instrument that its driver does not speak for is named by an alarm, once a start of the driver") {
  Rig rig;
  const auto welcome = [&](const std::string& boot, const std::string& why) {
    wire::FromDriver message = rig.from_driver(boot);
    for (const char* id : {"dispenser-1", "reactor-1", "hplc-1"})
      *message.mutable_welcome()->add_instruments() = testing::instrument(id);
    if (!why.empty()) {
      wire::Trouble& trouble = *message.mutable_welcome()->add_troubles();
      trouble.set_instrument("reactor-2");
      trouble.set_why(why);
    }
    for (int times = 0; times < 2; ++times) rig.give(DriverSaid{message});
  };
  welcome("boot-1", "is set aside: reactor.yaml:3:1: no good");
  welcome("boot-2", "");
  std::vector<std::string> told;
  for (const Record& record : rig.journal) {
    if (record.has_alarm() && record.alarm().about() == "reactor-2") told.push_back(record.alarm().text());
  }
  CHECK(told ==
        std::vector<std::string>{
            "instrument “reactor-2” is set aside: reactor.yaml:3:1: no good; the others go on without it",
            "instrument “reactor-2” is none of those that its driver hands speaks for; the others go on without "
            "it"});
  rig.link_up("boot-3");
  CHECK(rig.state().instruments.at("reactor-2").state == InstrumentState::kIdle);
}

// Goal: what is told of a driver that dies at every try has a reason. Method: so many restarts while the heating runs
// that it is given up; a driver that fails it without a word.
TEST_CASE("a driver that says nothing is not quoted with nothing") {
  Rig rig;
  rig.link_up();
  rig.plan();
  rig.outcome(Rig::success(rig.take()));
  std::string reason = "its driver gave no reason";
  wire::Command heat = rig.take();
  if (heat.capability() != "heat") heat = rig.take();
  SECTION("it dies") {
    reason = "its driver hands ended while it ran, and knew no outcome when it was back (attempt ";
    for (int boot = 2; rig.state().experiment(1).state == ExperimentState::kRunning; ++boot) {
      REQUIRE(boot < 20);
      rig.restart();
      rig.link_up("boot-" + std::to_string(boot));
      rig.answer(heat.id(), wire::CommandState::INTERRUPTED, "boot-" + std::to_string(boot));
      for (const wire::Command& command : rig.commands) {
        if (command.sample() == heat.sample()) heat = command;
      }
    }
  }
  SECTION("it is silent") {
    wire::Outcome failed = failed_outcome(heat.id(), {Fault::Kind::kSample, ""});
    rig.outcome(failed);
  }
  bool told = false;
  for (const Record& record : rig.journal) {
    told = told || (record.has_failed() && record.failed().why().find(reason) != std::string::npos) ||
           (record.has_abandoned() && record.abandoned().why().find(reason) != std::string::npos);
  }
  CHECK(told);
}

// Goal: failures are told apart. Method: the same step fails by its sample, and by its device.
TEST_CASE("a failed sample teaches the planner, a failed device does not") {
  Rig rig;
  rig.link_up();
  rig.plan();
  wire::Outcome failed = failed_outcome(rig.take().id(), {Fault::Kind::kSample, "clogged"});
  SECTION("sample") {
    rig.outcome(failed);
    CHECK(rig.state().experiment(1).state == ExperimentState::kFailed);
    CHECK(rig.state().failed == 1);
    REQUIRE_FALSE(rig.asked.empty());
    REQUIRE(rig.asked.front().question.observations.size() == 1);
    CHECK(rig.asked.front().question.observations[0].failed == "dose: clogged");
    CHECK(rig.asked.front().question.pending.size() == 1);
  }
  SECTION("device") {
    failed.set_fault(wire::DEVICE);
    rig.outcome(failed);
    CHECK(rig.state().experiment(1).state == ExperimentState::kAbandoned);
    CHECK(alarms(rig) == 1);
    REQUIRE_FALSE(rig.asked.empty());
    CHECK(rig.asked.front().question.observations.empty());
  }
}

// Goal: a broken laboratory does not burn the space. Method: every command fails by its device.
TEST_CASE("three spoilt experiments in a row stop the campaign") {
  Rig rig;
  rig.link_up();
  for (int i = 0; i < 20 && !rig.engine->over(); ++i) {
    if (!rig.asked.empty()) {
      rig.plan();
    } else {
      rig.outcome(failed_outcome(rig.take().id(), {Fault::Kind::kDevice, "broken"}));
      rig.confirm_stops();
    }
  }
  CHECK(rig.state().status == CampaignState::kStopped);
  CHECK(rig.state().abandoned >= 3);
  CHECK_THAT(rig.state().why, Catch::Contains("in a row") && Catch::Contains("broken"));
}

// Goal: stock is set aside before an experiment begins. Method: a shelf that holds one dose.
TEST_CASE("an experiment does not begin without its reagents") {
  std::string lab = testing::kLab;
  lab.replace(lab.find("XPhos: 1 mL"), 11, "XPhos: 300 uL");
  std::string campaign = testing::kCampaign;
  campaign.replace(campaign.find("[XPhos, SPhos]"), 14, "[XPhos]");
  Rig rig(campaign, lab);
  rig.link_up();
  PlannerSaid said;
  said.ask = rig.asked.front().ask;
  said.plan.suggestions = {{{40, 0}, {}, ""}, {{50, 0}, {}, ""}};
  rig.asked.clear();
  rig.give(said);
  CHECK(rig.state().experiment(1).state == ExperimentState::kRunning);
  CHECK(rig.state().experiment(2).state == ExperimentState::kApproved);
  while (!rig.commands.empty()) rig.outcome(Rig::success(rig.take()));
  CHECK(rig.state().experiment(1).state == ExperimentState::kMeasured);  // what has begun is finished
  CHECK(rig.state().experiment(2).state == ExperimentState::kApproved);
  CHECK(rig.state().status == CampaignState::kStopped);
  CHECK_THAT(rig.state().why, Catch::Contains("XPhos is used up"));
  // Nothing on the shelf at all: it stops at once, with nothing under way.
  rig.lab.stock[0].amount.value = 0;
  rig.restart();
  rig.link_up();
  while (!rig.commands.empty()) rig.outcome(Rig::success(rig.take()));
  CHECK(rig.state().status == CampaignState::kStopped);
}

// Goal: stop finishes what runs and starts nothing. Method: stop with a command open; start again.
TEST_CASE("a stop waits for running commands, and a start goes on") {
  Rig rig;
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  rig.accept(dose.id());
  rig.give(StopAsked{"by the test"});
  CHECK_FALSE(rig.engine->over());
  rig.outcome(Rig::success(dose));
  CHECK(rig.state().status == CampaignState::kStopped);
  CHECK(rig.commands.empty());
  rig.restart();
  rig.link_up();
  CHECK(rig.state().status == CampaignState::kRunning);
  CHECK_FALSE(rig.commands.empty());
  for (const wire::Command& command : rig.commands) CHECK(command.id() != dose.id());
}

// Goal: an outcome is never taken for another command's. Method: a driver knows an id as another command, as it would
// after an older copy of the journal was put back.
TEST_CASE("an id that the driver knows as another command stops the campaign") {
  Rig rig;
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  wire::FromDriver message = rig.from_driver();
  wire::CommandState& state = *message.mutable_answer()->add_states();
  state.set_id(dose.id());
  state.set_standing(wire::CommandState::FINISHED);
  *state.mutable_command() = dose;
  state.mutable_command()->mutable_with(0)->set_number(1.9);
  *state.mutable_outcome() = Rig::success(dose);
  rig.give(DriverSaid{message});
  CHECK(rig.state().experiment(1).help.has_value());
  CHECK(rig.state().measured == 0);
  CHECK(rig.state().why.find("older") != std::string::npos);
  CHECK(rig.state().status != CampaignState::kRunning);
}

// Goal: a planner that cannot answer stops the campaign, and does not finish it. Method: its answer is a fault.
TEST_CASE("a planner's fault stops the campaign, and it can be gone on with") {
  Rig rig;
  rig.link_up();
  PlannerSaid said;
  said.ask = rig.asked.front().ask;
  said.fault = "no idea";
  rig.asked.clear();
  rig.give(said);
  CHECK(rig.state().status == CampaignState::kStopped);
  CHECK(rig.state().why.find("no idea") != std::string::npos);
  rig.restart();
  CHECK(rig.state().status == CampaignState::kRunning);
  rig.link_up();
  rig.plan();
  CHECK_FALSE(rig.commands.empty());
}

// Goal: silence is noticed. Method: a command that is never accepted, and one that never ends.
TEST_CASE("a command that is not answered is asked about, never repeated") {
  Rig rig;
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  rig.now = rig.engine->wakes_at();
  rig.give(TimePassed{});
  CHECK(rig.questions == std::vector<std::string>{dose.id()});
  CHECK(rig.commands.empty());
  rig.accept(dose.id());
  const std::size_t before = alarms(rig);
  rig.now = rig.engine->wakes_at();
  CHECK(rig.now > Time{std::chrono::seconds{1000}} + from_seconds(120));  // twice the 60 s it promised
  rig.give(TimePassed{});
  CHECK(alarms(rig) == before + 1);
  CHECK(rig.cancels == std::vector<std::string>{dose.id()});
  CHECK(rig.commands.empty());
  CHECK(rig.engine->wakes_at() > rig.now);
}

// Goal: an instrument that hangs ends its own step at most. Method: a heating that never ends is cancelled, and
// repeated on the other reactor; after three attempts its experiment is given up, and the campaign goes on.
TEST_CASE("a step that hangs is cancelled and repeated, three times at most") {
  Rig rig;
  rig.link_up();
  rig.plan();
  rig.outcome(Rig::success(rig.take()));
  std::string sample;
  for (int attempt = 1; attempt <= 3; ++attempt) {
    wire::Command heat = rig.take();
    while (heat.capability() != "heat") heat = rig.take();
    CHECK(heat.id().back() == static_cast<char>('0' + attempt));
    sample = heat.sample();
    rig.accept(heat.id());
    rig.now = rig.engine->wakes_at();
    while (rig.cancels.empty()) {
      rig.give(TimePassed{});
      rig.now = rig.engine->wakes_at();
    }
    CHECK(rig.cancels.back() == heat.id());
    rig.cancels.clear();
    wire::Outcome cancelled;
    cancelled.set_id(heat.id());
    cancelled.set_fault(wire::INTERRUPTED);
    cancelled.set_message("cancelled");
    rig.outcome(cancelled);
  }
  CHECK(rig.state().abandoned == 1);
  CHECK(rig.state().status == CampaignState::kRunning);
  for (const wire::Command& command : rig.commands) CHECK(command.sample() != sample);
}

// Goal: a campaign ends, whatever hangs. Method: nothing ends and nothing obeys; after a bounded time it stops, says
// which instrument it waits for, and raised each alarm once.
TEST_CASE("instruments that do not even obey stop the campaign, which says so") {
  Rig rig;
  rig.link_up();
  rig.plan();
  int turns = 0;
  while (!rig.engine->over() && ++turns < 100) {
    while (!rig.commands.empty()) rig.accept(rig.take().id());
    while (!rig.asked.empty()) rig.plan();
    rig.now = rig.engine->wakes_at();
    REQUIRE(rig.now < kNever);
    rig.give(TimePassed{});
    const std::vector<std::string> questions = std::exchange(rig.questions, {});
    for (const std::string& id : questions) rig.answer(id, wire::CommandState::RUNNING);
  }
  CHECK(rig.state().status == CampaignState::kStopped);
  CHECK(rig.state().why.find("dispenser-1 ends “dispense”") != std::string::npos);
  CHECK(alarms(rig) == 2);
  CHECK(rig.now < Time{std::chrono::seconds{1000}} + from_seconds(600));
  // A new start asks once more; then the device ends after all, and everything goes on.
  rig.restart();
  rig.link_up();
  REQUIRE_FALSE(rig.questions.empty());
  const wire::Command command = rig.state().commands.at(rig.questions.front()).command;
  rig.outcome(Rig::success(command));
  CHECK_FALSE(rig.commands.empty());
  CHECK(rig.state().status == CampaignState::kRunning);
}

// Goal: the journal is the state. Method: random histories with failures, restarts, lost links and doubled messages;
// after each event the replayed journal must give the live state, to the letter, and no command id may be sent unless
// it was never seen.
TEST_CASE("replay gives the live state, whatever happened") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    RandomStream random(seed, "history");
    Rig rig;
    std::map<std::string, wire::Command> known;  // what the driver has been given
    std::map<std::string, wire::Outcome> ended;
    std::map<std::string, int> sent;
    bool up = false;
    for (int turn = 0; turn < 200 && !rig.engine->over(); ++turn) {
      rig.now += from_seconds(random.uniform(0, 30));
      for (const wire::Command& command : rig.commands) {
        if (random.uniform() < 0.8) known.emplace(command.id(), command);  // the others are lost on the way
      }
      rig.commands.clear();
      const double dice = random.uniform();
      if (dice < 0.05) {
        rig.restart();
        up = false;
      } else if (dice < 0.1 && up) {
        rig.give(DriverLost{"hands"});
        up = false;
      } else if (!up || dice < 0.12) {
        rig.link_up();
        up = true;
      } else if (dice < 0.4 && !rig.asked.empty()) {
        rig.plan();
      } else if (dice < 0.5) {
        rig.give(TimePassed{});
      } else if (!known.empty()) {
        auto it = known.begin();
        std::advance(it, static_cast<long>(random.below(known.size())));
        if (!ended.contains(it->first)) {
          const double luck = random.uniform();
          wire::Outcome outcome = luck < 0.8    ? Rig::success(it->second, random.uniform(0, 100))
                                  : luck < 0.9  ? failed_outcome(it->first, {Fault::Kind::kSample, "clogged"})
                                  : luck < 0.95 ? failed_outcome(it->first, {Fault::Kind::kInterrupted, "stopped"})
                                                : failed_outcome(it->first, {Fault::Kind::kDevice, "broken"});
          ended.emplace(it->first, outcome);
        }
        if (random.uniform() < 0.8) rig.outcome(ended.at(it->first));
      }
      const std::vector<std::string> questions = std::exchange(rig.questions, {});
      for (const std::string& id : questions) {
        if (!up) break;
        wire::FromDriver message = rig.from_driver();
        wire::CommandState& state = *message.mutable_answer()->add_states();
        state.set_id(id);
        state.set_standing(ended.contains(id)   ? wire::CommandState::FINISHED
                           : known.contains(id) ? wire::CommandState::RUNNING
                                                : wire::CommandState::NEVER_SEEN);
        if (ended.contains(id)) *state.mutable_outcome() = ended.at(id);
        rig.give(DriverSaid{message});
      }
      State replayed;
      for (const Record& record : rig.journal) replayed.apply(record);
      REQUIRE(replayed.canonical() == rig.state().canonical());
    }
    // Each instrument has at most one open command.
    std::set<std::string> busy;
    for (const auto& [id, command] : rig.state().commands) {
      if (command.open()) CHECK(busy.insert(command.command.instrument()).second);
    }
    // Once the faults end, everything ends: no command, question or plan is outstanding for ever.
    rig.give(DriverLost{"hands"});
    rig.link_up();
    for (int turn = 0; turn < 200 && !rig.engine->over(); ++turn) {
      for (const wire::Command& command : std::exchange(rig.commands, {})) known.emplace(command.id(), command);
      const std::vector<std::string> questions = std::exchange(rig.questions, {});
      for (const std::string& id : questions) {
        if (!known.contains(id)) rig.answer(id, wire::CommandState::NEVER_SEEN);
      }
      const auto commands = known;
      for (const auto& [id, command] : commands) rig.outcome(ended.contains(id) ? ended.at(id) : Rig::success(command));
      if (!rig.asked.empty()) rig.plan();
    }
    CHECK(rig.engine->over());
  }
}

}  // namespace athanor
