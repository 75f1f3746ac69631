// What every fuzz target is: takes any bytes and must come back, with no finding of a sanitizer and no broken check.
// Built with libFuzzer by script/fuzz; in every other build replay.cpp goes through the corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// The lexer of UDUNITS-2 (2.2.28) loses the text of a name at which its parser stops: a few bytes for each bad unit.
extern "C" [[gnu::used]] inline const char* __lsan_default_suppressions() {
  return "leak:utlex\n";
}

namespace athanor::test {

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace athanor::test
