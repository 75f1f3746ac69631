#include "instruments/zmq_curve.h"

#include <zmq.h>

#include <array>
#include <cstdint>

#include "core/error.h"

namespace athanor {

namespace {

constexpr std::size_t kBytes = 32, kCharacters = 40;
using Text = std::array<char, kCharacters + 1>;  // ZeroMQ ends them with a zero

}  // namespace

bool curve_is_there() {
  return zmq_has("curve") == 1;
}

CurvePair new_curve_pair() {
  Text key{}, secret{};
  if (!curve_is_there() || zmq_curve_keypair(key.data(), secret.data()) != 0) {
    throw EnvironmentError(
        "the ZeroMQ library of this machine was built without CURVE, so that links cannot be encrypted; install the "
        "distribution's (Debian: libzmq5)");
  }
  return {secret.data(), key.data()};
}

std::string curve_public_half(const std::string& secret) {
  Text key{};
  if (!is_curve_key(secret) || zmq_curve_public(key.data(), secret.c_str()) != 0) return "";
  return key.data();
}

bool is_curve_key(const std::string& text) {
  std::array<std::uint8_t, kBytes> bytes{};
  return text.size() == kCharacters && zmq_z85_decode(bytes.data(), text.c_str()) != nullptr;
}

std::string curve_text(const std::string& bytes) {
  Text text{};
  if (bytes.size() != kBytes) return "";
  zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(bytes.data()), kBytes);
  return text.data();
}

}  // namespace athanor
