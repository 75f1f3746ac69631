#include "tests/instruments/zmq_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "core/check.h"

#ifdef ATHANOR_THREAD_SANITIZER
// Debian's libzmq is not built for the thread sanitizer, which therefore cannot see how it synchronises; nor is
// libsodium, which decrypts in its threads.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "race:libzmq.so\nrace:libsodium.so\n";
}
#endif

// A connection of libzmq 4.3.4 that ends while it hands on a message may lose what it knows of the other end: some
// hundred bytes, now and then.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libzmq.so\n";
}

namespace athanor::rig {

namespace {

constexpr double kPatience = 20;  // seconds of wall time; reached only when something is wrong

/// What the hardware itself would keep: one line for each physical start.
void write_down_start(const std::string& file, const Device::Job& job, const std::string& id) {
  std::ofstream(file, std::ios::app) << id << ' ' << job.began.time_since_epoch().count() << ' ' << job.duration.count()
                                     << std::endl;
}

/// A heater whose jobs are kept in a file.
class DurableHeater final : public Instrument {
 public:
  DurableHeater(const std::string& file, bool remembers) : file_(file), inner_(heater("heater-1", device_)) {
    device_.remembers = remembers;
    std::ifstream jobs(file_);
    std::string id;
    for (std::int64_t began = 0, duration = 0; jobs >> id >> began >> duration;) {
      device_.jobs[id] = {Time(Duration(began)), Duration(duration), false};
    }
  }
  wire::Instrument describe() const override { return inner_->describe(); }
  Outcome<Duration> start(const wire::Command& command, Time now) override {
    auto expected = inner_->start(command, now);
    write_down_start(file_, device_.jobs.at(command.id()), command.id());
    return expected;
  }
  Time wakes_at() const override { return inner_->wakes_at(); }
  std::vector<wire::FromDriver> poll(Time now) override { return inner_->poll(now); }
  void cancel(const std::string& id, Time now) override { inner_->cancel(id, now); }
  void make_safe(Time now) override { inner_->make_safe(now); }
  Memory recall(const wire::Command& command, Time began, Time now) override {
    return inner_->recall(command, began, now);
  }

 private:
  std::string file_;
  Device device_;
  std::unique_ptr<Instrument> inner_;
};

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  ATHANOR_CHECK(value != nullptr, name);
  return value;
}

}  // namespace

// Not a test: what DriverProcess starts this executable for.
TEST_CASE("driver process", "[.driver-process]") {
  const std::string folder = setting("ATHANOR_TEST_FOLDER");
  std::vector<std::unique_ptr<Instrument>> instruments;
  instruments.push_back(std::make_unique<DurableHeater>(folder + "/device", setting("ATHANOR_TEST_REMEMBERS") == "1"));
  Ledger ledger(folder + "/ledger.db");
  const ScaledClock clock = running_clock(1);
  Driver driver("hot", setting("ATHANOR_TEST_BOOT"), std::move(instruments), ledger, {}, clock.now());
  serve_driver(driver, "ipc://" + folder + "/socket", clock, -1,
               {.linger_s = 60});  // ends by itself should the test die
}

ScaledClock running_clock(double speed) {
  return ScaledClock(SystemClock().now(), speed);
}

// ── In a thread ──────────────────────────────────────────────────────────────────────────────────────────────────────

ServedDriver::ServedDriver(const std::string& address, const ScaledClock& clock, Driver::Options options,
                           double linger_s, const std::optional<LinkKeys>& keys) {
  std::vector<std::unique_ptr<Instrument>> instruments;
  instruments.push_back(heater("heater-1", device));
  driver_ = std::make_unique<Driver>("hot", "boot-1", std::move(instruments), ledger_, options, clock.now());
  ATHANOR_CHECK(::pipe(stop_) == 0, "no pipe");
  thread_ = std::thread([this, address, &clock, linger_s, keys] {
    try {
      const DriverLog log = [this](const std::string& line) {
        const std::lock_guard lock(mutex_);
        log_.push_back(line);
        said_.notify_all();
      };
      serve_driver(*driver_, address, clock, stop_[0], {.linger_s = linger_s, .keys = keys, .log = log});
    } catch (const std::exception& error) {
      failure_ = error.what();
    }
  });
}

ServedDriver::~ServedDriver() {
  ::close(stop_[1]);
  if (thread_.joinable()) thread_.join();
  ::close(stop_[0]);
}

std::string ServedDriver::wait_for_end() {
  thread_.join();
  return failure_;
}

std::string ServedDriver::await_log(const std::vector<std::string>& words) {
  std::unique_lock lock(mutex_);
  std::string found;
  const bool came = said_.wait_for(lock, std::chrono::duration<double>(kPatience), [&] {
    for (const std::string& line : log_) {
      if (std::all_of(words.begin(), words.end(),
                      [&](const auto& word) { return line.find(word) != std::string::npos; }))
        found = line;
    }
    return !found.empty();
  });
  for (const std::string& line : log_) UNSCOPED_INFO(line);
  INFO("waited for a line of the log with: " << words.front());
  REQUIRE(came);
  return found;
}

