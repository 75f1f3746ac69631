#include "instruments/driver_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "core/error.h"

namespace athanor {

namespace {

constexpr std::size_t kLastWords = 400;  // bytes
constexpr int kLookEveryMs = 20;

}  // namespace

DriverProcess::DriverProcess(std::vector<std::string> command, std::string log_file)
    : command_(std::move(command)), log_file_(std::move(log_file)), end_("it was not started") {}

DriverProcess::~DriverProcess() {
  kill();
}

void DriverProcess::start() {
  kill();
  std::vector<char*> words;
  for (std::string& word : command_) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw EnvironmentError(fmt::format("cannot start a process for “{}”", command_.front()));
  end_.clear();
  // A group of its own, made by whoever comes first: for what it starts in turn, and because Ctrl-C is ours.
  setpgid(pid_, pid_);
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  const int log = open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execvp(words.front(), words.data());
  dprintf(STDERR_FILENO, "“%s” cannot be started\n", words.front());
  _exit(127);
}

bool DriverProcess::reap(bool wait) {
  if (pid_ < 0) return true;
  int status = 0;
  if (waitpid(pid_, &status, wait ? 0 : WNOHANG) != pid_) return false;
  pid_ = -1;
  end_ = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                             : fmt::format("exit status {}", WEXITSTATUS(status));
  return true;
}

void DriverProcess::kill() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  reap(true);
}

bool DriverProcess::terminate(double seconds) {
  if (pid_ < 0) return true;
  ::kill(-pid_, SIGTERM);
  for (int waited_ms = 0; waited_ms <= seconds * 1000; waited_ms += kLookEveryMs) {
    if (reap(false)) return true;
    poll(nullptr, 0, kLookEveryMs);
  }
  return false;
}

std::string DriverProcess::end() {
  reap(false);
  return end_;
}

std::string DriverProcess::last_words() const {
  std::ifstream in(log_file_, std::ios::binary);
  std::string all((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  while (!all.empty() && all.back() == '\n') all.pop_back();
  if (all.size() <= kLastWords) return all.empty() ? "nothing" : all;
  const std::size_t line = all.find('\n', all.size() - kLastWords);  // a whole one: a character may be cut in two
  return "…" + (line == std::string::npos ? std::string() : all.substr(line + 1));
}

std::optional<double> DriverProcess::memory_mib() const {
  std::ifstream in(fmt::format("/proc/{}/statm", pid_));
  double total = 0, resident = 0;
  if (!(in >> total >> resident)) return std::nullopt;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

std::optional<int> DriverProcess::open_files() const {
  std::error_code error;
  int count = 0;
  for (auto it = std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid_), error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error))
    ++count;
  return error ? std::nullopt : std::optional(count);
}

}  // namespace athanor
