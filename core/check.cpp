#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace athanor {

void check_failed(const char* file, int line, const char* condition, std::string_view message) {
  std::fprintf(stderr, "athanor: bug at %s:%d: %.*s (%s does not hold)\n", file, line, static_cast<int>(message.size()),
               message.data(), condition);
  std::abort();
}

}  // namespace athanor
