// What the languages in lines of text share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

/// The next line, without its end (LF or CRLF), taken off the front; none if there is no whole one.
std::optional<std::string> next_line(std::string& heard);

/// What `separator` separates outside of double quotes; spaces around each part are dropped.
std::vector<std::string> parts_of(std::string_view text, char separator);

/// Without its double quotes, where it has them; a doubled one inside is one.
std::string unquoted(std::string_view text);

std::string upper(std::string_view text);

/// A text with a byte changed and another lost.
std::string garbled(std::string text);

}  // namespace athanor
