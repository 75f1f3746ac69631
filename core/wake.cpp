#include "core/wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/error.h"

namespace athanor {

Wake::Wake() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw EnvironmentError(std::string("cannot make an event descriptor: ") + std::strerror(errno));
}

Wake::~Wake() {
  close(fd_);
}

void Wake::notify() const noexcept {
  const std::uint64_t one = 1;
  // A full counter means that the loop is about to wake anyway.
  [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
}

void Wake::clear() const noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
}

}  // namespace athanor
