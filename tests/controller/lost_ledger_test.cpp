// What becomes of commands and instruments when a driver comes back with another ledger: docs/driver-protocol.md.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "controller/engine.h"
#include "controller/snapshot.h"
#include "fixture.h"

namespace athanor {
using testing::Rig;

TEST_CASE("a driver that is older than the names of ledgers is told of, once") {
  Rig rig;
  rig.ledger = "";
  rig.link_up();
  CHECK(rig.state().alarms == 1);
  rig.link_up("boot-2");
  rig.link_up("boot-3");
  CHECK(rig.state().alarms == 1);
}

// Goal: what a driver cannot have seen, since its ledger is another, is taken for begun, and its instrument for one
// that may be at work. Method: a dose, which may not be repeated, whose driver comes back with another ledger.
TEST_CASE("never seen, says another ledger than the one in which it would be: nobody knows") {
  Rig rig;
  rig.ledger = "first";
  rig.link_up();
  rig.plan();
  const wire::Command dose = rig.take();
  const auto none_sent_again = [&] {
    return std::none_of(rig.commands.begin(), rig.commands.end(),
                        [&](const auto& sent) { return sent.sample() == dose.sample(); });
  };
  const bool restarts = GENERATE(false, true);
  if (restarts) rig.restart();
  rig.questions.clear();
  rig.commands.clear();

  SECTION("the ledger that it was sent to, at another start: it is sent again") {
    rig.link_up("boot-2");
    rig.answer(dose.id(), wire::CommandState::NEVER_SEEN, "boot-2");
    REQUIRE(rig.commands.size() == 1);
    CHECK(rig.commands.front().id() == dose.id());
  }
  SECTION("a driver that does not name its ledger, such as an older one: it is sent again") {
    rig.ledger = "";
    rig.link_up("boot-2");
    rig.answer(dose.id(), wire::CommandState::NEVER_SEEN, "boot-2");
    REQUIRE(rig.commands.size() == 1);
  }
  SECTION("another one: its instrument is made safe, and then a person is asked") {
    rig.ledger = "second";
    rig.link_up("boot-2");
    CHECK(rig.state().alarms == 1);
    REQUIRE(rig.questions == std::vector<std::string>{dose.id()});
    CHECK(rig.stops.size() == 4);  // whatever any of them was at, or was left in, is forgotten
    rig.refuse(dose.id(), "it was meant for another ledger", "boot-2");  // as is known: no alarm of its own
    CHECK(rig.state().alarms == 1);
    rig.answer(dose.id(), wire::CommandState::NEVER_SEEN, "boot-2");
    CHECK(rig.state().commands.at(dose.id()).open());  // the dispenser may be at it
    CHECK_FALSE(rig.state().experiment(1).help);
    rig.questions.clear();
    rig.confirm_stops();
    rig.give(TimePassed{});
    REQUIRE(rig.questions == std::vector<std::string>{dose.id()});
    rig.answer(dose.id(), wire::CommandState::NEVER_SEEN, "boot-2");
    CHECK(rig.state().experiment(1).help);
    CHECK(none_sent_again());
    CHECK(rig.cancels.empty());
  }
  SECTION("another one, and the dispenser never becomes safe: whoever stops the campaign need not wait for ever") {
    rig.ledger = "second";
    rig.link_up("boot-2");
    rig.answer(dose.id(), wire::CommandState::NEVER_SEEN, "boot-2");
    rig.give(StopAsked{"enough"});
    for (int i = 0; i < 4; ++i) {
      CHECK_FALSE(rig.engine->over());
      rig.answer(dose.id(), wire::CommandState::NEVER_SEEN, "boot-2");
      rig.now += from_seconds(5);
      rig.give(TimePassed{});
      if (rig.state().alarms > 1) break;
    }
    CHECK(rig.state().alarms == 2);  // that it did not confirm
    CHECK(rig.engine->over());
    CHECK(rig.state().commands.at(dose.id()).open());
  }
  SECTION("the first one again, which knows: it is believed") {
    rig.ledger = "second";
    rig.link_up("boot-2");
    rig.ledger = "first";
    rig.link_up("boot-3");
    rig.answer(dose.id(), wire::CommandState::INTERRUPTED, "boot-3");
    CHECK(rig.state().experiment(1).help);
    CHECK(none_sent_again());
  }
}

// Goal: what a driver made safe because it forgot is no order of a person's: somebody is asked, as the file says.
// Method: a heating that has no attempt left, and a driver that comes back with another ledger.
TEST_CASE("a step that is lost with its driver's ledger is not given up in silence") {
  std::string campaign = testing::kCampaign;
  const std::string react = "step: react,";
  campaign.insert(campaign.find(react) + react.size(), " on_fault: {retry: 0, then: ask},");
  Rig rig(campaign);
  rig.ledger = "first";
  rig.link_up();
  rig.plan();
  rig.outcome(Rig::success(rig.take()));
  const auto is_heat = [](const wire::Command& command) { return command.capability() == "heat"; };
  const auto sent = std::find_if(rig.commands.begin(), rig.commands.end(), is_heat);
  REQUIRE(sent != rig.commands.end());
  const wire::Command heat = *sent;
  rig.commands.clear();
  rig.ledger = "second";
  rig.link_up("boot-2");
  rig.answer(heat.id(), wire::CommandState::NEVER_SEEN, "boot-2");
  CHECK_FALSE(rig.state().experiment(1).help);
  rig.confirm_stops();
  rig.give(TimePassed{});
  rig.answer(heat.id(), wire::CommandState::NEVER_SEEN, "boot-2");
  CHECK(rig.state().experiment(1).help);
  CHECK(std::none_of(rig.commands.begin(), rig.commands.end(), is_heat));
  State replayed;
  for (const Record& record : rig.journal) {
    replayed.apply(record);
    REQUIRE(state_of(snapshot_of(replayed)).canonical() == replayed.canonical());
  }
  CHECK(replayed.canonical() == rig.state().canonical());
}

}  // namespace athanor
