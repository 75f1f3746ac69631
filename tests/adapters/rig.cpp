#include "tests/adapters/rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/check.h"

namespace athanor::rig {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "athanor-XXXXXX").string();
  ATHANOR_CHECK(::mkdtemp(name.data()) != nullptr, "no temporary folder");
  path = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

void write_file(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

void idle(double s) {
  poll(nullptr, 0, static_cast<int>(std::ceil(s * 1000)));
}

void wait_until(const std::function<bool()>& holds) {
  const double end = monotonic_seconds() + kPatience;
  while (!holds()) {
    ATHANOR_CHECK(monotonic_seconds() < end, "what a test waited for did not come");
    idle(0.002);
  }
}

// ── The device ───────────────────────────────────────────────────────────────────────────────────────────────────────

LineDevice::LineDevice(Script script, Kind kind, std::string ends)
    : ends_(std::move(ends)), script_(std::move(script)) {
  ATHANOR_CHECK(pipe2(wake_, O_CLOEXEC | O_NONBLOCK) == 0, "no pipe");
  if (kind == Kind::kTcp) {
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof here;
    ATHANOR_CHECK(bind(listening_, reinterpret_cast<sockaddr*>(&here), size) == 0 && listen(listening_, 16) == 0 &&
                      getsockname(listening_, reinterpret_cast<sockaddr*>(&here), &size) == 0,
                  "no socket");
    address_ = fmt::format("tcp://127.0.0.1:{}", ntohs(here.sin_port));
  } else {
    int device = -1;
    char name[256];
    termios raw{};
    cfmakeraw(&raw);
    ATHANOR_CHECK(openpty(&device, &keep_open_, name, &raw, nullptr) == 0, "no pseudo-terminal");
    lines_.push_back({device, ""});
    address_ = std::string("serial:") + name;
  }
  thread_ = std::thread([this] { live(); });
}

LineDevice::~LineDevice() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  wake();
  thread_.join();
  for (const Line& line : lines_) close(line.fd);
  for (const int fd : {listening_, keep_open_, wake_[0], wake_[1]}) {
    if (fd >= 0) close(fd);
  }
}

std::vector<std::string> LineDevice::heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

int LineDevice::times(const std::string& line) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count(heard_.begin(), heard_.end(), line));
}

void LineDevice::await(const std::string& line, int times) const {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, std::chrono::duration<double>(kPatience),
                                      [&] { return std::count(heard_.begin(), heard_.end(), line) >= times; });
  ATHANOR_CHECK(came, fmt::format("the device never heard “{}”", line));
}

void LineDevice::set_script(Script script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

void LineDevice::say(const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    unasked_.push_back(text);
  }
  wake();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return unasked_.empty(); });
}

void LineDevice::go_away() {
  std::unique_lock lock(mutex_);
  away_ = true;
  wake();
  changed_.wait(lock, [this] { return !away_; });
}

void LineDevice::wake() const {
  ATHANOR_CHECK(write(wake_[1], "x", 1) == 1, "a pipe is full");
}

void LineDevice::live() {
  for (;;) {
    double next = HUGE_VAL;
    for (const Saying& saying : later_) next = std::min(next, saying.at);
    std::vector<pollfd> waits = {{wake_[0], POLLIN, 0}, {listening_, POLLIN, 0}};
    for (const Line& line : lines_) waits.push_back({line.fd, POLLIN, 0});
    const double left = std::clamp(next - monotonic_seconds(), 0.0, 1000.0);
    poll(waits.data(), waits.size(), static_cast<int>(std::ceil(left * 1000)));
    char bytes[64];
    while (read(wake_[0], bytes, sizeof bytes) > 0) {
    }
    {
      const std::lock_guard lock(mutex_);
      if (quit_) return;
      for (const std::string& text : std::exchange(unasked_, {})) {
        if (!text.empty()) react(lines_.back().fd, {.text = text});
      }
      if (std::exchange(away_, false)) {
        for (const Line& line : lines_) close(line.fd);
        lines_.clear();
        close(std::exchange(listening_, -1));
        waits.resize(1);
      }
      changed_.notify_all();
    }
    for (std::size_t i = 2; i < waits.size(); ++i) {
      if (waits[i].revents != 0)
        hear(*std::find_if(lines_.begin(), lines_.end(), [&](const Line& line) { return line.fd == waits[i].fd; }));
    }
    std::erase_if(lines_, [](const Line& line) { return line.fd < 0; });
    const double now = monotonic_seconds();
    for (Saying& saying : later_) {
      if (saying.at <= now) react(saying.fd, saying.what);
    }
    std::erase_if(later_, [&](const Saying& saying) { return saying.at <= now; });
    if (listening_ >= 0 && waits.size() > 1 && waits[1].revents != 0) {
      const int fd = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (fd >= 0) lines_.push_back({fd, ""});
    }
  }
}

