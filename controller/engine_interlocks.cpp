// Interlocks: readings that went past their bound or are not heard, and what is held, refused or stopped over them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "controller/engine.h"
#include "controller/points.h"
#include "core/error.h"
#include "instruments/description.h"

namespace athanor {
namespace {

using Then = LabInterlock::Then;

constexpr double kNeverCameSeconds = 60;  // so long a driver is there before a reading that it does not show is named
constexpr int kReadingsMissed = 3;        // fewer than that are no silence
constexpr int kDigits = 6;                // of a reading; fewer could hide by how little it is past its bound

template <class Names>
bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string describe_reading(const LabInterlock& interlock, const wire::Value& value) {
  if (value.kind_case() != wire::Value::kNumber) return fmt::format("{} {}", interlock.watched(), readable(value));
  return fmt::format("{} {}{}{}", interlock.watched(), pretty_number(value.number(), kDigits),
                     value.unit().empty() ? "" : " ", value.unit());
}

std::string what_follows_of(const LabInterlock& interlock) {
  const std::string instruments = fmt::format("{}", fmt::join(interlock.instruments, ", "));
  const bool one = interlock.instruments.size() == 1;
  switch (interlock.then) {
    case Then::kHold:
      return fmt::format("{} {} no command until it is back", instruments, one ? "gets" : "get");
    case Then::kRefuse:
      return interlock.capabilities.empty()
                 ? fmt::format("nothing that {} can do begins until it is back", instruments)
                 : fmt::format("no {} begins until it is back", fmt::join(interlock.capabilities, ", no "));
    case Then::kStop:
      break;
  }
  return fmt::format(
      "{} {} to {} safe state now, and stay{} there until a person has looked: “athanor resume JOURNAL "
      "--instrument {}”",
      instruments, one ? "goes" : "go", one ? "its" : "their", one ? "s" : "", interlock.instruments.front());
}

}  // namespace

// ── What is heard ────────────────────────────────────────────────────────────────────────────────────────────────────

void Engine::on_telemetry(const wire::FromDriver& message) {
  const wire::Telemetry& telemetry = message.telemetry();
  for (const LabInterlock& interlock : lab_.interlocks) {
    if (interlock.instrument != telemetry.instrument() || interlock.driver != message.driver()) continue;
    const auto value = std::find_if(telemetry.values().begin(), telemetry.values().end(),
                                    [&](const wire::Value& each) { return each.name() == interlock.reading; });
    if (value == telemetry.values().end()) continue;
    Watch& watch = watches_[interlock.name];
    watch.heard = now_;
    watch.ever = true;
    judge(interlock, *value);
  }
}

// Only what changes is recorded. A reading that cannot be understood protects nobody: it trips the interlock, too.
void Engine::judge(const LabInterlock& interlock, const wire::Value& value) {
  bool trips = true;
  std::string why;
  try {
    const double number = number_in(value, interlock.bound.unit);
    trips = interlock.trips(number);
    why = std::isnan(number) ? "is no number" : interlock.condition();
  } catch (const InputError&) {
    why = fmt::format("cannot be held against {}", to_string(interlock.bound));
  }
  const bool tripped = state_.interlocks.contains(interlock.name);
  if (trips && !tripped) trip(interlock, describe_reading(interlock, value), why);
  if (!trips && tripped) pass(interlock.name, describe_reading(interlock, value));
}

// ── Silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// When something follows from not hearing the interlock's reading; kNever while its driver's link is down, which has
/// an alarm of its own.
Time Engine::silent_at(const LabInterlock& interlock) const {
  const auto watch = watches_.find(interlock.name);
  const auto driver = state_.drivers.find(interlock.driver);
  if (watch == watches_.end() || driver == state_.drivers.end() || !driver->second.up) return kNever;
  const bool trips = interlock.silent_after && !state_.interlocks.contains(interlock.name) &&
                     !(options_.readings_never_stop && watch->second.ever);
  const bool tells = !watch->second.ever && !watch->second.told;
  if (!trips && !tells) return kNever;
  const Duration allowed = interlock.silent_after
                               ? std::max(*interlock.silent_after, options_.readings_every * kReadingsMissed)
                               : from_seconds(kNeverCameSeconds * seconds(options_.readings_every));
  return watch->second.heard + allowed;
}

void Engine::watch_interlocks() {
  for (const LabInterlock& interlock : lab_.interlocks) {
    if (silent_at(interlock) <= now_) {
      Watch& watch = watches_.at(interlock.name);
      const std::string since = fmt::format("was not heard for {} s", pretty_number(seconds(now_ - watch.heard), 3));
      if (!watch.ever && !std::exchange(watch.told, true)) {
        alarm(interlock.instrument,
              fmt::format("interlock {} watches {}, which {}, since its driver is there: does it show it? Look at the "
                          "name in the lab file",
                          interlock.name, interlock.watched(), since));
      }
      if (interlock.silent_after && !state_.interlocks.contains(interlock.name))
        trip(interlock, interlock.watched(), since);
    }
    // An instrument of a driver that came later, or that the lab file names only since.
    const auto tripped = state_.interlocks.find(interlock.name);
    if (tripped != state_.interlocks.end() && !to_be_stopped(interlock).empty())
      record_trip(interlock, std::string(tripped->second.reading), std::string(tripped->second.why));
  }
}

// ── What follows ─────────────────────────────────────────────────────────────────────────────────────────────────────

void Engine::trip(const LabInterlock& interlock, const std::string& reading, const std::string& why) {
  const std::string text = fmt::format("{}; {}", why, what_follows_of(interlock));
  record_trip(interlock, reading, text);
  alarm(interlock.instrument, fmt::format("interlock {}: {} {}", interlock.name, reading, text));
}

void Engine::record_trip(const LabInterlock& interlock, const std::string& reading, const std::string& why) {
  const std::vector<std::string> stops = to_be_stopped(interlock);
  Record fresh;
  fresh.mutable_interlock()->set_name(interlock.name);
  fresh.mutable_interlock()->set_tripped(true);
  fresh.mutable_interlock()->set_reading(reading);
  fresh.mutable_interlock()->set_why(why);
  fresh.mutable_interlock()->mutable_stops()->Add(stops.begin(), stops.end());
  record(std::move(fresh));
  for (const std::string& id : stops) {
    journal::v1::Order halt;
    halt.set_verb(journal::v1::Order::HALT);
    halt.set_scope(journal::v1::Order::INSTRUMENT);
    halt.set_instrument(id);
    cancel_what_it_ends(halt);
  }
}

void Engine::pass(const std::string& interlock, const std::string& reading) {
  Record fresh;
  fresh.mutable_interlock()->set_name(interlock);
  fresh.mutable_interlock()->set_reading(reading);
  record(std::move(fresh));
}

/// Those that the lab file does not know any more can never pass by themselves.
void Engine::forget_interlocks() {
  std::set<std::string> gone;
  for (const auto& [name, tripped] : state_.interlocks) gone.insert(name);
  for (const LabInterlock& interlock : lab_.interlocks) gone.erase(interlock.name);
  for (const std::string& name : gone) pass(name, "it is not in the lab file any more");
}

/// Instruments that a tripped interlock stops, are known, and were not told of it.
std::vector<std::string> Engine::to_be_stopped(const LabInterlock& interlock) const {
  if (interlock.then != Then::kStop) return {};
  const auto tripped = state_.interlocks.find(interlock.name);
  std::vector<std::string> out;
  for (const std::string& id : interlock.instruments) {
    const bool told = tripped != state_.interlocks.end() && tripped->second.stopped.contains(id);
    if (!told && state_.instruments.contains(id)) out.push_back(id);
  }
  return out;
}

/// The interlock over which the instrument gets no command now; empty if there is none. One that stopped it holds it,
/// too, while its condition does, whatever a person says.
std::string Engine::held_by(const std::string& instrument) const {
  for (const LabInterlock& interlock : lab_.interlocks) {
    if (interlock.then != Then::kRefuse && state_.interlocks.contains(interlock.name) &&
        contains(interlock.instruments, instrument))
      return interlock.name;
  }
  return "";
}

std::string Engine::refused_by(const std::string& capability) const {
  for (const LabInterlock& interlock : lab_.interlocks) {
    if (interlock.then != Then::kRefuse || !state_.interlocks.contains(interlock.name)) continue;
    if (contains(interlock.capabilities, capability)) return interlock.name;
    if (!interlock.capabilities.empty()) continue;
    for (const std::string& id : interlock.instruments) {
      const auto offer = offers_.find(id);
      if (offer != offers_.end() && find_capability(offer->second, capability) != nullptr) return interlock.name;
    }
  }
  return "";
}

std::string Engine::stopped_by(const std::string& instrument) const {
  for (const auto& [name, tripped] : state_.interlocks) {
    if (tripped.stopped.contains(instrument)) return name;
  }
  return "";
}

/// What is held or refused goes on by itself; what was stopped waits for a person.
bool Engine::waits_for_interlock() const {
  return std::any_of(lab_.interlocks.begin(), lab_.interlocks.end(), [&](const LabInterlock& interlock) {
    return interlock.then != Then::kStop && state_.interlocks.contains(interlock.name);
  });
}

}  // namespace athanor