std::size_t ServedDriver::log_lines() {
  const std::lock_guard lock(mutex_);
  return log_.size();
}

std::string free_tcp_address() {
  // Below the ports that the system hands out by itself: one of those could be taken again before it is used.
  constexpr int kLowest = 10'000, kPorts = 20'000;
  static int next = getpid() * 37;
  for (int i = 0; i < kPorts; ++i) {
    const int port = kLowest + next++ % kPorts;
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const bool is_free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (is_free) return fmt::format("tcp://127.0.0.1:{}", port);
  }
  ATHANOR_CHECK(false, "no free port");
}

// ── In a process ─────────────────────────────────────────────────────────────────────────────────────────────────────

DriverProcess::DriverProcess(const TemporaryFolder& folder, const std::string& boot, bool remembers) {
  std::vector<std::string> environment{"ATHANOR_TEST_FOLDER=" + folder.path.string(), "ATHANOR_TEST_BOOT=" + boot,
                                       fmt::format("ATHANOR_TEST_REMEMBERS={}", remembers ? 1 : 0)};
  std::vector<char*> variables;
  for (std::string& variable : environment) variables.push_back(variable.data());
  for (char** inherited = environ; *inherited != nullptr; ++inherited) variables.push_back(*inherited);
  variables.push_back(nullptr);
  std::string program = "/proc/self/exe", test = "driver process";
  char* arguments[] = {program.data(), test.data(), nullptr};
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ATHANOR_CHECK(::posix_spawn(&pid_, program.c_str(), &quiet, nullptr, arguments, variables.data()) == 0,
                "cannot spawn");
  posix_spawn_file_actions_destroy(&quiet);
}

void DriverProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void DriverProcess::pause() {
  ::kill(pid_, SIGSTOP);
}
void DriverProcess::go_on() {
  ::kill(pid_, SIGCONT);
}

std::string address_in(const TemporaryFolder& folder) {
  return "ipc://" + (folder / "socket");
}

int starts_in(const TemporaryFolder& folder, const std::string& id) {
  std::ifstream jobs(folder / "device");
  int starts = 0;
  std::string known, rest;
  while (jobs >> known && std::getline(jobs, rest)) starts += known == id ? 1 : 0;
  return starts;
}

// ── Waiting for events ───────────────────────────────────────────────────────────────────────────────────────────────

DriverArrivals await(DriverLink& link, const ScaledClock& clock,
                     const std::function<bool(const DriverArrivals&)>& wanted) {
  for (const double start = monotonic_seconds(); monotonic_seconds() - start < kPatience;) {
    DriverArrivals arrived = link.receive(clock.now() + from_seconds(60), -1);
    if (wanted(arrived)) return arrived;
  }
  FAIL("waited in vain");
  return {};
}

DriverArrivals await_up(DriverLink& link, const ScaledClock& clock, const std::string& driver) {
  return await(link, clock, [&](const DriverArrivals& arrived) {
    return std::any_of(arrived.changes.begin(), arrived.changes.end(),
                       [&](const auto& each) { return each.up && each.driver == driver; });
  });
}

DriverArrivals await_down(DriverLink& link, const ScaledClock& clock, const std::string& driver) {
  return await(link, clock, [&](const DriverArrivals& arrived) {
    return std::any_of(arrived.changes.begin(), arrived.changes.end(),
                       [&](const auto& each) { return !each.up && each.driver == driver; });
  });
}

wire::FromDriver await_message(DriverLink& link, const ScaledClock& clock,
                               const std::function<bool(const wire::FromDriver&)>& wanted) {
  wire::FromDriver found;
  await(link, clock, [&](const DriverArrivals& arrived) {
    for (const DriverMessage& each : arrived.messages) {
      if (!wanted(each.message)) continue;
      found = each.message;
      return true;
    }
    return false;
  });
  return found;
}

RawController::RawController(const std::string& address, const std::function<void(ZmqSocket&)>& secure) {
  if (secure) secure(socket_);
  socket_.connect(address);
}

void RawController::send(const Frames& frames) {
  for (const double start = monotonic_seconds(); !socket_.send(frames);) {
    REQUIRE(monotonic_seconds() - start < kPatience);
    ZmqWait waits[] = {{&socket_, -1, true, false}};
    wait_for_any(waits, kPatience);
  }
}

wire::FromDriver RawController::await(const std::function<bool(const wire::FromDriver&)>& wanted) {
  for (const double start = monotonic_seconds(); monotonic_seconds() - start < kPatience;) {
    ZmqWait waits[] = {{&socket_, -1, false, false}};
    wait_for_any(waits, kPatience);
    while (const auto frames = socket_.receive()) {
      wire::FromDriver message;
      REQUIRE(message.ParseFromString(frames->at(0)));
      if (wanted(message)) return message;
    }
  }
  FAIL("waited in vain");
  return {};
}

}  // namespace athanor::rig
