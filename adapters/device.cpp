#include "adapters/device.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "adapters/conversation.h"
#include "adapters/job.h"
#include "core/check.h"
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/messages.h"
#include "instruments/outbox.h"

namespace athanor {
namespace {

constexpr double kSafeAgain = 2;        // seconds between two tries to reach the safe state
constexpr double kReadingsAgain = 5;    // seconds until readings that failed are tried again
constexpr double kFresh = 3;            // seconds, after which a reading that nobody fetched is none of now
constexpr double kSpinning = 0.005;     // seconds that a wait between two questions takes at least, on the wall
constexpr double kLongestSleep = 3600;  // seconds on the wall: nothing wakes from what the clock cannot count

using Lock = std::unique_lock<std::mutex>;
using Reports = Conversation::Reports;

class ProfileDevice final : public Instrument {
 public:
  ProfileDevice(const Profile& profile, const std::string& id, const std::string& address, Lines& lines,
                const ScaledClock& clock)
      : profile_(profile),
        description_(athanor::describe(profile, id)),
        clock_(clock),
        conversation_(profile, address, lines, clock) {
    thread_ = std::thread([this] { live(); });
  }

  ~ProfileDevice() override {
    {
      const Lock lock(mutex_);
      quit_ = true;
      break_off();
    }
    thread_.join();
  }

  // ── The driver's side ──────────────────────────────────────────────────────────────────────────────────────────────

  wire::Instrument describe() const override { return description_; }

  Outcome<Duration> start(const wire::Command& command, Time now) override {
    Job job = make_job(profile_, command, now);
    if (const auto fault = unsafe_text(*profile_.adapter, job.values)) return *fault;
    const double expected_s = expected_seconds(job.capability->description, command);
    const Lock lock(mutex_);
    ATHANOR_CHECK(!job_, "a second command was started while one runs");
    job_ = std::move(job);
    changed_.notify_all();
    return from_seconds(expected_s);
  }

  Time wakes_at() const override { return outbox_.since(); }
  int wake_fd() const override { return outbox_.wake_fd(); }
  std::vector<wire::FromDriver> poll(Time) override { return outbox_.take(); }

  void cancel(const std::string& command_id, Time) override {
    const Lock lock(mutex_);
    if (!job_ || job_->command.id() != command_id || ending()) return;
    cancelled_ = true;
    break_off();
  }

  void make_safe(Time) override {
    const Lock lock(mutex_);
    safe_ = false;
    safe_again_ = 0;
    break_off();
  }

  bool is_safe() const override {
    const Lock lock(mutex_);
    return safe_;
  }

  std::string trouble() const override {
    const Lock lock(mutex_);
    return !unsafe_why_.empty() ? unsafe_why_ : unanswered_why_;
  }

  std::vector<wire::Value> readings(Time) override {
    const Lock lock(mutex_);
    readings_wanted_ = !profile_.readings.empty();
    changed_.notify_all();
    if (monotonic_seconds() - read_at_ > kFresh) readings_.clear();
    return std::exchange(readings_, {});
  }

  /// What ran when the last driver died may be running still. A device that knows the command is waited for; any other
  /// is made safe, since nobody would end what it does. Blocks for as long as the profile's timeouts, at a start only.
  Memory recall(const wire::Command& command, Time began, Time) override {
    const ProfileCapability* capability = capability_of(profile_, command.capability());
    Lock lock(mutex_);
    Memory memory;
    if (capability != nullptr && capability->recall && !job_ && safe_) {
      Job job = make_job(profile_, command, began);
      job.recalled = true;
      Values values = job.values;
      if (!say(Doing::kRecall, *capability->recall, Reports::kLeft, values, lock)) {
        job_ = std::move(job);
        changed_.notify_all();
        memory.kind = Memory::Kind::kRunning;
        return memory;
      }
    }
    safe_ = false;
    break_off();
    return memory;
  }

