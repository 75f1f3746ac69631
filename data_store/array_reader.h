// Stored arrays, looked at afterwards: whether what a journal names is still there, and is still what was measured.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/array.h"

namespace athanor {

/// Reads the files of a campaign's folder and changes nothing in it, not even what a crash left: a log that is needed
/// is read where it lies. Takes no lock. Whoever holds the campaign's journal is alone with its folder.
///
/// HDF5 reads in a process of its own (data_store/shelter.h): where it dies of a damaged file, that is what is found of
/// the array. All arrays of a call share the process; those of one file had better follow each other.
class ArrayReader {
 public:
  ArrayReader(std::filesystem::path folder, std::string campaign)
      : folder_(std::move(folder)), campaign_(std::move(campaign)) {}

  /// What is wrong with each array that a journal names so, in words; nothing: it is in its file, complete, of that
  /// type, with so many rows and that hash, as the file says. Reads none of its elements: some 40 µs an array, and 5 ms
  /// a call. throws EnvironmentError if there can be no process.
  std::vector<Finding> look(std::span<const ArrayReference> arrays) const { return judge(arrays, false); }
  /// The same, and its bytes have that hash. A chunk of them is in memory at a time.
  std::vector<Finding> read(std::span<const ArrayReference> arrays) const { return judge(arrays, true); }

 private:
  std::vector<Finding> judge(std::span<const ArrayReference> arrays, bool to_the_bytes) const;

  std::filesystem::path folder_;
  std::string campaign_;
};

}  // namespace athanor
