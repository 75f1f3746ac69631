// Goal: whoever looks at an instrument is told that its sensors cannot be read, and why, until it serves again; arrays
// go into the driver's window as far as there is room, before their outcome. Method: a server that answers from memory,
// once by a lost link; windows that are too small.
#include "sila2/device.h"

#include <catch2/catch.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "instruments/array_window.h"
#include "scripted_server.h"
#include "sila2/session.h"

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

/// A camera as an instrument, whose image has `pieces` pieces of the largest size that is handed on at once.
struct Camera {
  explicit Camera(std::size_t pieces, std::size_t window_bytes) : window(window_bytes) {
    script.feature = command_giving(named("Response", "Image", "<Basic>Binary</Basic>"));
    device = make_device(std::make_unique<Server>(std::make_unique<ScriptedChannel>(script), 1, "sila2://thing:1"),
                         profile, "thing-1", executions, clock);
    device.instrument->send_arrays_to(window);
    sila::Binary image;
    image.set_value(std::string(pieces * Session::kMostRows, 'x'));
    script.say("Do", {in_field_1(image.SerializeAsString())});
    command.set_id("c1");
    command.set_instrument("thing-1");
    command.set_capability("thing.do");
    window.open(command, device.instrument->describe().capabilities(0));
    REQUIRE(device.instrument->start(command, clock.now()));
  }

  /// As the driver's loop does.
  std::vector<wire::FromDriver> poll() {
    return device.instrument->wakes_at() <= clock.now() ? device.instrument->poll(clock.now())
                                                        : std::vector<wire::FromDriver>{};
  }
  wire::Outcome outcome() {
    std::vector<wire::FromDriver> heard;
    wait_until([&] { return !(heard = poll()).empty(); });
    return heard.front().outcome();
  }

  Script script;
  Profile profile = read_profile(Document::parse("profile: thing\nsila2: {}\nsafe: nothing\n", "profile.yaml"));
  Executions executions{""};
  ScaledClock clock{Time{}, 1};
  ArrayWindow window;
  Device device;
  wire::Command command;
};

TEST_CASE("all rows are in the window before the outcome is told") {
  Camera camera(5, std::size_t{8} << 20);
  const wire::Outcome outcome = camera.outcome();
  CHECK(outcome.done());
  CHECK(outcome.results().empty());  // the driver names the array, once it is stored
  CHECK(camera.window.held() == 5 * Session::kMostRows);
}

TEST_CASE("rows wait until there is room, and no longer than the command is wanted") {
  Camera camera(5, 2 * Session::kMostRows + 1);
  wait_until([&] { return camera.poll().empty() && camera.window.held() == 2 * Session::kMostRows; });
  for (int i = 0; i < 1000; ++i) CHECK(camera.poll().empty());
  CHECK(camera.window.held() == 2 * Session::kMostRows);
  camera.device.instrument->cancel("c1", camera.clock.now());
  CHECK(camera.outcome().fault() == wire::INTERRUPTED);
}

}  // namespace
}  // namespace athanor::sila2
