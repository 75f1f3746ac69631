#include "adapters/connect.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "adapters/process.h"
#include "core/clock.h"
#include "core/quantity.h"

namespace athanor {
namespace {

/// What a lookup has found so far; shared with its thread, which may come to its end when nobody waits any more.
struct Question {
  Pipe answered;  ///< at its end when the answer is there
  std::mutex mutex;
  std::vector<SocketAddress> found;
  int error = 0;
};

enum class Wait { kReady, kLate, kInterrupted };

/// Until `fd` is ready for `what`.
Wait wait_for(int fd, short what, double end, const Interrupt& interrupt) {
  for (;;) {
    pollfd waits[] = {{fd, what, 0}, {interrupt.fd(), POLLIN, 0}};
    const double left = std::max(0.0, end - monotonic_seconds());
    const int ready = poll(waits, std::size(waits), static_cast<int>(std::ceil(left * 1000)));
    if (ready < 0 && errno == EINTR) continue;
    if (waits[1].revents != 0) return Wait::kInterrupted;
    return waits[0].revents != 0 ? Wait::kReady : Wait::kLate;
  }
}

int look_up(const HostAndPort& whom, int flags, std::vector<SocketAddress>& found) {
  addrinfo hints{};
  hints.ai_flags = flags;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  const int error = getaddrinfo(whom.host.c_str(), whom.port.c_str(), &hints, &first);
  if (error != 0) return error;
  for (const addrinfo* one = first; one != nullptr; one = one->ai_next) {
    SocketAddress& address = found.emplace_back();
    std::memcpy(&address.where, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
  }
  freeaddrinfo(first);
  return 0;
}

/// The system's resolver can neither be broken off nor be told how long it may take: it works in a thread of its own,
/// which is left to itself when the time is over. An address in numbers needs no resolver.
Outcome<std::vector<SocketAddress>> resolve(const HostAndPort& whom, double timeout_s, double end,
                                            const Interrupt& interrupt, const Lookup& lookup) {
  std::vector<SocketAddress> numbers;
  if (look_up(whom, AI_NUMERICHOST | AI_NUMERICSERV, numbers) == 0) return numbers;
  const auto question = std::make_shared<Question>();
  std::thread([question, whom, lookup] {
    std::vector<SocketAddress> found;
    const int error = lookup(whom, found);
    const std::lock_guard lock(question->mutex);
    question->found = std::move(found);
    question->error = error;
    question->answered.write.close();
  }).detach();
  switch (wait_for(question->answered.read.get(), POLLIN, end, interrupt)) {
    case Wait::kInterrupted:
      return kBrokenOff;
    case Wait::kLate:
      return Fault{Fault::Kind::kLink, fmt::format("no address was found for the name “{}” within {} s", whom.host,
                                                   pretty_number(timeout_s))};
    case Wait::kReady:
      break;
  }
  const std::lock_guard lock(question->mutex);
  if (question->error != 0)
    return Fault{Fault::Kind::kLink, fmt::format("the name “{}”: {}", whom.host, gai_strerror(question->error))};
  return question->found;
}

}  // namespace

int system_lookup(const HostAndPort& whom, std::vector<SocketAddress>& found) {
  return look_up(whom, 0, found);
}

std::optional<Fault> connect_tcp(const HostAndPort& whom, double timeout_s, const Interrupt& interrupt,
                                 Descriptor& made, const Lookup& lookup) {
  const double end = monotonic_seconds() + timeout_s;
  const auto found = resolve(whom, timeout_s, end, interrupt, lookup);
  if (!found) return found.fault();
  std::string why = "the name has no address";
  for (const SocketAddress& address : found.value()) {
    Descriptor fd(socket(address.where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int error = 0;
    if (fd.get() < 0 || (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.where), address.size) != 0))
      error = errno;
    if (error == EINPROGRESS) {
      const Wait waited = wait_for(fd.get(), POLLOUT, end, interrupt);
      if (waited == Wait::kInterrupted) return kBrokenOff;
      socklen_t size = sizeof error;
      if (waited == Wait::kLate || getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = ETIMEDOUT;
    }
    if (error == 0) {
      const int on = 1;
      setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      made = std::move(fd);
      return std::nullopt;
    }
    why = std::strerror(error);
  }
  return Fault{Fault::Kind::kLink, why};
}

bool hung_up(int socket) {
  char byte = 0;
  const ssize_t count = recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace athanor
