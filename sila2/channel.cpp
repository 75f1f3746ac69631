#include "sila2/channel.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/error.h"

namespace athanor::sila2 {
namespace {

constexpr const char* kSecure = "sila2://";
constexpr const char* kInsecure = "sila2-insecure://";
constexpr const char* kLibrary = "athanor_grpc.so";  // found by the program's run path

/// A name such as 127.0.0.1.example.org is another machine's.
bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

}  // namespace

bool is_address(const std::string& text) {
  return text.starts_with("sila2:") || text.starts_with("sila2-insecure:");
}

Address parse_address(const std::string& text) {
  Address address;
  address.secure = text.starts_with(kSecure);
  const std::string scheme = address.secure ? kSecure : kInsecure;
  const std::string expected = "expected “sila2://HOST:PORT”";
  if (!text.starts_with(scheme))
    throw InputError(fmt::format("“{}” is no address of a SiLA 2 server; {}", text, expected));
  address.target = text.substr(scheme.size());
  const std::size_t colon = address.target.rfind(':');
  const std::string host = address.target.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : address.target.substr(colon + 1);
  const auto digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (host.empty() || host.find('/') != std::string::npos || port.empty() || port.size() > 5 ||
      !std::all_of(port.begin(), port.end(), digit) || std::stoi(port) < 1 || std::stoi(port) > 65535)
    throw InputError(fmt::format("“{}” names no host and port; {}", text, expected));
  if (!address.secure && !is_loopback(host))
    throw InputError(
        fmt::format("“{}”: without TLS only servers on this machine are spoken to (127.0.0.1, [::1], localhost); "
                    "elsewhere use “sila2://{}”, with “root_certificate” in its profile where the server signs its own",
                    text, address.target));
  return address;
}

std::unique_ptr<Channel> open_channel(const Address& address) {
  using Open = Channel* (*)(const Address&);
  static const Open open = [] {
    void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    void* symbol = library != nullptr ? dlsym(library, "athanor_open_grpc_channel") : nullptr;
    if (symbol == nullptr)
      throw EnvironmentError(
          fmt::format("SiLA 2 servers are spoken to by the library {}, which cannot be loaded: {}; it is built "
                      "with the program, and belongs into ../lib beside the program's folder",
                      kLibrary, dlerror()));
    return reinterpret_cast<Open>(symbol);
  }();
  return std::unique_ptr<Channel>(open(address));
}

}  // namespace athanor::sila2
