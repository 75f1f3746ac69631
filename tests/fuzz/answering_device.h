// A device over TCP whose answer is there before its question.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <string>

#include "adapters/interrupt.h"
#include "core/check.h"

namespace athanor::test {

/// So nobody waits for another thread.
class AnsweringDevice {
 public:
  AnsweringDevice() {
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    ATHANOR_CHECK(
        bind(listening_.get(), reinterpret_cast<sockaddr*>(&here), size) == 0 && listen(listening_.get(), 8) == 0,
        "no socket");
    getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&here), &size);
    address = "tcp://127.0.0.1:" + std::to_string(ntohs(here.sin_port));
  }

  /// On the connection that was made last, and hangs up.
  Descriptor answer(const std::string& said) const {
    Descriptor line;
    for (;;) {
      Descriptor next(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (next.get() < 0) break;
      line = std::move(next);
    }
    ATHANOR_CHECK(send(line.get(), said.data(), said.size(), MSG_NOSIGNAL) >= 0, "nothing sent");
    shutdown(line.get(), SHUT_WR);
    return line;
  }

  std::string address;

 private:
  const Descriptor listening_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
};

}  // namespace athanor::test
