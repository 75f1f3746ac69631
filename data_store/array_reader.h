// Stored arrays, looked at afterwards: whether what a journal names is still there, and is still what was measured.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/array.h"

namespace athanor {

class DayFile;
class Dataset;

/// Reads the files of a campaign's folder and changes nothing in it, not even what a crash left: a log that is needed
/// is read where it lies. Takes no lock. Whoever holds the campaign's journal is alone with its folder.
class ArrayReader {
 public:
  ArrayReader(const std::filesystem::path& folder, const std::string& campaign);
  ~ArrayReader();
  ArrayReader(const ArrayReader&) = delete;
  ArrayReader& operator=(const ArrayReader&) = delete;

  /// What is wrong with the array that a journal names so, in words; nothing: it is in its file, complete, of that
  /// type, with so many rows and that hash, as the file says. Reads none of its elements: some 50 µs.
  std::optional<std::string> look(const ArrayName& name, const StoredArray& named);
  /// The same, and its bytes have that hash. A chunk of them is in memory at a time.
  std::optional<std::string> read(const ArrayName& name, const StoredArray& named);

 private:
  DayFile& file(const std::string& name);
  Dataset dataset(const ArrayName& name, const StoredArray& named);

  std::filesystem::path folder_;
  std::string campaign_;
  std::string open_name_;
  std::unique_ptr<DayFile> open_;             ///< the one that was looked into last: arrays are named day by day
  std::map<std::string, std::string> wrong_;  ///< why a file cannot be read, by its name
};

}  // namespace athanor
