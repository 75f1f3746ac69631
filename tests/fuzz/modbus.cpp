// What a Modbus device answers: the first byte chooses the register that is read or written, and whether the answer
// carries the number of the question, without which nobody looks at the rest of it.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "adapters/bus.h"
#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "core/check.h"
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

/// Answers one question of each connection, and says no more.
class Device {
 public:
  Device() {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    ATHANOR_CHECK(bind(listening_, reinterpret_cast<sockaddr*>(&here), size) == 0 && listen(listening_, 8) == 0,
                  "no socket");
    getsockname(listening_, reinterpret_cast<sockaddr*>(&here), &size);
    address = "tcp://127.0.0.1:" + std::to_string(ntohs(here.sin_port));
    std::thread([this] { live(); }).detach();
  }

  std::string address;
  std::string answer;  ///< to be set before the connection is made, which orders it
  bool numbered = true;

 private:
  [[noreturn]] void live() {
    for (;;) {
      const int line = accept(listening_, nullptr, nullptr);
      char asked[260];
      std::string said = answer;
      if (recv(line, asked, sizeof asked, 0) > 1) {
        if (numbered)
          said.replace(0, std::min<std::size_t>(2, said.size()), asked, std::min<std::size_t>(2, said.size()));
        if (send(line, said.data(), said.size(), MSG_NOSIGNAL) >= 0) shutdown(line, SHUT_WR);
        while (recv(line, asked, sizeof asked, 0) > 0) {
        }
      }
      close(line);
    }
  }

  const int listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const Profile profile = parse_profile(kProfile, "fuzzed");
  static Device& device = *new Device;  // its thread outlives all
  static const nlohmann::json steps[] = {
      {{"read", "bit"}},  {{"read", "contact"}}, {{"read", "word"}},           {{"read", "signed"}},
      {{"read", "long"}}, {{"read", "real"}},    {{"write", {{"bit", true}}}}, {{"write", {{"long", 70000}}}}};
  const nlohmann::json& step = steps[data[0] & 7];
  device.numbered = (data[0] & 8) == 0;
  device.answer = test::text_of(data + 1, size - 1);
  Lines lines;
  const auto bus = profile.adapter->bus_to(device.address, lines);
  if (!bus->connect(true)) bus->exchange(step.begin().key(), step);
  return 0;
}
