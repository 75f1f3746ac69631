#include "tests/simulation/ledger.h"

#include <cmath>

#include "core/error.h"

namespace athanor::simulation {

FullDiskLedger::FullDiskLedger(Faults& faults, std::uint64_t seed, std::uint64_t driver, const Time& now)
    : Ledger(""), faults_(faults), random_(seed, "full ledger", driver), now_(now) {}

void FullDiskLedger::need_room() {
  const bool lasts = !faults_.over() && now_ < full_until_;
  if (!lasts && !faults_.strikes(FaultKind::kLedgerFull)) return;
  if (!lasts && random_.below(2) == 0) full_until_ = now_ + from_seconds(std::pow(10.0, random_.uniform(0, 3.8)));
  throw EnvironmentError("the disk is full");
}

std::string FullDiskLedger::identify(const std::string& fresh) {
  need_room();
  return Ledger::identify(fresh);
}

void FullDiskLedger::begin(const driver::v1::Command& command, const std::string& boot, Time now) {
  need_room();
  Ledger::begin(command, boot, now);
}

void FullDiskLedger::end(const driver::v1::Outcome& outcome) {
  need_room();
  Ledger::end(outcome);
}

void FullDiskLedger::refuse(const driver::v1::Command& command, const std::string& boot,
                            const driver::v1::Outcome& outcome) {
  need_room();
  Ledger::refuse(command, boot, outcome);
}

void FullDiskLedger::mark_interrupted(const std::string& id) {
  need_room();
  Ledger::mark_interrupted(id);
}

void FullDiskLedger::forget(const std::string& id) {
  need_room();
  Ledger::forget(id);
}

void FullDiskLedger::note_unsafe(const std::string& instrument) {
  need_room();
  Ledger::note_unsafe(instrument);
}

void FullDiskLedger::note_safe(const std::string& instrument) {
  need_room();
  Ledger::note_safe(instrument);
}

}  // namespace athanor::simulation
