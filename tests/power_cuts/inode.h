// The content of a file on a disk whose power may go: what is synced, what is not, and what may be left of that.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/random.h"

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

/// Something done to a file and not synced: bytes written at an offset, or the file cut off (or filled up) there.
struct Change {
  bool truncates;
  std::size_t offset;
  std::string bytes;
};

void make_change(std::string& content, const Change& change);

struct Inode {
  std::string synced, now;
  std::vector<Change> unsynced{};  ///< what leads from `synced` to `now`

  void change(Change change);
  void sync();
  std::string left(Tearing tearing, RandomStream& chance) const;
};

}  // namespace athanor::power
