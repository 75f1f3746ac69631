#include "tests/simulation/store.h"

#include <fmt/format.h>

#include "core/error.h"
#include "tests/simulation/network.h"

namespace athanor::simulation {
namespace {

constexpr std::uint64_t kSnapshotEvery = 20;  // records: often, so that many starts are from one

}  // namespace

WatchedStore::WatchedStore(const std::string& file, Faults& faults) : file_(file), faults_(faults) {
  open();
}

void WatchedStore::open() {
  journal_ = std::make_unique<Journal>(file_, Journal::Mode::kOpenOrCreate, Database::Sync::kNone, kSnapshotEvery);
}

void WatchedStore::append(const std::vector<Record>& records) {
  if (records.empty()) return;
  full_ = faults_.strikes(FaultKind::kJournalFull);
  if (full_) throw EnvironmentError("the disk is full");
  if (faults_.strikes(FaultKind::kCrashBeforeWrite)) throw ControllerDied{};
  journal_->append(records);
  written_ += records.size();
  for (const Record& record : records) {
    if (record.has_intended()) intended_.insert(record.intended().command().id());
  }
  if (faults_.strikes(FaultKind::kCrashAfterWrite)) throw ControllerDied{};
}

void WatchedStore::offer(const State& state) {
  const std::uint64_t before = journal_->size();
  journal_->offer(state);
  if (journal_->size() == before) return;
  ++snapshots_;
  ++written_;  // the record that names it
  if (faults_.strikes(FaultKind::kCrashAfterWrite)) throw ControllerDied{};
}

State WatchedStore::reopened() {
  journal_.reset();  // one process at a time
  full_ = false;
  if (snapshots_ > 0 && faults_.strikes(FaultKind::kSnapshotDamaged)) damage_newest_snapshot();
  open();
  try {
    journal_->require_whole();
    if (journal_->size() < written_)
      throw Violation{fmt::format("{} records were acknowledged, and {} are there", written_, journal_->size())};
    Journal::Restored restored = journal_->restore();
    if (restored.snapshot > 0) ++used_;
    State replayed;
    journal_->each([&](const Record& record) { replayed.apply(record); });
    if (replayed.canonical() != restored.state.canonical())
      throw Violation{fmt::format("a start from the snapshot at record {} gives another state than all records",
                                  restored.snapshot)};
    return std::move(restored.state);
  } catch (const std::exception& error) {
    throw Violation{error.what()};
  }
}

void WatchedStore::damage_newest_snapshot() {
  Database database(file_, Database::Sync::kNone, /*exclusive=*/true);
  database.execute(
      "UPDATE snapshot SET state = substr(state, 1, length(state) / 2) WHERE seq = (SELECT max(seq) FROM snapshot)");
}

}  // namespace athanor::simulation
