#include "tests/instruments/bare_tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

namespace athanor::rig {

namespace {

sockaddr_in at_port_of(const std::string& address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  return at;
}

}  // namespace

Tcp::Tcp(const std::string& address) : fd(::socket(AF_INET, SOCK_STREAM, 0)) {
  const sockaddr_in at = at_port_of(address);
  connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
}

Tcp::~Tcp() {
  ::close(fd);
}

void Tcp::send(const std::string& bytes) const {
  CHECK(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
}

std::string Tcp::receive() const {
  char block[4096];
  const ssize_t size = ::recv(fd, block, sizeof block, 0);
  return {block, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

void Tcp::read_to_end() const {
  while (!receive().empty()) {
  }
}

Proxy::Proxy(const std::string& to) : listener_(::socket(AF_INET, SOCK_STREAM, 0)), to_(to) {
  const sockaddr_in at = at_port_of(address);
  REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::listen(listener_, 5) == 0);
  thread_ = std::thread([this] { run(); });
}

Proxy::~Proxy() {
  over_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string Proxy::said() {
  const std::lock_guard lock(mutex_);
  return said_;
}

std::string Proxy::answered() {
  const std::lock_guard lock(mutex_);
  return answered_;
}

void Proxy::say_again(const std::string& bytes) {
  send_over(server_, bytes);
}

void Proxy::answer_again(const std::string& bytes) {
  send_over(client_, bytes);
}

void Proxy::send_over(const int& end, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  REQUIRE(end >= 0);
  CHECK(::send(end, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

void Proxy::stands(int client, int server) {
  const std::lock_guard lock(mutex_);
  client_ = client;
  server_ = server;
}

void Proxy::run() {
  while (!over_) {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    const Tcp server(to_);
    if (server.connected) {  // otherwise the driver is not there yet
      stands(client, server.fd);
      pass(client, server);
      stands(-1, -1);
    }
    ::close(client);
  }
}

void Proxy::pass(int client, const Tcp& server) {
  char block[1 << 16];
  for (pollfd ends[] = {{client, POLLIN, 0}, {server.fd, POLLIN, 0}}; !over_;) {
    ::poll(ends, 2, 10);
    for (int i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      const ssize_t size = ::recv(ends[i].fd, block, sizeof block, 0);
      if (size <= 0) return;
      const std::string bytes(block, static_cast<std::size_t>(size));
      if (::send(ends[1 - i].fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) <= 0) return;
      const std::lock_guard lock(mutex_);
      (i == 0 ? said_ : answered_) += bytes;
    }
  }
}

}  // namespace athanor::rig
