// The machine's chance: for what must be unlike anything that any other process makes.
#include <fmt/format.h>

#include <random>

#include "athanor/commands.h"

namespace athanor {

std::string random_digits(int count) {
  std::random_device device;
  std::string digits;
  while (static_cast<int>(digits.size()) < count) digits += fmt::format("{:08x}", device());
  return digits.substr(0, count);
}

}  // namespace athanor
