// Goal: mistakes are told with their places, faults by their kinds. Method: exact texts.
#include "core/error.h"

#include <catch2/catch.hpp>

#include "core/outcome.h"

using namespace athanor;

TEST_CASE("a place leaves out what is unknown", "[error]") {
  CHECK(to_string(Place{"a.yaml", 3, 7}) == "a.yaml:3:7");
  CHECK(to_string(Place{"a.yaml", 3, 0}) == "a.yaml:3");
  CHECK(to_string(Place{"a.yaml", 0, 0}) == "a.yaml");
  CHECK(to_string(Place{"", 3, 7}) == "line 3:7");
  CHECK(to_string(Place{}).empty());
}

TEST_CASE("an InputError carries all mistakes, one a line", "[error]") {
  const InputError error({{{"a.yaml", 1, 2}, "first"}, {{"a.yaml", 3, 4}, "second"}});
  CHECK(std::string(error.what()) == "a.yaml:1:2: first\na.yaml:3:4: second");
  CHECK(error.mistakes().size() == 2);
  CHECK(std::string(InputError("alone").what()) == "alone");
  CHECK(std::string(InputError(Place{"f", 1, 1}, "here").what()) == "f:1:1: here");
}

TEST_CASE("an outcome is either a value or a fault", "[error]") {
  const Outcome<int> value(7);
  CHECK(value.ok());
  CHECK(value.value() == 7);
  const Outcome<int> fault(Fault{Fault::Kind::kStock, "empty"});
  CHECK_FALSE(fault);
  CHECK(fault.fault() == Fault{Fault::Kind::kStock, "empty"});
  CHECK(std::string(to_string(fault.fault().kind)) == "stock");
}
