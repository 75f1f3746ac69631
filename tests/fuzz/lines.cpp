// What a device says in lines of text, as it comes over a connection: found, however it is cut, and told apart.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/bus.h"
#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "tests/fuzz/answering_device.h"
#include "tests/fuzz/target.h"

using namespace athanor;

namespace {

constexpr const char* kProfile = R"(
profile: fuzzed
text: {address: "7", answer_ends: "\r\n", answer_starts: "#{address}"}
safe: nothing
capabilities: {look: {gives: {line: {text: true}}, do: [{ask: "#{address}", take: {line: {field: 1, text: true}}}]}}
)";

/// The lines that begin as they should, up to the first that does not, or has no end.
std::vector<std::string> lines_in(std::string_view said) {
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t end = said.find("\r\n");
    if (end == std::string_view::npos || !said.starts_with("#7")) return lines;
    lines.emplace_back(said.substr(2, end - 2));
    said.remove_prefix(end + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Profile profile = parse_profile(kProfile, "fuzzed");
  static const test::AnsweringDevice device;
  static const nlohmann::json step = {{"listen", ""}};
  const std::string said = test::text_of(data, size);
  Lines lines;
  const auto bus = profile.adapter->bus_to(device.address, lines);
  if (bus->connect(true)) return 0;
  const Descriptor line = device.answer(said);
  std::vector<std::string> heard;
  for (auto answer = bus->exchange("listen", step); answer; answer = bus->exchange("listen", step))
    heard.push_back(answer.value().get<std::string>());
  ATHANOR_CHECK(heard == lines_in(said), "other lines were heard than were said");
  return 0;
}