 private:
  enum class Doing { kNothing, kRecall, kReadings, kCommand, kCancel, kSafe };

  bool ending() const { return doing_ == Doing::kCancel || doing_ == Doing::kSafe; }  // locked

  /// What is being said or waited for ends. But for the way to the safe state, in which nothing stands.
  void break_off() {  // locked
    changed_.notify_all();
    if (doing_ == Doing::kSafe) return;
    broken_off_ = true;
    conversation_.interrupt();
  }

  void go_on() {  // locked
    broken_off_ = false;
    conversation_.resume();
  }

  // ── The device's thread ────────────────────────────────────────────────────────────────────────────────────────────

  void live() {
    sigset_t all;  // signals are the driver's; one for a pipe that a program closed must not end it
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    Lock lock(mutex_);
    while (!quit_ || job_) {
      if (job_) {
        work(lock);
      } else if (!safe_ && monotonic_seconds() >= safe_again_) {
        reach_safe(lock);
      } else if (safe_ && readings_due()) {
        read_sensors(lock);
      } else {
        rest(lock);
      }
    }
    if (!safe_) reach_safe(lock);  // nobody tries again
  }

  void rest(Lock& lock) {
    double until = HUGE_VAL;
    if (!safe_) until = safe_again_;
    if (readings_wanted_ && safe_) until = std::min(until, readings_again_);
    const double left = until - monotonic_seconds();
    if (left == HUGE_VAL) {
      changed_.wait(lock);
    } else if (left > 0) {
      changed_.wait_for(lock, std::chrono::duration<double>(left));
    }
  }

  void work(Lock& lock) {
    Values values = job_->values;
    bool acted = job_->recalled;
    std::optional<Fault> fault;
    if (!job_->recalled) fault = say(Doing::kCommand, job_->capability->begin, Reports::kAfresh, values, lock, &acted);
    if (!fault) fault = say(Doing::kCommand, job_->capability->finish, Reports::kCounted, values, lock, &acted);
    if (fault && broken_off_) {
      fault = Fault{Fault::Kind::kInterrupted, !safe_       ? "the instrument was to be made safe"
                                               : cancelled_ ? "cancelled"
                                                            : "the driver ended"};
    }
    if (fault && acted) wind_up(lock);
    outbox_.put(outcome_of(*job_, fault, acted, values, clock_.now()), clock_.now());
    job_.reset();
    cancelled_ = false;
    go_on();
  }

  /// After what did not come to its end.
  void wind_up(Lock& lock) {
    const auto& cancel = job_->capability->cancel;
    if (cancelled_ && safe_ && cancel) {
      go_on();
      Values values = job_->values;
      if (!say(Doing::kCancel, *cancel, Reports::kAfresh, values, lock) && safe_) return;
    }
    safe_ = false;
    reach_safe(lock);
  }

  void reach_safe(Lock& lock) {
    go_on();
    Values none;
    const auto fault = say(Doing::kSafe, profile_.safe, Reports::kAfresh, none, lock);
    if (!fault) {
      safe_ = true;
      unsafe_why_.clear();
      return outbox_.nudge(clock_.now());
    }
    safe_again_ = monotonic_seconds() + kSafeAgain;
    tell_once(unsafe_why_, fmt::format("could not be brought to its safe state, which is tried again every {} s: {}",
                                       kSafeAgain, fault->message));
  }

  bool readings_due() const { return readings_wanted_ && monotonic_seconds() >= readings_again_; }

  void read_sensors(Lock& lock) {
    readings_wanted_ = false;
    Values values;
    const auto fault = say(Doing::kReadings, profile_.readings, Reports::kLeft, values, lock);
    if (!fault) {
      unread_why_.clear();
      readings_ = readings_of(profile_.readings, values);
      read_at_ = monotonic_seconds();
    } else if (!broken_off_) {
      readings_again_ = monotonic_seconds() + kReadingsAgain;
      unanswered_why_ = fmt::format("gives no readings: {}", fault->message);
      tell_once(unread_why_, unanswered_why_);
    }
  }

