// The arrays that a journal names. They lie in files of their own, which the journal's chain does not hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controller/campaign.h"
#include "core/array.h"
#include "proto/journal.pb.h"

namespace athanor {

struct NamedArray {
  std::uint64_t record = 0;      ///< that names it
  std::uint64_t experiment = 0;  ///< 0: an instrument tested itself
  std::uint32_t step = 0;
  ArrayReference array;
};
/// As a record names it.
StoredArray stored_array(const driver::v1::Value& named);
/// As in: experiment 7, “film”: array “image” of camera-1.
std::string describe(const NamedArray& array, const Campaign& campaign);

/// Says of each array what is wrong with it, in their order.
using JudgeArrays = std::function<std::vector<Finding>(std::span<const ArrayReference>)>;

struct LostArray {
  NamedArray array;
  std::string why;
};

/// Finds them in a journal's records, shown one by one from the first. Remembers only commands that have not ended.
class NamedArrays {
 public:
  explicit NamedArrays(std::function<void(const NamedArray&)> see) : see_(std::move(see)) {}
  void read(const journal::v1::Record& record);

 private:
  struct Whose {
    std::uint64_t experiment;
    std::uint32_t step;
    std::string instrument;
  };
  std::function<void(const NamedArray&)> see_;
  std::map<std::string, Whose> commands_;  ///< by their ids
  std::uint64_t record_ = 0;
};

/// Has arrays judged, some thousand at a time.
class JudgedArrays {
 public:
  explicit JudgedArrays(JudgeArrays judge) : judge_(std::move(judge)) {}
  void add(const NamedArray& array);
  /// Of all that were added, those with which something is wrong, in their order.
  std::vector<LostArray> lost();

 private:
  void judge();

  JudgeArrays judge_;
  std::vector<NamedArray> unjudged_;
  std::vector<LostArray> lost_;
};

/// What a person is to know of arrays that are not as they were: a sentence a file.
std::vector<std::string> describe(const std::vector<LostArray>& lost);

}  // namespace athanor
