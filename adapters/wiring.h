// Where a device is, and how the line to it is set: what adapters for TCP and serial lines share.
#pragma once

#include <optional>
#include <string>

#include "core/document.h"

namespace athanor {

struct HostAndPort {
  std::string host;  ///< an IPv6 address without its brackets
  std::string port;
};
/// The parts of "tcp://HOST:PORT"; none if `address` is something else.
std::optional<HostAndPort> tcp_address(const std::string& address);
/// The device file of "serial:/dev/ttyUSB0"; none if `address` is something else.
std::optional<std::string> serial_address(const std::string& address);

/// Of a device that is spoken to through files or programs. Whether the folder is there, only the driver's machine
/// knows. throws InputError for what cannot be the path of one.
void require_folder(const std::string& address);

/// One of several devices at a line: "serial:/dev/ttyUSB0#3".
struct DeviceAddress {
  std::string line;                   ///< one of both above
  std::optional<std::string> device;  ///< what follows the “#”
};
/// throws InputError if it is none. kind: "a Modbus device", for the message.
DeviceAddress parse_device_address(const std::string& address, const std::string& kind);

struct SerialSettings {
  unsigned baud = 9600, data_bits = 8;
  std::string parity = "none", stop_bits = "1", flow = "none";
  bool operator==(const SerialSettings&) const = default;
};
std::string in_words(const SerialSettings& serial);
/// Mistakes are added to the document.
SerialSettings read_serial(const Node& node);

/// Holds the serial port for this opening of it alone; why that is not possible, in words, or nothing.
std::string claim_port(int port);

}  // namespace athanor
