// An interlock of the lab file: a reading that must not go past a bound, and what follows where it does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/document.h"

namespace athanor {

struct LabInterlock {
  enum class Then {
    kHold,    ///< the instruments get no new command
    kRefuse,  ///< no command of the capabilities begins
    kStop     ///< the instruments are brought to their safe state, and stay there until a person resumes them
  };
  enum class Is { kBelow, kAtMost, kAtLeast, kAbove };

  std::string name;
  std::string instrument, reading;  ///< what is watched
  std::string driver;               ///< that speaks for the instrument
  Is is = Is::kAbove;
  Quantity bound;
  Then then = Then::kHold;
  std::vector<std::string> instruments;   ///< held or stopped; of kRefuse, those whose every capability is refused
  std::vector<std::string> capabilities;  ///< refused; then no instruments are named
  std::optional<Duration> silent_after;   ///< a reading that was not heard for so long counts as past its bound
  Place place;

  /// `value` is of the bound's unit. What is no number is past every bound.
  bool trips(double value) const;
  /// "reactor-1.temperature"
  std::string watched() const { return instrument + "." + reading; }
  /// "> 130 degC"
  std::string condition() const;
};

/// A reading comes once a second: silence is not told from less than this.
constexpr double kShortestSilenceSeconds = 3;

/// The map under `interlocks`; `instruments` are those of the lab file. What is wrong is added to the node's document.
std::vector<LabInterlock> read_interlocks(const Node& node, const std::vector<std::string>& instruments);

}  // namespace athanor
