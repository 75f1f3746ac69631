#include "sila2/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "core/check.h"
#include "core/error.h"
#include "instruments/array_window.h"
#include "instruments/description.h"
#include "instruments/kit.h"
#include "instruments/messages.h"
#include "instruments/outbox.h"
#include "sila2/session.h"

namespace athanor::sila2 {
namespace {

constexpr double kSafeAgain = 5;      // seconds between two tries to reach the safe state
constexpr double kReadingsAgain = 5;  // seconds until readings that failed are tried again
constexpr double kFresh = 3;          // seconds, after which a reading that nobody fetched is none of now

using Lock = std::unique_lock<std::mutex>;

class SilaDevice final : public Instrument {
 public:
  SilaDevice(std::unique_ptr<Session> session, const ScaledClock& clock)
      : session_(std::move(session)), description_(session_->description()), clock_(clock) {
    worker_ = std::thread([this] { work(); });
    sensor_ = std::thread([this] { sense(); });
  }

  ~SilaDevice() override {
    {
      const Lock lock(mutex_);
      quit_ = true;
      break_off();
    }
    worker_.join();
    session_->interrupt();
    sensor_.join();
  }

  // ── The driver's side ──────────────────────────────────────────────────────────────────────────────────────────────

  wire::Instrument describe() const override { return description_; }

  Outcome<Duration> start(const wire::Command& command, Time now) override {
    const wire::Capability* capability = find_capability(description_, command.capability());
    ATHANOR_CHECK(capability != nullptr, "a command for a capability that was not described");
    if (const auto fault = session_->why_not(command)) return *fault;
    take_on({command, now, expected_seconds(*capability, command), false});
    return from_seconds(expected_seconds(*capability, command));
  }

  void send_arrays_to(ArrayWindow& window) override { window_ = &window; }

  Time wakes_at() const override {
    const Lock lock(mutex_);
    return has_room() ? Time{} : outbox_.since();
  }

  int wake_fd() const override { return outbox_.wake_fd(); }

  std::vector<wire::FromDriver> poll(Time) override {
    const Lock lock(mutex_);
    if (has_room()) {
      window_->put(job_->command.id(), rows_->result, rows_->bytes);
      rows_.reset();
      changed_.notify_all();
    }
    return outbox_.take();  // an outcome comes after its last rows
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

  std::string trouble() const override {
    const Lock lock(mutex_);
    return unsafe_why_.empty() ? unread_why_ : unsafe_why_;
  }

  std::vector<wire::Value> readings(Time) override {
    const Lock lock(mutex_);
    readings_wanted_ = true;
    changed_.notify_all();
    if (monotonic_seconds() - read_at_ > kFresh) readings_.clear();
    return std::exchange(readings_, {});
  }

  Memory recall(const wire::Command& command, Time began, Time now) override {
    Memory memory;
    const wire::Capability* capability = find_capability(description_, command.capability());
    if (capability != nullptr) memory.kind = session_->recall(command);
    if (memory.kind == Memory::Kind::kRunning) take_on({command, began, expected_seconds(*capability, command), true});
    if (memory.kind == Memory::Kind::kCannotTell) make_safe(now);  // it may run, and nobody would end it
    return memory;
  }

 private:
  struct Job {
    wire::Command command;
    Time began;
    double expected_s = 0;
    bool recalled = false;
  };

  void take_on(Job job) {
    const Lock lock(mutex_);
    ATHANOR_CHECK(!job_, "a second command was started while one runs");
    job_ = std::move(job);
    go_on();
    changed_.notify_all();
  }

  void break_off() {  // locked
    broken_off_ = true;
    session_->interrupt();
    changed_.notify_all();
  }

  void go_on() {  // locked
    broken_off_ = cancelled_ = false;
    session_->resume();
  }

  /// For the rows that wait.
  bool has_room() const {  // locked
    return rows_ && window_ != nullptr && window_->room() >= rows_->bytes.size();
  }

  // ── The thread that works ──────────────────────────────────────────────────────────────────────────────────────────

  void work() {
    Lock lock(mutex_);
    while (!quit_) {
      const double left = safe_ ? HUGE_VAL : safe_again_ - monotonic_seconds();
      if (job_) {
        carry_out(lock);
      } else if (left <= 0) {
        reach_safe(lock);
      } else if (left == HUGE_VAL) {
        changed_.wait(lock);
      } else {
        changed_.wait_for(lock, std::chrono::duration<double>(left));
      }
    }
  }

  void carry_out(Lock& lock) {
    bool acted = false;
    const Job job = *job_;
    Outcome<Session::Values> end =
        unlocked(lock, [&] { return session_->carry_out(job.command, job.recalled, patient(), acted); });
    if (end) unread_why_.clear();
    if (!end && broken_off_)
      end = Fault{Fault::Kind::kInterrupted, safe_ ? "cancelled" : "the instrument was to be made safe"};
    if (!end && acted) {
      const bool gently = cancelled_ && safe_;
      go_on();
      if (!gently || unlocked(lock, [&] { return session_->cancel(resolute()); })) safe_ = false;
      if (!safe_) reach_safe(lock);
    }
    outbox_.put(outcome_of(job, end, acted), clock_.now());
    job_.reset();
    go_on();
  }

  void reach_safe(Lock& lock) {
    go_on();
    const auto fault = unlocked(lock, [&] { return session_->reach_safe(resolute()); });
    if (!fault) {
      safe_ = true;
      unsafe_why_.clear();
      unread_why_.clear();
      return outbox_.nudge(clock_.now());
    }
    const bool anew = fault->kind == Fault::Kind::kInterrupted;  // it was asked for once more meanwhile
    safe_again_ = anew ? 0 : monotonic_seconds() + kSafeAgain;
    const std::string why = fmt::format("could not be brought to its safe state, which is tried again every {} s: {}",
                                        kSafeAgain, fault->message);
    if (anew || std::exchange(unsafe_why_, why) == why) return;
    wire::FromDriver told;
    told.mutable_refused()->set_why(fmt::format("instrument “{}” {}", description_.id(), why));
    outbox_.put(std::move(told), clock_.now());
  }

  /// What blocks is done without the lock; what it throws is a fault of the device.
  template <class Say>
  auto unlocked(Lock& lock, const Say& say) -> decltype(say()) {
    lock.unlock();
    const auto relock = [&lock](auto result) {
      lock.lock();
      return result;
    };
    try {
      return relock(say());
    } catch (const std::exception& error) {
      return relock(decltype(say())(Fault{Fault::Kind::kDevice, error.what()}));
    }
  }

  Session::Conduct patient() {
    Session::Conduct conduct;
    conduct.wait = [this](double s) {
      Lock lock(mutex_);
      return !changed_.wait_for(lock, std::chrono::duration<double>(s), [this] { return broken_off_ || quit_; });
    };
    conduct.progress = [this](double fraction, const std::string& note) { report_progress(fraction, note); };
    conduct.rows = [this](const std::string& result, const SharedBytes& rows) { return hand_over(result, rows); };
    return conduct;
  }

  /// On the way to the safe state: nothing breaks it off, and the end of the driver only shortens its waiting.
  Session::Conduct resolute() {
    Session::Conduct conduct;
    conduct.wait = [this](double s) {
      Lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::duration<double>(s), [this] { return quit_; });
      return true;
    };
    return conduct;
  }

