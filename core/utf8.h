// Texts that come from outside, as UTF-8: what Protocol Buffers and JSON do not take is found, or shown otherwise.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace athanor {

/// Where the first byte stands that is no part of a character of UTF-8; none in a good text.
std::optional<std::size_t> bad_byte(std::string_view text);

/// The same text with each such byte written as “\xff”.
std::string as_utf8(std::string_view text);

/// The first `bytes` of it at most, ending with a whole character.
std::string_view shortened(std::string_view text, std::size_t bytes);

}  // namespace athanor
