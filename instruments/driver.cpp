#include "instruments/driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "core/canary.h"
#include "core/check.h"
#include "core/document.h"
#include "core/error.h"
#include "core/utf8.h"
#include "instruments/description.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

constexpr std::size_t kLongestId = 1000;   // bytes
constexpr std::size_t kLongestLine = 300;  // bytes of a line of its log

std::string too_long(const std::string& id) {
  return fmt::format("an id of {} bytes; {} is the most", id.size(), kLongestId);
}

/// “heat” k7.12.2
std::string named(const wire::Command& command) {
  return fmt::format("“{}” {}", command.capability(), command.id());
}

/// An id names one command for ever. A command that was cancelled before it came is entered with its id alone.
bool same_command(const wire::Command& entered, const wire::Command& command) {
  if (entered.instrument().empty()) return true;
  const auto same_value = [](const wire::Value& a, const wire::Value& b) {
    return a.SerializeAsString() == b.SerializeAsString();
  };
  return entered.instrument() == command.instrument() && entered.capability() == command.capability() &&
         entered.sample() == command.sample() && entered.with_size() == command.with_size() &&
         std::equal(entered.with().begin(), entered.with().end(), command.with().begin(), same_value);
}

wire::Outcome not_begun(const std::string& id, const Fault& fault) {
  wire::Outcome outcome = failed_outcome(id, fault);
  outcome.set_not_begun(true);
  return outcome;
}

}  // namespace

// ── Start: every start is a recovery ─────────────────────────────────────────────────────────────────────────────────

Driver::Driver(std::string name, std::string boot, std::vector<std::unique_ptr<Instrument>> instruments, Ledger& ledger,
               Options options, Time now)
    : name_(std::move(name)), boot_(std::move(boot)), ledger_(ledger), options_(options) {
  std::vector<Mistake> mistakes;
  for (auto& instrument : instruments) {
    wire::Instrument description = options_.within ? options_.within(instrument->describe()) : instrument->describe();
    for (const std::string& mistake : mistakes_in(description)) mistakes.push_back(Mistake{Place{}, mistake});
    const std::string id = description.id();
    if (!descriptions_.emplace(id, std::move(description)).second) {
      mistakes.push_back(Mistake{Place{}, fmt::format("driver “{}” has two instruments “{}”", name_, id)});
    }
    instruments_.emplace(id, std::move(instrument));
  }
  if (!mistakes.empty()) throw InputError(std::move(mistakes));
  Messages first;
  welcome(first);
  if (const std::size_t bytes = first.front().ByteSizeLong(); bytes > kLongestAnswer) {
    throw InputError(
        fmt::format("the descriptions of driver “{}” have {} bytes together, and {} can be sent; let several "
                    "drivers speak for its instruments",
                    name_, bytes, kLongestAnswer));
  }
  for (const auto& [id, description] : descriptions_) {
    const auto& all = description.capabilities();
    if (std::none_of(all.begin(), all.end(), makes_arrays)) continue;
    if (!arrays_) arrays_ = std::make_unique<ArrayWindow>(options_.window);
    instruments_.at(id)->send_arrays_to(*arrays_);
  }
  make_safe_what_was_left(now);
  std::exception_ptr unwritten;
  for (const Ledger::Entry& entry : ledger_.unfinished()) {
    if (ATHANOR_CANARY("trust a stale boot id")) continue;
    try {
      recover(entry, now);
    } catch (const EnvironmentError&) {  // a full disk keeps the others from their safe state no more than this one
      if (!unwritten) unwritten = std::current_exception();
    }
  }
  if (unwritten) std::rethrow_exception(unwritten);
  ledger_name_ = ledger_.identify(boot_);
  note_who_is_safe(now);
}

/// An earlier process of this driver ended before they had reached their safe state, or had to set them aside.
void Driver::make_safe_what_was_left(Time now) {
  for (const std::string& id : ledger_.unsafe()) {
    unsafe_.insert(id);
    const auto instrument = instruments_.find(id);
    if (instrument == instruments_.end()) continue;
    log(fmt::format("{} was not known to be in its safe state when this driver ended last, and is brought there", id));
    instrument->second->make_safe(now);
  }
}

