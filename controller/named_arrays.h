// The arrays that a journal names. They lie in files of their own, which the journal's chain does not hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
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
  ArrayName name;
  StoredArray stored;  ///< as it was
};
/// As a record names it.
StoredArray stored_array(const driver::v1::Value& named);
/// As in: experiment 7, “film”: array “image” of camera-1.
std::string describe(const NamedArray& array, const Campaign& campaign);

/// What is wrong with an array, in words; nothing: it is there.
using JudgeArray = std::function<std::optional<std::string>(const ArrayName&, const StoredArray&)>;

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

/// What a person is to know of arrays that are not as they were: a sentence a file.
class LostArrays {
 public:
  void add(const NamedArray& array, const std::string& why);
  std::vector<std::string> told() const;

 private:
  struct Lost {
    std::string why;  ///< of the first one
    std::uint64_t arrays = 0, first_experiment = 0, last_experiment = 0;
  };
  std::map<std::string, Lost> files_;
};

}  // namespace athanor
