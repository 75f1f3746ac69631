#include "core/utf8.h"

#include <fmt/format.h>

namespace athanor {

std::optional<std::size_t> bad_byte(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = byte(i), second = byte(i + 1);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : (lead & 0xF0) == 0xE0 ? 3 : 4;
    bool good = lead < 0x80 || (lead >= 0xC2 && lead < 0xF5);
    for (std::size_t k = 1; good && k < length; ++k) good = (byte(i + k) & 0xC0) == 0x80;
    // Neither written longer than need be, nor half of a pair, nor beyond the last character.
    good = good && !(lead == 0xE0 && second < 0xA0) && !(lead == 0xED && second >= 0xA0) &&
           !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second >= 0x90);
    if (!good) return i;
    i += length;
  }
  return std::nullopt;
}

std::string as_utf8(std::string_view text) {
  std::string good;
  for (auto bad = bad_byte(text); bad; bad = bad_byte(text)) {
    good += text.substr(0, *bad);
    good += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[*bad]));
    text.remove_prefix(*bad + 1);
  }
  return good.append(text);
}

std::string_view shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace athanor
