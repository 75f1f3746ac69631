#include "adapters/wiring.h"

#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace athanor {

std::optional<HostAndPort> tcp_address(const std::string& address) {
  const std::string scheme = "tcp://";
  if (!address.starts_with(scheme)) return std::nullopt;
  const std::string rest = address.substr(scheme.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  HostAndPort parts{rest.substr(0, colon), rest.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']'))
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  const bool digits = parts.port.find_first_not_of("0123456789") == std::string::npos;
  if (parts.host.empty() || parts.port.empty() || parts.port.size() > 5 || !digits) return std::nullopt;
  const int port = std::stoi(parts.port);
  if (port < 1 || port > 65535) return std::nullopt;
  return parts;
}

std::optional<std::string> serial_address(const std::string& address) {
  const std::string scheme = "serial:";
  if (!address.starts_with(scheme + "/")) return std::nullopt;
  return address.substr(scheme.size());
}

void require_folder(const std::string& address) {
  if (!address.empty() && address.find("://") == std::string::npos && !serial_address(address)) return;
  throw InputError(fmt::format(
      "“{}” is no folder; expected the path of the one in which the device's programs run, or its files lie", address));
}

DeviceAddress parse_device_address(const std::string& address, const std::string& kind) {
  DeviceAddress parts{address, std::nullopt};
  if (const std::size_t hash = address.find('#'); hash != std::string::npos) {
    parts.line = address.substr(0, hash);
    parts.device = address.substr(hash + 1);
  }
  if (parts.device && parts.device->find('#') != std::string::npos)
    throw InputError(fmt::format("“{}” names two devices; an instrument is one: expected one “#ADDRESS”", address));
  if ((tcp_address(parts.line) || serial_address(parts.line)) && parts.device != "") return parts;
  throw InputError(
      fmt::format("“{}” is no address of {}; expected “tcp://HOST:PORT” or “serial:/dev/ttyUSB0”, and “#ADDRESS” after "
                  "it where several devices share that line",
                  address, kind));
}

std::string in_words(const SerialSettings& serial) {
  return fmt::format("{} baud, {} data bits, parity {}, stop bits {}, flow {}", serial.baud, serial.data_bits,
                     serial.parity, serial.stop_bits, serial.flow);
}

std::string claim_port(int port) {
  if (flock(port, LOCK_EX | LOCK_NB) == 0) return "";
  return errno == EWOULDBLOCK ? "another program has the port" : std::strerror(errno);
}

SerialSettings read_serial(const Node& node) {
  SerialSettings settings;
  MapReader reader(node, "the serial line");
  if (const Node baud = reader.optional("baud")) {
    const long rate = baud.integer().value_or(9600);
    if (rate < 50 || rate > 4'000'000) baud.error(fmt::format("{} baud; expected 50 to 4000000", rate));
    settings.baud = static_cast<unsigned>(rate);
  }
  if (const Node bits = reader.optional("data_bits")) settings.data_bits = bits.one_of({"7", "8"}) == "7" ? 7 : 8;
  const auto choose = [&](const char* key, std::string& into, const std::vector<std::string>& allowed) {
    const Node found = reader.optional(key);
    if (found) into = found.one_of(allowed).value_or(into);
  };
  choose("parity", settings.parity, {"none", "even", "odd"});
  choose("stop_bits", settings.stop_bits, {"1", "1.5", "2"});
  choose("flow", settings.flow, {"none", "software", "hardware"});
  reader.finish();
  return settings;
}

}  // namespace athanor
