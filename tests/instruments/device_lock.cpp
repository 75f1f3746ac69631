#include "instruments/device_lock.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <optional>

#include "core/error.h"

using namespace athanor;
using Catch::Contains;

namespace {

/// Of no other test, nor of this one in another checkout.
std::string address(const std::string& host = "localhost") {
  return "tcp://" + host + ":9" + std::to_string(getpid());
}

}  // namespace

TEST_CASE("a device over the network is spoken for by one driver on a machine") {
  // Goal: two ledgers never tell one device the same thing twice. Method: every spelling of an address, in one process.
  std::optional<DeviceLock> first;
  first.emplace(address(), "pump");
  for (const char* host : {"localhost", "LOCALHOST", "127.0.0.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    CHECK_THROWS_WITH(DeviceLock(address(host), "pump"),
                      Contains(address(host)) &&
                          Contains("another driver on this machine (process " + std::to_string(getpid()) + ")"));
  }
  CHECK_NOTHROW(DeviceLock(address("127.0.0.2"), "pump"));
  CHECK_NOTHROW(DeviceLock(address(), "heater"));  // another part of it
  first.reset();
  CHECK_NOTHROW(DeviceLock(address(), "pump"));
}

TEST_CASE("who is killed speaks for no device any more, and one that is ending is waited for") {
  int told[2];
  REQUIRE(pipe(told) == 0);
  const pid_t holder = fork();
  if (holder == 0) {
    const DeviceLock lock(address("held"), "");  // of this process's own number: the parent asks for it below
    (void)!write(told[1], "x", 1);
    poll(nullptr, 0, 300);
    raise(SIGKILL);
  }
  char byte = 0;
  REQUIRE(read(told[0], &byte, 1) == 1);
  CHECK_NOTHROW(DeviceLock("tcp://held:9" + std::to_string(holder), ""));
  waitpid(holder, nullptr, 0);
  close(told[0]);
  close(told[1]);
}
