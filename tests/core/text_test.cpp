// Goal: texts are taken apart alike in every locale. Method: each character there is, against what is meant.
#include "core/text.h"

#include <catch2/catch.hpp>
#include <string>

using namespace athanor;

TEST_CASE("white space at both ends goes, and nothing else") {
  CHECK(trimmed("") == "");
  CHECK(trimmed(" \t\r\n\v\f") == "");
  CHECK(trimmed("\t two words \r\n") == "two words");
  for (int c = 0; c < 256; ++c) {
    const std::string one(1, static_cast<char>(c)), ends = one + "x y" + one;
    const bool space = one.find_first_of(" \t\r\n\v\f") == 0;
    CHECK(trimmed(ends) == (space ? "x y" : ends));
  }
}

TEST_CASE("a name begins with a letter of English or an underscore") {
  int letters = 0;
  for (int c = 0; c < 256; ++c) letters += is_letter(static_cast<char>(c)) ? 1 : 0;
  CHECK(letters == 53);
  for (const char c : {'a', 'z', 'A', 'Z', '_'}) CHECK(is_letter(c));
}
