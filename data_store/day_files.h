// The folder of a campaign's day files, held by one process at a time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "data_store/day_file.h"

namespace athanor {

/// throws EnvironmentError, everywhere.
///
/// A file that cannot be opened is left out, and neither read nor changed: a campaign of months does not stop because a
/// file of its first week is damaged. What began in it is not there. Of the day that it is, nothing can be stored
/// before a person has moved it away. The arrays in a file are looked at when somebody asks for them, each alone, so
/// that a start takes no longer for there being many.
class DayFiles {
 public:
  DayFiles(const std::filesystem::path& folder, const std::string& campaign, const RedoFile::Open& open);
  ~DayFiles();
  DayFiles(const DayFiles&) = delete;
  DayFiles& operator=(const DayFiles&) = delete;

  /// The file of a day such as "2026-03-01", made if it is not there.
  DayFile& of_day(const std::string& day);

  struct Found {
    DayFile* file;
    std::string file_name;
    Dataset dataset;
  };
  /// Looks into the files, the latest first. A file once opened stays so: some 100 kB each.
  /// throws InputError if the array is there and is damaged.
  std::optional<Found> find(const ArrayName& name);

  /// Everything that was written, to whichever file, is durable.
  void commit();
  /// How much of what was written is held in memory until then.
  std::size_t bytes_held() const;
  /// Closes all; what was not committed is forgotten.
  void close();
  /// Removes the logs, which are needed no longer.
  void settle();

 private:
  DayFile& opened(const std::string& file_name);
  void look();
  void leave_out_unreadable();
  void leave_out(const std::string& file_name, const std::string& why);
  void require_sound(const std::string& file_name, const ArrayName& name) const;

  std::filesystem::path folder_;
  std::string campaign_;
  RedoFile::Open open_;
  int lock_ = -1;
  std::map<std::string, std::unique_ptr<DayFile>> files_;  ///< by their names, and so by day; nullptr: not opened yet
  std::set<ArrayName> sound_;                              ///< older arrays that were read elsewhere without harm
  std::map<std::string, std::string> left_out_;            ///< why, by the file's name
};

}  // namespace athanor