  /// To the driver's thread, which alone puts rows into the window: only so its room is known.
  bool hand_over(const std::string& result, const SharedBytes& rows) {
    Lock lock(mutex_);
    rows_ = Rows{result, rows};
    outbox_.nudge(clock_.now());
    changed_.wait(lock, [this] { return !rows_ || broken_off_ || quit_; });
    const bool taken = !rows_;
    rows_.reset();
    return taken;
  }

  void report_progress(double fraction, const std::string& note) {
    const Lock lock(mutex_);
    if (!job_) return;
    wire::FromDriver told;
    told.mutable_progress()->set_id(job_->command.id());
    told.mutable_progress()->set_fraction(std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0);
    told.mutable_progress()->set_note(note);
    outbox_.put(std::move(told), clock_.now());
  }

  wire::FromDriver outcome_of(const Job& job, const Outcome<Session::Values>& end, bool acted) const {
    const double took_s = std::max(0.0, seconds(clock_.now() - job.began));
    wire::FromDriver message;
    wire::Outcome& outcome = *message.mutable_outcome();
    if (end) {
      outcome.set_id(job.command.id());
      outcome.set_done(true);
      outcome.set_took_s(took_s);
      for (const wire::Value& value : end.value()) *outcome.add_results() = value;
    } else {
      outcome = failed_outcome(job.command.id(), end.fault(), took_s);
      outcome.set_not_begun(!acted);
    }
    return message;
  }

  // ── The thread that reads sensors, also while a command is carried out ─────────────────────────────────────────────

  void sense() {
    Lock lock(mutex_);
    while (!quit_) {
      const double left = readings_again_ - monotonic_seconds();
      if (!readings_wanted_) {
        changed_.wait(lock);
      } else if (left > 0) {
        changed_.wait_for(lock, std::chrono::duration<double>(left));
      } else {
        readings_wanted_ = false;
        const Outcome<Session::Values> read = unlocked(lock, [&] { return session_->readings(); });
        if (read) {
          readings_ = read.value();
          read_at_ = monotonic_seconds();
          unread_why_.clear();
        } else if (read.fault().kind != Fault::Kind::kInterrupted) {
          readings_again_ = monotonic_seconds() + kReadingsAgain;
          unread_why_ = "gives no readings: " + read.fault().message;
        }
      }
    }
  }

  const std::unique_ptr<Session> session_;
  const wire::Instrument description_;
  const ScaledClock& clock_;
  Outbox outbox_;
  ArrayWindow* window_ = nullptr;  ///< for the driver's thread; null: no capability has arrays

  mutable std::mutex mutex_;  // for all that follows
  std::condition_variable changed_;
  std::optional<Job> job_;
  std::optional<Rows> rows_;  ///< of the job, until there is room for them
  std::vector<wire::Value> readings_;
  bool broken_off_ = false;  ///< what is being said or waited for is to end
  bool cancelled_ = false;
  bool safe_ = true;
  bool readings_wanted_ = false, quit_ = false;
  double safe_again_ = 0, readings_again_ = 0;  ///< monotonic seconds, not before which
  double read_at_ = 0;                          ///< monotonic seconds
  std::string unsafe_why_;                      ///< as a person was told last
  std::string unread_why_;                      ///< empty: its sensors were read, or it served since, or nobody asked
  std::thread worker_, sensor_;
};

}  // namespace

Device make_device(std::unique_ptr<Server> server, const Profile& profile, const std::string& id,
                   Executions& executions, const ScaledClock& clock) {
  auto session = std::make_unique<Session>(std::move(server), profile, id, executions);
  Device device;
  device.notes = session->notes();
  device.instrument = std::make_unique<SilaDevice>(std::move(session), clock);
  return device;
}

Device make_device(const Profile& profile, const std::string& id, const std::string& address, Executions& executions,
                   const ScaledClock& clock) {
  Address at = parse_address(address);
  at.root_certificate = profile.root_certificate;
  at.certificate_name = profile.certificate_name;
  return make_device(std::make_unique<Server>(open_channel(at), profile.timeout_s, address), profile, id, executions,
                     clock);
}

}  // namespace athanor::sila2
