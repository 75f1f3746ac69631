// The production journal, and a memory of what it acknowledged: what must still be there after every death.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/journal.h"
#include "controller/runtime.h"
#include "tests/simulation/faults.h"

namespace athanor::simulation {

class WatchedStore final : public Store {
 public:
  WatchedStore(const std::string& file, Faults& faults);

  void append(const std::vector<Record>& records) override;
  void offer(const State& state) override;

  /// As a new process finds it, and how it comes to its state: from the newest sound snapshot. throws Violation if
  /// something that was acknowledged is not there, or the snapshot gives another state than all records.
  State reopened();

  /// Whether the intent of `command` is written.
  bool knows(const std::string& command) const { return intended_.contains(command); }
  /// Whether what was to be written last could not be: the controller keeps it, and tries again.
  bool full() const { return full_; }
  std::size_t written() const { return written_; }
  std::size_t snapshots() const { return snapshots_; }
  std::size_t starts_from_snapshots() const { return used_; }

 private:
  void open();
  void damage_newest_snapshot();

  std::string file_;
  Faults& faults_;
  std::unique_ptr<Journal> journal_;
  std::size_t written_ = 0, snapshots_ = 0, used_ = 0;
  std::set<std::string> intended_;
  bool full_ = false;
};

}  // namespace athanor::simulation
