// Looking at a driver without becoming its controller.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "instruments/probe.h"

namespace athanor {

struct Visited {
  std::string driver, boot;
  std::string controller;  ///< who is in charge; empty: nobody, or `described` is false
  bool knows_visits = true;
  bool described = true;  ///< false: it is of before Visit, and obeys somebody who must not be disturbed
  std::vector<wire::Instrument> instruments;
  std::vector<wire::Trouble> troubles;  ///< also of instruments that it does not describe
  double dead_man_s = 0;
  std::string ledger;  ///< its name; empty: the driver is of before they had names
};

/// What the driver at the probe's address says of itself; none if nothing was heard within `seconds`. Disturbs nobody:
/// a driver that does not know Visit is told Hello only where it has no controller.
/// watch_s   so long it also sends its telemetry. throws EnvironmentError if it speaks another version.
std::optional<Visited> visit(Probe& probe, double seconds, double watch_s = 0);

}  // namespace athanor
