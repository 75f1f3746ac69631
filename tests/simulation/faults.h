// What goes wrong in one simulated run, and how often it did.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "core/random.h"

namespace athanor::simulation {

enum class FaultKind {
  kCrashBeforeWrite,   // the controller dies with its decision unwritten
  kCrashAfterWrite,    // … written, and nothing of it carried out
  kCrashAmidEffects,   // … written, and some of it carried out
  kCrashIdle,          // … while it waits
  kHostCrash,          // the controller and every driver
  kJournalFull,        // the journal cannot be written; a person frees the disk
  kDriverCrashIdle,    // a driver dies between two messages
  kDriverCrashBefore,  // … after it entered a command, before its device began
  kDriverCrashAfter,   // … after its device began
  kDriverCrashAtEnd,   // … as its device ends
  kMessageLost,
  kMessageDoubled,
  kMessageDelayed,  // by seconds to an hour: later ones overtake it
  kLinkCut,         // one driver cannot be reached for a while
  kDeviceFault,     // a device ends a job with a fault
  kSampleFault,     // … because of the sample
  kDeviceHangs,     // … never, unless it is cancelled
  kClockForward,    // the controller's clock jumps
  kClockBackward,
  kPlannerSlow,       // takes minutes for an answer
  kUserStops,         // and starts again later
  kOrders,            // a person pauses, resumes, stops, aborts or halts something
  kSnapshotDamaged,   // between two processes
  kDeviceRefuses,     // a device does not begin a job
  kDeviceBreaks,      // … fails at every job for hours
  kWrongSignal,       // a meter finds what cannot be
  kDriverDeaf,        // lives, and neither hears nor says a thing for a while but that it lives
  kLedgerFull,        // a driver's ledger cannot be written: once, or for a while
  kLedgerLost,        // a driver that died starts again with an empty one
  kLedgerFound,       // … with one that it had lost
  kStaysUnsafe,       // a device that is brought to its safe state goes on for a while, or, twice, as long as it can
  kApprovalWithheld,  // a person does not approve a hazardous step while anything goes wrong
  kApprovalBrief,     // … approves it for so short a time that it may expire on its way
  kDataLinkCut,       // the way of arrays breaks between two of its messages
  kStoreFull,         // the store of arrays cannot be written: what it had not committed is gone
  kCrashAmidArray,    // the controller dies with a part of an array taken in, and not answered for
  kCount
};
constexpr std::size_t kFaultKinds = static_cast<std::size_t>(FaultKind::kCount);
const char* to_string(FaultKind kind);

/// The dice of one run, a stream of its own for each kind: a new kind, or a new place for one, leaves the others as
/// they were. In each run a half of the kinds is switched off wholly (swarm testing, Groce et al. 2012): some states
/// are only reached where others do not get in the way.
class Faults {
 public:
  explicit Faults(std::uint64_t seed);

  /// Whether it happens now, at a place where it may.
  bool strikes(FaultKind kind);
  /// From now on nothing goes wrong any more.
  void end() { over_ = true; }
  bool over() const { return over_; }
  const std::array<std::size_t, kFaultKinds>& counts() const { return counts_; }

 private:
  struct Dice {
    RandomStream random;
    double rate = 0;
  };
  std::vector<Dice> dice_;  ///< by kind
  std::array<std::size_t, kFaultKinds> counts_{};
  bool over_ = false;
};

}  // namespace athanor::simulation
