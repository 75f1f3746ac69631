// A file that is changed in place and yet is, after a kill or a power cut, as the last commit left it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "data_store/file.h"

namespace athanor {

/// One rule: what lies beyond the committed end is nobody's yet, and is written at once; what lies before it is changed
/// in memory, page by page, until a commit. A commit
///   1. syncs the file: what was written beyond the end, and what the commit before put in place;
///   2. writes the changed pages into the log beside the file, with their hash, over those of the commit before; syncs
///   it;
///   3. puts the pages in place. The next commit syncs them; until then the log has them.
/// A log that is whole is put in place once more when the file is opened, and one that is not is of a commit that was
/// not.
class RedoFile {
 public:
  using Open = std::function<std::unique_ptr<File>(const std::string& path)>;
  static constexpr std::size_t kPage = 4096;

  enum class Access {
    kWrite,
    kRead  ///< nothing is changed on the disk: what a whole log has is read from there; `write` and `commit` are not
           ///< called
  };
  /// The file is there; `PATH-log` may be. throws EnvironmentError.
  RedoFile(const std::string& path, const Open& open, Access access = Access::kWrite);

  /// Where what is used ends; the file may be longer.
  void set_end(std::uint64_t end) { end_ = end; }
  std::uint64_t end() const { return end_; }
  /// Says that what lies beyond the end is free. Until this is told of an opened file, all of it counts as committed.
  void release_beyond_end();

  std::uint64_t size() const { return size_; }
  void read(std::uint64_t at, std::span<std::byte> out);
  /// Never fails: what the disk does not take is held in memory, and the next `check` or `commit` throws. HDF5 does not
  /// bear a write that fails: it then cannot even close its file.
  void write(std::uint64_t at, std::span<const std::byte> bytes);
  /// throws EnvironmentError if a write failed since the file was opened.
  void check() const;

  /// Makes durable all that was written up to the end. throws EnvironmentError; this object is then of no
  /// more use, and the file is, opened anew, either as before or as after.
  void commit();
  std::size_t bytes_held() const { return pages_.size() * kPage; }

  /// Removes the log, needed no longer once all is in place. throws EnvironmentError.
  void settle();

 private:
  using Page = std::array<std::byte, kPage>;
  Page& held(std::uint64_t number);
  void hold(std::uint64_t at, std::span<const std::byte> bytes);
  bool read_log();
  void replay();
  void write_log();
  void put_in_place();

  std::string log_path_;
  Open open_;
  std::unique_ptr<File> file_, log_;
  std::map<std::uint64_t, Page> pages_;  ///< changed and not in the file, by their number
  std::uint64_t size_, end_, committed_pages_;
  bool synced_ = true;  ///< nothing was written to the file since it was synced
  std::exception_ptr failure_;
};

}  // namespace athanor
