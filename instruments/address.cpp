#include "instruments/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <string_view>

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

namespace {

constexpr const char* kThisMachine = "localhost";

std::string without_leading_zeros(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) return text;
  const std::size_t first = text.find_first_not_of('0');
  return first == std::string::npos ? "0" : text.substr(first);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// A host as `normal_address` has it; numbers as the system's resolver reads them ("127.1", "[0:0::1]").
std::string normal_host(std::string host) {
  host = lower(host);
  if (host.ends_with('.')) host.pop_back();
  const bool six_only = host.starts_with('[') && host.ends_with(']');
  if (six_only) host = host.substr(1, host.size() - 2);
  in_addr four{};
  in6_addr six{};
  if (!six_only && inet_aton(host.c_str(), &four) == 1) {
    if (ntohl(four.s_addr) == INADDR_LOOPBACK || four.s_addr == INADDR_ANY)
      return kThisMachine;  // 127.0.0.2 may be another server
    char text[INET_ADDRSTRLEN] = {};
    return inet_ntop(AF_INET, &four, text, sizeof text);
  }
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) {
    if (IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six)) return kThisMachine;
    if (IN6_IS_ADDR_V4MAPPED(&six))
      return normal_host(
          fmt::format("{}.{}.{}.{}", six.s6_addr[12], six.s6_addr[13], six.s6_addr[14], six.s6_addr[15]));
    char text[INET6_ADDRSTRLEN] = {};
    return fmt::format("[{}]", inet_ntop(AF_INET6, &six, text, sizeof text));
  }
  return host;
}

}  // namespace

std::string normal_address(const std::string& address) {
  const std::size_t hash = std::min(address.find('#'), address.size());
  const std::string device =
      hash < address.size() ? "#" + without_leading_zeros(address.substr(hash + 1)) : std::string();
  const std::string place = address.substr(0, hash);
  const std::string serial = "serial:";
  if (place.starts_with(serial)) {
    std::error_code unreadable;
    const std::filesystem::path file = place.substr(serial.size());
    const std::filesystem::path found = std::filesystem::weakly_canonical(file, unreadable);
    return serial + (unreadable ? file.lexically_normal() : found).string() + device;
  }
  const std::size_t scheme = place.find("://");
  if (scheme == std::string::npos || place.starts_with("ipc://")) return address;
  const std::string rest = place.substr(scheme + 3);
  const std::size_t end = std::min(rest.find('/'), rest.size());
  std::string host = rest.substr(0, end), path = rest.substr(end), port;
  const std::size_t colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    port = without_leading_zeros(host.substr(colon + 1));
    host.resize(colon);
  }
  static const std::map<std::string, std::string> usual_ports = {{"http", "80"}, {"https", "443"}, {"opc.tcp", "4840"}};
  const std::string protocol = lower(place.substr(0, scheme));
  if (const auto usual = usual_ports.find(protocol); port.empty() && usual != usual_ports.end()) port = usual->second;
  while (path.ends_with('/')) path.pop_back();
  return fmt::format("{}://{}{}{}{}{}", protocol, normal_host(host), port.empty() ? "" : ":", port, path, device);
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
  return host == kThisMachine;
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
