#include "instruments/device_lock.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <thread>
#include <utility>

#include "core/digest.h"
#include "core/error.h"
#include "instruments/address.h"

namespace athanor {
namespace {

constexpr int kTries = 20;  // for a process that is just ending
constexpr std::chrono::milliseconds kBetween{50};

/// A name in the system's abstract space of sockets (unix(7)), which has no file and ends with who holds it.
std::pair<sockaddr_un, socklen_t> name_of(const std::string& device) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  RunningSha256 digest;
  digest.add(std::as_bytes(std::span(device)));
  const std::string text = "athanor-device-" + digest.hex();
  std::memcpy(name.sun_path + 1, text.data(), text.size());
  return {name, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size())};
}

int make_socket() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw EnvironmentError(fmt::format("a socket cannot be made: {}", std::strerror(errno)));
  return fd;
}

/// “ (process 1234)”, where that can be told.
std::string holder_of(const sockaddr_un& name, socklen_t size) {
  const int fd = make_socket();
  ucred holder{};
  socklen_t holder_size = sizeof holder;
  const bool known = ::connect(fd, reinterpret_cast<const sockaddr*>(&name), size) == 0 &&
                     ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &holder_size) == 0 && holder.pid > 0;
  ::close(fd);
  return known ? fmt::format(" (process {})", holder.pid) : "";
}

}  // namespace

DeviceLock::DeviceLock(const std::string& address, const std::string& part) : fd_(make_socket()) {
  const auto [name, size] = name_of(normal_address(address) + "\n" + part);
  for (int i = 0; ::bind(fd_, reinterpret_cast<const sockaddr*>(&name), size) != 0; ++i) {
    if (errno == EADDRINUSE && i < kTries) {
      std::this_thread::sleep_for(kBetween);
      continue;
    }
    const std::string why =
        errno == EADDRINUSE
            ? fmt::format(
                  "another driver on this machine{} speaks for it, with a ledger of its own; end that one first",
                  holder_of(name, size))
            : std::strerror(errno);
    ::close(fd_);
    throw EnvironmentError(fmt::format("the device at {} cannot be spoken for: {}", address, why));
  }
  ::listen(fd_, SOMAXCONN);  // so that who holds it can be told
}

DeviceLock::~DeviceLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace athanor
