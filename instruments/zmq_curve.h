// The arithmetic of ZeroMQ's CURVE keys: Curve25519 in the text form Z85 (ZeroMQ RFC 26 and 32).
#pragma once

#include <string>

namespace athanor {

struct CurvePair {
  std::string secret, key;  ///< 40 characters of Z85 each; `key` is the public half
};

/// throws EnvironmentError if the ZeroMQ library of this machine was built without CURVE.
CurvePair new_curve_pair();
/// The public half of `secret`; empty if that is no key.
std::string curve_public_half(const std::string& secret);
/// Whether `text` is 32 bytes in Z85.
bool is_curve_key(const std::string& text);
/// Z85 of 32 bytes, as a ZAP request carries a key; empty if there are not 32.
std::string curve_text(const std::string& bytes);
bool curve_is_there();

}  // namespace athanor
