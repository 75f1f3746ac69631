#include "inode.h"

#include <algorithm>
#include <string_view>

namespace athanor::power {
namespace {

constexpr std::size_t kSector = 512;  // what a disk writes whole or not at all, where it keeps its promises

void write(std::string& content, std::size_t offset, std::string_view bytes) {
  if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
  content.replace(offset, bytes.size(), bytes);
}

bool coin(RandomStream& chance) {
  return chance.below(2) == 0;
}

// A write is there whole, or not at all, or each of its sectors for itself: if torn, a sector's first or last bytes.
void write_some(std::string& content, const Change& change, bool torn, RandomStream& chance) {
  const std::uint64_t fate = chance.below(3);
  if (fate == 0) return write(content, change.offset, change.bytes);
  if (torn && coin(chance)) {
    while (content.size() < change.offset + change.bytes.size()) content += static_cast<char>(chance.below(256));
  }
  if (fate == 1) return;
  for (std::size_t at = 0; at < change.bytes.size();) {
    const std::size_t place = change.offset + at;
    const std::size_t size = std::min(kSector - place % kSector, change.bytes.size() - at);
    std::size_t from = 0, to = coin(chance) ? size : 0;
    if (torn && chance.below(4) == 0) (coin(chance) ? from : to) = chance.below(size + 1);
    if (from < to) write(content, place + from, std::string_view(change.bytes).substr(at + from, to - from));
    at += size;
  }
}

}  // namespace

void make_change(std::string& content, const Change& change) {
  if (change.truncates) {
    content.resize(change.offset);
  } else {
    write(content, change.offset, change.bytes);
  }
}

void Inode::change(Change change) {
  make_change(now, change);
  unsynced.push_back(std::move(change));
}

void Inode::sync() {
  for (const Change& change : unsynced) make_change(synced, change);
  unsynced.clear();
}

std::string Inode::left(Tearing tearing, RandomStream& chance) const {
  if (tearing == Tearing::kNone) return synced;
  if (tearing == Tearing::kAll) return now;
  std::string content = synced;
  if (tearing == Tearing::kFirst) {
    const std::size_t whole = chance.below(unsynced.size() + 1);
    for (std::size_t i = 0; i < whole; ++i) make_change(content, unsynced[i]);
    if (whole == unsynced.size() || unsynced[whole].truncates) return content;
    const Change& last = unsynced[whole];
    write(content, last.offset, last.bytes.substr(0, chance.below(last.bytes.size() + 1)));
    return content;
  }
  for (const Change& change : unsynced) {
    if (!change.truncates) {
      write_some(content, change, tearing == Tearing::kTorn, chance);
    } else if (coin(chance)) {
      make_change(content, change);
    }
  }
  return content;
}

}  // namespace athanor::power
