#include "sila2/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/clock.h"
#include "core/error.h"
#include "instruments/description.h"
#include "instruments/messages.h"
#include "sila2/metadata.h"
#include "sila2/silence.h"

namespace athanor::sila2 {
namespace {

namespace sila = ::sila2::org::silastandard;

constexpr double kListen =
    20;  // seconds after which progress is asked for anew: a stream whose server is gone says nothing, too
constexpr double kCancel = 30;  // seconds that a server may take to end what it was asked to end
constexpr double kKnown = 10;   // seconds after which readings are held against the server's identity anew

std::string left(const Server::Info& info) {
  if (!info.has_estimatedremainingtime()) return "";
  return fmt::format("about {} s left", info.estimatedremainingtime().seconds());
}

bool has_ended(const Server::Info& info) {
  return info.commandstatus() >= sila::ExecutionInfo::finishedSuccessfully;
}

}  // namespace

Session::Session(std::unique_ptr<Server> server, const Profile& profile, const std::string& id, Executions& executions)
    : server_(std::move(server)),
      executions_(executions),
      timeout_s_(profile.timeout_s),
      features_(server_->discover()),
      offers_(offers_of(features_)),
      safe_(annotate(profile, offers_)) {
  description_.set_id(id);
  description_.set_kind(profile.kind.empty() ? server_->type() : profile.kind);
  for (const Offer& offer : offers_.capabilities) *description_.add_capabilities() = offer.description;
  Place place;
  if (profile.file) place.file = profile.file->name();
  std::vector<Mistake> mistakes;
  for (const std::string& mistake : mistakes_in(description_)) mistakes.push_back(Mistake{place, mistake});
  if (!mistakes.empty()) throw InputError(std::move(mistakes));
  notes_ = offers_.notes;
  Tags tags = tags_of(*server_, features_, offers_, profile);
  server_->send_along(std::move(tags.tags));
  notes_.insert(notes_.end(), tags.notes.begin(), tags.notes.end());
  if (profile.file) return;
  notes_.push_back(fmt::format(
      "nobody has said what its safe state is (“safe:” in a profile): {}",
      offers_.cancel != nullptr ? "a stop has the server cancel what runs" : "a stop waits until what runs has ended"));
}

const Offer& Session::offer_of(const wire::Command& command) const {
  const auto offer = std::find_if(offers_.capabilities.begin(), offers_.capabilities.end(),
                                  [&](const Offer& one) { return one.description.name() == command.capability(); });
  ATHANOR_CHECK(offer != offers_.capabilities.end(), "a command for a capability that was not described");
  return *offer;
}

std::optional<Fault> Session::why_not(const wire::Command& command) const {
  std::unique_ptr<Message> request;
  return fill(offer_of(command), command, request);
}

std::optional<Fault> Session::fill(const Offer& offer, const wire::Command& command,
                                   std::unique_ptr<Message>& request) const {
  request = offer.known->messages->make(offer.call + "_Parameters");
  const auto why = sila2::fill(offer, command, *request);
  return why ? std::optional(Fault{Fault::Kind::kLimit, *why}) : std::nullopt;
}

// ── Carrying out ─────────────────────────────────────────────────────────────────────────────────────────────────────

Outcome<Session::Values> Session::carry_out(const wire::Command& command, bool recalled, const Conduct& conduct,
                                            bool& acted) {
  const Offer& offer = offer_of(command);
  if (recalled) {
    acted = true;
    running_ = Running{offer.known, offer.call, executions_.find(description_.id(), command.id()).uuid};
    return await(offer, running_, conduct);
  }
  if (const auto failed = server_->connect({offer.known})) return failed->fault;
  forget_fetched();
  if (!offer.property) executions_.sending(description_.id(), command.id());
  return begin(offer, command, conduct, acted, running_);
}

Outcome<Session::Values> Session::begin(const Offer& offer, const wire::Command& command, const Conduct& conduct,
                                        bool& acted, std::optional<Running>& running) {
  const auto answer = offer.known->messages->make(offer.call + "_Responses");
  if (offer.property) {
    if (const auto failed = ask(*offer.known, offer.call, offer.observable, *answer)) return failed->fault;
    return results_of(offer, *answer, conduct);
  }
  std::unique_ptr<Message> request;
  if (const auto fault = fill(offer, command, request)) return *fault;
  acted = true;
  if (!offer.observable) {
    const double within_s = std::max(timeout_s_, 2 * expected_seconds(offer.description, command) + 30);
    if (const auto failed = server_->call(offer.known->feature, offer.call, *request, *answer, within_s)) {
      acted = failed->begun;
      return failed->fault;
    }
    return results_of(offer, *answer, conduct);
  }
  sila::CommandConfirmation confirmation;
  if (const auto failed = server_->call(offer.known->feature, offer.call, *request, confirmation)) {
    acted = failed->begun;
    return failed->fault;
  }
  running = Running{offer.known, offer.call, confirmation.commandexecutionuuid().value()};
  try {
    if (&running == &running_) executions_.confirmed(description_.id(), running->uuid);
  } catch (const EnvironmentError&) {
    // It runs, and is waited for; only a restart could not ask for it, and would not take it for a command never sent.
  }
  return await(offer, running, conduct);
}

Outcome<Session::Values> Session::await(const Offer& offer, std::optional<Running>& running, const Conduct& conduct) {
  Silence silence;
  for (bool ended = false; !ended;) {
    const auto failed = server_->follow(running->known->feature, running->command, running->uuid, kListen,
                                        [&](const Server::Info& info) {
                                          silence.heard();
                                          conduct.progress(info.progressinfo().value(), left(info));
                                          ended = has_ended(info);
                                          return !ended;
                                        });
    if (ended || !failed) break;  // a stream that ends without having said so: the result tells
    if (failed->forgotten) running.reset();
    if (!failed->link || silence.is_too_long()) return failed->fault;
    if (!conduct.wait(kAgain)) return broken_off();
  }
  return result(offer, running, conduct);
}

Outcome<Session::Values> Session::result(const Offer& offer, std::optional<Running>& running, const Conduct& conduct) {
  sila::CommandExecutionUUID execution;
  execution.set_value(running->uuid);
  Silence silence;
  for (;;) {
    const auto answer = offer.known->messages->make(offer.call + "_Responses");
    const auto failed = server_->call(offer.known->feature, offer.call + "_Result", execution, *answer);
    if (!failed) {
      running.reset();
      return results_of(offer, *answer, conduct);
    }
    if (failed->unfinished) silence.heard();
    const bool again = failed->unfinished || (failed->link && !silence.is_too_long());
    if (!again && !failed->link && failed->fault.kind != Fault::Kind::kInterrupted) running.reset();
    if (!again) return failed->fault;
    if (!conduct.wait(kAgain)) return broken_off();
  }
}

Server::Ended Session::ask(const Known& known, const std::string& call, bool observable, Message& answer) {
  const auto request = known.messages->make(call + "_Parameters");
  return observable ? server_->first(known.feature, call, *request, answer)
                    : server_->call(known.feature, call, *request, answer);
}

Outcome<Session::Values> Session::readings() {
  if (monotonic_seconds() >= known_until_) {
    std::vector<const Known*> meant;
    for (const ReadingOffer& reading : offers_.readings) {
      if (meant.empty() || meant.back() != reading.known) meant.push_back(reading.known);
    }
    if (const auto failed = server_->connect(meant)) return failed->fault;
    known_until_ = monotonic_seconds() + kKnown;
  }
  Values values;
  std::unique_ptr<Message> answer;
  const ReadingOffer* asked = nullptr;  // elements of one structure are read together
  for (const ReadingOffer& reading : offers_.readings) {
    if (asked == nullptr || asked->known != reading.known || asked->call != reading.call) {
      asked = &reading;
      answer = reading.known->messages->make(reading.call + "_Responses");
      if (const auto failed = ask(*reading.known, reading.call, reading.observable, *answer)) {
        if (failed->link) known_until_ = 0;
        if (failed->link || failed->fault.kind == Fault::Kind::kInterrupted) return failed->fault;
        answer->Clear();  // this property cannot be read just now; others can
      }
    }
    const auto value = take(reading.leaf, *answer);
    if (value && value->has_number()) values.push_back(*value);
    if (value && value->has_text()) values.push_back(number_value(value->name(), value->text() == "true" ? 1 : 0, ""));
  }
  return values;
}

// ── After a restart, and to the safe state ───────────────────────────────────────────────────────────────────────────

Instrument::Memory::Kind Session::recall(const wire::Command& command) const {
  using Memory = Instrument::Memory::Kind;
  switch (executions_.find(description_.id(), command.id()).kind) {
    case Executions::Trace::Kind::kNotSent:
      return Memory::kNeverStarted;
    case Executions::Trace::Kind::kConfirmed:
      return Memory::kRunning;  // or ended meanwhile, which its server tells like any other end
    case Executions::Trace::Kind::kSent:
    case Executions::Trace::Kind::kUnknown:
      break;
  }
  return Memory::kCannotTell;
}

/// Asks the server to end what was begun here, or all that runs where nobody knows; false if it has no
/// CancelController.
bool Session::ask_to_end() {
  if (offers_.cancel == nullptr) return false;
  const Feature& feature = offers_.cancel->feature;
  const std::string call = running_ ? "CancelCommand" : "CancelAll";
  const auto command = std::find_if(feature.commands.begin(), feature.commands.end(),
                                    [&](const Command& one) { return one.identifier == call && !one.observable; });
  if (command == feature.commands.end()) return false;
  const auto request = offers_.cancel->messages->make(call + "_Parameters");
  for (const Leaf& leaf : flatten(feature, command->parameters, Side::kParameters).leaves) {
    if (running_ && leaf.field.is_text()) put(leaf, text_value(leaf.field.name(), running_->uuid), *request);
  }
  const auto answer = offers_.cancel->messages->make(call + "_Responses");
  return !server_->call(feature, call, *request, *answer);
}

/// Waits until what was begun here has ended, however.
std::optional<Fault> Session::await_end(const Conduct& conduct, double within_s) {
  const double end = monotonic_seconds() + within_s;
  while (running_) {
    bool ended = false, heard = false;
    const Running& what = *running_;
    const auto failed =
        server_->follow(what.known->feature, what.command, what.uuid, within_s, [&](const Server::Info& info) {
          heard = true;
          ended = has_ended(info);
          return !ended;
        });
    if (failed && failed->link && !heard) return failed->fault;
    if (ended || (failed && failed->forgotten)) {
      running_.reset();
    } else if (monotonic_seconds() >= end || !conduct.wait(kAgain)) {
      return Fault{Fault::Kind::kDevice,
                   fmt::format("{}.{} still runs on the server", what.known->feature.identifier, what.command)};
    }
  }
  return std::nullopt;
}

std::optional<Fault> Session::cancel(const Conduct& conduct) {
  if (!running_ || !ask_to_end()) return Fault{Fault::Kind::kDevice, "the server cannot cancel it"};
  return await_end(conduct, kCancel);
}

std::optional<Fault> Session::reach_safe(const Conduct& conduct) {
  // A step without parameters cannot be misunderstood: the way to the safe state is gone whatever else is new.
  std::vector<const Known*> meant;
  for (const wire::Command& step : safe_) {
    if (const Offer& offer = offer_of(step); !offer.parameters.empty()) meant.push_back(offer.known);
  }
  if (const auto failed = server_->connect(meant)) return failed->fault;
  if (running_ || safe_.empty()) ask_to_end();
  for (const wire::Command& step : safe_) {
    bool acted = false;
    std::optional<Running> running;
    const auto done = begin(offer_of(step), step, conduct, acted, running);
    if (!done) return done.fault();
  }
  return await_end(conduct, kAgain);
}

}  // namespace athanor::sila2