void Driver::recover(const Ledger::Entry& entry, Time now) {
  const wire::Command& command = entry.command;
  const auto instrument = instruments_.find(command.instrument());
  Instrument::Memory memory;
  if (instrument != instruments_.end()) {
    // From here on, should it still run, it may put rows in.
    const wire::Capability* known = find_capability(descriptions_.at(command.instrument()), command.capability());
    if (arrays_ && known != nullptr) arrays_->open(command, *known);
    memory = instrument->second->recall(command, std::min(entry.began.value_or(now), now), now);
  }
  if (arrays_ && memory.kind != Instrument::Memory::Kind::kRunning) arrays_->abandon(command.id());
  switch (memory.kind) {
    case Instrument::Memory::Kind::kNeverStarted:
      log(fmt::format("{} {} was never begun, says the device", command.instrument(), named(command)));
      return ledger_.forget(command.id());
    case Instrument::Memory::Kind::kFinished:
      ATHANOR_CHECK(memory.outcome.id() == command.id(), "an instrument recalled the outcome of another command");
      if (memory.outcome.done() && makes_arrays(capability_of(command)))
        memory.outcome = failed_outcome(
            command.id(), {Fault::Kind::kDevice, "it ended while its driver was away, and its arrays are gone with it"},
            memory.outcome.took_s());
      memory.outcome = fit_to_be_sent(std::move(memory.outcome));
      log_end(command, memory.outcome);
      return ledger_.end(memory.outcome);
    case Instrument::Memory::Kind::kCannotTell:
      // It may be at work still, and nobody would end that.
      if (instrument != instruments_.end()) instrument->second->make_safe(now);
      log(fmt::format(
          "{} {} was under way when this driver ended last, and nobody knows what became of it: look at the "
          "instrument",
          command.instrument(), named(command)));
      if (instrument == instruments_.end() || !instrument->second->is_safe()) note_unsafe(command.instrument());
      return ledger_.mark_interrupted(command.id());
    case Instrument::Memory::Kind::kRunning: {
      ATHANOR_CHECK(busy_.emplace(command.instrument(), command.id()).second,
                    "an instrument recalled two running commands");
      log(fmt::format("{} goes on with {}", command.instrument(), named(command)));
      const wire::Capability* capability =
          find_capability(descriptions_.at(command.instrument()), command.capability());
      running_[command.id()] = {command, capability != nullptr ? expected_seconds(*capability, command) : 0, {}, {}};
      return;
    }
  }
}

std::vector<wire::Instrument> Driver::describe() const {
  std::vector<wire::Instrument> all;
  for (const auto& [id, description] : descriptions_) all.push_back(description);
  return all;
}

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

std::vector<wire::FromDriver> Driver::receive(const wire::ToDriver& message, Time now) {
  Messages out;
  const std::string id = message.has_command() ? message.command().id() : message.cancel().id();
  if (message.version() != kProtocolVersion) {
    refuse(fmt::format("the message is of protocol version {}; driver “{}” speaks version {}", message.version(), name_,
                       kProtocolVersion),
           id, out);
    return out;
  }
  if (is_for_another_ledger(message, id, out)) return out;
  try {
    switch (message.body_case()) {
      case wire::ToDriver::kHello:
      case wire::ToDriver::kVisit: {
        if (message.has_hello()) takes_arrays_ = message.hello().takes_arrays();
        welcome(out);
        break;
      }
      case wire::ToDriver::kCommand:
        on_command(message.command(), now, out);
        break;
      case wire::ToDriver::kQuestion:
        on_question(message.question(), out);
        break;
      case wire::ToDriver::kCancel:
        on_cancel(id, now, out);
        break;
      case wire::ToDriver::kStop:
        on_stop(message.stop(), now, out);
        break;
      case wire::ToDriver::kHeartbeat:
        say(out).mutable_heartbeat();
        break;
      case wire::ToDriver::BODY_NOT_SET:
        refuse(fmt::format("the message says nothing that driver “{}” knows", name_), "", out);
        break;
    }
  } catch (const EnvironmentError& error) {
    refuse(
        fmt::format("the ledger of driver “{}” failed: {}. The driver goes on by itself when it can be written again",
                    name_, error.what()),
        id, out);
  }
  return out;
}

/// Whether it was begun is in that one: neither is it begun, nor said to be cancelled before it was.
bool Driver::is_for_another_ledger(const wire::ToDriver& message, const std::string& id, Messages& out) const {
  if (!message.has_command() && !message.has_cancel()) return false;
  if (!is_another_ledger(message.ledger(), ledger_name_) || id.size() > kLongestId) return false;
  if (ATHANOR_CANARY("serve any ledger") || ATHANOR_CANARY("trust any ledger")) return false;
  refuse(fmt::format("it is meant for another ledger than “{}”, which driver “{}” keeps now: whether it was begun is "
                     "entered there, if anywhere",
                     ledger_name_, name_),
         id, out);
  return true;
}

void Driver::welcome(Messages& out) const {
  wire::Welcome& welcome = *say(out).mutable_welcome();
  for (const auto& [id, description] : descriptions_) *welcome.add_instruments() = description;
  welcome.set_dead_man_s(options_.dead_man_s);
  welcome.set_ledger(ledger_name_);
  const auto add = [&](const std::string& id, const std::string& why) {
    if (why.empty()) return;
    wire::Trouble& trouble = *welcome.add_troubles();
    trouble.set_instrument(id);
    trouble.set_why(fit_to_be_sent(why));
  };
  for (const auto& [id, why] : options_.set_aside) add(id, "is set aside: " + why);
  for (const auto& [id, instrument] : instruments_) add(id, instrument->trouble());
}