  /// The lock is let go while the device is spoken to.
  std::optional<Fault> say(Doing doing, const Routine& routine, Reports reports, Values& values, Lock& lock,
                           bool* acted = nullptr) {
    const Doing before = std::exchange(doing_, doing);
    lock.unlock();
    std::optional<Fault> fault;
    try {
      fault = conversation_.run(routine, values, conduct(doing, reports), acted);
    } catch (const std::exception& error) {
      fault = Fault{Fault::Kind::kDevice, error.what()};
    }
    lock.lock();
    doing_ = before;
    if (!fault) {
      unanswered_why_.clear();
    } else if (!broken_off_) {
      unanswered_why_ = "failed when it was spoken to last: " + fault->message;
    }
    return fault;
  }

  Conversation::Conduct conduct(Doing doing, Reports reports) {
    Conversation::Conduct conduct;
    conduct.reports = reports;
    conduct.wait = [this, doing](double lab_s) {
      Lock lock(mutex_);
      wait(doing, lab_s, lock);
      return doing == Doing::kSafe || !broken_off_;
    };
    if (doing == Doing::kCommand) {
      conduct.progress = [this](const std::string& note, std::optional<double> fraction) {
        report_progress(note, fraction);
      };
    }
    return conduct;
  }

  /// As long as that takes, or until it is broken off; sensors are read meanwhile.
  void wait(Doing doing, double lab_s, Lock& lock) {
    if (lab_s <= 0) return;
    const double end = monotonic_seconds() + std::max(kSpinning, seconds(clock_.wall(from_seconds(lab_s))));
    const auto over = [&] { return broken_off_ && doing != Doing::kSafe; };
    const auto due = [&] { return doing == Doing::kCommand && readings_due(); };
    for (double left = end - monotonic_seconds(); left > 0 && !over(); left = end - monotonic_seconds()) {
      changed_.wait_for(lock, std::chrono::duration<double>(std::min(left, kLongestSleep)),
                        [&] { return over() || due(); });
      if (!over() && due()) read_sensors(lock);
    }
  }

  void report_progress(const std::string& note, std::optional<double> fraction) {
    const Lock lock(mutex_);
    const Time now = clock_.now();
    outbox_.put(progress_of(*job_, note, fraction, now), now);
  }

  /// For a person, who is told again only of something new.
  void tell_once(std::string& last, const std::string& what) {  // locked
    if (std::exchange(last, what) == what) return;
    wire::FromDriver told;
    told.mutable_refused()->set_why(fmt::format("instrument “{}” {}", description_.id(), what));
    outbox_.put(std::move(told), clock_.now());
  }

  const Profile& profile_;
  const wire::Instrument description_;
  const ScaledClock& clock_;
  Conversation conversation_;
  Outbox outbox_;

  mutable std::mutex mutex_;  // for all that follows
  std::condition_variable changed_;
  std::optional<Job> job_;
  Doing doing_ = Doing::kNothing;  ///< what is being said now
  std::vector<wire::Value> readings_;
  bool broken_off_ = false;  ///< what is being said or waited for is to end
  bool cancelled_ = false, quit_ = false;
  bool safe_ = true;
  bool readings_wanted_ = false;
  double safe_again_ = 0, readings_again_ = 0;  ///< monotonic seconds, not before which
  double read_at_ = 0;                          ///< monotonic seconds
  std::string unsafe_why_, unread_why_;         ///< as a person was told last
  std::string unanswered_why_;                  ///< empty: what was said to it last went well, whatever was before
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Instrument> make_device(const Profile& profile, const std::string& id, const std::string& address,
                                        Lines& lines, const ScaledClock& clock) {
  return std::make_unique<ProfileDevice>(profile, id, address, lines, clock);
}

}  // namespace athanor
