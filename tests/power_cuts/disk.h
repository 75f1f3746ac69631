// A disk in memory whose power can be cut at any operation: SQLite, and all that opens it, runs on it unchanged.
#pragma once

#include <cstdint>
#include <memory>

#include "inode.h"

namespace athanor::power {

class Disk {
 public:
  Disk();
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// Power goes during the `operation`-th operation from the beginning (they count from 1). An operation is a write, a
  /// truncation, a sync of a file or of the folder, the making or the removal of a file. That one and all later ones
  /// fail, reading too.
  void cut_power_at(int operation);
  bool has_power() const;
  int operations() const;

  /// What is there when power is back; chance is `seed`'s.
  std::unique_ptr<Disk> after(Tearing tearing, std::uint64_t seed) const;

 private:
  friend class Mounted;
  struct State;
  std::unique_ptr<State> state_;
};

/// While it lives, `disk` is where SQLite opens its files. One at a time.
class Mounted {
 public:
  explicit Mounted(Disk& disk);
  ~Mounted();
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;

 private:
  struct FileSystem;
  std::unique_ptr<FileSystem> file_system_;
};

}  // namespace athanor::power
