#include "lab_twin/wire_serial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/error.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPseudoTerminals = "/dev/pts/";

/// Where the link leads; empty if there is none.
std::string target_of(const std::string& link) {
  std::error_code none;
  return fs::read_symlink(link, none).string();
}

/// Twins lock the byte of this number of the file that makes pseudo-terminals: a lock that ends with its process.
struct flock byte_of(long number) {
  struct flock byte {};
  byte.l_type = F_WRLCK;
  byte.l_whence = SEEK_SET;
  byte.l_start = number;
  byte.l_len = 1;
  return byte;
}

bool is_a_living_twins(const std::string& pseudo_terminal) {
  long number = -1;
  const std::string_view digits = std::string_view(pseudo_terminal).substr(kPseudoTerminals.size());
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) return false;
  const int maker = ::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct flock byte = byte_of(number);
  const bool locked = maker >= 0 && fcntl(maker, F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
  if (maker >= 0) ::close(maker);
  return locked;
}

/// Bytes as they are, no echo; the other end may be set otherwise by who opens it. Its name, or none, with errno.
std::optional<std::string> set_up(int line) {
  char name[64];
  int number = 0;
  termios settings{};
  if (grantpt(line) != 0 || ptsname_r(line, name, sizeof name) != 0 || ioctl(line, TIOCGPTN, &number) != 0 ||
      tcgetattr(line, &settings) != 0)
    return std::nullopt;
  cfmakeraw(&settings);
  struct flock byte = byte_of(number);
  if (tcsetattr(line, TCSANOW, &settings) != 0 || fcntl(line, F_OFD_SETLK, &byte) != 0) return std::nullopt;
  return name;
}

}  // namespace

SerialEnd::~SerialEnd() {
  if (!other_end_.empty() && target_of(path_) == other_end_) ::unlink(path_.c_str());
}

void SerialEnd::require_free() const {
  std::error_code error;
  const fs::file_status there = fs::symlink_status(path_, error);
  if (there.type() == fs::file_type::not_found) return;
  if (there.type() != fs::file_type::symlink)
    throw EnvironmentError(fmt::format(
        "no link can be made at {}: {}; choose another path", path_,
        there.type() == fs::file_type::none ? error.message() : "something is there that is no link, and is kept"));
  const std::string target = target_of(path_);
  if (!fs::exists(path_, error)) return;  // it leads nowhere any more
  if (!target.starts_with(kPseudoTerminals))
    throw EnvironmentError(fmt::format(
        "no link can be made at {}: there is one to {}, which is kept; choose another path", path_, target));
  if (is_a_living_twins(target))
    throw EnvironmentError(
        fmt::format("the serial line at {} is another twin's, which runs; end that one first", path_));
}

int SerialEnd::open() {
  require_free();
  const auto no_line = [&](int line) {
    const std::string why = std::strerror(errno);
    if (line >= 0) ::close(line);
    return EnvironmentError(fmt::format("there can be no serial line at {}: {}", path_, why));
  };
  line_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (line_ < 0) throw no_line(line_);
  const auto name = set_up(line_);
  if (!name) throw no_line(line_);
  other_end_ = *name;
  for (const std::string& link : links_) {
    if (target_of(link) == other_end_) ::unlink(link.c_str());
  }
  ::unlink(path_.c_str());  // which was seen to be a link
  // Only now can anybody open it. Once somebody has closed it, the system tells whether it is open.
  if (unlockpt(line_) != 0) throw no_line(line_);
  const int once = ::open(other_end_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (once < 0) throw no_line(line_);
  ::close(once);
  if (::symlink(other_end_.c_str(), path_.c_str()) != 0) throw no_line(line_);
  return line_;
}

bool SerialEnd::is_in_use() const {
  pollfd line{line_, 0, 0};
  return line_ >= 0 && poll(&line, 1, 0) >= 0 && (line.revents & POLLHUP) == 0;
}

}  // namespace athanor
