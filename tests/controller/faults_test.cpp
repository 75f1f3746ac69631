// What becomes of experiments and instruments when a step goes wrong: docs/campaign-file.md, on_fault.
#include <catch2/catch.hpp>
#include <set>

#include "controller/engine.h"
#include "controller/snapshot.h"
#include "fixture.h"

namespace athanor {
using journal::v1::HelpGiven;
using testing::Rig;

namespace {

/// The small campaign with `policy` for its step `react`, and steps to clean up.
std::string campaign_with(const std::string& policy, const std::string& step = "react") {
  std::string text = testing::kCampaign;
  const std::string name = "step: " + step + ",";
  text.insert(text.find(name) + name.size(), " on_fault: " + policy + ",");
  return text +
         "clean_up:\n"
         "  - {step: cool, do: heat, with: {temperature: 20 degC}, on_fault: {retry: 0}}\n"
         "  - {step: rinse, do: dispense, with: {volume: 0.1 mL, reagent: SPhos}}\n";
}

wire::Command take(Rig& rig, const std::string& capability, std::uint64_t experiment = 1) {
  for (auto it = rig.commands.begin(); it != rig.commands.end(); ++it) {
    if (it->capability() != capability || !it->sample().ends_with("/" + std::to_string(experiment))) continue;
    const wire::Command command = *it;
    rig.commands.erase(it);
    return command;
  }
  FAIL("no “" << capability << "” was sent for experiment " << experiment);
  return {};
}

bool sent(const Rig& rig, const std::string& capability) {
  return std::any_of(rig.commands.begin(), rig.commands.end(),
                     [&](const wire::Command& command) { return command.capability() == capability; });
}

void break_down(Rig& rig, const wire::Command& command, Fault::Kind kind = Fault::Kind::kDevice,
                bool not_begun = false) {
  wire::Outcome outcome = failed_outcome(command.id(), {kind, "broken"});
  outcome.set_not_begun(not_begun);
  rig.outcome(outcome);
}

void wait(Rig& rig, double seconds) {
  rig.now += from_seconds(seconds);
  rig.give(TimePassed{});
}

/// Experiment 1 heats; experiment 2 waits for nobody.
void bring_to_react(Rig& rig) {
  rig.link_up();
  rig.plan();
  rig.outcome(Rig::success(take(rig, "dispense")));
}

void require_replays(const Rig& rig) {
  State replayed;
  for (const Record& record : rig.journal) {
    replayed.apply(record);
    REQUIRE(state_of(snapshot_of(replayed)).canonical() == replayed.canonical());
  }
  REQUIRE(replayed.canonical() == rig.state().canonical());
}

}  // namespace

// Goal: retries as the file says, with back-off, elsewhere first. Method: a reactor that fails each time.
TEST_CASE("a step that may be repeated is, after a wait that doubles, on another instrument first") {
  Rig rig(campaign_with("{retry: 3, wait: 1 min}"));
  bring_to_react(rig);
  const wire::Command first = take(rig, "heat");
  break_down(rig, first);
  CHECK_FALSE(sent(rig, "heat"));
  wait(rig, 59);
  CHECK_FALSE(sent(rig, "heat"));
  CHECK(rig.engine->wakes_at() == rig.now + from_seconds(1));
  wait(rig, 1);
  const wire::Command second = take(rig, "heat");
  CHECK(second.instrument() != first.instrument());
  CHECK(second.id() != first.id());
  break_down(rig, second);
  wait(rig, 119);
  CHECK_FALSE(sent(rig, "heat"));
  rig.restart();  // a restart forgets nothing of it
  rig.link_up();
  CHECK_FALSE(sent(rig, "heat"));
  wait(rig, 1);
  break_down(rig, take(rig, "heat"));
  wait(rig, 240);
  const wire::Command fourth = take(rig, "heat");
  CHECK(fourth.id().ends_with("/4"));
  break_down(rig, fourth);
  CHECK(rig.state().experiment(1).state == ExperimentState::kAbandoned);
  require_replays(rig);
}

TEST_CASE("a step that may not go elsewhere stays at its instrument") {
  Rig rig(campaign_with("{retry: 1, wait: 0 s, elsewhere: false}"));
  bring_to_react(rig);
  const wire::Command first = take(rig, "heat");
  break_down(rig, first);
  CHECK(take(rig, "heat").instrument() == first.instrument());
}

// Goal: never twice. Method: a dispenser that breaks half way, and one that refuses before it begins.
TEST_CASE("what may not be repeated is only tried again if it was not begun") {
  Rig rig;
  rig.link_up();
  rig.plan();
  const wire::Command dose = take(rig, "dispense");
  SECTION("broken half way") {
    break_down(rig, dose);
    wait(rig, 3600);
    CHECK(rig.state().experiment(1).state == ExperimentState::kAbandoned);
    for (const wire::Command& command : rig.commands) CHECK(command.sample() != dose.sample());
  }
  SECTION("not begun") {
    break_down(rig, dose, Fault::Kind::kDevice, /*not_begun=*/true);
    take(rig, "dispense", 2);
    wait(rig, 10);
    CHECK(rig.state().experiment(1).state == ExperimentState::kRunning);
  }
  SECTION("the sample at fault is never tried again") {
    break_down(rig, dose, Fault::Kind::kSample, /*not_begun=*/true);
    CHECK(rig.state().experiment(1).state == ExperimentState::kFailed);
  }
}

// Goal: an approval that expired on its way costs nothing but another one. Method: the driver refuses the first.
TEST_CASE("a hazardous step that was refused unbegun asks for its approval anew") {
  Rig rig;
  rig.hazardous = true;
  bring_to_react(rig);
  const auto approve = [&] {
    RequestMade made;
    made.request.mutable_approve()->set_experiment(1);
    made.request.mutable_approve()->set_valid_s(60);
    made.request.mutable_approve()->set_who("ann");
    made.request.mutable_approve()->set_why("because");
    rig.give(made);
  };
  approve();
  const wire::Command first = take(rig, "heat");
  break_down(rig, first, Fault::Kind::kLimit, /*not_begun=*/true);
  wait(rig, 10);
  CHECK_FALSE(sent(rig, "heat"));
  REQUIRE(rig.state().experiment(1).permits.size() == 1);
  approve();
  const wire::Command second = take(rig, "heat");
  CHECK(second.id() != first.id());
  CHECK(second.approval().until_us() > first.approval().until_us());
  CHECK(rig.state().instruments.at(first.instrument()).faults == 0);  // a refusal is no fault of the device
}

// Goal: clean-up before the end, in its order, with its stock; nothing else meanwhile. Method: both ways to end.
TEST_CASE("clean-up steps are done before an experiment ends that came to nothing") {
  Rig rig(campaign_with("{retry: 0, clean_up: [cool, rinse]}"));
  bring_to_react(rig);
  const double used = rig.state().stock_used.at("SPhos") + 0;
  const bool by_sample = GENERATE(false, true);
  break_down(rig, take(rig, "heat"), by_sample ? Fault::Kind::kSample : Fault::Kind::kDevice);
  CHECK(rig.state().experiment(1).state == ExperimentState::kRunning);
  CHECK(rig.state().stock_used.at("SPhos") == Approx(used + 0.1));
  const wire::Command cool = take(rig, "heat"), other = take(rig, "dispense", 2);
  CHECK(cool.with(0).number() == 20);
  CHECK(rig.commands.empty());
  rig.restart();
  rig.link_up();
  rig.outcome(Rig::success(cool));
  rig.outcome(Rig::success(other));  // the dispenser was busy with another experiment's
  SECTION("cleaned") {
    const wire::Command rinse = take(rig, "dispense");
    CHECK(rinse.with(0).number() == Approx(0.1));
    rig.outcome(Rig::success(rinse));
    CHECK(rig.state().experiment(1).state == (by_sample ? ExperimentState::kFailed : ExperimentState::kAbandoned));
    CHECK_FALSE(rig.state().places_taken.contains("vial-1"));
  }
  SECTION("the clean-up fails: the place stays taken until a person frees it") {
    break_down(rig, take(rig, "dispense"));
    CHECK(rig.state().experiment(1).state == (by_sample ? ExperimentState::kFailed : ExperimentState::kAbandoned));
    CHECK(rig.state().places_taken.contains("vial-1"));
    rig.order(Rig::Order::RESUME, Rig::Order::PLACE, "vial-2");
    CHECK_THAT(rig.answered.text(), Catch::Contains("the experiment is not over"));
    rig.order(Rig::Order::RESUME, Rig::Order::PLACE, "vial-9");
    CHECK_THAT(rig.answered.text(), Catch::Contains("there is no place “vial-9”"));
    rig.order(Rig::Order::PAUSE, Rig::Order::PLACE, "vial-1");
    CHECK(rig.answered.refused());
    rig.order(Rig::Order::RESUME, Rig::Order::PLACE, "vial-1");
    CHECK_FALSE(rig.answered.refused());
    CHECK_FALSE(rig.state().places_taken.contains("vial-1"));
  }
  require_replays(rig);
}

// Goal: a person decides, and others go on meanwhile. Method: each answer, and answers that make no sense.
TEST_CASE("a person is asked, and each answer leads where it says") {
  Rig rig(campaign_with("{retry: 0, then: ask}"));
  bring_to_react(rig);
  const wire::Command heat = take(rig, "heat");
  break_down(rig, heat);
  REQUIRE(rig.state().experiment(1).help.has_value());
  CHECK(rig.state().alarms == 1);
  REQUIRE_FALSE(rig.asked.empty());  // another experiment takes its turn
  rig.restart();
  rig.link_up();
  REQUIRE(rig.state().experiment(1).help.has_value());
  CHECK_FALSE(sent(rig, "heat"));
  SECTION("retry") {
    rig.help(1, HelpGiven::RETRY);
    CHECK(take(rig, "heat").id() != heat.id());
  }
  SECTION("done") {
    rig.help(1, HelpGiven::DONE);
    take(rig, "measure_hplc");
  }
  SECTION("abandon") {
    rig.help(1, HelpGiven::ABANDON);
    CHECK(rig.state().experiment(1).why == "ann: because");
    CHECK(rig.state().experiment(1).state == ExperimentState::kAbandoned);
  }
  SECTION("fail") {
    rig.help(1, HelpGiven::FAIL);
    CHECK(rig.state().experiment(1).state == ExperimentState::kFailed);
    rig.help(1, HelpGiven::FAIL);
    CHECK_THAT(rig.answered.text(), Catch::Contains("waits for no answer"));
  }
  SECTION("nonsense is refused") {
    rig.help(2, HelpGiven::DONE);
    CHECK(rig.answered.refused());
    rig.help(7, HelpGiven::DONE);
    CHECK_THAT(rig.answered.text(), Catch::Contains("there is no experiment 7"));
    CHECK(rig.state().experiment(1).help.has_value());
  }
  require_replays(rig);
}

// Goal: doubt ends by a person's look. Method: a dispensing that was interrupted; each answer frees what it should.
TEST_CASE("a doubtful step is settled by a person") {
  Rig rig;
  rig.link_up();
  rig.plan();
  const wire::Command dose = take(rig, "dispense");
  rig.restart();
  rig.link_up("boot-2");
  rig.answer(dose.id(), wire::CommandState::INTERRUPTED, "boot-2");
  REQUIRE(rig.state().experiment(1).help.has_value());
  SECTION("it was completed") {
    rig.help(1, HelpGiven::DONE);
    take(rig, "heat");
  }
  SECTION("nothing was poured") {
    rig.outcome(Rig::success(take(rig, "dispense", 2)));
    rig.help(1, HelpGiven::RETRY);
    const wire::Command again = take(rig, "dispense");
    CHECK(again.id() != dose.id());
    CHECK(rig.state().stock_used.at("XPhos") == Approx(0.4));  // should it have been poured after all
  }
  SECTION("it is spoilt") {
    rig.help(1, HelpGiven::ABANDON);
    CHECK_FALSE(rig.state().places_taken.contains("vial-1"));
  }
  SECTION("a measurement that was not taken cannot be done by saying so") {
    Rig other(campaign_with("{retry: 0, then: ask}", "look"));
    bring_to_react(other);
    other.outcome(Rig::success(take(other, "heat")));
    break_down(other, take(other, "measure_hplc"));
    other.help(1, HelpGiven::DONE);
    CHECK_THAT(other.answered.text(), Catch::Contains("athanor observe"));
  }
}

// Goal: not too many wait. Method: every dispensing is doubtful, two at a time.
TEST_CASE("while three experiments or more wait for a person no other begins") {
  std::string lab = testing::kLab;
  lab.replace(lab.find("count: 2"), 8, "count: 9");
  Rig rig(testing::kCampaign, lab);
  rig.link_up();
  int boots = 1;
  for (int i = 0; i < 12; ++i) {
    while (!rig.asked.empty()) rig.plan();
    const std::vector<wire::Command> commands = std::exchange(rig.commands, {});
    const std::string boot = "boot-" + std::to_string(++boots);
    rig.link_up(boot);
    for (const wire::Command& command : commands) rig.answer(command.id(), wire::CommandState::INTERRUPTED, boot);
  }
  const std::size_t waiting = rig.state().waiting();
  CHECK(waiting >= 3);
  CHECK(waiting <= 4);
  CHECK(rig.asked.empty());
  CHECK(rig.state().status == CampaignState::kRunning);
  for (std::uint64_t number = 1; number <= waiting; ++number) rig.help(number, HelpGiven::DONE);
  while (!rig.engine->over()) {
    while (!rig.asked.empty()) rig.plan();
    rig.outcome(Rig::success(rig.take()));
  }
  CHECK(rig.state().status == CampaignState::kFinished);
}

TEST_CASE("an experiment that waits for a person is given up when the campaign is complete") {
  Rig rig(campaign_with("{retry: 0, then: ask}"));
  bring_to_react(rig);
  break_down(rig, take(rig, "heat"));
  while (!rig.engine->over()) {
    while (!rig.asked.empty()) rig.plan();
    rig.outcome(Rig::success(rig.take()));
  }
  CHECK(rig.state().status == CampaignState::kFinished);
  CHECK(rig.state().measured == 3);
  CHECK_THAT(rig.state().experiment(1).why, Catch::Contains("before a person had answered"));
}

// ── Instruments ──────────────────────────────────────────────────────────────────────────────────────────────────────

// Goal: a circuit breaker. Method: one reactor fails three times in a row, and another is there.
TEST_CASE("an instrument with faults in a row is set aside, and comes back after its self-test") {
  Rig rig(campaign_with("{retry: 9, wait: 0 s, elsewhere: false}"));
  rig.self_tests = true;
  bring_to_react(rig);
  const std::string broken = "reactor-1";
  for (int i = 0; i < 3; ++i) break_down(rig, take(rig, "heat"));
  REQUIRE(rig.state().instruments.at(broken).set_aside);
  CHECK_FALSE(sent(rig, "heat"));
  rig.outcome(Rig::success(take(rig, "dispense", 2)));
  CHECK(take(rig, "heat", 2).instrument() == "reactor-2");  // its work moves on

  rig.confirm_stops();  // it is brought to its safe state first
  wait(rig, 59);
  CHECK_FALSE(sent(rig, "self_test"));
  wait(rig, 1);
  REQUIRE(rig.commands.size() == 1);
  wire::Command test = rig.take();
  CHECK(test.capability() == "self_test");
  CHECK(test.instrument() == broken);
  rig.outcome(failed_outcome(test.id(), {Fault::Kind::kDevice, "still broken"}));
  wait(rig, 119);
  CHECK(rig.commands.empty());
  rig.restart();
  rig.link_up();
  wait(rig, 1);
  REQUIRE(rig.commands.size() == 1);
  test = rig.take();
  rig.outcome(Rig::success(test));
  CHECK_FALSE(rig.state().instruments.at(broken).set_aside);
  // On probation: a single fault sets it aside again.
  break_down(rig, take(rig, "heat"));
  CHECK(rig.state().instruments.at(broken).set_aside);
  require_replays(rig);
}

// Goal: a broken instrument without which nothing can go on ends the run with its name, not after years of self-tests;
// and the next start tries once more. Method: one reactor that never passes.
TEST_CASE("a campaign does not wait for ever for an instrument that fails its self-test") {
  std::string lab = testing::kLab;
  lab.erase(lab.find("  reactor-2"), std::string("  reactor-2: {driver: hands, kind: reactor}\n").size());
  Rig rig(campaign_with("{retry: 2, wait: 0 s}"), lab);
  rig.self_tests = true;
  rig.link_up();
  const auto carry_on = [&] {
    int tests = 0;
    for (int turn = 0; turn < 400 && !rig.engine->over(); ++turn) {
      while (!rig.asked.empty()) rig.plan();
      rig.confirm_stops();
      if (rig.commands.empty()) {
        rig.now = rig.engine->wakes_at();
        REQUIRE(rig.now < kNever);
        rig.give(TimePassed{});
        continue;
      }
      const wire::Command command = rig.take();
      tests += command.capability() == "self_test";
      if (command.capability() == "dispense")
        rig.outcome(Rig::success(command));
      else
        break_down(rig, command);
    }
    return tests;
  };
  CHECK(carry_on() == 10);
  CHECK(rig.state().status == CampaignState::kStopped);
  CHECK_THAT(rig.state().why, Catch::Contains("nothing can go on without reactor-1"));
  CHECK(rig.now < Time{std::chrono::seconds{1000}} + std::chrono::hours{10});
  rig.restart();
  rig.link_up();
  CHECK(carry_on() == 1);
  CHECK(rig.state().status == CampaignState::kStopped);
}

// Goal: the fault that sets an instrument aside is asked about like any other, and what a person answers does not count
// as a broken laboratory. Method: every heating fails.
TEST_CASE("each failed step asks, also the one that sets its instrument aside; answers stop no campaign") {
  Rig rig(campaign_with("{retry: 0, then: ask, elsewhere: false}"));
  rig.link_up();
  std::size_t asked = 0;
  for (int turn = 0; turn < 60 && asked < 5; ++turn) {
    while (!rig.asked.empty()) rig.plan();
    rig.confirm_stops();
    while (!rig.commands.empty()) {
      const wire::Command command = rig.take();
      if (command.capability() == "dispense")
        rig.outcome(Rig::success(command));
      else
        break_down(rig, command);
    }
    for (const ExperimentEntry& experiment : std::vector<ExperimentEntry>(rig.state().experiments)) {
      if (experiment.help) ++asked, rig.help(experiment.number, HelpGiven::ABANDON);
    }
    for (const auto& [id, instrument] : std::map<std::string, InstrumentEntry>(rig.state().instruments)) {
      if (instrument.set_aside) rig.order(Rig::Order::RESUME, Rig::Order::INSTRUMENT, id);
    }
  }
  CHECK(asked >= 5);
  CHECK(rig.state().abandoned == asked);
  CHECK(rig.state().status == CampaignState::kRunning);
}

TEST_CASE("an instrument without a self-test comes back by a person's word") {
  Rig rig(campaign_with("{retry: 9, wait: 0 s, elsewhere: false}"));
  bring_to_react(rig);
  for (int i = 0; i < 3; ++i) break_down(rig, take(rig, "heat"));
  REQUIRE(rig.state().instruments.at("reactor-1").set_aside);
  rig.confirm_stops();
  wait(rig, 86400);
  CHECK_FALSE(sent(rig, "heat"));
  CHECK(rig.state().status == CampaignState::kRunning);
  rig.order(Rig::Order::RESUME, Rig::Order::INSTRUMENT, "reactor-1");
  CHECK(sent(rig, "heat"));
}

TEST_CASE("a success between two faults forgives the first") {
  std::string one_at_a_time = campaign_with("{retry: 9, wait: 0 s, elsewhere: false}");
  one_at_a_time.replace(one_at_a_time.find("batch: 2"), 8, "batch: 1");
  Rig rig(one_at_a_time);
  rig.link_up();
  int heatings = 0;
  while (!rig.engine->over()) {
    while (!rig.asked.empty()) rig.plan();
    if (rig.commands.empty()) wait(rig, 1);
    const wire::Command command = rig.take();
    if (command.capability() == "heat" && ++heatings % 3 != 0) {
      break_down(rig, command);
    } else {
      rig.outcome(Rig::success(command));
    }
    for (const auto& [id, instrument] : rig.state().instruments) CHECK_FALSE(instrument.set_aside);
  }
  CHECK(heatings >= 9);
}

// ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────────

// Goal: what cannot be is kept, said, and not taught. Method: readings beyond, at the end of, and for ever the same.
TEST_CASE("values that are not to be believed are kept and not told to the planner") {
  std::string campaign = testing::kCampaign;
  campaign.replace(campaign.find("experiments: 3"), 14, "experiments: 9");
  Rig rig(campaign);
  rig.doubts = true;
  rig.link_up();
  const auto measure = [&](double area) {
    const std::size_t before = rig.state().measured;
    while (rig.state().measured == before) {
      while (!rig.asked.empty()) rig.plan();
      rig.outcome(Rig::success(rig.take(), area));
    }
  };
  const auto told = [&] {
    std::size_t numbers = 0;
    for (const Observation& observation : rig.asked.back().question.observations)
      numbers += observation.measured[0].has_value();
    return numbers;
  };
  measure(150);
  CHECK(rig.state().alarms == 1);
  CHECK(told() == 0);
  CHECK(rig.state().instruments.at("hplc-1").faults == 1);
  measure(99.5);  // saturated: the sample's matter, not the instrument's
  CHECK(rig.state().alarms == 2);
  CHECK(rig.state().instruments.at("hplc-1").faults == 0);
  for (int i = 0; i < 4; ++i) measure(42);
  CHECK(told() == 4);
  CHECK(rig.state().alarms == 2);
  rig.restart();
  rig.link_up();
  const std::vector<std::string> open = std::exchange(rig.questions, {});
  for (const std::string& id : open) rig.answer(id, wire::CommandState::NEVER_SEEN);
  measure(42);
  CHECK(rig.state().alarms == 3);
  std::size_t flagged = 0, kept = 0;
  for (const ExperimentEntry& experiment : rig.state().experiments) {
    flagged += experiment.flags.size();
    kept += experiment.measured.size();
  }
  CHECK(flagged == 3);
  CHECK(kept == 7);
  require_replays(rig);
}

}  // namespace athanor
