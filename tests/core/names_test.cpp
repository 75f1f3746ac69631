// Goal: a slip of the pen finds its name, another word does not. Method: examples of each kind of slip.
#include <catch2/catch.hpp>

#include "core/document.h"

using namespace athanor;

TEST_CASE("one letter more, less, wrong or swapped is a slip", "[names]") {
  const std::vector<std::string> known = {"temperature", "residence", "yield", "ph"};
  for (const char* word : {"temperture", "temperatuer", "temperaturee", "Temperature", "tempersture", "temp"}) {
    CAPTURE(word);
    CHECK(nearest_name(word, known) == "temperature");
  }
  CHECK(nearest_name("yeild", known) == "yield");
  CHECK(nearest_name("pH", known) == "ph");
  for (const char* word : {"", "pressure", "x", "catalyst"}) CHECK_FALSE(nearest_name(word, known));
  CHECK_FALSE(nearest_name(std::string(100'000, 'x'), known));
}

TEST_CASE("a suggestion names the nearest, or what is known", "[names]") {
  CHECK(suggest_name("yeild", {"yield", "cost"}) == " (did you mean “yield”?)");
  CHECK(suggest_name("zzz", {"yield", "cost"}) == " (known: yield, cost)");
  CHECK(suggest_name("zzz", {}).empty());
  std::vector<std::string> many(20, "name");
  CHECK(suggest_name("zzz", many).size() < 100);
}
