// Connections over TCP, each step of which has a time and can be broken off: the name, and the way there.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/interrupt.h"
#include "adapters/wiring.h"
#include "core/outcome.h"

namespace athanor {

struct SocketAddress {
  sockaddr_storage where{};
  socklen_t size = 0;
};

/// Finds the addresses of a host; gives an error of getaddrinfo(3), or 0. May block for as long as it likes.
using Lookup = std::function<int(const HostAndPort&, std::vector<SocketAddress>&)>;
int system_lookup(const HostAndPort& whom, std::vector<SocketAddress>& found);

/// Makes `made` a connected socket that does not block, and sends small messages at once. Otherwise kLink with why, as
/// it follows on “cannot be reached: ”; kInterrupted when `interrupt` was set.
std::optional<Fault> connect_tcp(const HostAndPort& whom, double timeout_s, const Interrupt& interrupt,
                                 Descriptor& made, const Lookup& lookup = system_lookup);

/// Whether the other end of a connection has closed it, or it broke. Takes nothing from what was heard.
bool hung_up(int socket);

}  // namespace athanor
