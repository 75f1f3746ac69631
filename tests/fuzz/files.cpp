// Files that people write: the first byte chooses among a profile, a lab file, and a document as such.
#include "adapters/profile.h"
#include "core/error.h"
#include "instruments/lab.h"
#include "tests/fuzz/target.h"

using namespace athanor;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text = test::text_of(data + 1, size - 1);
  try {
    if (data[0] % 3 == 0) {
      parse_profile(text, "fuzzed");
    } else if (data[0] % 3 == 1) {
      parse_lab(text, "fuzzed", ".");
    } else {
      Document::parse(text, "fuzzed")->root().canonical();
    }
  } catch (const InputError& error) {
    for (const Mistake& mistake : error.mistakes()) to_string(mistake.place);
  }
  return 0;
}
