#include "adapters/folder_watch.h"

#include <fnmatch.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>

#include "core/clock.h"

namespace athanor {

FolderWatch::FolderWatch() : events_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

void FolderWatch::begin(const std::string& folder) {
  end();
  watch_ = inotify_add_watch(events_.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE);
}

void FolderWatch::end() {
  if (watch_ >= 0) inotify_rm_watch(events_.get(), watch_);
  watch_ = -1;
}

void FolderWatch::wait(double s, const std::string& pattern, const Interrupt& interrupt) {
  const double end = monotonic_seconds() + s;
  for (double left = s; left > 0; left = end - monotonic_seconds()) {
    timespec time{static_cast<time_t>(left), 0};
    time.tv_nsec = static_cast<long>((left - std::floor(left)) * 1e9);
    pollfd waits[] = {{interrupt.fd(), POLLIN, 0}, {events_.get(), POLLIN, 0}};
    ppoll(waits, std::size(waits), &time, nullptr);
    if (waits[0].revents != 0 || (waits[1].revents != 0 && heard_of(pattern))) return;
  }
}

/// Takes all that the system has to tell; true if a file that fits is among it, or some of it was lost.
bool FolderWatch::heard_of(const std::string& pattern) {
  alignas(inotify_event) char bytes[4096];
  bool fits = false;
  for (ssize_t size = 0; (size = read(events_.get(), bytes, sizeof bytes)) > 0;) {
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(bytes + at);
      fits = fits || (event->mask & IN_Q_OVERFLOW) != 0 ||
             (event->len > 0 && fnmatch(pattern.c_str(), event->name, 0) == 0);
      at += static_cast<ssize_t>(sizeof *event + event->len);
    }
  }
  return fits;
}

}  // namespace athanor
