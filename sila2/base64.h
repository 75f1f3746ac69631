// Bytes as a text in Base64 (RFC 4648).
#pragma once

#include <optional>
#include <string>

namespace athanor::sila2 {

/// Without line ends, and with or without the “=” at its end; none for what is no Base64.
std::optional<std::string> from_base64(const std::string& text);

}  // namespace athanor::sila2