void Driver::on_command(const wire::Command& command, Time now, Messages& out) {
  if (command.id().empty()) return refuse("a command without an id cannot be carried out at most once", "", out);
  if (command.id().size() > kLongestId) return refuse(too_long(command.id()), "", out);
  if (const std::size_t bytes = command.ByteSizeLong(); bytes > kLongestTexts) {
    return refuse(fmt::format("a command of {} bytes; {} is the most", bytes, kLongestTexts), command.id(), out);
  }
  const auto running = running_.find(command.id());
  auto entry = running == running_.end() ? ledger_.find(command.id()) : std::nullopt;
  if (ATHANOR_CANARY("forget the ledger") && entry) {
    ledger_.forget(command.id());
    entry.reset();
  }
  if (running != running_.end() || entry) {
    if (!same_command(entry ? entry->command : running->second.command, command)) {
      return refuse(
          fmt::format("id “{}” was used before for another command; an id names one command for ever", command.id()),
          command.id(), out);
    }
  }
  if (running != running_.end()) {
    wire::Accepted& accepted = *say(out).mutable_accepted();
    accepted.set_id(command.id());
    accepted.set_expected_s(running->second.expected_s);
    return;
  }
  if (entry && (entry->outcome || entry->interrupted)) return say_standing(*entry, out);
  // Entered and not running: the write failed halfway, and because of that it was not started.
  if (entry) ledger_.forget(command.id());
  if (const auto fault = why_not(command, now)) {
    const wire::Outcome outcome = fit_to_be_sent(not_begun(command.id(), *fault));
    ledger_.refuse(command, boot_, outcome);
    log_end(command, outcome);
    *say(out).mutable_outcome() = outcome;
    return;
  }
  begin(command, now, out);
}

void Driver::begin(const wire::Command& command, Time now, Messages& out) {
  ledger_.begin(command, boot_, now);
  log(fmt::format("{} begins {}{}{}{}", command.instrument(), named(command),
                  command.sample().empty() ? "" : ", sample " + command.sample(), command.with_size() > 0 ? ": " : "",
                  listed(command.with())));
  Running& running = running_[command.id()];
  running.command = command;
  busy_[command.instrument()] = command.id();
  if (arrays_) arrays_->open(command, capability_of(command));
  const Outcome<Duration> expected = instruments_.at(command.instrument())->start(command, now);
  if (!expected) return finish(not_begun(command.id(), expected.fault()), now, out);
  running.expected_s = seconds(expected.value());
  wire::Accepted& accepted = *say(out).mutable_accepted();
  accepted.set_id(command.id());
  accepted.set_expected_s(running.expected_s);
}

void Driver::on_cancel(const std::string& id, Time now, Messages& out) {
  if (id.empty()) return refuse("a cancel without an id", "", out);
  if (id.size() > kLongestId) return refuse(too_long(id), "", out);
  if (const auto running = running_.find(id); running != running_.end()) {
    if (running->second.unwritten) return;
    if (running->second.storing) {
      arrays_->abandon(id);
      return enter(failed_outcome(id, {Fault::Kind::kInterrupted, "cancelled while its arrays were being stored"},
                                  running->second.storing->took_s()),
                   now, out);
    }
    Instrument& instrument = *instruments_.at(running->second.command.instrument());
    instrument.cancel(id, now);
    return collect(instrument, now, out);
  }
  const auto entry = ledger_.find(id);
  if (entry && (entry->outcome || entry->interrupted)) return say_standing(*entry, out);
  // Never begun: entered now, so that the command, should it still come, stays cancelled.
  const wire::Outcome outcome = not_begun(id, Fault{Fault::Kind::kInterrupted, "cancelled before it was begun"});
  if (entry) {
    ledger_.end(outcome);
  } else {
    wire::Command unknown;
    unknown.set_id(id);
    ledger_.refuse(unknown, boot_, outcome);
  }
  *say(out).mutable_outcome() = outcome;
}

void Driver::on_stop(const wire::Stop& stop, Time now, Messages& out) {
  const auto meant = [&](const std::string& id) {
    const auto& named = stop.instruments();
    return named.empty() || std::find(named.begin(), named.end(), id) != named.end();
  };
  wire::Stopped asked;
  asked.set_id(stop.id());
  for (auto& [id, instrument] : instruments_) {
    if (!meant(id)) continue;
    instrument->make_safe(now);  // every instrument is safe, or on its way, before anything is written
    asked.add_instruments(id);
  }
  for (auto& [id, instrument] : instruments_) {
    if (meant(id)) collect(*instrument, now, out);
  }
  if (asked.instruments().empty()) *say(out).mutable_stopped() = asked;
  stopping_.push_back(std::move(asked));
  say_who_is_safe(out);
}

