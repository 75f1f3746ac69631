// Where a trial of a driver keeps its arrays: nowhere but their hashes, and whatever else was odd about them.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/array.h"
#include "core/digest.h"

namespace athanor {

/// Called by the data link's thread, looked at from the trial's.
class TrialStore final : public ArrayStore {
 public:
  std::uint64_t begin(const ArrayName& name, const ArrayType& type) override;
  void append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) override;
  std::vector<std::pair<ArrayName, std::uint64_t>> commit() override;
  StoredArray finish(const ArrayName& name, const std::string& sha256) override;
  void abandon(const ArrayName&) override {}
  std::optional<StoredArray> find(const ArrayName& name) override;

  // ── For the trial ──
  /// With the next bytes that come, the link breaks once: they are not taken.
  void break_link_once();
  bool link_broke() const;
  /// The commands of which arrays were opened.
  std::set<std::string> commands() const;
  /// Bytes of an array that came, those that came twice too.
  std::uint64_t came(const ArrayName& name) const;

 private:
  struct Kept {
    ArrayType type;
    RunningSha256 digest;
    std::uint64_t bytes = 0, told = 0, came = 0;
    bool whole = false;
  };
  StoredArray describe(const ArrayName& name, const Kept& kept) const;

  mutable std::mutex mutex_;
  std::map<ArrayName, Kept> arrays_;
  bool to_break_ = false, broke_ = false;
};

}  // namespace athanor
