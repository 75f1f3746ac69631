// Goal: a device that tells of its progress a thousand times a second is heard once a second, and what is heard is the
// newest. Method: the clock moved by hand.
#include "instruments/progress_pace.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace athanor;

namespace {

driver::v1::FromDriver progress(const std::string& id, double fraction) {
  driver::v1::FromDriver message;
  message.mutable_progress()->set_id(id);
  message.mutable_progress()->set_fraction(fraction);
  return message;
}

}  // namespace

TEST_CASE("the first report passes at once, then the newest once a second") {
  ProgressPace pace;
  CHECK(pace.due() == HUGE_VAL);
  CHECK(pace.may_pass(progress("a", 0), 100));
  for (int i = 1; i <= 900; ++i) CHECK_FALSE(pace.may_pass(progress("a", i / 1000.0), 100 + i / 1000.0));
  CHECK(pace.may_pass(progress("b", 0.5), 100.5));  // another command
  CHECK(pace.due() == 101);
  CHECK(pace.take(100.99).empty());
  const auto due = pace.take(101);
  REQUIRE(due.size() == 1);
  CHECK(due[0].progress().fraction() == 0.9);
  CHECK(pace.take(103).empty());
  CHECK_FALSE(pace.may_pass(progress("a", 0.95), 101.5));
  CHECK(pace.may_pass(progress("a", 0.97), 102));  // and what waited is older than this
  CHECK(pace.due() == HUGE_VAL);
}

TEST_CASE("of a command that has ended nothing is told any more") {
  ProgressPace pace;
  pace.may_pass(progress("a", 0), 0);
  pace.may_pass(progress("a", 0.5), 0.1);
  pace.forget("a");
  CHECK(pace.take(10).empty());
  CHECK(pace.may_pass(progress("a", 0), 10));
}
