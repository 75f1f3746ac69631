#include "adapters/device.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "adapters/conversation.h"
#include "core/check.h"
#include "core/digest.h"
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/kit.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

constexpr double kSafeAgain = 5;      // seconds between two tries to reach the safe state
constexpr double kReadingsAgain = 5;  // seconds until readings that failed are tried again
constexpr double kSpinning = 0.005;   // seconds that a wait between two questions takes at least, on the wall
constexpr double kProgressEvery = 1;  // seconds

using Lock = std::unique_lock<std::mutex>;

class ProfileDevice final : public Instrument {
 public:
  ProfileDevice(const Profile& profile, const std::string& id, const std::string& address, const ScaledClock& clock)
      : profile_(profile),
        description_(athanor::describe(profile, id)),
        clock_(clock),
        conversation_(profile, address, clock),
        wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (wake_fd_ < 0) throw EnvironmentError("cannot make an event descriptor for a device's thread");
    thread_ = std::thread([this] { live(); });
  }

  ~ProfileDevice() override {
    {
      const Lock lock(mutex_);
      quit_ = true;
      break_off();
    }
    changed_.notify_all();
    thread_.join();
    close(wake_fd_);
  }

  // ── The driver's side ──────────────────────────────────────────────────────────────────────────────────────────────

  wire::Instrument describe() const override { return description_; }

  Outcome<Duration> start(const wire::Command& command, Time now) override {
    const ProfileCapability* capability = find(command.capability());
    ATHANOR_CHECK(capability != nullptr, "a command for a capability that was not described");
    Job job{command, capability, values_of(capability->description, command), now, {}, false};
    if (const auto fault = unsafe_text(job.values)) return *fault;
    {
      const Lock lock(mutex_);
      ATHANOR_CHECK(!job_, "a second command was started while one runs");
      job_ = std::move(job);
      go_on();
    }
    changed_.notify_all();
    return from_seconds(expected_seconds(capability->description, command));
  }

  Time wakes_at() const override {
    const Lock lock(mutex_);
    return reports_.empty() && !said_safe_ ? kNever : woken_at_;
  }

  int wake_fd() const override { return wake_fd_; }

  std::vector<wire::FromDriver> poll(Time) override {
    const Lock lock(mutex_);
    std::uint64_t count = 0;
    if (read(wake_fd_, &count, sizeof count) < 0) count = 0;  // nothing was there, which is no matter
    said_safe_ = false;
    return std::exchange(reports_, {});
  }

  void cancel(const std::string& command_id, Time) override {
    const Lock lock(mutex_);
    if (!job_ || job_->command.id() != command_id) return;
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

  std::vector<wire::Value> readings(Time) override {
    const Lock lock(mutex_);
    readings_wanted_ = true;
    changed_.notify_all();
    return std::exchange(readings_, {});
  }

  /// What ran when the last driver died may be running still. A device that knows the command is waited for; any other
  /// is made safe, since nobody would end what it does. Blocks for as long as the profile's timeouts, at a start only.
  Memory recall(const wire::Command& command, Time now) override {
    const ProfileCapability* capability = find(command.capability());
    Lock lock(mutex_);
    Memory memory;
    if (capability != nullptr && capability->recall && !job_) {
      Job job{command, capability, values_of(capability->description, command), now, {}, true};
      Values values = job.values;
      if (!say(*capability->recall, values, resolute(), lock)) {
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
  struct Job {
    wire::Command command;
    const ProfileCapability* capability;
    Values values;
    Time began;
    std::optional<Time> told;  ///< when progress was reported last
    bool recalled = false;     ///< begun under an earlier driver
  };

  const ProfileCapability* find(const std::string& name) const {
    const auto capability = std::find_if(profile_.capabilities.begin(), profile_.capabilities.end(),
                                         [&](const ProfileCapability& one) { return one.description.name() == name; });
    return capability == profile_.capabilities.end() ? nullptr : &*capability;
  }

  static Values values_of(const wire::Capability& capability, const wire::Command& command) {
    Values values;
    const Arguments with(capability, command);
    for (const wire::Field& field : capability.parameters()) {
      if (!with.given(field.name())) continue;
      if (field.is_text()) {
        values[field.name()] = with.text(field.name());
      } else {
        values[field.name()] = with.number(field.name());
      }
    }
    values["id"] = command.id();
    values["sample"] = command.sample();
    values["place"] = command.place();
    const std::size_t digits = command.place().find_last_not_of("0123456789") + 1;
    values["tag"] = static_cast<double>(std::stoul(hex(sha256(command.id())).substr(0, 8), nullptr, 16) >> 1);
    if (digits < command.place().size()) values["position"] = std::stod(command.place().substr(digits));
    return values;
  }

  /// A text with a line's end in it would be two commands to many a device.
  std::optional<Fault> unsafe_text(const Values& values) const {
    const std::string unsafe = profile_.adapter->unsafe_in_texts();
    for (const auto& [name, value] : values) {
      const auto* text = std::get_if<std::string>(&value);
      if (text == nullptr) continue;
      for (const char c : *text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f && unsafe.find(c) == std::string::npos) continue;
        return Fault{Fault::Kind::kLimit, fmt::format("“{}” holds the character \\x{:02x}, which the device could take "
                                                      "for another command",
                                                      name, byte)};
      }
    }
    return std::nullopt;
  }

  void break_off() {  // locked
    broken_off_ = true;
    conversation_.interrupt();
    changed_.notify_all();
  }

  void go_on() {  // locked
    broken_off_ = cancelled_ = false;
    conversation_.resume();
  }

  // ── The device's thread ────────────────────────────────────────────────────────────────────────────────────────────

  void live() {
    Lock lock(mutex_);
    while (!quit_) {
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
    if (!job_->recalled) fault = say(job_->capability->begin, values, patient(), lock, &acted);
    if (!fault) fault = say(job_->capability->finish, values, patient(), lock, &acted);
    if (fault && broken_off_)
      fault = Fault{Fault::Kind::kInterrupted, safe_ ? "cancelled" : "the instrument was to be made safe"};
    if (fault && acted) {
      const auto& cancel = job_->capability->cancel;
      const bool gently = cancelled_ && safe_ && cancel;
      go_on();
      Values known = job_->values;
      if (!gently || say(*cancel, known, resolute(), lock)) safe_ = false;
      if (!safe_) reach_safe(lock);
    }
    report(outcome_of(*job_, fault, acted, values));
    job_.reset();
    go_on();
  }

  void reach_safe(Lock& lock) {
    go_on();
    Values none;
    const auto fault = say(profile_.safe, none, resolute(), lock);
    if (!fault) {
      safe_ = said_safe_ = true;
      unsafe_why_.clear();
      return wake();
    }
    safe_again_ = monotonic_seconds() + kSafeAgain;
    if (fault->message == unsafe_why_) return;
    unsafe_why_ = fault->message;
    wire::FromDriver told;
    told.mutable_refused()->set_why(
        fmt::format("instrument “{}” could not be brought to its safe state, which is tried again every {} s: {}",
                    description_.id(), kSafeAgain, fault->message));
    report(std::move(told));
  }

  void read_sensors(Lock& lock) {
    readings_wanted_ = false;
    if (profile_.readings.empty()) return;
    Values values;
    if (say(profile_.readings, values, patient(), lock)) {
      readings_again_ = monotonic_seconds() + kReadingsAgain;
    } else {
      keep_readings(values);
    }
  }

  bool readings_due() const { return readings_wanted_ && monotonic_seconds() >= readings_again_; }

  void keep_readings(const Values& values) {
    readings_.clear();
    for (const ProfileStep& step : profile_.readings) {
      for (const Take& take : step.takes) {
        const auto value = values.find(take.name());
        if (value == values.end()) continue;
        if (const double* number = std::get_if<double>(&value->second))
          readings_.push_back(number_value(take.name(), *number, take.variable().unit.text()));
      }
    }
  }

  /// The lock is let go while the device is spoken to.
  std::optional<Fault> say(const Routine& routine, Values& values, const Conversation::Conduct& conduct, Lock& lock,
                           bool* acted = nullptr) {
    lock.unlock();
    std::optional<Fault> fault;
    try {
      fault = conversation_.run(routine, values, conduct, acted);
    } catch (const std::exception& error) {
      fault = Fault{Fault::Kind::kDevice, error.what()};
    }
    lock.lock();
    return fault;
  }

  /// As a command is carried out: broken off by a cancel or a stop, and with readings while it waits.
  Conversation::Conduct patient() {
    Conversation::Conduct conduct;
    conduct.wait = [this](double lab_s) {
      Lock lock(mutex_);
      const auto over = [this] { return broken_off_ || quit_; };
      if (lab_s > 0) {
        const double wall_s = std::max(kSpinning, seconds(clock_.wall(from_seconds(lab_s))));
        const double end = monotonic_seconds() + wall_s;
        for (double left = wall_s; left > 0 && !over(); left = end - monotonic_seconds()) {
          changed_.wait_for(lock, std::chrono::duration<double>(left), [&] { return over() || readings_due(); });
          if (!over() && readings_due()) read_sensors(lock);
        }
      }
      return !over();
    };
    conduct.progress = [this](const std::string& note) { report_progress(note); };
    return conduct;
  }

  /// On the way to the safe state: nothing breaks it off, and the end of the driver only shortens its waiting.
  Conversation::Conduct resolute() {
    Conversation::Conduct conduct;
    conduct.wait = [this](double lab_s) {
      Lock lock(mutex_);
      const double wall_s = seconds(clock_.wall(from_seconds(lab_s)));
      if (lab_s > 0) changed_.wait_for(lock, std::chrono::duration<double>(wall_s), [this] { return quit_; });
      return true;
    };
    return conduct;
  }

  void report_progress(const std::string& note) {
    const Lock lock(mutex_);
    const Time now = clock_.now();
    if (!job_ || (job_->told && clock_.wall(now - *job_->told) < from_seconds(kProgressEvery))) return;
    job_->told = now;
    const double expected_s = expected_seconds(job_->capability->description, job_->command);
    wire::FromDriver told;
    told.mutable_progress()->set_id(job_->command.id());
    told.mutable_progress()->set_fraction(
        expected_s > 0 ? std::clamp(seconds(now - job_->began) / expected_s, 0.0, 0.99) : 0.0);
    told.mutable_progress()->set_note(note);
    report(std::move(told));
  }

  wire::FromDriver outcome_of(const Job& job, std::optional<Fault> fault, bool acted, const Values& values) const {
    wire::Outcome outcome;
    for (const wire::Field& field : job.capability->description.results()) {
      const auto value = values.find(field.name());
      if (fault) break;
      if (value == values.end()) {
        fault = Fault{Fault::Kind::kDevice, fmt::format("no step gave the result “{}”", field.name())};
      } else if (const double* number = std::get_if<double>(&value->second)) {
        *outcome.add_results() = number_value(field.name(), *number, field.unit());
      } else {
        *outcome.add_results() = text_value(field.name(), std::get<std::string>(value->second));
      }
    }
    const double took_s = std::max(0.0, seconds(clock_.now() - job.began));
    if (fault) {
      outcome = failed_outcome(job.command.id(), *fault, took_s);
      outcome.set_not_begun(!acted);
    } else {
      outcome.set_id(job.command.id());
      outcome.set_done(true);
      outcome.set_took_s(took_s);
    }
    wire::FromDriver message;
    *message.mutable_outcome() = std::move(outcome);
    return message;
  }

  void report(wire::FromDriver message) {  // locked
    reports_.push_back(std::move(message));
    wake();
  }

  void wake() {
    woken_at_ = clock_.now();
    const std::uint64_t one = 1;
    if (write(wake_fd_, &one, sizeof one) < 0) return;  // it is awake already
  }

  const Profile& profile_;
  const wire::Instrument description_;
  const ScaledClock& clock_;
  Conversation conversation_;
  const int wake_fd_;

  mutable std::mutex mutex_;  // for all that follows
  std::condition_variable changed_;
  std::optional<Job> job_;
  std::vector<wire::FromDriver> reports_;
  Time woken_at_ = kNever;  ///< of the latest report
  std::vector<wire::Value> readings_;
  bool broken_off_ = false;  ///< what is being said or waited for is to end
  bool cancelled_ = false;
  bool safe_ = true, said_safe_ = false;
  bool readings_wanted_ = false, quit_ = false;
  double safe_again_ = 0, readings_again_ = 0;  ///< monotonic seconds, not before which
  std::string unsafe_why_;                      ///< as a person was told last
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Instrument> make_device(const Profile& profile, const std::string& id, const std::string& address,
                                        const ScaledClock& clock) {
  return std::make_unique<ProfileDevice>(profile, id, address, clock);
}

}  // namespace athanor
