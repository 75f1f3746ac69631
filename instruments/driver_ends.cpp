// What instruments report as time passes: progress, and how commands end, arrays and all.
#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

constexpr double kRetryLedger = 1;  // seconds; a full disk is not freed faster

}  // namespace

Time Driver::wakes_at() const {
  if (arrays_ && arrays_->any_settled()) return Time{};
  Time next = retry_at_;
  for (const auto& [id, instrument] : instruments_) next = std::min(next, instrument->wakes_at());
  return next;
}

std::vector<int> Driver::wake_fds() const {
  std::vector<int> fds;
  for (const auto& [id, instrument] : instruments_) {
    if (const int fd = instrument->wake_fd(); fd >= 0) fds.push_back(fd);
  }
  return fds;
}

std::vector<wire::FromDriver> Driver::advance(Time now) {
  Messages out;
  if (retry_at_ <= now) {
    retry_at_ = kNever;
    std::vector<wire::Outcome> unwritten;
    for (const auto& [id, running] : running_) {
      if (running.unwritten) unwritten.push_back(*running.unwritten);
    }
    for (const wire::Outcome& outcome : unwritten) enter(outcome, now, out);
  }
  look_at_arrays(now, out);
  for (auto& [id, instrument] : instruments_) {
    if (instrument->wakes_at() <= now) collect(*instrument, now, out);
  }
  say_who_is_safe(out);
  note_who_is_safe(now);
  return out;
}

void Driver::note_unsafe(const std::string& instrument) {
  if (unsafe_.contains(instrument)) return;
  ledger_.note_unsafe(instrument);
  unsafe_.insert(instrument);
}

/// Of those that it does not speak for now nothing is known.
void Driver::note_who_is_safe(Time now) {
  std::erase_if(unsafe_, [&](const std::string& id) {
    const auto instrument = instruments_.find(id);
    if (instrument == instruments_.end() || !instrument->second->is_safe()) return false;
    try {
      ledger_.note_safe(id);
      return true;
    } catch (const EnvironmentError&) {
      retry_at_ = std::min(retry_at_, now + from_seconds(kRetryLedger));
      return false;
    }
  });
}

void Driver::collect(Instrument& instrument, Time now, Messages& out) {
  for (wire::FromDriver& report : instrument.poll(now)) {
    if (report.has_outcome()) {
      finish(report.outcome(), now, out);
      continue;
    }
    if (report.has_progress() && !running_.contains(report.progress().id())) continue;  // nobody waits for its end
    report.set_version(kProtocolVersion);
    report.set_driver(name_);
    report.set_boot(boot_);
    if (report.has_refused()) log(report.refused().why());
    out.push_back(fit_to_be_sent(std::move(report)));
  }
}

void Driver::finish(const wire::Outcome& outcome, Time now, Messages& out) {
  const auto running = running_.find(outcome.id());
  ATHANOR_CHECK(running != running_.end(),
                fmt::format("an outcome of command “{}”, which was not running", outcome.id()));
  if (!arrays_ || !makes_arrays(capability_of(running->second.command))) return enter(outcome, now, out);
  if (!outcome.done()) {
    arrays_->abandon(outcome.id());
    return enter(outcome, now, out);
  }
  running->second.storing = outcome;
  arrays_->close(outcome.id());
}

/// An outcome that names an array says that it is stored.
void Driver::look_at_arrays(Time now, Messages& out) {
  if (!arrays_ || !arrays_->any_settled()) return;
  std::vector<wire::Outcome> settled;
  for (auto& [id, running] : running_) {
    const auto arrays = running.storing && !running.unwritten ? arrays_->settled(id) : std::nullopt;
    if (!arrays) continue;
    wire::Outcome& outcome = settled.emplace_back(std::move(*running.storing));
    running.storing.reset();
    for (const wire::Value& array : arrays->arrays) *outcome.add_results() = array;
    if (!arrays->why_not.empty())
      outcome = failed_outcome(id, {Fault::Kind::kDevice, arrays->why_not}, outcome.took_s());
  }
  for (const wire::Outcome& outcome : settled) enter(outcome, now, out);
}

const wire::Capability& Driver::capability_of(const wire::Command& command) const {
  const wire::Capability* known = find_capability(descriptions_.at(command.instrument()), command.capability());
  static const wire::Capability kUnknown;  // of a command that an earlier version of this driver began
  return known != nullptr ? *known : kUnknown;
}

void Driver::enter(const wire::Outcome& ended, Time now, Messages& out) {
  const wire::Outcome outcome = fit_to_be_sent(ended);
  const auto running = running_.find(outcome.id());
  const bool first_try = !running->second.unwritten;
  const std::string instrument = running->second.command.instrument();
  try {
    if (!instruments_.at(instrument)->is_safe()) note_unsafe(instrument);
    ledger_.end(outcome);
  } catch (const EnvironmentError& error) {
    running->second.unwritten = outcome;
    retry_at_ = std::min(retry_at_, now + from_seconds(kRetryLedger));
    if (first_try) {
      refuse(fmt::format(
                 "command “{}” ended, but its outcome cannot be entered in the ledger of driver “{}” and is kept back "
                 "until it can: {}",
                 outcome.id(), name_, error.what()),
             "", out);
    }
    return;
  }
  log_end(running->second.command, outcome);
  busy_.erase(instrument);
  running_.erase(running);
  *say(out).mutable_outcome() = outcome;
}

}  // namespace athanor
