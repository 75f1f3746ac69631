#include "controller/verify.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/snapshot.h"
#include "core/error.h"

namespace athanor {
namespace {

// A snapshot's bytes need not be there any more: those that replay gives have the SHA-256 that the record names.
void compare(const State& state, std::uint64_t at, const journal::v1::SnapshotTaken& named, Verdict& verdict) {
  ++verdict.snapshots_named;
  if (named.version() != kStateVersion) {
    ++verdict.snapshots_of_other_version;
    return;
  }
  ++verdict.snapshots_compared;
  if (sha256(snapshot_of(state)) == named.sha256()) return;
  verdict.damage.push_back({at, fmt::format("the snapshot that record {} names is not the state at that place", at)});
}

// False: a record could not be applied.
bool replay(Journal& journal, State& state, const JudgeArrays& judge, Verdict& verdict) {
  JudgedArrays judged(judge);
  NamedArrays arrays([&](const NamedArray& array) {
    ++verdict.arrays_named;
    if (judge) judged.add(array);
  });
  std::uint64_t number = 0;
  bool applied = false;
  try {
    journal.each([&](const Record& record) {
      ++number;
      if (record.has_snapshot()) compare(state, number, record.snapshot(), verdict);
      state.apply(record);
      arrays.read(record);
    });
    applied = true;
  } catch (const EnvironmentError& error) {
    verdict.damage.push_back({number + 1, error.what()});
  } catch (const UnfitRecord& unfit) {
    verdict.damage.push_back(
        {number, fmt::format("record {} cannot follow those before it: {}", number, unfit.what())});
  }
  if (judge) verdict.lost = judged.lost();
  return applied;
}

void judge_kept(Journal& journal, Verdict& verdict) {
  for (const Journal::Snapshot& kept : journal.snapshots()) {
    ++verdict.snapshots_kept;
    if (kept.fit != Journal::Fit::kUnfit || kept.at > verdict.events) continue;  // of a broken chain it was told
    verdict.damage.push_back(
        {kept.at, fmt::format("the snapshot kept of record {} is not the one that the record names", kept.at)});
  }
}

}  // namespace

Verdict verify(Journal& journal, const JudgeArrays& judge) {
  Verdict verdict;
  verdict.events = journal.size();
  verdict.broken_at = journal.broken_at();
  if (verdict.broken_at) {
    verdict.damage.push_back(
        {*verdict.broken_at, fmt::format("record {} is missing or does not fit the chain; the {} before it do",
                                         *verdict.broken_at, verdict.events)});
  }
  judge_kept(journal, verdict);
  State state;
  if (replay(journal, state, judge, verdict)) {
    verdict.state_hash = state.hash();
    verdict.state_hash_of_start = journal.restore().state.hash();
    if (verdict.state_hash_of_start != verdict.state_hash)
      verdict.damage.push_back({verdict.events, "the state from the newest snapshot is not the one from all records"});
  }
  std::stable_sort(verdict.damage.begin(), verdict.damage.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  return verdict;
}

}  // namespace athanor
