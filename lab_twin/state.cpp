#include "lab_twin/state.h"

#include <array>
#include <charconv>

#include "core/check.h"
#include "core/error.h"

namespace athanor {

double State::get(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? 0 : found->second;
}

void State::set(std::string_view name, double value) {
  ATHANOR_CHECK(name.find('\n') == std::string_view::npos, "a name in a state holds a line break");
  const auto found = values_.find(name);
  if (found == values_.end()) {
    values_.emplace(name, value);
  } else {
    found->second = value;
  }
}

std::string State::text() const {
  std::string text;
  std::array<char, 32> number{};
  for (const auto& [name, value] : values_) {
    const auto end = std::to_chars(number.data(), number.data() + number.size(), value).ptr;
    text.append(name).append("=").append(number.data(), end).append("\n");
  }
  return text;
}

State State::parse(std::string_view text) {
  State state;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    const auto equals = line.rfind('=');  // the last one: a reagent's name may hold one, a number does not
    double value = 0;
    if (end == std::string_view::npos || equals == std::string_view::npos ||
        std::from_chars(line.data() + equals + 1, line.data() + line.size(), value).ptr != line.data() + line.size()) {
      throw EnvironmentError("the simulated world is damaged: “" + std::string(line) +
                             "” is not “name=number”; delete its folder");
    }
    state.values_.emplace(line.substr(0, equals), value);
    text.remove_prefix(end + 1);
  }
  return state;
}

}  // namespace athanor
