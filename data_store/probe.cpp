#include "data_store/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "data_store/day_file.h"

namespace athanor {
namespace {

constexpr unsigned kLongest = 30;  // seconds on the processor: a file of 100,000 arrays takes one

[[noreturn]] void look(int answer, const std::string& path, const std::string& campaign, const RedoFile::Open& open) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it holds the folder's lock, too
  for (const int fatal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU}) ::signal(fatal, SIG_DFL);
  const rlimit no_core{0, 0}, processor{kLongest, kLongest};
  ::setrlimit(RLIMIT_CORE, &no_core);
  ::setrlimit(RLIMIT_CPU, &processor);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // the C library's last words of a broken heap
  ::dup2(nowhere, STDERR_FILENO);
  std::string wrong;
  try {
    DayFile(path, campaign, open, RedoFile::Access::kRead).open_all();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  const bool said = ::write(answer, wrong.data(), wrong.size()) == static_cast<ssize_t>(wrong.size());
  ::_exit(said ? 0 : 1);
}

}  // namespace

std::optional<std::string> damage_in(const std::string& path, const std::string& campaign, const RedoFile::Open& open) {
  const auto failed = [&](const char* what) {
    return EnvironmentError(fmt::format("{}: cannot be looked at: {}: {}", path, what, std::strerror(errno)));
  };
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw failed("no pipe");
  const pid_t child = ::fork();
  if (child == 0) look(pipe[1], path, campaign, open);
  ::close(pipe[1]);
  std::string wrong;
  std::array<char, 4096> part{};
  for (ssize_t n = 1; child > 0 && n != 0;) {
    n = ::read(pipe[0], part.data(), part.size());
    if (n < 0 && errno != EINTR) break;
    if (n > 0) wrong.append(part.data(), static_cast<std::size_t>(n));
  }
  ::close(pipe[0]);
  if (child < 0) throw failed("no process");
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return wrong.empty() ? std::nullopt : std::optional(wrong);
  return fmt::format("{} is no whole file of arrays: HDF5 {}", path,
                     WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU ? "comes to no end with it" : "dies of it");
}

}  // namespace athanor
