#include "instruments/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>

#include "core/error.h"

namespace athanor {

std::optional<std::string> ipc_path(const std::string& address) {
  constexpr std::string_view kScheme = "ipc://";
  if (!address.starts_with(kScheme)) return std::nullopt;
  std::string path = address.substr(kScheme.size());
  constexpr std::size_t kLimit = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kLimit) {
    throw EnvironmentError(
        fmt::format("the path {} is {} bytes long; the path of a local socket may have {} at most. Choose "
                    "a shorter folder",
                    path, path.size(), kLimit));
  }
  if (path.starts_with('@')) return std::nullopt;
  return path;
}

bool stays_on_this_machine(const std::string& address) {
  if (address.starts_with("ipc://")) return true;
  constexpr std::string_view kScheme = "tcp://";
  const std::size_t port = address.rfind(':');
  if (!address.starts_with(kScheme) || port <= kScheme.size()) return false;
  std::string host = address.substr(kScheme.size(), port - kScheme.size());
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return host == "localhost";
}

namespace {

constexpr const char* kDataEnding = ".data";

bool all_digits(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_port(const std::string& text) {
  constexpr int kLastPort = 65535, kDigits = 5;
  return all_digits(text) && text.size() <= kDigits && std::stoi(text) >= 1 && std::stoi(text) <= kLastPort;
}

}  // namespace

std::string data_bind_address(const std::string& address, unsigned port) {
  if (address.starts_with("ipc://")) return address + kDataEnding;
  return fmt::format("{}:{}", address.substr(0, address.rfind(':')), port > 0 ? std::to_string(port) : "*");
}

std::string data_place(const std::string& bound) {
  return bound.starts_with("ipc://") ? kDataEnding : bound.substr(bound.rfind(':') + 1);
}

std::optional<std::string> data_address(const std::string& address, const std::string& place) {
  if (address.starts_with("ipc://"))
    return place.empty() || place.find('/') != std::string::npos ? std::nullopt : std::optional(address + place);
  if (!is_port(place)) return std::nullopt;
  return fmt::format("{}:{}", address.substr(0, address.rfind(':')), place);
}

void require_port(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with("tcp://") || colon < std::string_view("tcp://").size()) return;
  const std::string port = address.substr(colon + 1);
  // ZeroMQ takes 99999 for 34463, −1 for 65535 and 5571x for 5571.
  if (port != "*" && !is_port(port))
    throw InputError(fmt::format("“{}” has the port {}; expected 1 to 65535", address, port));
}

const std::string& require_key(const std::string& address, bool has_key, const std::string& what) {
  require_port(address);
  const bool ours = address.starts_with("tcp://") || address.starts_with("ipc://");
  if (has_key || !ours || stays_on_this_machine(address)) return address;  // what is no address, ZeroMQ refuses
  throw InputError(fmt::format(
      "{} at {} can be reached from other machines and has no key: whoever reaches it could command the instruments. "
      "Give it one (“athanor keys new NAME”, and “key: NAME” beside its endpoint in the lab file; docs/security.md), "
      "or "
      "use tcp://127.0.0.1:PORT or ipc://FILE",
      what, address));
}

}  // namespace athanor
