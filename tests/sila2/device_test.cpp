// Goal: whoever looks at an instrument is told that its sensors cannot be read, and why, until it serves again. Method:
// a server that answers from memory, once by a lost link.
#include "sila2/device.h"

#include <catch2/catch.hpp>
#include <functional>
#include <thread>

#include "scripted_server.h"

namespace athanor::sila2 {
namespace {

using Catch::Matchers::Contains;

/// Until it holds. A test that waits in vain is ended by whoever runs it.
void wait_until(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::yield();
}

TEST_CASE("an instrument whose sensors cannot be read says so, until it serves again") {
  Script script;
  script.feature = feature_with(
      "<Property><Identifier>Level</Identifier><Observable>No</Observable><DataType><Basic>Real</Basic></DataType>"
      "</Property>");
  const Profile profile = read_profile(Document::parse("profile: thing\nsila2: {}\nsafe: nothing\n", "profile.yaml"));
  Executions executions("");
  const ScaledClock clock(Time{}, 1);
  const Device device =
      make_device(std::make_unique<Server>(std::make_unique<ScriptedChannel>(script), 1, "sila2://thing:1"), profile,
                  "thing-1", executions, clock);
  Instrument& thing = *device.instrument;
  CHECK(thing.trouble().empty());

  script.say("Get_Level", {}, {Channel::Code::kUnavailable, "Connection refused"});
  thing.readings(clock.now());
  wait_until([&] { return !thing.trouble().empty(); });
  CHECK_THAT(thing.trouble(), Contains("gives no readings: Thing.Get_Level: the server at sila2://thing:1 cannot be "
                                       "reached: nobody listens there"));

  script.say("Get_Level", {number(3)});
  wire::Command look;
  look.set_id("c1");
  look.set_instrument("thing-1");
  look.set_capability("thing.get_level");
  REQUIRE(thing.start(look, clock.now()));
  wait_until([&] { return !thing.poll(clock.now()).empty(); });
  CHECK(thing.trouble().empty());
  CHECK(script.times("Get_Level") == 2);
}

}  // namespace
}  // namespace athanor::sila2
