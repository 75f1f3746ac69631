// Arrays in HDF5 files, one a campaign and day: readable by any HDF5 reader, and safe through kills and power cuts.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "core/array.h"
#include "core/clock.h"

namespace athanor {

class File;

/// See docs/data.md for the files. Memory: some 150 MB at most, and 2 kB a stream that is open, however many.
class DataStore final : public ArrayStore {
 public:
  /// How a file is opened or made; tests give one whose power can be cut.
  using OpenFile = std::function<std::unique_ptr<File>(const std::string& path)>;

  /// Opens `folder`, made if it is not there, and mends what a crash left in it. A stream goes into
  /// `CAMPAIGN-YYYY-MM-DD.h5` of the day (UTC, by `clock`) on which it began, to its end.
  /// throws EnvironmentError if the folder cannot be written or another process has it.
  DataStore(const std::filesystem::path& folder, const std::string& campaign, const Clock& clock);
  DataStore(const std::filesystem::path& folder, const std::string& campaign, const Clock& clock, OpenFile open);
  /// What was not committed is forgotten, as in a crash.
  ~DataStore() override;

  std::uint64_t begin(const ArrayName& name, const ArrayType& type) override;
  void append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) override;
  std::vector<std::pair<ArrayName, std::uint64_t>> commit() override;
  StoredArray finish(const ArrayName& name, const std::string& sha256) override;
  void abandon(const ArrayName& name) override;
  std::optional<StoredArray> find(const ArrayName& name) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace athanor
