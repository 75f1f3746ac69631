// A program's life on a disk that loses power, and what a test makes of many such lives.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "disk.h"

namespace athanor::power {

/// Thrown by work that finds a promise broken.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What a program does from its start to its end, and checks as it starts. It is called again after each power cut, and
/// remembers what was acknowledged, which no cut can take back. throws EnvironmentError when the power is gone.
using Work = std::function<void()>;

/// When power is cut for the first time, and what cuts leave. There is a second cut soon after the first.
struct Cut {
  Tearing tearing = Tearing::kNone;
  std::uint64_t seed = 0;
  int operation = 1;
};

struct Life {
  int cuts = 0;        ///< none: the work was done before
  std::string broken;  ///< which promise; empty if none
};
Life live(const Cut& cut, const Work& work);

/// Operations `first`, `first + step`, … up to `last`, or to the end of the work.
struct Range {
  int first = 1, last = 1'000'000, step = 1;
};

struct Tally {
  int lives = 0, cuts = 0, broken = 0;
  std::string first;  ///< that was broken: which cut, which promise
};
/// Lives of new works, one for each way of tearing, each of `seeds` and each operation of `range`.
Tally sweep(const std::function<Work()>& make, int seeds, Range range = {});

}  // namespace athanor::power
