#include "data_store/day_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/file.h"
#include "data_store/shelter.h"

namespace athanor {
namespace {

void make_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) return;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    throw EnvironmentError(fmt::format("the folder {} cannot be made: {}", folder.string(), failed.message()));
  }
  sync_to_disk(std::filesystem::absolute(folder / "").parent_path().parent_path().string());
}

// Held as long as the process lives, and let go by its end, however that comes.
int lock(const std::filesystem::path& folder) {
  const std::string path = (folder / "lock").string();
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (why == EWOULDBLOCK) {
    throw EnvironmentError(
        fmt::format("{} is in use by another process. Stop it, or choose another folder", folder.string()));
  }
  throw EnvironmentError(
      fmt::format("the folder {} cannot be written: {}: {}", folder.string(), path, std::strerror(why)));
}

}  // namespace

DayFiles::DayFiles(const std::filesystem::path& folder, const std::string& campaign, const RedoFile::Open& open)
    : folder_(folder), campaign_(campaign), open_(open) {
  make_folder(folder);
  lock_ = lock(folder);
  try {
    look();
    leave_out_unreadable();
    settle();
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

DayFiles::~DayFiles() {
  ::close(lock_);
}

// Files whose names are CAMPAIGN-YYYY-MM-DD.h5.
void DayFiles::look() {
  files_.clear();
  sound_.clear();
  const std::string before = as_link_name(campaign_) + "-", day = "YYYY-MM-DD", after = ".h5";
  std::error_code failed;
  const std::filesystem::directory_iterator entries(folder_, failed);
  if (failed)
    throw EnvironmentError(fmt::format("the folder {} cannot be read: {}", folder_.string(), failed.message()));
  for (const auto& entry : entries) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(before) && name.ends_with(after) && name.size() == before.size() + day.size() + after.size()) {
      files_[name];
    }
  }
  std::erase_if(left_out_, [&](const auto& left) { return !files_.contains(left.first); });  // it was moved away
  for (const auto& [name, why] : left_out_) files_.erase(name);
}

void DayFiles::leave_out_unreadable() {
  std::vector<std::string> names, paths;
  for (const auto& [name, file] : files_) {
    names.push_back(name);
    paths.push_back((folder_ / name).string());
  }
  const std::vector<Finding> findings = sheltered(
      names.size(), [&](std::size_t i) { return no_whole_file(paths[i]); },
      [&](std::size_t i, const auto&) -> Finding {
        const DayFile opens(paths[i], campaign_, open_, RedoFile::Access::kRead);
        return std::nullopt;
      });
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (findings[i]) {
      leave_out(names[i], *findings[i]);
    } else if (std::filesystem::exists(paths[i] + "-log")) {
      opened(names[i]);  // that mends what a crash left
    }
  }
  for (const auto& [name, why] : left_out_) files_.erase(name);
}

void DayFiles::leave_out(const std::string& file_name, const std::string& why) {
  left_out_[file_name] = why + ". Nothing was changed; move the file away";
}

// Of an array that was there before: HDF5 could die of it, so all that will be read of it here is read elsewhere first.
void DayFiles::require_sound(const std::string& file_name, const ArrayName& name) const {
  const std::string path = (folder_ / file_name).string();
  const std::vector<Finding> findings = sheltered(
      1, [&](std::size_t) { return fmt::format("{}: {}", path, DayFile::dataset_path(name)); },
      [&](std::size_t, const auto& goes_on) -> Finding {
        DayFile file(path, campaign_, open_, RedoFile::Access::kRead);
        const auto dataset = file.find(name);
        if (dataset && !dataset->sha256()) dataset->each([&](const auto&, const auto&) { goes_on(); });
        return std::nullopt;
      });
  if (findings.front()) throw InputError("it is damaged: " + *findings.front());
}

DayFile& DayFiles::opened(const std::string& file_name) {
  std::unique_ptr<DayFile>& file = files_[file_name];
  if (file == nullptr) file = std::make_unique<DayFile>((folder_ / file_name).string(), campaign_, open_);
  return *file;
}

DayFile& DayFiles::of_day(const std::string& day) {
  const std::string name = fmt::format("{}-{}.h5", as_link_name(campaign_), day);
  if (const auto left = left_out_.find(name); left != left_out_.end()) throw EnvironmentError(left->second);
  if (!files_.contains(name)) {
    DayFile::make((folder_ / name).string(), campaign_, day, open_);
    files_[name];
  }
  return opened(name);
}

std::optional<DayFiles::Found> DayFiles::find(const ArrayName& name) {
  for (auto at = files_.rbegin(); at != files_.rend(); ++at) {
    if (left_out_.contains(at->first)) continue;
    DayFile& file = opened(at->first);
    DayFile::Age age = DayFile::Age::kNone;
    try {
      age = file.age(name);
    } catch (const EnvironmentError& error) {
      leave_out(at->first, error.what());
    }
    if (age == DayFile::Age::kNone) continue;
    if (age == DayFile::Age::kOlder && !sound_.contains(name)) {
      require_sound(at->first, name);
      sound_.insert(name);
    }
    if (auto dataset = file.find(name)) return Found{&file, at->first, std::move(*dataset)};
  }
  return std::nullopt;
}

void DayFiles::commit() {
  for (const auto& [name, file] : files_) {
    if (file != nullptr) file->commit();
  }
}

std::size_t DayFiles::bytes_held() const {
  std::size_t bytes = 0;
  for (const auto& [name, file] : files_) bytes += file == nullptr ? 0 : file->bytes().bytes_held();
  return bytes;
}

void DayFiles::close() {
  look();
}

void DayFiles::settle() {
  for (const auto& [name, file] : files_) {
    if (file != nullptr) file->bytes().settle();
  }
}

}  // namespace athanor
