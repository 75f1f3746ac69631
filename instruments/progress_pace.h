// How often a driver tells of a command's progress, however often its device or its author does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/driver.pb.h"

namespace athanor {

/// The first report of a command at once, and then one a second: the newest. Times are monotonic seconds.
class ProgressPace {
 public:
  /// `report` is a Progress. True: it may be sent now. False: it is kept, unless a newer one takes its place.
  bool may_pass(const driver::v1::FromDriver& report, double now);
  /// Those that were kept and whose time has come.
  std::vector<driver::v1::FromDriver> take(double now);
  /// When `take` will have something to give; HUGE_VAL: never.
  double due() const;
  /// The command has ended, and nobody wants to know how far it is.
  void forget(const std::string& id) { told_.erase(id); }

 private:
  struct Told {
    double at = 0;
    std::optional<driver::v1::FromDriver> newer;
  };
  std::map<std::string, Told> told_;  ///< by command id
};

}  // namespace athanor
