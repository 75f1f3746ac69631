#include "tests/instruments/secure_site.h"

#include <catch2/catch.hpp>

namespace athanor::rig {

void works(DriverLink& link, const ScaledClock& clock, const std::string& id) {
  link.send("hot", say(heat(id)));
  CHECK(await_message(link, clock, outcome_of(id)).outcome().done());
}

std::string complaint(DriverLink& link, const ScaledClock& clock) {
  return await_message(link, clock, kRefused).refused().why();
}

}  // namespace athanor::rig
