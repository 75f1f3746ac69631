// Modbus TCP (Modbus Application Protocol 1.1b3; Modbus Messaging on TCP/IP 1.0b) for any simulated device.
// docs/twin.md has the registers.
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <map>

#include "lab_twin/wire_device.h"

namespace athanor {
namespace {

// Functions and exceptions of the protocol.
enum : std::uint8_t { kReadHolding = 3, kReadInput = 4, kWriteOne = 6, kWriteMany = 16 };
enum : std::uint8_t { kNoFault = 0, kIllegalFunction = 1, kIllegalAddress = 2, kIllegalValue = 3, kBusy = 6 };

constexpr std::size_t kHeader = 7;  // transaction, protocol and length, two bytes each, and the unit
constexpr std::uint16_t kMost = 125;

// Registers. Floating-point numbers take two, the high word first; texts are the number of their choice, from 0.
constexpr std::uint16_t kOrder = 0;        // holding: 1 and up begin the capability of that number, 99 ends what runs
constexpr std::uint16_t kPosition = 1;     // holding: of the sample, from 1
constexpr std::uint16_t kTag = 2;          // holding, 32 bits: whatever the next job is to be known by
constexpr std::uint16_t kParameters = 10;  // holding: parameter i of the capability at 10 + 2 i
constexpr std::uint16_t kStateAt = 0;      // input: 0 idle, 1 running, 2 done, 3 failed
constexpr std::uint16_t kFaultAt = 1;      // input: 1 device, 2 sample, 3 stock, 4 out of limits
constexpr std::uint16_t kJobsAt = 2;       // input, 32 bits: jobs that were ever begun
constexpr std::uint16_t kTagAt = 4;        // input, 32 bits: of the job that was ordered last
constexpr std::uint16_t kResults = 10;     // input: result i of the capability that ran at 10 + 2 i
constexpr std::uint16_t kReadings = 50;    // input: reading i at 50 + 2 i
constexpr std::uint16_t kEnd = 100;
constexpr std::uint16_t kAbort = 99;

std::uint16_t word_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}

void add_word(std::string& bytes, unsigned word) {
  bytes += static_cast<char>(word >> 8 & 0xff);
  bytes += static_cast<char>(word & 0xff);
}

class Modbus final : public WireLanguage {
 public:
  explicit Modbus(WireDevice& device) : device_(device) {}

  std::vector<std::string> hear(std::string& heard, Time now) override {
    std::vector<std::string> answers;
    while (const auto message = next_modbus_message(heard)) {
      const std::string reply = obey(message->bytes.substr(kHeader), now);
      std::string answer = message->bytes.substr(0, 4);
      add_word(answer, static_cast<unsigned>(reply.size() + 1));
      answer += message->bytes[6];
      answers.push_back(answer + reply);
    }
    return answers;
  }

  /// Of another question.
  std::string spoiled(std::string answer) const override {
    answer[1] = static_cast<char>(answer[1] + 1);
    return answer;
  }

 private:
  std::string obey(const std::string& request, Time now) {
    const auto function = static_cast<std::uint8_t>(request[0]);
    const auto refuse = [&](std::uint8_t why) {
      return std::string{static_cast<char>(function | 0x80), static_cast<char>(why)};
    };
    if (request.size() < 5) return refuse(kIllegalValue);
    const std::uint16_t address = word_at(request, 1), second = word_at(request, 3);
    switch (function) {
      case kReadHolding:
      case kReadInput: {
        if (second < 1 || second > kMost) return refuse(kIllegalValue);
        if (address + second > kEnd) return refuse(kIllegalAddress);
        if (function == kReadInput) refresh(now);
        std::string answer{static_cast<char>(function), static_cast<char>(2 * second)};
        for (std::uint16_t i = 0; i < second; ++i)
          add_word(answer, function == kReadHolding ? holding_[address + i] : input_[address + i]);
        return answer;
      }
      case kWriteOne: {
        if (address >= kEnd) return refuse(kIllegalAddress);
        holding_[address] = second;
        if (const std::uint8_t why = address == kOrder ? carry_out(now) : std::uint8_t{kNoFault}) return refuse(why);
        return request;
      }
      case kWriteMany: {
        if (second < 1 || second > kMost || request.size() != 6u + 2u * second) return refuse(kIllegalValue);
        if (address + second > kEnd) return refuse(kIllegalAddress);
        for (std::uint16_t i = 0; i < second; ++i) holding_[address + i] = word_at(request, 6 + 2u * i);
        if (const std::uint8_t why = address == kOrder ? carry_out(now) : std::uint8_t{kNoFault}) return refuse(why);
        return request.substr(0, 5);
      }
      default:
        return refuse(kIllegalFunction);
    }
  }

