#include "lab_twin/wire_rtu.h"

namespace athanor {
namespace {

constexpr std::size_t kShortest = 4, kLongest = 256;  // bytes of a frame
constexpr std::size_t kCrc = 2;
// Of Modbus TCP: transaction, protocol and length, two bytes each; the unit follows, as in a frame.
constexpr std::size_t kTcpHeader = 6;

/// Of the frame that `heard` begins with; none if that is not to be told yet, or not from its function.
std::optional<std::size_t> length_of(std::string_view heard) {
  constexpr std::size_t kPlain = 8;        // unit, function, two words
  constexpr std::size_t kCountsBytes = 7;  // unit, function, two words, and how many bytes follow
  constexpr std::size_t kLastReadOrWriteOne = 6, kWriteCoils = 15, kWriteRegisters = 16;
  if (heard.size() < 2) return std::nullopt;
  const auto function = static_cast<std::uint8_t>(heard[1]);
  if (function >= 1 && function <= kLastReadOrWriteOne) return kPlain;
  if ((function != kWriteCoils && function != kWriteRegisters) || heard.size() < kCountsBytes) return std::nullopt;
  return kCountsBytes + static_cast<std::uint8_t>(heard[kCountsBytes - 1]) + kCrc;
}

/// The checksum over a frame and its own checksum is 0.
bool is_frame(std::string_view bytes) {
  return bytes.size() >= kShortest && bytes.size() <= kLongest && modbus_crc(bytes) == 0;
}

}  // namespace

std::optional<ModbusMessage> next_rtu_message(std::string& heard, bool silent) {
  const auto known = length_of(heard);
  const std::size_t length = known.value_or(heard.size());
  if (heard.size() < length || (!known && !silent)) {
    if (silent || heard.size() > kLongest) heard.clear();
    return std::nullopt;
  }
  const std::string frame = heard.substr(0, length);
  if (!is_frame(frame)) {
    heard.clear();  // where the next one begins, only a silence tells
    return std::nullopt;
  }
  heard.erase(0, length);
  const std::size_t said = length - kCrc;
  std::string message(kTcpHeader, '\0');
  message.back() = static_cast<char>(said);
  return ModbusMessage{static_cast<std::uint8_t>(frame[0]), message + frame.substr(0, said)};
}

std::string rtu_frame(std::string_view answer) {
  std::string frame(answer.substr(kTcpHeader));
  const std::uint16_t crc = modbus_crc(frame);
  frame += static_cast<char>(crc & 0xff);
  frame += static_cast<char>(crc >> 8);
  return frame;
}

std::uint16_t modbus_crc(std::string_view bytes) {
  constexpr std::uint16_t kPolynomial = 0xa001;  // x¹⁶ + x¹⁵ + x² + 1, lowest power first
  unsigned crc = 0xffff;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
  }
  return static_cast<std::uint16_t>(crc);
}

}  // namespace athanor
