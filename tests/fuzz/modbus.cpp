// What a Modbus device answers: the first byte chooses the register that is read or written, and whether the answer
// carries the number of the question, without which nobody looks at the rest of it.
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "adapters/bus.h"
#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "tests/fuzz/answering_device.h"
#include "tests/fuzz/target.h"

using namespace athanor;

namespace {

constexpr const char* kProfile = R"(
profile: fuzzed
modbus:
  registers:
    bit: {coil: 0}
    contact: {discrete: 7}
    word: {holding: 1, scale: 0.1}
    signed: {input: 2, type: int16}
    long: {holding: 3, type: int32}
    real: {input: 5, type: float32}
safe: nothing
capabilities: {look: {gives: {word: {}}, do: [{read: word, take: {word: {at: /word}}}]}}
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const Profile profile = parse_profile(kProfile, "fuzzed");
  static const test::AnsweringDevice device;
  static const nlohmann::json steps[] = {
      {{"read", "bit"}},  {{"read", "contact"}}, {{"read", "word"}},           {{"read", "signed"}},
      {{"read", "long"}}, {{"read", "real"}},    {{"write", {{"bit", true}}}}, {{"write", {{"long", 70000}}}}};
  const nlohmann::json& step = steps[data[0] & 7];
  std::string answer = test::text_of(data + 1, size - 1);
  constexpr std::string_view kNumber("\0\1", 2);  // of the first question of a connection
  const bool numbered = (data[0] & 8) == 0;
  if (numbered) answer.replace(0, kNumber.size(), kNumber);
  Lines lines;
  const auto bus = profile.adapter->bus_to(device.address, lines);
  if (bus->connect(true)) return 0;
  const Descriptor line = device.answer(answer);
  bus->exchange(step.begin().key(), step);
  return 0;
}
