// A line to a device and what is said over it: connects when needed, and carries out routines step by step.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "core/clock.h"

namespace athanor {

/// Belongs to one thread, but for `interrupt`.
class Conversation {
 public:
  /// What becomes of what the device reports of its own accord, such as errors in its queue.
  enum class Reports {
    kLeft,     ///< it is not asked for: whoever only looks must not take them from a command under way
    kCounted,  ///< a fault of the step after which it is found
    kAfresh    ///< the same; what is there before the first step is of something else, and dropped
  };

  /// What a routine asks of whoever has it carried out.
  struct Conduct {
    /// Waits so much laboratory time; false if it is to be broken off.
    std::function<bool(double lab_s)> wait;
    /// What is being waited for, in words, and how much of the whole is done, where the device says that.
    std::function<void(const std::string& note, std::optional<double> fraction)> progress = {};
    Reports reports = Reports::kLeft;
  };

  Conversation(const Profile& profile, const std::string& address, Lines& lines, const ScaledClock& clock);

  /// Carries out the steps in order; what they take is added to `values`. The fault at which it ended, if it did.
  /// `acted`, if given, becomes true before anything is said that may have done something.
  std::optional<Fault> run(const Routine& routine, Values& values, const Conduct& conduct, bool* acted = nullptr);

  /// From any thread: what is being said now comes back at once, where the line can.
  void interrupt() { bus_->interrupt(); }
  void resume() { bus_->resume(); }

 private:
  std::optional<Fault> be_connected(const Conduct& conduct);
  std::optional<Fault> greet(const Conduct& conduct);
  std::optional<Fault> do_step(const ProfileStep& step, Values& values, const Conduct& conduct, bool* acted);
  std::optional<Fault> repeat(const ProfileStep& step, Values& values, const Conduct& conduct, bool* acted);
  Fault broken(const ProfileStep& step, const Fault& fault);
  Fault placed(const ProfileStep& step, const Fault& fault) const;

  const Profile& profile_;
  const ScaledClock& clock_;
  std::unique_ptr<Bus> bus_;
  const Values own_;    ///< what steps may name of the device's address
  const bool greeted_;  ///< the hello holds an answer against what is expected
  bool connected_ = false, greeting_ = false;
  bool afresh_ = false;  ///< what the device reports now is of something else
};

}  // namespace athanor
