// Feature definitions as a SiLA 2 server gives them: read, made into messages, and offered.
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/messages.h"
#include "sila2/offers.h"
#include "sila2/results.h"
#include "tests/fuzz/target.h"

using namespace athanor;
namespace sila = athanor::sila2;  // not the standard's own messages, in ::sila2

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const std::string text(test::text_of(data, size));
    std::vector<sila::Known> features;
    features.push_back({sila::parse_feature(text, "fuzzed"), text, nullptr});
    features[0].messages = std::make_unique<sila::Messages>(features[0].feature);
    const sila::Offers offers = sila::offers_of(features);
    for (const sila::Offer& offer : offers.capabilities) {
      driver::v1::Instrument instrument;
      instrument.set_id("fuzzed");
      *instrument.add_capabilities() = offer.description;
      mistakes_in(instrument);
      // Every leaf is where the messages have it.
      const auto answer = features[0].messages->make(offer.call + "_Responses");
      sila::results_in(*answer, offer.results);
      if (offer.property) continue;
      const auto request = features[0].messages->make(offer.call + "_Parameters");
      for (const sila::Leaf& leaf : offer.parameters) {
        for (const char* given : {"", "[]", "[0]", "[\"0\"]", "[{}]"})
          sila::put(leaf, leaf.field.is_text() ? text_value("", given) : driver::v1::Value(), *request);
      }
    }
  } catch (const InputError&) {
  }
  return 0;
}
