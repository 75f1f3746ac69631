#include "data_store/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"

namespace athanor {
namespace {

class PlainFile final : public File {
 public:
  enum class Use { kSynced, kUnsynced, kRead };

  PlainFile(const std::string& path, Use use)
      : path_(path),
        synced_(use == Use::kSynced),
        fd_(::open(path.c_str(), (use == Use::kRead ? O_RDONLY : O_RDWR) | O_CLOEXEC)) {
    if (fd_ >= 0) return;
    if (errno == ENOENT && use != Use::kRead) fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) fail("opened");
    if (synced_) sync_to_disk(std::filesystem::absolute(path).parent_path().string());
  }
  ~PlainFile() override {
    if (fd_ >= 0) ::close(fd_);
  }
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;

  std::uint64_t size() override {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) fail("looked at");
    return static_cast<std::uint64_t>(status.st_size);
  }

  void read(std::uint64_t at, std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("read");
      if (n == 0) return static_cast<void>(std::memset(out.data(), 0, out.size()));
      at += static_cast<std::uint64_t>(n);
      out = out.subspan(static_cast<std::size_t>(n));
    }
  }

  void write(std::uint64_t at, std::span<const std::byte> bytes) override {
    const std::uint64_t from = at;
    const std::size_t whole = bytes.size();
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("written");
      at += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    // The disk begins with what is large, so that a sync waits for less. It may as well not.
    constexpr std::size_t kLarge = 1 << 17;
    if (synced_ && whole >= kLarge) {
      ::sync_file_range(fd_, static_cast<off_t>(from), static_cast<off_t>(whole), SYNC_FILE_RANGE_WRITE);
    }
  }

  void resize(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) fail("resized");
  }

  void sync() override {
    if (synced_ && ::fdatasync(fd_) != 0) fail("synced to the disk");
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    const char* way_out = errno == ENOSPC || errno == EDQUOT ? ". Make room on the disk" : "";
    throw EnvironmentError(fmt::format("{}: cannot be {}: {}{}", path_, what, std::strerror(errno), way_out));
  }

  std::string path_;
  bool synced_;
  int fd_;
};

}  // namespace

std::unique_ptr<File> open_file(const std::string& path) {
  return std::make_unique<PlainFile>(path, PlainFile::Use::kSynced);
}

std::unique_ptr<File> open_unsynced_file(const std::string& path) {
  return std::make_unique<PlainFile>(path, PlainFile::Use::kUnsynced);
}

std::unique_ptr<File> open_file_to_read(const std::string& path) {
  return std::make_unique<PlainFile>(path, PlainFile::Use::kRead);
}

}  // namespace athanor
