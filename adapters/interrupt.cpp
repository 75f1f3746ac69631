#include "adapters/interrupt.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/error.h"

namespace athanor {

void Descriptor::close() {
  if (fd_ >= 0) ::close(release());
}

Interrupt::Interrupt() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_.get() < 0) throw EnvironmentError(fmt::format("no event descriptor: {}", std::strerror(errno)));
}

void Interrupt::set() {
  set_ = true;
  const std::uint64_t one = 1;
  if (write(fd_.get(), &one, sizeof one) < 0) return;  // it is readable already
}

void Interrupt::clear() {
  set_ = false;
  std::uint64_t count = 0;
  if (read(fd_.get(), &count, sizeof count) < 0) return;  // nothing was there, which is no matter
}

}  // namespace athanor