  /// What stands in the order register; the exception, if it cannot be.
  std::uint8_t carry_out(Time now) {
    const std::uint16_t order = std::exchange(holding_[kOrder], std::uint16_t{0});
    if (order == 0) return kNoFault;
    if (order == kAbort) {
      device_.abort(now);
      return kNoFault;
    }
    if (order > device_.description().capabilities_size()) return kIllegalValue;
    if (device_.state(now) == WireDevice::State::kRunning) return kBusy;
    const wire::Capability& capability = device_.description().capabilities(order - 1);
    std::map<std::string, WireDevice::Value> with;
    for (int i = 0; i < capability.parameters_size(); ++i) {
      const wire::Field& field = capability.parameters(i);
      const std::uint16_t at = static_cast<std::uint16_t>(kParameters + 2 * i);
      if (!field.is_text()) {
        with[field.name()] =
            static_cast<double>(std::bit_cast<float>(std::uint32_t{holding_[at]} << 16 | holding_[at + 1]));
      } else if (holding_[at] < field.choices_size()) {
        with[field.name()] = field.choices(holding_[at]);
      } else {
        return kIllegalValue;
      }
    }
    const std::uint16_t position = holding_[kPosition];
    std::string place;
    if (position > 0) {
      if (position > device_.places().size()) return kIllegalValue;
      place = device_.places()[position - 1u];
    }
    begun_ = order;
    tag_ = {holding_[kTag], holding_[kTag + 1]};
    refused_ = device_.begin(capability.name(), with, "", "", place, now);
    return kNoFault;  // a fault shows in the state
  }

  void refresh(Time now) {
    const auto put = [&](std::size_t at, double number) {
      const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(number));
      input_[at] = static_cast<std::uint16_t>(bits >> 16);
      input_[at + 1] = static_cast<std::uint16_t>(bits & 0xffff);
    };
    input_ = {};
    const WireDevice::State state = device_.state(now);
    const Fault* fault = refused_ ? &*refused_ : state == WireDevice::State::kFailed ? &device_.fault() : nullptr;
    input_[kStateAt] = static_cast<std::uint16_t>(refused_ ? WireDevice::State::kFailed : state);
    if (fault != nullptr) {
      input_[kFaultAt] = fault->kind == Fault::Kind::kSample  ? 2
                         : fault->kind == Fault::Kind::kStock ? 3
                         : fault->kind == Fault::Kind::kLimit ? 4
                                                              : 1;
    }
    input_[kJobsAt] = static_cast<std::uint16_t>(device_.jobs() >> 16 & 0xffff);
    input_[kJobsAt + 1] = static_cast<std::uint16_t>(device_.jobs() & 0xffff);
    input_[kTagAt] = tag_[0];
    input_[kTagAt + 1] = tag_[1];
    if (state == WireDevice::State::kDone && begun_ > 0 && !refused_) {
      const wire::Capability& capability = device_.description().capabilities(begun_ - 1);
      for (int i = 0; i < capability.results_size(); ++i) {
        const auto value = device_.result(capability.results(i).name());
        if (value && std::holds_alternative<double>(*value)) put(kResults + 2u * i, std::get<double>(*value));
      }
    }
    std::size_t at = kReadings;
    for (const wire::Value& reading : device_.readings(now)) {
      put(at, reading.number());
      at += 2;
    }
  }

  WireDevice& device_;
  std::array<std::uint16_t, kEnd> holding_{}, input_{};
  std::array<std::uint16_t, 2> tag_{};
  int begun_ = 0;                 ///< the number of the capability that ran last
  std::optional<Fault> refused_;  ///< the order that came last was not begun
};

}  // namespace

std::optional<ModbusMessage> next_modbus_message(std::string& heard) {
  if (heard.size() < kHeader) return std::nullopt;
  const std::size_t length = word_at(heard, 4);
  if (word_at(heard, 2) != 0 || length < 2 || length > 254) {
    heard.clear();  // not Modbus: nothing in it can be found again
    return std::nullopt;
  }
  if (heard.size() < 6 + length) return std::nullopt;
  ModbusMessage message{static_cast<std::uint8_t>(heard[6]), heard.substr(0, 6 + length)};
  heard.erase(0, 6 + length);
  return message;
}

std::unique_ptr<WireLanguage> speak_modbus(WireDevice& device) {
  return std::make_unique<Modbus>(device);
}

}  // namespace athanor
