// Texts that people wrote, taken apart: the same in every locale.
#pragma once

#include <string_view>

namespace athanor {

/// Without the white space at both ends.
std::string_view trimmed(std::string_view text);

/// Whether a name may begin with it: a letter of English or an underscore.
bool is_letter(char c);

}  // namespace athanor
