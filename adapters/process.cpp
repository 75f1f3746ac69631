// Between us and the program stands its keeper, a process that does nothing but end what the program started: Linux
// hands it every orphan among its descendants (a “subreaper”), so that none gets away. It hears of our own end, however
// sudden, by the end of the pipe over which it gets its orders.
#include "adapters/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace athanor {
namespace {

// ── In the keeper, and before the program begins: only what is allowed between fork and exec ─────────────────────────

void close_all_but(int one, int other) {
  const auto low = static_cast<unsigned>(std::min(one, other)), high = static_cast<unsigned>(std::max(one, other));
  if (low > 0) close_range(0, low - 1, 0);
  if (high > low + 1) close_range(low + 1, high - 1, 0);
  close_range(high + 1, ~0U, 0);
}

/// Kills our children, as many of them as are seen at once. False if there are none that we may kill.
bool kill_children() {
  char listed[4096];  // "123 456 "
  const int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? 0 : read(file, listed, sizeof listed - 1);
  if (file >= 0) close(file);
  listed[std::max<ssize_t>(size, 0)] = '\0';
  bool killed = false;
  for (char *begin = listed, *space; (space = std::strchr(begin, ' ')) != nullptr; begin = space + 1)
    killed = kill(static_cast<pid_t>(std::strtol(begin, nullptr, 10)), SIGKILL) == 0 || killed;
  return killed;
}

/// The children of those that are killed become ours, and are seen in the next round.
void end_descendants() {
  for (;;) {
    const bool killed = kill_children();
    const pid_t reaped = waitpid(-1, nullptr, killed ? 0 : WNOHANG);
    if (reaped == 0 || (reaped < 0 && errno != EINTR)) return;
  }
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// Passes on each order, until the program ends or there will be no more.
void follow_orders(int orders, pid_t program) {
  const int ended = static_cast<int>(syscall(SYS_pidfd_open, program, 0));
  for (;;) {
    pollfd waits[] = {{ended, POLLIN, 0}, {orders, POLLIN, 0}};
    if (poll(waits, std::size(waits), -1) < 0 && errno != EINTR) return;
    if ((waits[0].revents & POLLIN) != 0) return;
    if (waits[1].revents == 0) continue;
    char order = 0;
    if (read(orders, &order, 1) == 0) return;
    kill(-program, SIGTERM);
  }
}

}  // namespace

void Process::keep(const std::vector<char*>& argv, const std::string& folder) {
  setpgid(0, 0);  // Ctrl-C is the driver's
  prctl(PR_SET_NAME, "athanor-keeper");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t keeper = getpid();
  const pid_t program = vfork();  // a second copy of the driver's memory would cost more than all else here
  if (program == 0) become(argv, folder, keeper);
  if (program < 0) {
    const int error = errno;
    _exit(write(started_.write.get(), &error, sizeof error) < 0 ? 126 : 127);
  }
  setpgid(program, program);  // whoever comes first
  const int orders = orders_.read.get(), told = status_.write.get();
  close_all_but(orders, told);
  follow_orders(orders, program);
  ::kill(-program, SIGKILL);  // also where /proc is missing; the number is its own until it is waited for
  const int status = wait_for(program);
  end_descendants();
  _exit(write(told, &status, sizeof status) < 0 ? 126 : 0);
}

void Process::become(const std::vector<char*>& argv, const std::string& folder, pid_t keeper) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int end : {in.read.get(), out.write.get(), errors.write.get()}) fcntl(end, F_SETFL, 0);
  dup2(in.read.get(), STDIN_FILENO);
  dup2(out.write.get(), STDOUT_FILENO);
  dup2(errors.write.get(), STDERR_FILENO);
  ::signal(SIGPIPE, SIG_DFL);  // what the driver ignores
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (getppid() == keeper && chdir(folder.c_str()) == 0) execvp(argv[0], argv.data());
  const int error = errno;
  if (write(started_.write.get(), &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

// ── In our own process ───────────────────────────────────────────────────────────────────────────────────────────────

Pipe::Pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    throw EnvironmentError(fmt::format("no pipe for a program: {}", std::strerror(errno)));
  read = Descriptor(ends[0]);
  write = Descriptor(ends[1]);
}

Process::Process(const std::vector<std::string>& words, const std::string& folder) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  keeper_ = fork();
  if (keeper_ < 0) throw EnvironmentError(fmt::format("cannot start a program: {}", std::strerror(errno)));
  if (keeper_ == 0) keep(argv, folder);
  in.read.close();
  out.write.close();
  errors.write.close();
  started_.write.close();
  orders_.read.close();
  status_.write.close();
  // Readable, or at its end, when the program runs or could not be started.
  pollfd waiting{started_.read.get(), POLLIN, 0};
  while (poll(&waiting, 1, -1) < 0 && errno == EINTR) {
  }
  int error = 0;
  if (read(started_.read.get(), &error, sizeof error) == sizeof error) start_error_ = error;
  ended_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, keeper_, 0)));
  if (ended_.get() < 0) {
    const int why = errno;
    kill();
    reap();
    throw EnvironmentError(fmt::format("programs cannot be watched here (pidfd_open: {})", std::strerror(why)));
  }
}

Process::~Process() {
  kill();
  if (keeper_ >= 0) wait_for(keeper_);
}

void Process::ask_to_end() const {
  (void)!write(orders_.write.get(), "", 1);
}

void Process::kill() {
  orders_.write.close();
}

std::string Process::reap() {
  int status = wait_for(keeper_);
  keeper_ = -1;
  int told = 0;
  if (read(status_.read.get(), &told, sizeof told) == sizeof told) status = told;
  if (WIFSIGNALED(status))
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace athanor
