#include "athanor/laboratory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "athanor/commands.h"
#include "athanor/profiled.h"
#include "core/error.h"
#include "instruments/ledger.h"

namespace athanor {
namespace {

constexpr double kLingerSeconds = 60;  // a twin that a run started waits so long for its controller to come back
constexpr int kMostRestarts = 100;     // of killed drivers, before a twin gives up
constexpr int kMostRetries = 30;       // of a driver that cannot start (its port is taken, its ledger is in use)
constexpr double kRetrySeconds = 2;    // between them
constexpr double kAnswerSeconds = 10;  // a real driver is given so long to say what it is

class VirtualLaboratory final : public Laboratory {
 public:
  VirtualLaboratory(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed,
                    const std::string& boot, Time start, const OpenStore& open_store)
      : clock_(start),
        store_(open_store ? open_store(clock_) : nullptr),
        twin_(lab, folder, seed, "", boot, start),
        link_(make_local_link(twin_.drivers(), clock_, lab.watched(), store_.get())) {}

  const Clock& clock() const override { return clock_; }
  DriverLink& link() override { return *link_; }

 private:
  ManualClock clock_;
  std::unique_ptr<ArrayStore> store_;
  Twin twin_;
  std::unique_ptr<DriverLink> link_;
};

// The program itself, started again as `athanor twin …`, in a session of its own so that Ctrl-C does not reach it, and
// with none of our streams, which it would keep open for longer than we live.
pid_t start_twin(const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<std::string> words = {"/proc/self/exe", "twin"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw EnvironmentError("cannot start the twin's process");
  if (child > 0) return child;
  setsid();
  dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  const int written = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  dup2(written, STDOUT_FILENO);
  dup2(written, STDERR_FILENO);
  execv(argv[0], argv.data());
  _exit(127);
}

class RemoteLaboratory final : public Laboratory, public DriverLink {
 public:
  RemoteLaboratory(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed,
                   const std::string& controller, Speed speed, bool wire, Time start,
                   const std::optional<LinkKeys>& keys, bool takes_arrays)
      : speed_(speed.times), clock_(start, speed.times) {
    if (lab.twin) {
      std::filesystem::create_directories(folder);
      // Drivers that are running already hold their ledgers: then this twin finds nothing to do and leaves.
      std::vector<std::string> arguments = {lab.file->name(),
                                            "--folder",
                                            folder,
                                            "--speed",
                                            fmt::format("{}x", speed.times),
                                            "--linger",
                                            fmt::format("{}", kLingerSeconds)};
      if (wire) arguments.push_back("--wire");
      if (seed) arguments.insert(arguments.end(), {"--seed", std::to_string(*seed)});
      restart_ = [arguments, log = twin_log(folder)] { return start_twin(arguments, log); };
      twin_ = restart_();
    }
    constexpr double kSilenceSeconds = 5;
    link_ = make_zmq_link(endpoints(lab, folder), controller, clock_, kSilenceSeconds, keys, false, takes_arrays);
  }

  ~RemoteLaboratory() override {
    if (twin_ <= 0) return;
    kill(twin_, SIGTERM);
    // A simulated driver that hangs does not hold the run up; its world and ledger are whole at any moment.
    constexpr int kTries = 50, kEveryMs = 100;
    for (int i = 0; i < kTries; ++i) {
      if (waitpid(twin_, nullptr, WNOHANG) != 0) return;
      poll(nullptr, 0, kEveryMs);
    }
    kill(-twin_, SIGKILL);
    waitpid(twin_, nullptr, 0);
  }

  const Clock& clock() const override { return clock_; }
  DriverLink& link() override { return *this; }
  double speed() const override { return speed_; }

  void send(const std::string& driver, const wire::ToDriver& message) override { link_->send(driver, message); }
  std::uint64_t dropped() const override { return link_->dropped(); }
  DriverArrivals receive(Time until, int wake_fd) override {
    // A twin that was killed is started again, and goes on; one that left by itself had found its drivers running.
    int status = 0;
    if (twin_ > 0 && waitpid(twin_, &status, WNOHANG) == twin_) twin_ = WIFSIGNALED(status) ? restart_() : -1;
    // Once a second whatever happens: for that, and so that the display goes on.
    return link_->receive(std::min(until, clock_.now() + from_seconds(speed_)), wake_fd);
  }

 private:
  double speed_;
  std::function<pid_t()> restart_;
  ScaledClock clock_;
  pid_t twin_ = -1;
  std::unique_ptr<DriverLink> link_;
};

bool readable(int fd, double within_s = 0) {
  pollfd descriptor{fd, POLLIN, 0};
  return poll(&descriptor, 1, static_cast<int>(within_s * 1000)) > 0;
}

// The world's time goes on from where it stood: a paused twin's chemistry is paused too.
ScaledClock twin_clock(const std::string& folder, Speed speed) {
  const Time wall = SystemClock().now();
  return ScaledClock(speed.times == 1 ? wall : world_time(folder).value_or(wall), speed.times);
}

std::string fresh_boot() {
  return fmt::format("{}-{}", getpid(), SystemClock().now().time_since_epoch().count());
}

// A driver's part of the world, its ledger, its socket, until it is to stop.
void serve(const Lab& lab, const Endpoint& endpoint, const std::string& folder, std::optional<std::uint64_t> seed,
           const ScaledClock& clock, int stop_fd, double linger_s, const DriverLog& log = {}) {
  Twin twin(lab, folder, seed, endpoint.driver, fresh_boot(), clock.now());
  serve_driver(*twin.drivers().front(), endpoint.address, clock, stop_fd,
               {.linger_s = linger_s, .keys = driver_keys(endpoint.key), .log = log, .listening = say_where(endpoint)});
}

/// What a process of the twin is.
enum class Role {
  kDriver,   ///< speaks for simulated devices
  kDevices,  ///< simulated devices on sockets and serial lines of their own
  kAdapter,  ///< speaks for those, by their profiles
};

std::vector<driver::v1::Instrument> describe_by_profiles(const Lab& lab, std::vector<Mistake>& set_aside) {
  std::vector<driver::v1::Instrument> described;
  const auto tell_once = [&](const LabInstrument&, const InputError& why) {
    for (const Mistake& mistake : why.mistakes()) {
      const auto same = [&](const Mistake& other) {
        return to_string(other.place) == to_string(mistake.place) && other.message == mistake.message;
      };
      if (std::none_of(set_aside.begin(), set_aside.end(), same)) set_aside.push_back(mistake);
    }
  };
  for (const LabDriver& driver : lab.drivers) {
    for (const ProfiledDevices devices = devices_left(lab, driver.name, tell_once);
         const auto& device : devices.devices) {
      if (device.profile == nullptr)
        throw InputError(
            device.instrument.place,
            fmt::format("instrument “{}” is a SiLA 2 server, of which there is no twin", device.instrument.id));
      described.push_back(tighten(lab, describe(*device.profile, device.instrument.id)));
    }
  }
  if (described.empty()) throw InputError(set_aside);
  return described;
}

/// The simulated devices of a driver that speaks to them by profiles.
void serve_devices(const Lab& lab, const Endpoint& endpoint, const std::string& folder,
                   std::optional<std::uint64_t> seed, const ScaledClock& clock, int stop_fd, double linger_s) {
  std::set<std::string> aside;  // nobody will speak to them, and where they are may be no address
  devices_left(lab, endpoint.driver, [&](const LabInstrument& one, const InputError&) { aside.insert(one.id); });
  serve_wire(lab, folder, seed, endpoint.driver, clock, stop_fd, linger_s, aside);
}

/// That driver. Where all its devices are set aside it is there, too, to say why. retry: what it says was said before.
void serve_adapter(const Lab& lab, const Endpoint& endpoint, const std::string& folder, const ScaledClock& clock,
                   int stop_fd, double linger_s, const DriverLog& log, bool retry) {
  std::map<std::string, std::string> aside;
  const SetAside entered = [&](const LabInstrument& one, const InputError& why) { aside[one.id] = why.what(); };
  ProfiledDevices devices = devices_left(lab, endpoint.driver, retry ? entered : told_to(aside, "twin"));
  devices.real = false;
  const std::string ledger_file = folder + "/" + endpoint.driver + ".ledger";
  Ledger ledger(ledger_file, Database::Sync::kNone);
  Driver driver(endpoint.driver, fresh_boot(), devices.connect(clock, ledger_file), ledger, {.set_aside = aside},
                clock.now());
  serve_driver(driver, endpoint.address, clock, stop_fd,
               {.linger_s = linger_s, .keys = driver_keys(endpoint.key), .log = log, .listening = say_where(endpoint)});
}

// One process: its part of the world, its ledger, its socket. retry: it could not start before.
int serve_one(const Lab& lab, Role role, const Endpoint& endpoint, const std::string& folder,
              std::optional<std::uint64_t> seed, const ScaledClock& clock, int stop_fd, double linger_s, bool retry) {
  if (retry && readable(stop_fd, kRetrySeconds)) return 0;
  try {
    const DriverLog log = dated_log(endpoint.driver);
    if (role == Role::kDevices) {
      serve_devices(lab, endpoint, folder, seed, clock, stop_fd, linger_s);
    } else if (role == Role::kAdapter) {
      serve_adapter(lab, endpoint, folder, clock, stop_fd, linger_s, log, retry);
    } else {
      serve(lab, endpoint, folder, seed, clock, stop_fd, linger_s, log);
    }
    return 0;
  } catch (const std::exception& error) {
    if (!retry) tell(fmt::format("athanor twin: driver {}: {}\n", endpoint.driver, error.what()));
    return 3;
  }
}

}  // namespace

Speed parse_speed(const std::string& text) {
  if (text == "max") return {true, 1};
  if (text == "real") return {false, 1};
  char* end = nullptr;
  const double times = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || std::string(end) != "x" || !(times >= 1) || times > 1e6) {
    throw InputError(fmt::format(
        "--speed “{}” is not understood; expected “real”, “max”, or a factor from 1x to 1000000x, such as “500x”",
        text));
  }
  return {false, times};
}

std::string twin_log(const std::string& folder) {
  return folder + "/twin.log";
}

std::vector<Endpoint> endpoints(const Lab& lab, const std::string& folder) {
  std::vector<Endpoint> all;
  for (const LabDriver& driver : lab.drivers) {
    all.push_back({driver.name,
                   driver.endpoint.empty() ? fmt::format("ipc://{}/{}.sock", folder, driver.name) : driver.endpoint,
                   driver.key});
  }
  return all;
}

std::function<void()> say_where(const Endpoint& endpoint) {
  return [endpoint] {
    tell(fmt::format("driver {} at {}{}\n", endpoint.driver, endpoint.address,
                     endpoint.key.empty() ? "" : fmt::format(", key {}", endpoint.key)),
         stdout);
  };
}

DriverLog dated_log(const std::string& driver) {
  return [driver](const std::string& line) {
    tell(fmt::format("{} driver {}: {}\n", to_string(SystemClock().now()), driver, printable(line)));
  };
}

LinkKeys keys_of(const std::string& own) {
  const KeyFolder folder;
  folder.allowed();  // its mistakes, before anything is started
  return {folder.own(own), AllowList(folder.path())};
}

std::optional<LinkKeys> driver_keys(const std::string& name) {
  return name.empty() ? std::nullopt : std::optional(keys_of(name));
}

std::optional<LinkKeys> controller_keys(const Lab& lab, const std::string& name) {
  const bool plain = std::all_of(lab.drivers.begin(), lab.drivers.end(), [](const auto& d) { return d.key.empty(); });
  if (plain && !name.empty())
    throw InputError({lab.file->name()},
                     fmt::format("--key {}: no driver of this laboratory has a “key:”, so that none "
                                 "is used; add it beside their endpoints, or leave the option out",
                                 name));
  return plain ? std::nullopt : std::optional(keys_of(name));
}

std::unique_ptr<Laboratory> make_virtual_laboratory(const Lab& lab, const std::string& folder,
                                                    std::optional<std::uint64_t> seed, const std::string& boot,
                                                    Time start, const OpenStore& open_store) {
  return std::make_unique<VirtualLaboratory>(lab, folder, seed, boot, start, open_store);
}

std::unique_ptr<Laboratory> make_remote_laboratory(const Lab& lab, const std::string& folder,
                                                   std::optional<std::uint64_t> seed, const std::string& controller,
                                                   Speed speed, bool wire, Time start,
                                                   const std::optional<LinkKeys>& keys, bool takes_arrays) {
  return std::make_unique<RemoteLaboratory>(lab, folder, seed, controller, speed, wire, start, keys, takes_arrays);
}

std::vector<driver::v1::Instrument> describe_laboratory(const Lab& lab, const std::string& folder, bool wire,
                                                        const std::optional<LinkKeys>& keys,
                                                        std::vector<Mistake>& set_aside) {
  if (lab.twin && !wire) return describe_twin(lab);
  // Two drivers would tell it two things at once, and neither knows of the other.
  if (ByProfiles known = by_profiles(lab); !known.named_twice.empty()) throw InputError(std::move(known.named_twice));
  if (wire) return describe_by_profiles(lab, set_aside);
  const Time now = SystemClock().now();
  const ScaledClock clock(now, 1);
  const auto link = make_zmq_link(endpoints(lab, folder), "athanor run, before it starts", clock, kAnswerSeconds, keys);
  std::vector<driver::v1::Instrument> instruments;
  std::set<std::string> silent;
  std::map<std::string, std::string> complaints;  // of links, by driver: why it does not come up
  for (const LabDriver& driver : lab.drivers) silent.insert(driver.name);
  const Time until = now + from_seconds(kAnswerSeconds);
  while (!silent.empty() && clock.now() < until) {
    for (const DriverMessage& arrived : link->receive(until, -1).messages) {
      if (arrived.message.has_refused()) complaints[arrived.message.driver()] = arrived.message.refused().why();
      if (!arrived.message.has_welcome() || silent.erase(arrived.message.driver()) == 0) continue;
      for (const auto& instrument : arrived.message.welcome().instruments()) {
        const LabInstrument* known = lab.find(instrument.id());
        if (known != nullptr && known->driver == arrived.message.driver())
          instruments.push_back(tighten(lab, instrument));
      }
    }
  }
  if (silent.empty()) return instruments;
  std::string names;
  for (const Endpoint& endpoint : endpoints(lab, folder)) {
    if (!silent.contains(endpoint.driver)) continue;
    names += fmt::format("{}{} at {}", names.empty() ? "" : ", ", endpoint.driver, endpoint.address);
    if (complaints.contains(endpoint.driver)) names += fmt::format(" ({})", complaints[endpoint.driver]);
  }
  throw EnvironmentError(
      fmt::format("no answer within {} s from {}; start the drivers, or mend their endpoints in “{}”", kAnswerSeconds,
                  names, lab.file->name()));
}

int serve_twin(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, Speed speed, bool wire,
               int stop_fd, double linger_s) {
  const ScaledClock clock = twin_clock(folder, speed);
  // The world is made before its drivers start, who would otherwise all make it at once.
  if (!world_exists(folder)) Twin(lab, folder, seed, "", "making", clock.now());
  struct Child {
    Role role;
    Endpoint endpoint;
    int retries = 0;  ///< it could not start so often
  };
  std::map<pid_t, Child> children;
  const auto start = [&](const Child& child) {
    const pid_t twin = getpid(), process = fork();
    if (process < 0) throw EnvironmentError("cannot start a driver's process");
    if (process == 0) {
      // A twin that is killed takes its drivers along, as if all had been killed; their devices' world goes on.
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != twin) _exit(3);
      _exit(serve_one(lab, child.role, child.endpoint, folder, seed, clock, stop_fd, linger_s, child.retries > 0));
    }
    children.emplace(process, child);
  };
  const auto stop_all = [&] {
    for (const auto& [process, child] : children) kill(process, SIGTERM);
  };
  for (const Endpoint& endpoint : endpoints(lab, folder)) {
    if (wire) start({Role::kDevices, endpoint});
    start({wire ? Role::kAdapter : Role::kDriver, endpoint});
  }
  int worst = 0;
  int restarts = 0;
  while (!children.empty()) {
    int status = 0;
    const pid_t process = waitpid(-1, &status, 0);
    if (process < 0) {
      if (errno == EINTR && readable(stop_fd)) stop_all();
      continue;
    }
    const auto node = children.extract(process);
    if (node.empty()) continue;
    Child child = node.mapped();
    if (WIFSIGNALED(status) && !readable(stop_fd) && restarts < kMostRestarts) {
      tell(fmt::format("athanor twin: driver {} was killed by signal {}; it is started again\n", child.endpoint.driver,
                       WTERMSIG(status)));
      ++restarts;
      start({child.role, child.endpoint});
      continue;
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 3;
    // For a run, what is in the way may go: an earlier run's driver that still holds its ledger, a program at its port.
    // A twin that somebody started by hand says so and ends.
    if (code != 0 && !readable(stop_fd) && linger_s > 0 && child.retries < kMostRetries) {
      start({child.role, child.endpoint, child.retries + 1});
      continue;
    }
    if (code != 0 && linger_s > 0 && !readable(stop_fd)) {
      tell(
          fmt::format("athanor twin: driver {} could not be started {} times, and is given up; mend what it said, and "
                      "run again\n",
                      child.endpoint.driver, child.retries));
    }
    if (code != 0 && linger_s == 0) stop_all();
    worst = std::max(worst, code);
  }
  return worst;
}

int serve_twin_driver(const Lab& lab, const Endpoint& endpoint, const std::string& folder,
                      std::optional<std::uint64_t> seed, Speed speed, int stop_fd, double linger_s) {
  serve(lab, endpoint, folder, seed, twin_clock(folder, speed), stop_fd, linger_s);
  return 0;
}

}  // namespace athanor
