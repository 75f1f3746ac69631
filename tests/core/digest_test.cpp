// Goal: SHA-256 as everyone computes it. Method: the test vectors of FIPS 180-4 and of NIST's examples.
#include "core/digest.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace athanor;

TEST_CASE("SHA-256 gives the published digests", "[digest]") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(sha256(std::string(1'000'000, 'a'))) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  CHECK(sha256("abc").size() == 32);
  Sha256 digest;  // for many, and of two pieces
  for (int i = 0; i < 3; ++i) {
    CHECK(digest.of("", "") == sha256(""));
    CHECK(digest.of("ab", "c") == sha256("abc"));
    CHECK(digest.of("abc", "") == sha256("abc"));
  }
}

TEST_CASE("hexadecimal is lower case, two digits a byte", "[digest]") {
  CHECK(hex(std::string_view("\x00\x0f\xa0\xff", 4)) == "000fa0ff");
  CHECK(hex("").empty());
}

TEST_CASE("a running SHA-256 is that of all so far, however the bytes come", "[digest]") {
  const std::string text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  RunningSha256 running;
  CHECK(running.hex() == hex(sha256("")));
  for (std::size_t at = 0; at < text.size(); at += 7) {
    running.add(std::as_bytes(std::span(text).subspan(at, std::min<std::size_t>(7, text.size() - at))));
    CHECK(running.hex() == hex(sha256(text.substr(0, at + 7))));
  }
  RunningSha256 moved = std::move(running);
  CHECK(moved.hex() == hex(sha256(text)));
}
