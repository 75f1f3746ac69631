#include "core/error.h"

#include <fmt/format.h>

#include "core/check.h"

namespace athanor {
namespace {

// One line a mistake, as compilers write them, so that editors can jump to the place.
std::string join(const std::vector<Mistake>& mistakes) {
  ATHANOR_CHECK(!mistakes.empty(), "an InputError without a mistake");
  std::string text;
  for (const Mistake& mistake : mistakes) {
    if (!text.empty()) text += '\n';
    const std::string place = to_string(mistake.place);
    text += place.empty() ? mistake.message : place + ": " + mistake.message;
  }
  // what() would end at a NUL that someone wrote.
  for (std::size_t at = 0; (at = text.find('\0', at)) != text.npos;) text.replace(at, 1, "\\x00");
  return text;
}

}  // namespace

std::string to_string(const Place& place) {
  std::string text = place.file;
  if (place.line > 0) text += fmt::format("{}{}", text.empty() ? "line " : ":", place.line);
  if (place.line > 0 && place.column > 0) text += fmt::format(":{}", place.column);
  return text;
}

InputError::InputError(const std::string& message) : InputError(std::vector<Mistake>{{Place{}, message}}) {}

InputError::InputError(const Place& place, const std::string& message)
    : InputError(std::vector<Mistake>{{place, message}}) {}

InputError::InputError(std::vector<Mistake> mistakes)
    : std::runtime_error(join(mistakes)), mistakes_(std::move(mistakes)) {}

}  // namespace athanor
