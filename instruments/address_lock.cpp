#include "instruments/address_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "instruments/address.h"

namespace athanor {

namespace {

constexpr std::string_view kLockSuffix = ".lock";

[[noreturn]] void in_use(const std::string& address, const char* by) {
  throw EnvironmentError(
      fmt::format("the address {} is in use: {} listens there. Stop it, or choose another address", address, by));
}

/// A socket file that a killed process left behind may be replaced; one that somebody listens on, or another file, may
/// not.
void check_file(const std::string& address, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) {
    throw EnvironmentError(
        fmt::format("the address {} is that of a file that is no socket. Choose another address", address));
  }
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);  // its length was checked by ipc_path
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool listens =
      probe >= 0 && (::connect(probe, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 || errno == EAGAIN);
  if (probe >= 0) ::close(probe);
  if (listens) in_use(address, "another program");
}

bool still_named(int fd, const std::string& file) {
  struct stat held {
  }, named{};
  return ::fstat(fd, &held) == 0 && ::stat(file.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

}  // namespace

AddressLock::AddressLock(const std::string& address) {
  const auto path = ipc_path(address);
  if (!path) return;
  const std::filesystem::path folder = std::filesystem::path(*path).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) {
    throw EnvironmentError(
        fmt::format("the folder {} of the address {} is not there. Make it first", folder.string(), address));
  }
  file_ = *path + std::string(kLockSuffix);
  // Whoever held it before may have removed the file after we opened it: then what we hold has no name, and we try
  // again.
  do {
    if (fd_ >= 0) ::close(fd_);
    fd_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0)
      throw EnvironmentError(fmt::format("the lock file {} cannot be made: {}", file_, std::strerror(errno)));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd_);
      in_use(address, "another driver or controller");
    }
  } while (!still_named(fd_, file_));
  try {
    check_file(address, *path);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

AddressLock::~AddressLock() {
  if (fd_ < 0) return;
  // ZeroMQ leaves the socket's file behind. While we hold the lock nobody else may listen there.
  ::unlink(file_.substr(0, file_.size() - kLockSuffix.size()).c_str());
  ::unlink(file_.c_str());
  ::close(fd_);
}

}  // namespace athanor
