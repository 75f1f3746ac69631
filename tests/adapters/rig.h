// What the tests of this folder share: a device at the other end of a line that does as it is told, and the instrument
// that speaks to it.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/device.h"
#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "core/clock.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor::rig {

constexpr double kPatience = 30;  // seconds until a test that waits for an event gives it up

/// A folder of its own, deleted at the end.
struct TemporaryFolder {
  TemporaryFolder();
  ~TemporaryFolder();
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};
void write_file(const std::string& file, const std::string& text);

/// Waits until it holds, looking again and again; a test that waits in vain fails.
void wait_until(const std::function<bool()>& holds);
/// Lets so much time pass, in a thread that plays a slow device.
void idle(double s);

/// What a device does when it has heard a line.
struct Reaction {
  enum class Then { kStay, kClose, kReset, kHalfClose };
  std::string text = "";  ///< said as it stands, with its end
  double after_s = 0;
  Then then = Then::kStay;
};

/// A device that speaks in lines, over TCP or at a serial port (a pseudo-terminal), in a thread of its own.
class LineDevice {
 public:
  enum class Kind { kTcp, kSerial };
  using Script = std::function<Reaction(const std::string& line)>;

  explicit LineDevice(Script script, Kind kind = Kind::kTcp, std::string ends = "\n");
  ~LineDevice();

  /// Where it is, for an adapter.
  const std::string& address() const { return address_; }
  /// What it has heard so far.
  std::vector<std::string> heard() const;
  /// How often `line` was among it.
  int times(const std::string& line) const;
  /// Waits until it has heard `line` so often.
  void await(const std::string& line, int times = 1) const;
  /// From now on it answers so.
  void set_script(Script script);
  /// Says something unasked, over the connection that was made last.
  void say(const std::string& text);
  /// Waits until it has done what follows on all that it heard, such as closing the line.
  void settle() { say(""); }
  /// Nobody is there any more: connections are refused.
  void go_away();

 private:
  struct Line {
    int fd = -1;
    std::string heard;
  };
  struct Saying {
    double at = 0;
    int fd = -1;
    Reaction what;
  };
  void live();
  void hear(Line& line);
  void react(int fd, const Reaction& reaction);
  void close_line(int fd);
  void wake() const;

  std::string ends_, address_;
  int listening_ = -1, keep_open_ = -1, wake_[2] = {-1, -1};
  std::vector<Line> lines_;
  std::vector<Saying> later_;
  mutable std::mutex mutex_;  // for the script and all that follows
  mutable std::condition_variable changed_;
  Script script_;
  std::vector<std::string> heard_, unasked_;
  bool quit_ = false, away_ = false;
  std::thread thread_;
};

/// Answers by a table: line → answer; what is not in it gets no answer. "\n" is put behind.
LineDevice::Script table(std::map<std::string, std::string> answers);

wire::Command command(const std::string& id, const std::string& capability, std::vector<wire::Value> with = {});

/// An instrument "device-1" of a profile, as a driver would have it.
class Station {
 public:
  Station(const std::string& profile, const std::string& address, double speed = 1);
  /// At a line that others may share.
  Station(const std::string& profile, const std::string& address, Lines& lines);

  void start(const wire::Command& command);
  void cancel(const std::string& id) { device->cancel(id, clock.now()); }
  /// Waits for the outcome of `id`.
  wire::Outcome outcome(const std::string& id);
  wire::Outcome carry_out(const wire::Command& command);
  /// Waits until a person was told something.
  std::string told();
  void await_safe();
  /// Waits for readings, asked for again and again as a driver does.
  std::vector<wire::Value> readings();

  Lines own_lines;
  const Profile profile;
  const ScaledClock clock;
  std::unique_ptr<Instrument> device;
  std::vector<wire::FromDriver> reports;  ///< all so far

 private:
  void look(const std::function<bool()>& done);
};

/// The number of that name among the results.
double number(const wire::Outcome& outcome, const std::string& name);

}  // namespace athanor::rig
