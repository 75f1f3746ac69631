#include "data_store/shelter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"

namespace athanor {
namespace {

constexpr int kLongest = 30;  // seconds on the processor without a sign of life
// What goes through the pipe for each look: how long the finding is, or this, and the finding.
constexpr std::uint64_t kWell = ~std::uint64_t{0};

// ── The child ────────────────────────────────────────────────────────────────────────────────────────────────────────

void let_die_quietly() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it holds the folder's lock, too
  for (const int fatal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU}) ::signal(fatal, SIG_DFL);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);  // the C library's last words of a broken heap
  ::dup2(nowhere, STDERR_FILENO);
}

void live_on() {
  rusage used{};
  rlimit processor{};
  ::getrusage(RUSAGE_SELF, &used);
  ::getrlimit(RLIMIT_CPU, &processor);
  const auto until = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + kLongest);
  processor.rlim_cur = std::min(processor.rlim_max, until);
  ::setrlimit(RLIMIT_CPU, &processor);
}

Finding looked_at(std::size_t number, const Look& look) {
  try {
    return look(number, live_on);
  } catch (const std::exception& error) {
    return error.what();
  }
}

[[noreturn]] void work(int answers, std::size_t first, std::size_t count, const Look& look) {
  let_die_quietly();
  for (std::size_t number = first; number < count; ++number) {
    live_on();
    const Finding finding = looked_at(number, look);
    const std::uint64_t size = finding ? finding->size() : kWell;
    std::string said(reinterpret_cast<const char*>(&size), sizeof size);
    if (finding) said += *finding;
    // At once: what is not said yet dies with the next one.
    for (std::size_t at = 0; at < said.size();) {
      const ssize_t n = ::write(answers, said.data() + at, said.size() - at);
      if (n < 0 && errno != EINTR) ::_exit(1);
      at += n < 0 ? 0 : static_cast<std::size_t>(n);
    }
  }
  ::_exit(0);
}

// ── The parent ───────────────────────────────────────────────────────────────────────────────────────────────────────

std::shared_mutex making;  // alone: of a process

pid_t forked() {
  const std::lock_guard lock(making);
  return ::fork();
}

EnvironmentError no_process(const char* what) {
  return EnvironmentError(
      fmt::format("arrays cannot be looked at in a process of their own: {}: {}", what, std::strerror(errno)));
}

/// False: the pipe ended before.
bool read_all(int from, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::read(from, to, size);
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
    if (n < 0) continue;
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool hear(int from, Finding& finding) {
  std::uint64_t size = 0;
  if (!read_all(from, reinterpret_cast<char*>(&size), sizeof size)) return false;
  if (size == kWell) return true;
  std::string text(size, '\0');
  if (!read_all(from, text.data(), size)) return false;
  finding = as_utf8(text);  // a damaged file's names and texts are in it
  return true;
}

std::string death(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU ? "HDF5 comes to no end with it" : "HDF5 dies of it";
}

}  // namespace

std::vector<Finding> sheltered(std::size_t count, const std::function<std::string(std::size_t)>& name,
                               const Look& look) {
  std::vector<Finding> findings;
  while (findings.size() < count) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw no_process("no pipe");
    const pid_t child = forked();
    if (child == 0) work(pipe[1], findings.size(), count, look);
    const int why = errno;
    ::close(pipe[1]);
    if (child < 0) {
      ::close(pipe[0]);
      errno = why;
      throw no_process("no process");
    }
    Finding finding;
    while (findings.size() < count && hear(pipe[0], finding)) findings.push_back(std::exchange(finding, std::nullopt));
    ::close(pipe[0]);
    const std::string end = death(child);
    if (findings.size() < count) findings.emplace_back(fmt::format("{}: {}", name(findings.size()), end));
  }
  return findings;
}

std::shared_lock<std::shared_mutex> no_new_process() {
  return std::shared_lock(making);
}

}  // namespace athanor
