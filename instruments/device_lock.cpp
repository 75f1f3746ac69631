#include "instruments/device_lock.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "core/digest.h"
#include "core/error.h"
#include "instruments/address.h"

namespace athanor {
namespace {

constexpr int kEndingMs = 1000;  // for a process that is just ending
constexpr int kTries = 100;      // where others try, too

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

/// Who holds the name, if that is so for longer than it takes to end: “process 1234”. Its end wakes us, since it ends
/// the connection, too. Empty: the name may be free now.
std::string holder_of(const sockaddr_un& name, socklen_t size) {
  const int fd = make_socket();
  ucred holder{};
  socklen_t holder_size = sizeof holder;
  std::string found;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&name), size) == 0 &&
      ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &holder_size) == 0) {
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, kEndingMs) == 0) found = fmt::format("process {}", holder.pid);
  }
  ::close(fd);
  return found;
}

}  // namespace

DeviceLock::DeviceLock(const std::string& address, const std::string& part) : fd_(make_socket()) {
  const auto [name, size] = name_of(normal_address(address) + "\n" + part);
  for (int i = 0; ::bind(fd_, reinterpret_cast<const sockaddr*>(&name), size) != 0; ++i) {
    std::string why = std::strerror(errno);
    if (errno == EADDRINUSE) {
      const std::string holder = holder_of(name, size);
      if (holder.empty() && i < kTries) continue;
      why =
          fmt::format("another driver on this machine ({}) speaks for it, with a ledger of its own; end that one first",
                      holder.empty() ? "one that ended meanwhile" : holder);
    }
    ::close(fd_);
    throw EnvironmentError(fmt::format("the device at {} cannot be spoken for: {}", address, why));
  }
  ::listen(fd_, SOMAXCONN);  // so that who holds it can be told
}

DeviceLock::~DeviceLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace athanor
