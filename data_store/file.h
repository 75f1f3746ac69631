// A plain file, behind a seam: tests put a disk under it whose power can be cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace athanor {

/// All of it throws EnvironmentError that names the file and says why.
class File {
 public:
  virtual ~File() = default;
  virtual std::uint64_t size() = 0;
  /// What lies beyond the end is read as zeros.
  virtual void read(std::uint64_t at, std::span<std::byte> out) = 0;
  virtual void write(std::uint64_t at, std::span<const std::byte> bytes) = 0;
  /// Cuts off, or fills up with zeros.
  virtual void resize(std::uint64_t size) = 0;
  /// What was written and how long the file is are on the disk when it returns.
  virtual void sync() = 0;
};

/// For reading and writing; made if it is not there, and then its name is on the disk, too.
std::unique_ptr<File> open_file(const std::string& path);
/// Only to be read: the file must be there, and is left as it is.
std::unique_ptr<File> open_file_to_read(const std::string& path);
/// As `open_file`, but its `sync` does nothing: what was written outlives a killed process, and no power cut.
std::unique_ptr<File> open_unsynced_file(const std::string& path);

}  // namespace athanor
