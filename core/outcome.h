// Outcome or fault: a fault of a device, a link or a deadline is an ordinary value that the caller handles.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "core/check.h"

namespace athanor {

struct Fault {
  enum class Kind { kDevice, kSample, kLimit, kStock, kLink, kDeadline, kInterrupted };
  Kind kind = Kind::kDevice;
  std::string message;

  bool operator==(const Fault&) const = default;
};

const char* to_string(Fault::Kind kind);

/// Either a value or the fault that stood in its way.
template <class T>
class Outcome {
 public:
  Outcome(T value) : state_(std::move(value)) {}      // NOLINT: an outcome is made from either, by design
  Outcome(Fault fault) : state_(std::move(fault)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const {
    ATHANOR_CHECK(ok(), "value() of an outcome that is a fault");
    return std::get<0>(state_);
  }
  const Fault& fault() const {
    ATHANOR_CHECK(!ok(), "fault() of an outcome that is a value");
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Fault> state_;
};

}  // namespace athanor
