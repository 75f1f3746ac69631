// Goal: a late, lost or doubled answer is never taken for the answer to another question. The property that a profile's
// results stand on.
// Method: a device that tags each answer with the question's own number, and from a seed answers late, twice, in
// halves, or not at all, over TCP and at a serial line; whatever a command gives must bear its own number.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

// The profile does not look at the tag: what protects the results is the line alone.
std::string profile_of(bool greeted) {
  return fmt::format(R"(
profile: tagger
text: {{timeout: 40 ms}}
{}
safe: nothing
capabilities:
  echo:
    with: {{n: {{}}}}
    gives: {{first: {{}}, second: {{}}}}
    do:
      - {{ask: "A {{n:d}}", take: {{first: all}}}}
      - {{ask: "B {{n:d}}", take: {{second: all}}}}
)",
                     greeted ? "hello: [{ask: HELLO, expect: '^I am here'}]" : "");
}

}  // namespace

TEST_CASE("An answer to another question is never taken", "[text]") {
  const auto kind = GENERATE(LineDevice::Kind::kTcp, LineDevice::Kind::kSerial);
  const bool greeted = GENERATE(true, false);
  // Without a hello a serial line is listened to for one more timeout; with one, however late an answer comes.
  const double latest = kind == LineDevice::Kind::kSerial && !greeted ? 0.07 : 0.3;
  RandomStream random(7, fmt::format("lateness {} {}", static_cast<int>(kind), greeted));
  double last_answer_at = 0;
  LineDevice device(
      [&](const std::string& line) -> Reaction {
        const std::string answer = line == "HELLO" ? "I am here\n" : line.substr(2) + "\n";
        // A device answers in the order in which it was asked.
        double after_s = std::max(0.0, last_answer_at - monotonic_seconds());
        const double chance = random.uniform();
        if (chance < 0.06) return {};
        if (chance < 0.15) after_s += latest * random.uniform();
        if (after_s > 0) last_answer_at = monotonic_seconds() + after_s + 1e-4;
        // The second of two at a serial line may come while the next one is waited for, and nothing tells them apart.
        if (chance < 0.2 && kind == LineDevice::Kind::kTcp) return {.text = answer + answer, .after_s = after_s};
        if (chance < 0.24) return {.text = answer.substr(0, 1), .after_s = after_s};
        return {.text = answer, .after_s = after_s};
      },
      kind);
  Station station(profile_of(greeted), device.address());
  int good = 0;
  for (int i = 1000; i < 1050; ++i) {
    const wire::Outcome outcome = station.carry_out(command(fmt::format("k{}", i), "echo", {number_value("n", i, "")}));
    if (!outcome.done()) continue;
    ++good;
    INFO(fmt::format("{} greeted {}", device.address(), greeted));
    REQUIRE(number(outcome, "first") == i);
    REQUIRE(number(outcome, "second") == i);
  }
  CHECK(good >= 10);
}
