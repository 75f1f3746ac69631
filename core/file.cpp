#include "core/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "core/error.h"

namespace athanor {

std::string read_text_file(const std::string& file, std::uintmax_t most_bytes) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    throw EnvironmentError(fmt::format("{}: is a folder; expected a file", file));
  }
  if (std::filesystem::exists(file, ignored) && !std::filesystem::is_regular_file(file, ignored)) {
    throw EnvironmentError(fmt::format("{}: is a device or a pipe; expected an ordinary file", file));
  }
  if (most_bytes > 0 && std::filesystem::file_size(file, ignored) > most_bytes && !ignored) {
    throw EnvironmentError(
        fmt::format("{}: is larger than {} MB, which no campaign or lab file is", file, most_bytes >> 20));
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw EnvironmentError(fmt::format("{}: cannot be opened for reading: {}", file,
                                       std::error_code(errno, std::generic_category()).message()));
  }
  std::string text;
  char block[1 << 16];
  while (stream.read(block, sizeof block) || stream.gcount() > 0) {
    text.append(block, static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.bad()) throw EnvironmentError(fmt::format("{}: reading it failed half-way; check the disk", file));
  return text;
}

void sync_to_disk(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && fsync(fd) == 0;
  const int why = errno;
  if (fd >= 0) close(fd);
  if (done) return;
  throw EnvironmentError(fmt::format("{}: cannot be synced to the disk: {}", path,
                                     std::error_code(why, std::generic_category()).message()));
}

void put_in_place(const std::string& from, const std::string& to) {
  sync_to_disk(from);
  std::error_code failed;
  std::filesystem::rename(from, to, failed);
  if (failed) throw EnvironmentError(fmt::format("“{}” cannot be named “{}”: {}", from, to, failed.message()));
  sync_to_disk(std::filesystem::absolute(to).parent_path().string());
}

}  // namespace athanor
