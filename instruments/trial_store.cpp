#include "instruments/trial_store.h"

#include "core/error.h"

namespace athanor {

std::uint64_t TrialStore::begin(const ArrayName& name, const ArrayType& type) {
  const std::lock_guard lock(mutex_);
  Kept& kept = arrays_[name];
  kept.type = type;
  return kept.bytes;
}

void TrialStore::append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  Kept& kept = arrays_[name];
  kept.came += bytes.size();
  if (to_break_ && kept.bytes > 0) {
    to_break_ = false;
    broke_ = true;
    kept.came -= bytes.size();  // it is to come again
    throw EnvironmentError("a link that the trial breaks");
  }
  const std::uint64_t known = kept.bytes - offset;
  kept.digest.add(bytes.subspan(known));
  kept.bytes = offset + bytes.size();
}

std::vector<std::pair<ArrayName, std::uint64_t>> TrialStore::commit() {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<ArrayName, std::uint64_t>> grown;
  for (auto& [name, kept] : arrays_) {
    if (kept.told == kept.bytes) continue;
    kept.told = kept.bytes;
    grown.emplace_back(name, kept.bytes);
  }
  return grown;
}

StoredArray TrialStore::finish(const ArrayName& name, const std::string& sha256) {
  const std::lock_guard lock(mutex_);
  Kept& kept = arrays_[name];
  if (to_break_) {  // it was too short to be broken in the middle
    to_break_ = false;
    broke_ = true;
    throw EnvironmentError("a link that the trial breaks");
  }
  if (kept.digest.hex() != sha256) throw InputError("the hash in Close is not that of its bytes");
  if (kept.bytes % row_bytes(kept.type) != 0) throw InputError("its last row is not whole");
  kept.whole = true;
  return describe(name, kept);
}

std::optional<StoredArray> TrialStore::find(const ArrayName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = arrays_.find(name);
  return found != arrays_.end() && found->second.whole ? std::optional(describe(name, found->second)) : std::nullopt;
}

StoredArray TrialStore::describe(const ArrayName& name, const Kept& kept) const {
  return {"trial", name.result, kept.type, kept.bytes / row_bytes(kept.type), kept.digest.hex()};
}

void TrialStore::break_link_once() {
  const std::lock_guard lock(mutex_);
  to_break_ = true;
  broke_ = false;
}

bool TrialStore::link_broke() const {
  const std::lock_guard lock(mutex_);
  return broke_;
}

std::set<std::string> TrialStore::commands() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> all;
  for (const auto& [name, kept] : arrays_) all.insert(name.command);
  return all;
}

std::uint64_t TrialStore::came(const ArrayName& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = arrays_.find(name);
  return found == arrays_.end() ? 0 : found->second.came;
}

}  // namespace athanor