void LineDevice::hear(Line& line) {
  char bytes[4096];
  const ssize_t count = read(line.fd, bytes, sizeof bytes);
  if (count <= 0) {
    if (keep_open_ >= 0) return;  // a serial line has no end
    close_line(line.fd);
    line.fd = -1;
    return;
  }
  line.heard.append(bytes, static_cast<std::size_t>(count));
  for (std::size_t end = 0; (end = line.heard.find(ends_)) != std::string::npos;) {
    const std::string said = line.heard.substr(0, end);
    line.heard.erase(0, end + ends_.size());
    Script script;
    {
      const std::lock_guard lock(mutex_);
      script = script_;
    }
    const Reaction reaction = script(said);
    {
      const std::lock_guard lock(mutex_);
      heard_.push_back(said);
      changed_.notify_all();
    }
    if (reaction.after_s > 0) {
      Reaction then = reaction;
      then.after_s = 0;
      later_.push_back({monotonic_seconds() + reaction.after_s, line.fd, then});
      continue;
    }
    const int fd = line.fd;
    react(fd, reaction);
    if (reaction.then == Reaction::Then::kClose || reaction.then == Reaction::Then::kReset) {
      line.fd = -1;
      return;
    }
  }
}

void LineDevice::react(int fd, const Reaction& reaction) {
  if (keep_open_ < 0) {
    if (!reaction.text.empty()) send(fd, reaction.text.data(), reaction.text.size(), MSG_NOSIGNAL);
  } else if (!reaction.text.empty()) {
    ATHANOR_CHECK(write(fd, reaction.text.data(), reaction.text.size()) > 0, "a pseudo-terminal took nothing");
  }
  if (reaction.then == Reaction::Then::kHalfClose) shutdown(fd, SHUT_WR);
  if (reaction.then == Reaction::Then::kReset) {
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  if (reaction.then == Reaction::Then::kReset || reaction.then == Reaction::Then::kClose) close_line(fd);
}

void LineDevice::close_line(int fd) {
  std::erase_if(later_, [&](const Saying& saying) { return saying.fd == fd; });
  close(fd);
}

LineDevice::Script table(std::map<std::string, std::string> answers) {
  return [answers = std::move(answers)](const std::string& line) {
    const auto found = answers.find(line);
    return found == answers.end() ? Reaction{} : Reaction{.text = found->second + "\n"};
  };
}

// ── The instrument ───────────────────────────────────────────────────────────────────────────────────────────────────

wire::Command command(const std::string& id, const std::string& capability, std::vector<wire::Value> with) {
  wire::Command made;
  made.set_id(id);
  made.set_instrument("device-1");
  made.set_capability(capability);
  made.set_sample("sample-7");
  made.set_place("vial-2");
  for (wire::Value& value : with) *made.add_with() = std::move(value);
  return made;
}

Station::Station(const std::string& text, const std::string& address, double speed)
    : profile(parse_profile(text, "device.yaml")),
      clock(SystemClock().now(), speed),
      device(make_device(profile, "device-1", address, own_lines, clock)) {}

Station::Station(const std::string& text, const std::string& address, Lines& lines)
    : profile(parse_profile(text, "device.yaml")),
      clock(SystemClock().now(), 1),
      device(make_device(profile, "device-1", address, lines, clock)) {}

void Station::look(const std::function<bool()>& done) {
  const double end = monotonic_seconds() + kPatience;
  for (;;) {
    for (wire::FromDriver& report : device->poll(clock.now())) reports.push_back(std::move(report));
    if (done()) return;
    ATHANOR_CHECK(monotonic_seconds() < end, "the instrument does not report what was waited for");
    pollfd waited{device->wake_fd(), POLLIN, 0};
    poll(&waited, 1, 100);
  }
}

void Station::start(const wire::Command& what) {
  const auto started = device->start(what, clock.now());
  ATHANOR_CHECK(started.ok(), "the instrument did not begin");
}

wire::Outcome Station::outcome(const std::string& id) {
  wire::Outcome found;
  look([&] {
    return std::any_of(reports.begin(), reports.end(), [&](const wire::FromDriver& report) {
      if (!report.has_outcome() || report.outcome().id() != id) return false;
      found = report.outcome();
      return true;
    });
  });
  return found;
}

wire::Outcome Station::carry_out(const wire::Command& what) {
  start(what);
  return outcome(what.id());
}

std::string Station::told() {
  std::string why;
  look([&] {
    return std::any_of(reports.begin(), reports.end(), [&](const wire::FromDriver& report) {
      why = report.refused().why();
      return report.has_refused();
    });
  });
  return why;
}

void Station::await_safe() {
  look([&] { return device->is_safe(); });
}

std::vector<wire::Value> Station::readings() {
  std::vector<wire::Value> found;
  wait_until([&] { return !(found = device->readings(clock.now())).empty(); });
  return found;
}

double number(const wire::Outcome& outcome, const std::string& name) {
  for (const wire::Value& result : outcome.results()) {
    if (result.name() == name) return result.number();
  }
  return std::nan("");
}

}  // namespace athanor::rig
