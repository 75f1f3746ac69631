// What people order, and what the engine makes of it.
#include <catch2/catch.hpp>
#include <set>

#include "fixture.h"
#include "instruments/description.h"

namespace athanor {
using testing::Rig;
using Order = journal::v1::Order;

namespace {

wire::Outcome interrupted(const wire::Command& command) {
  return failed_outcome(command.id(), {Fault::Kind::kInterrupted, "stopped"});
}

// Two experiments of which the first is being dosed.
Rig dosing() {
  Rig rig;
  rig.link_up();
  rig.plan();
  return rig;
}

// One experiment on a reactor, the other one being dosed.
Rig heating() {
  Rig rig = dosing();
  rig.outcome(Rig::success(rig.take()));
  REQUIRE(rig.commands.size() == 2);
  if (rig.commands[0].capability() != "heat") std::swap(rig.commands[0], rig.commands[1]);
  return rig;
}

std::string replayed(const Rig& rig) {
  State state;
  for (const Record& record : rig.journal) state.apply(record);
  return state.canonical();
}

std::size_t alarms_about_approval(const Rig& rig) {
  return static_cast<std::size_t>(std::count_if(rig.journal.begin(), rig.journal.end(), [](const Record& record) {
    return record.has_alarm() && record.alarm().text().find("athanor approve") != std::string::npos;
  }));
}

}  // namespace

// Goal: a pause begins nothing, loses nothing, and outlives the process; its time is not the campaign's.
TEST_CASE("a paused campaign lets steps end and begins none") {
  Rig rig = dosing();
  const wire::Command dose = rig.take();
  rig.order(Order::PAUSE);
  CHECK_FALSE(rig.answered.refused());
  CHECK(rig.state().status == CampaignState::kPaused);
  CHECK(rig.state().why == "ann: because");
  rig.outcome(Rig::success(dose));
  CHECK(rig.commands.empty());
  rig.now += std::chrono::hours{72};
  rig.give(TimePassed{});
  rig.restart();
  rig.link_up();
  CHECK(rig.state().status == CampaignState::kPaused);
  CHECK(rig.commands.empty());
  CHECK(rig.stops.empty());
  rig.order(Order::RESUME);
  CHECK(rig.state().status == CampaignState::kRunning);
  CHECK(rig.commands.size() == 2);
  CHECK(seconds(rig.state().worked_until(rig.now)) == Approx(seconds(rig.now - rig.state().opened) - 72 * 3600));
  CHECK(replayed(rig) == rig.state().canonical());
}

TEST_CASE("a paused experiment stands still while the others go on") {
  Rig rig = dosing();
  const wire::Command dose = rig.take();
  rig.order(Order::PAUSE, Order::EXPERIMENT, "1");
  rig.outcome(Rig::success(dose));
  REQUIRE(rig.commands.size() == 1);
  CHECK(rig.take().sample() != dose.sample());
  rig.order(Order::RESUME, Order::EXPERIMENT, "1");
  REQUIRE(rig.commands.size() == 1);
  CHECK(rig.take().sample() == dose.sample());
}

TEST_CASE("an aborted experiment is cancelled, given up, and leaves the campaign alone") {
  Rig rig = heating();
  const wire::Command heat = rig.take();
  const std::string number = std::to_string(rig.state().commands.at(heat.id()).experiment);
  rig.order(Order::ABORT, Order::EXPERIMENT, number);
  CHECK(rig.cancels == std::vector<std::string>{heat.id()});
  rig.outcome(interrupted(heat));
  const ExperimentEntry& experiment = rig.state().experiment(std::stoull(number));
  CHECK(experiment.state == ExperimentState::kAbandoned);
  CHECK(experiment.why == "ann: because");
  CHECK(rig.state().status == CampaignState::kRunning);
  CHECK(rig.state().abandoned_in_a_row == 0);
  for (const wire::Command& command : rig.commands) CHECK(command.sample() != heat.sample());
}

// Goal: an order is never overtaken by a command that was on its way. Method: the driver says that it never saw it.
TEST_CASE("a command that an order overtook is cancelled and not sent again") {
  Rig rig = heating();
  const wire::Command heat = rig.take();
  rig.order(Order::HALT, Order::INSTRUMENT, heat.instrument());
  rig.cancels.clear();
  rig.answer(heat.id(), wire::CommandState::NEVER_SEEN);
  CHECK(rig.cancels == std::vector<std::string>{heat.id()});
  for (const wire::Command& command : rig.commands) CHECK(command.id() != heat.id());
}

TEST_CASE("a halted instrument is told at once, its work moves on, and it is used again after a resume") {
  Rig rig = heating();
  const wire::Command heat = rig.take(), dose = rig.take();
  rig.order(Order::HALT, Order::INSTRUMENT, heat.instrument());
  REQUIRE(rig.stops.size() == 1);
  CHECK(rig.stops[0].instruments(0) == heat.instrument());
  rig.outcome(interrupted(heat));  // heating may be repeated: on the other reactor
  REQUIRE(rig.commands.size() == 1);
  const wire::Command elsewhere = rig.take();
  CHECK(elsewhere.sample() == heat.sample());
  CHECK(elsewhere.instrument() != heat.instrument());
  rig.confirm_stops();
  CHECK(rig.state().instruments.at(heat.instrument()).safe == SafeState::kSafe);
  rig.outcome(Rig::success(dose));
  CHECK(rig.commands.empty());  // one reactor is busy, the other is halted
  rig.order(Order::RESUME, Order::INSTRUMENT, heat.instrument());
  REQUIRE(rig.commands.size() == 1);
  CHECK(rig.take().instrument() == heat.instrument());
  CHECK(rig.state().instruments.at(heat.instrument()).safe == SafeState::kInUse);
}

// Goal: what counts as safe stays so. Method: the stop overtakes the command, which the driver then has not seen yet.
TEST_CASE("a stop confirmed while a command may still begin is to be confirmed once more") {
  Rig rig = heating();
  const wire::Command heat = rig.take();
  rig.order(Order::HALT, Order::INSTRUMENT, heat.instrument());
  rig.confirm_stops();
  CHECK(rig.state().instruments.at(heat.instrument()).safe == SafeState::kAtOnce);
  CHECK(rig.stops.empty());
  rig.outcome(interrupted(heat));
  REQUIRE(rig.stops.size() == 1);
  rig.confirm_stops();
  CHECK(rig.state().instruments.at(heat.instrument()).safe == SafeState::kSafe);
}

TEST_CASE("a stopped instrument ends what it does before it is made safe") {
  Rig rig = heating();
  const wire::Command heat = rig.take();
  rig.accept(heat.id());
  rig.order(Order::STOP, Order::INSTRUMENT, heat.instrument());
  CHECK(rig.stops.empty());
  CHECK(rig.cancels.empty());
  rig.outcome(Rig::success(heat));
  REQUIRE(rig.stops.size() == 1);
  CHECK(rig.stops[0].instruments(0) == heat.instrument());
}

TEST_CASE("an aborted campaign cancels, gives up, and ends when every instrument confirmed") {
  Rig rig = heating();
  const wire::Command heat = rig.take(), dose = rig.take();
  rig.order(Order::ABORT);
  CHECK(std::set(rig.cancels.begin(), rig.cancels.end()) == std::set{heat.id(), dose.id()});
  CHECK(rig.stops.size() == 2);  // of the idle ones
  rig.outcome(interrupted(heat));
  rig.outcome(interrupted(dose));
  CHECK(rig.stops.size() == 4);
  CHECK(rig.state().abandoned == 2);
  CHECK_FALSE(rig.engine->over());
  rig.confirm_stops();
  CHECK(rig.engine->over());
  CHECK(rig.state().status == CampaignState::kStopped);
  CHECK(replayed(rig) == rig.state().canonical());
}

// Goal: a stop reaches everyone within a bound, or the alarm says whom it did not reach.
TEST_CASE("whoever does not confirm is named, and told again when it is back") {
  Rig rig = heating();
  rig.order(Order::HALT, Order::LABORATORY);
  CHECK(rig.stops.size() == 4);
  rig.now += from_seconds(11);
  rig.give(TimePassed{});
  const auto named = std::find_if(rig.journal.rbegin(), rig.journal.rend(), [](const Record& record) {
    return record.has_alarm() && record.alarm().text().find("did not confirm") != std::string::npos;
  });
  REQUIRE(named != rig.journal.rend());
  for (const char* id : {"dispenser-1", "reactor-1", "reactor-2", "hplc-1"})
    CHECK_THAT(named->alarm().text(), Catch::Contains(id));
  CHECK(rig.stops.size() == 8);
  SECTION("by the same process") {
    rig.give(DriverLost{"hands"});
  }
  SECTION("by the next one") {
    rig.restart();
  }
  rig.stops.clear();
  rig.link_up("boot-2");
  CHECK(rig.stops.size() == 4);
}

TEST_CASE("a halted laboratory stays halted over a restart until a person resumes it") {
  Rig rig = heating();
  const wire::Command heat = rig.take(), dose = rig.take();
  rig.order(Order::HALT, Order::LABORATORY);
  rig.outcome(interrupted(heat));
  rig.outcome(interrupted(dose));
  rig.confirm_stops();
  REQUIRE(rig.engine->over());
  rig.restart();
  rig.link_up();
  CHECK(rig.state().status == CampaignState::kRunning);
  CHECK(rig.commands.empty());
  rig.order(Order::RESUME, Order::LABORATORY);
  CHECK_FALSE(rig.commands.empty());
}

// Goal: a late confirmation of an earlier stop does not count for this one.
TEST_CASE("only the confirmation of the stop that was sent counts") {
  Rig rig = heating();
  rig.order(Order::HALT, Order::INSTRUMENT, "hplc-1");
  wire::FromDriver late = rig.from_driver();
  late.mutable_stopped()->set_id("hplc-1/0");
  late.mutable_stopped()->add_instruments("hplc-1");
  rig.give(DriverSaid{late});
  CHECK(rig.state().instruments.at("hplc-1").safe == SafeState::kAtOnce);
  rig.confirm_stops();
  CHECK(rig.state().instruments.at("hplc-1").safe == SafeState::kSafe);
}

TEST_CASE("orders that make no sense are refused and change nothing") {
  Rig rig = dosing();
  const std::size_t records = rig.journal.size();
  const auto refused = [&](const std::string& why) {
    CHECK(rig.answered.refused());
    CHECK_THAT(rig.answered.text(), Catch::Contains(why));
    CHECK(rig.journal.size() == records);
  };
  rig.order(Order::PAUSE, Order::EXPERIMENT, "17");
  refused("no experiment 17");
  rig.order(Order::PAUSE, Order::INSTRUMENT, "reactor-3");
  refused("did you mean");
  RequestMade anonymous;
  anonymous.request.mutable_order()->set_why("x");
  rig.give(anonymous);
  refused("who gives it");
  rig.order(static_cast<Order::Verb>(77));
  refused("does not know that order");
}

// Goal: a hazardous step waits for a person, whose word holds for exactly that, once, and for a time.
TEST_CASE("a hazardous step waits for an approval") {
  Rig rig;
  rig.hazardous = true;
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  rig.outcome(Rig::success(dose));
  const wire::Command other = rig.take();
  REQUIRE(other.capability() == "dispense");
  CHECK(rig.commands.empty());
  const auto approve = [&](std::uint64_t experiment) {
    RequestMade made;
    made.request.mutable_approve()->set_experiment(experiment);
    made.request.mutable_approve()->set_valid_s(600);
    made.request.mutable_approve()->set_who("ann");
    made.request.mutable_approve()->set_why("hood is closed");
    rig.give(made);
  };
  approve(2);
  CHECK(rig.answered.refused());
  rig.restart();  // what was asked outlives the process
  rig.link_up();
  CHECK(alarms_about_approval(rig) == 1);
  approve(1);
  CHECK_FALSE(rig.answered.refused());
  REQUIRE(rig.commands.size() == 1);
  const wire::Command heat = rig.take();
  CHECK(heat.capability() == "heat");
  CHECK(heat.approval().who() == "ann");
  CHECK(heat.approval().digest() == approval_digest(heat));
  CHECK(heat.approval().until_us() == (rig.now + from_seconds(600)).time_since_epoch().count());
  approve(1);
  CHECK(rig.answered.refused());

  SECTION("it holds for one attempt") {
    rig.restart();
    rig.link_up("boot-2");
    rig.answer(heat.id(), wire::CommandState::INTERRUPTED, "boot-2");
    for (const wire::Command& command : rig.commands) CHECK(command.sample() != heat.sample());
    CHECK(alarms_about_approval(rig) == 2);
  }
  SECTION("it expires") {
    rig.order(Order::PAUSE, Order::EXPERIMENT, "2");
    rig.outcome(Rig::success(other));
    rig.order(Order::RESUME, Order::EXPERIMENT, "2");
    CHECK(alarms_about_approval(rig) == 2);
    rig.order(Order::PAUSE, Order::EXPERIMENT, "2");
    approve(2);
    rig.now += from_seconds(601);
    rig.order(Order::RESUME, Order::EXPERIMENT, "2");
    for (const wire::Command& command : rig.commands) CHECK(command.sample() != other.sample());
    CHECK(alarms_about_approval(rig) == 3);
  }
  CHECK(replayed(rig) == rig.state().canonical());
}

// Goal: a journal that cannot be written begins nothing, and loses nothing of what runs.
TEST_CASE("while the journal cannot be written, nothing begins") {
  Rig rig = dosing();
  const wire::Command dose = rig.take();
  rig.give(StoreChanged{"the disk is full"});
  rig.outcome(Rig::success(dose));
  CHECK(rig.commands.empty());
  rig.give(StoreChanged{});
  CHECK(rig.commands.size() == 2);
}

// Goal: who does not confirm is named, also where it was at work and cannot be reached. Method: an abort while a driver
// is lost; it ends when the alarm has named the instrument, not before.
TEST_CASE("an abort names the instruments that were at work and cannot be reached") {
  Rig rig;
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  rig.accept(dose.id());
  rig.give(DriverLost{"hands"});
  rig.order(Rig::Order::ABORT);
  CHECK_FALSE(rig.engine->over());
  rig.now += from_seconds(10);
  rig.give(TimePassed{});
  CHECK(rig.engine->over());
  std::string named;
  for (const Record& record : rig.journal) {
    if (record.has_alarm() && record.alarm().text().find("did not confirm") != std::string::npos)
      named += record.alarm().text();
  }
  for (const char* id : {"dispenser-1", "reactor-1", "reactor-2", "hplc-1"}) CHECK_THAT(named, Catch::Contains(id));
}

}  // namespace athanor