void Driver::say_who_is_safe(Messages& out) {
  for (wire::Stopped& asked : stopping_) {
    wire::Stopped reached, left;
    for (const std::string& id : asked.instruments())
      (instruments_.at(id)->is_safe() ? reached : left).add_instruments(id);
    if (reached.instruments().empty()) continue;
    reached.set_id(asked.id());
    *say(out).mutable_stopped() = std::move(reached);
    *asked.mutable_instruments() = left.instruments();
  }
  std::erase_if(stopping_, [](const wire::Stopped& asked) { return asked.instruments().empty(); });
}

std::vector<wire::FromDriver> Driver::telemetry(Time now) {
  Messages out;
  for (const auto& [id, instrument] : instruments_) {
    const std::vector<wire::Value> values = instrument->readings(now);
    if (values.empty()) continue;
    wire::Telemetry& telemetry = *say(out).mutable_telemetry();
    telemetry.set_instrument(id);
    for (const wire::Value& value : values) *telemetry.add_values() = value;
    if (const std::size_t bytes = telemetry.ByteSizeLong(); bytes > kLongestTexts) {
      out.pop_back();
      if (!too_telling_.insert(id).second) continue;
      refuse(
          fmt::format("the readings of instrument “{}” have {} bytes together, and {} can be sent; they are left out",
                      id, bytes, kLongestTexts),
          "", out);
    } else {
      out.back() = fit_to_be_sent(std::move(out.back()));
    }
  }
  return out;
}

void Driver::controller_lost(Time now) {
  for (auto& [id, instrument] : instruments_) instrument->make_safe(now);
}

void Driver::on_question(const wire::Question& question, Messages& out) {
  if (question.ids_size() > kMostAsked) {
    return refuse(fmt::format("a question about {} commands; {} is the most, so ask about the others in another one",
                              question.ids_size(), kMostAsked),
                  "", out);
  }
  for (const std::string& id : question.ids()) {
    if (id.size() > kLongestId) return refuse(too_long(id), "", out);
  }
  wire::Answer* answer = say(out).mutable_answer();
  std::size_t bytes = 0;
  for (const std::string& id : question.ids()) {
    wire::CommandState state = state_of(id);
    bytes += state.ByteSizeLong();
    if (bytes > kLongestAnswer) {
      answer = say(out).mutable_answer();
      bytes = state.ByteSizeLong();
    }
    *answer->add_states() = std::move(state);
  }
}

wire::CommandState Driver::state_of(const std::string& id) {
  wire::CommandState state;
  state.set_id(id);
  if (const auto running = running_.find(id); running != running_.end()) {
    state.set_standing(wire::CommandState::RUNNING);
    *state.mutable_command() = running->second.command;
  } else if (const auto entry = ledger_.find(id)) {
    // Entered and not running, without an end: it was not started (see on_command).
    if (!entry->command.capability().empty()) *state.mutable_command() = entry->command;
    if (entry->interrupted) state.set_standing(wire::CommandState::INTERRUPTED);
    if (entry->outcome) {
      state.set_standing(wire::CommandState::FINISHED);
      *state.mutable_outcome() = *entry->outcome;
    }
  }
  return state;
}

// ── Saying it ────────────────────────────────────────────────────────────────────────────────────────────────────────

void Driver::log(const std::string& line) const {
  if (!options_.log) return;
  const std::string text = as_utf8(line);
  options_.log(text.size() <= kLongestLine ? text : fmt::format("{}…", shortened(text, kLongestLine)));
}

void Driver::log_end(const wire::Command& command, const wire::Outcome& outcome) const {
  log(fmt::format("{} {} {}: {}", command.instrument(), outcome.not_begun() ? "did not begin" : "ended", named(command),
                  in_words(outcome)));
}

void Driver::say_standing(const Ledger::Entry& entry, Messages& out) const {
  if (entry.outcome) {
    *say(out).mutable_outcome() = *entry.outcome;
    return;
  }
  wire::CommandState& state = *say(out).mutable_answer()->add_states();
  state.set_id(entry.command.id());
  state.set_standing(wire::CommandState::INTERRUPTED);
}

void Driver::refuse(const std::string& why, const std::string& id, Messages& out) const {
  wire::Refused& refused = *say(out).mutable_refused();
  refused.set_why(why);
  refused.set_id(id);
}

wire::FromDriver& Driver::say(Messages& out) const {
  wire::FromDriver& message = out.emplace_back();
  message.set_version(kProtocolVersion);
  message.set_driver(name_);
  message.set_boot(boot_);
  return message;
}

}  // namespace athanor
