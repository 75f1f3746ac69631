// Whether a driver keeps the promises of the driver protocol: each is tried over a bare socket, and the report says
// what holds, what does not, and what could not be tried. docs/instruments.md explains it to drivers' authors.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "instruments/driver_link.h"
#include "proto/driver.pb.h"

namespace athanor {

struct PromiseReport {
  enum class Verdict {
    kHolds,
    kBroken,
    kNotTried,      ///< it could not be
    kNotApplicable  ///< there is nothing of which it could hold: no arrays, one instrument only
  };
  std::string name;      ///< "doubled-after-end"
  std::string promised;  ///< in a sentence
  std::string tried;     ///< how, in a sentence
  Verdict verdict = Verdict::kNotTried;
  std::string detail;  ///< what was measured; what was found and expected; why it was not, or need not be tried
  std::vector<std::string> talk;  ///< where it is broken: what was said on both sides
  double took_s = 0;
};

struct ConformanceReport {
  std::string driver, boot, address;
  std::vector<std::string> commanded;  ///< "reactor-1 self_test": what was carried out, or could have been
  std::vector<PromiseReport> promises;
  bool broken_off = false;  ///< by a person, before its end

  bool broken() const;  ///< something is
  bool holds() const;   ///< all that applies was tried, and holds
};

struct ConformanceOptions {
  Endpoint at;                   ///< the driver's name may be empty
  std::optional<LinkKeys> keys;  ///< needed where that names a key
  /// Starts the driver at that address: so that it can be killed. Empty: it runs already, and is left running.
  std::vector<std::string> command;
  std::string log_file;  ///< where a driver that is started writes what it says

  std::string capability;               ///< to be commanded; empty: harmless ones that are found in the description
  std::vector<driver::v1::Value> with;  ///< for it, in place of those chosen from limits
  std::vector<std::string> only;        ///< these promises alone; empty: all
  bool simulated = false;               ///< nothing real can come to harm: what is hazardous is tried, too
  bool long_run = false;                ///< 10,000 commands instead of 500, and longer waits
  double speed = 1;                     ///< how much laboratory time passes in a second
  std::string nonce;                    ///< makes the ids of this trial unlike all others
  int stop_fd = -1;                     ///< readable: a person breaks it off
  std::function<void(const PromiseReport&)> tell;  ///< of each, as soon as it was tried
  /// Told, before anything is commanded, what will be done and what is left out: a line each.
  std::function<void(const std::vector<std::string>&)> announce;
};

/// Every promise with its name and sentences, untried, in the order of a trial.
std::vector<PromiseReport> promises();

/// Tries the driver out. Commands only what is of the class SAFE and takes nothing from the stock, unless a capability
/// is named; what still runs at the end is cancelled.
/// throws InputError for an unknown promise, or a capability that is not there or may not be commanded;
/// EnvironmentError if the driver is not there, cannot be started, or obeys a controller, who is not disturbed.
ConformanceReport try_driver(const ConformanceOptions& options);

}  // namespace athanor
