// A disk in memory whose power can be cut at any operation: SQLite, and all that opens it, runs on it unchanged.
#pragma once

#include <cstdint>
#include <memory>

namespace athanor::power {

/// What a power cut leaves of what was written to a file and not synced. What was synced is always left.
enum class Tearing {
  kNone,     ///< nothing
  kAll,      ///< everything, as when a process is killed
  kFirst,    ///< what was written first, up to any byte
  kSectors,  ///< any of the writes and any of their sectors of 512 bytes, in whatever order the disk liked
  kTorn  ///< as kSectors, and each may be half written; where a file grew and its bytes did not arrive, there is noise
};
constexpr Tearing kTearings[] = {Tearing::kNone, Tearing::kAll, Tearing::kFirst, Tearing::kSectors, Tearing::kTorn};

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
