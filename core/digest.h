// SHA-256, for the journal's chain and for content keys.
#pragma once

#include <string>
#include <string_view>

namespace athanor {

/// 32 bytes.
std::string sha256(std::string_view bytes);
/// Lower-case hexadecimal.
std::string hex(std::string_view bytes);

}  // namespace athanor
