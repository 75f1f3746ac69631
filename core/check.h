// A broken promise of our own code: says what and where, then aborts. Stays on in release builds.
#pragma once

#include <string_view>

namespace athanor {

[[noreturn]] void check_failed(const char* file, int line, const char* condition, std::string_view message);

}  // namespace athanor

/// Aborts with `message` unless `condition` holds. For bugs only: bad input throws InputError, a device's fault is a
/// Fault.
#define ATHANOR_CHECK(condition, message)                                               \
  do {                                                                                  \
    if (!(condition)) ::athanor::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
