#include "adapters/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace athanor {

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
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw EnvironmentError(fmt::format("cannot start a program: {}", std::strerror(errno)));
  if (pid_ == 0) become(argv, folder, parent);
  in.read.close();
  out.write.close();
  errors.write.close();
  started_.write.close();
  // Readable, or at its end, when the program runs or could not be started.
  pollfd waiting{started_.read.get(), POLLIN, 0};
  while (poll(&waiting, 1, -1) < 0 && errno == EINTR) {
  }
  int error = 0;
  if (read(started_.read.get(), &error, sizeof error) == sizeof error) start_error_ = error;
  ended_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (ended_.get() < 0) {
    const int why = errno;
    signal(SIGKILL);
    reap();
    throw EnvironmentError(fmt::format("programs cannot be watched here (pidfd_open: {})", std::strerror(why)));
  }
}

/// In the child: only what is allowed between fork and exec.
void Process::become(const std::vector<char*>& argv, const std::string& folder, pid_t parent) {
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
  if (getppid() == parent && chdir(folder.c_str()) == 0) execvp(argv[0], argv.data());
  const int error = errno;
  if (write(started_.write.get(), &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

Process::~Process() {
  if (reaped_) return;
  signal(SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Process::signal(int number) const {
  kill(-pid_, number);
}

std::string Process::reap() {
  siginfo_t how{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &how, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  signal(SIGKILL);  // what it left behind, while the number of its group is still its own
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  if (WIFSIGNALED(status))
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace athanor
