// Files that people write: the first byte chooses among a profile, a lab file, a document as such, a profile of SiLA 2,
// and a campaign.
#include <memory>

#include "adapters/profile.h"
#include "controller/campaign.h"
#include "core/error.h"
#include "instruments/lab.h"
#include "sila2/profile.h"
#include "tests/fuzz/target.h"

using namespace athanor;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text = test::text_of(data + 1, size - 1);
  try {
    switch (data[0] % 5) {
      case 0:
        parse_profile(text, "fuzzed");
        break;
      case 1:
        parse_lab(text, "fuzzed", ".");
        break;
      case 2:
        Document::parse(text, "fuzzed")->root().canonical();
        break;
      case 3:
        athanor::sila2::read_profile(Document::parse(text, "fuzzed"));
        break;
      default:
        parse_campaign(text, "fuzzed", ".");
    }
  } catch (const InputError& error) {
    for (const Mistake& mistake : error.mistakes()) to_string(mistake.place);
  }
  return 0;
}
