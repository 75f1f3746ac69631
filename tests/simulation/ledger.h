// The production ledger on a disk that is full now and then, for one write or for a while.
#pragma once

#include "core/clock.h"
#include "core/random.h"
#include "instruments/ledger.h"
#include "tests/simulation/faults.h"

namespace athanor::simulation {

/// Outlives its driver's process, as a file does. `now` is the time of the disk.
class FullDiskLedger final : public Ledger {
 public:
  FullDiskLedger(Faults& faults, std::uint64_t seed, std::uint64_t driver, const Time& now);

  std::string identify(const std::string& fresh) override;
  void begin(const driver::v1::Command& command, const std::string& boot, Time now) override;
  void end(const driver::v1::Outcome& outcome) override;
  void refuse(const driver::v1::Command& command, const std::string& boot, const driver::v1::Outcome& outcome) override;
  void mark_interrupted(const std::string& id) override;
  void forget(const std::string& id) override;
  void note_unsafe(const std::string& instrument) override;
  void note_safe(const std::string& instrument) override;

 private:
  /// throws EnvironmentError if there is none.
  void need_room();

  Faults& faults_;
  RandomStream random_;
  const Time& now_;
  Time full_until_{};
};

}  // namespace athanor::simulation
