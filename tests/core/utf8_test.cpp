// Goal: whatever bytes a device sends, what is made of them is a text, and good texts stay as they are. Method: texts
// worked out by hand; random bytes, against what Protocol Buffers would take.
#include "core/utf8.h"

#include <catch2/catch.hpp>

#include "core/random.h"

using namespace athanor;

TEST_CASE("What is UTF-8 stays as it is, and other bytes are shown") {
  for (const std::string good : {"", "plain", "80 °C", "“…”", "\xf0\x9f\x94\xa5"}) {
    CHECK_FALSE(bad_byte(good));
    CHECK(as_utf8(good) == good);
  }
  const std::string with_nul("a\0b", 3);
  CHECK(as_utf8(with_nul) == with_nul);  // a character like any other
  CHECK(bad_byte("a\xff") == 1);
  CHECK(as_utf8("25 \xb0 C") == "25 \\xb0 C");          // Latin-1
  CHECK(as_utf8("\xe2\x80") == "\\xe2\\x80");           // cut off in the middle of a character
  CHECK(as_utf8("\xc0\xaf") == "\\xc0\\xaf");           // a slash, longer than need be
  CHECK(as_utf8("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // half of a pair
  CHECK(as_utf8("°\xff°") == "°\\xff°");
}

TEST_CASE("Of random bytes a text is made, once and for all") {
  RandomStream random(1, "utf8");
  for (int i = 0; i < 2000; ++i) {
    std::string bytes;
    for (int k = 0; k < 12; ++k) bytes += static_cast<char>(random.below(256));
    const std::string text = as_utf8(bytes);
    CHECK_FALSE(bad_byte(text));
    CHECK(as_utf8(text) == text);
    CHECK_FALSE(bad_byte(shortened(text, 7)));
  }
}

TEST_CASE("A text is shortened between two characters") {
  CHECK(shortened("abc", 3) == "abc");
  CHECK(shortened("ab°", 3) == "ab");
  CHECK(shortened("°", 0).empty());
}
