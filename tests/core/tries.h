// How often a property is tried.
#pragma once

/// Of so many tries a quarter under sanitizers, where each takes about ten times as long: they look at how the code
/// does what it does, and the release build tries whether that is right.
template <typename Integer>
constexpr Integer tries(Integer number) {
#ifdef ATHANOR_SANITIZED
  return (number + 3) / 4;
#else
  return number;
#endif
}
