// Files whose every operation is recorded, so that what a power cut leaves at any of them can be laid out afterwards.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data_store/file.h"
#include "tests/power_cuts/inode.h"

namespace athanor::power {

class RecordedFiles {
 public:
  /// As open_file, and records. The files are real; what is done to them past these (made whole and given their name,
  /// removed) is taken to be on the disk, or not yet, when they are opened next.
  std::unique_ptr<File> open(const std::string& path);

  /// Openings, writes, changes of size and syncs so far.
  std::size_t operations() const { return operations_.size(); }

  /// Lays out in `folder`, which is emptied, what is left if power goes after the first `operations`; `before`: the
  /// folder as it was when all this began.
  void lay_out(const std::filesystem::path& folder, const std::filesystem::path& before, std::size_t operations,
               Tearing tearing, std::uint64_t seed) const;

 private:
  struct Operation {
    enum Kind { kOpen, kChange, kSync } kind;
    std::string file;                      ///< its name
    std::optional<std::string> content{};  ///< when it was opened, unless it was what the record says it is
    Change change{};
  };
  class Recorded;
  void record(Operation operation);
  std::vector<Operation> operations_;
  std::map<std::string, std::string> now_;  ///< what is in each file
};

}  // namespace athanor::power
