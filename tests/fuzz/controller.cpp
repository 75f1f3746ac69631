// What a driver says to the engine, once its link is up: messages one after another, each after a byte that says how it
// comes and two of length. Whatever it is, the journal replays to the state that the engine has.
#include <cstdlib>

#include "core/check.h"
#include "instruments/description.h"
#include "tests/controller/fixture.h"
#include "tests/fuzz/target.h"

using namespace athanor;

namespace {

void hear(testing::Rig& rig, const std::string& bytes, bool of_another_start) {
  wire::FromDriver message;
  if (!message.ParseFromString(bytes)) return;
  // What the link sees to (instruments/zmq_link.cpp).
  message.set_version(1);
  message.set_driver("hands");
  message.set_boot(of_another_start ? "boot-2" : "boot-1");
  if (message.has_welcome() && !beyond_bounds(message.welcome()).empty()) return;
  rig.give(DriverSaid{message});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::Rig rig;  // reading its campaign takes longer than all else
  rig.journal.resize(1);
  rig.now = Time(std::chrono::seconds(1000));
  rig.suggested = 0;
  rig.restart();
  rig.link_up();
  for (std::size_t at = 0; at + 3 <= size;) {
    const unsigned how = data[at];
    const std::size_t length = std::min<std::size_t>(data[at + 1] + 256U * data[at + 2], size - at - 3);
    const std::string bytes = test::text_of(data + at + 3, length);
    at += 3 + length;
    if (!rig.asked.empty()) rig.plan();
    if (how % 8 == 1) rig.restart();
    rig.now += how % 8 == 2 ? std::chrono::hours(1) : std::chrono::seconds(1);
    rig.give(TimePassed{});
    hear(rig, bytes, how % 8 == 3);
  }
  State replayed;
  for (const Record& record : rig.journal) replayed.apply(record);
  ATHANOR_CHECK(replayed.canonical() == rig.state().canonical(), "the journal replays to another state");
  return 0;
}
