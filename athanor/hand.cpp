#include "athanor/hand.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/signals.h"
#include "data_store/data_store.h"
#include "instruments/data_link.h"
#include "instruments/description.h"
#include "instruments/doubt.h"
#include "instruments/driver_link.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"
#include "instruments/stored_arrays.h"

namespace athanor {
namespace {

using nlohmann::json;

constexpr double kAnswerWithin = 5;  // seconds; then it is asked about …
constexpr double kAskAgain = 10;     // … and while it runs, so often

class Hand {
 public:
  Hand(const Offer& offer, const InstrumentOptions& options, const std::optional<LinkKeys>& keys, StopSignals& stop)
      : driver_(offer.from->visited->driver),
        offer_(offer.laboratory),
        options_(options),
        stop_(stop),
        clock_(SystemClock().now(), 1),
        link_(make_zmq_link({{driver_, offer.from->at.address, offer.from->at.key}},
                            "athanor instrument do, by " + who(options), clock_, kSilence, keys, true,
                            !options.data.empty())) {
    if (options.data.empty()) return;
    store_ = std::make_unique<DataStore>(options.data, "by-hand", wall_clock_);
    const auto mine = [this](const std::string&, const wire::Open& open) { return open.command() == id_; };
    data_ = std::make_unique<DataLink>(
        *store_, DataLink::Options{{{driver_, offer.from->at.address, offer.from->at.key}}, keys, mine}, stop.wake());
  }

  /// Sends it, follows it to its end, and asks about it whenever the link was lost. It leaves under its one id only.
  int carry_out(const wire::Command& command) {
    id_ = command.id();
    for (;;) {
      DriverArrivals arrived = link_->receive(clock_.now() + from_seconds(1), stop_.wake().fd());
      stop_.wake().clear();
      for (const DriverMessage& each : arrived.messages) {
        if (each.message.refused().not_allowed()) return turned_away(each.message.refused().why());
      }
      if (data_) by_way_of_store(arrived, command);
      for (const LinkChange& change : arrived.changes) on_change(change);
      for (const DriverMessage& each : arrived.messages) {
        if (const auto status = on_message(each.message, command)) return *status;
      }
      if (const int stops = stop_.count(); stops != stops_seen_) {
        stops_seen_ = stops;
        if (!sent_) return nothing_begun();
        if (stops > 1) return leave("left");
        say("cancelling it; Ctrl-C again leaves it to itself");
        cancelled_ = true;
        cancel();
      }
      // Also once it runs: whoever took the driver over meanwhile would be told the outcome in our place.
      if (up_ && monotonic_seconds() - asked_at_ > (answered_ ? kAskAgain : kAnswerWithin)) ask();
    }
  }

 private:
  /// What names an array is heard once that was looked up.
  void by_way_of_store(DriverArrivals& arrived, const wire::Command& command) {
    std::vector<DriverMessage> heard;
    for (wire::FromDriver& message : data_->take()) heard.push_back({std::move(message)});
    for (DriverMessage& each : arrived.messages) {
      data_->meet(each.message);
      if (names_arrays(each.message)) {
        data_->verify(std::move(each.message), [&](const std::string&) { return command.instrument(); });
      } else {
        heard.push_back(std::move(each));
      }
    }
    arrived.messages = std::move(heard);
  }

  void say(const std::string& line) { athanor::tell(fmt::format("{}\n", printable(line))); }

  int leave(const std::string& why) {
    say(fmt::format("{}; what becomes of it, “{}” tells", why, asks()));
    return stop_.count() > 0 ? 130 : 3;
  }

  std::string asks() const {
    const std::string& key = options_.driver_key;
    return fmt::format("athanor instrument do {}{}{} --id {}", options_.target, key.empty() ? "" : " --driver-key ",
                       key, id_);
  }

  /// For a key that one end does not allow any more nothing is done: there is nobody to be waited for, or to cancel it.
  int turned_away(const std::string& why) {
    say(why);
    if (!sent_) return nothing_begun();
    say(
        fmt::format("{} may still run, to its end or until the driver's dead-man time is over. What becomes of it, the "
                    "driver's log tells, or “{} --key NAME” with a key that is allowed there",
                    id_, asks()));
    return 3;
  }

  int lost() {
    say(
        fmt::format("the driver came back with another ledger, and cannot tell whether {} was begun: look at the "
                    "instrument, and stop it by hand if need be",
                    id_));
    return stop_.count() > 0 ? 130 : 3;
  }

  int nothing_begun() {
    say("nothing was begun");
    return stop_.count() > 0 ? 130 : 3;
  }

  void on_change(const LinkChange& change) {
    up_ = change.up;
    answered_ = false;
    if (!up_) say(fmt::format("driver {} is not there; it is asked as soon as it is", driver_));
  }

  /// Follows each time that the link comes up.
  void on_welcome(const wire::Welcome& welcome, const wire::Command& command) {
    ledger_now_ = welcome.ledger();
    if (sent_) return ask();
    ledger_ = ledger_now_;
    send(command);
  }

  void send(const wire::Command& command) {
    sent_ = true;
    asked_at_ = monotonic_seconds();
    wire::ToDriver message = to_driver(command);
    message.set_ledger(ledger_);
    link_->send(driver_, message);
  }

  void ask() {
    wire::ToDriver message = to_driver();
    message.mutable_question()->add_ids(id_);
    asked_at_ = monotonic_seconds();
    link_->send(driver_, message);
  }

  void cancel() {
    wire::ToDriver message = to_driver();
    message.set_ledger(ledger_);
    message.mutable_cancel()->set_id(id_);
    answered_ = false;
    asked_at_ = monotonic_seconds();
    link_->send(driver_, message);
  }

  /// The exit status, once it has ended.
  std::optional<int> on_message(const wire::FromDriver& message, const wire::Command& command) {
    if (message.has_welcome()) on_welcome(message.welcome(), command);
    if (message.accepted().id() == id_) {
      answered_ = !cancelled_;
      if (!std::exchange(told_, true)) say(in_words(message));
    }
    if (message.progress().id() == id_) say(in_words(message));
    if (message.has_refused()) {
      const bool ours = !sent_ || message.refused().id() == id_;
      say(fmt::format("{}: {}", ours ? "refused" : "the driver says", message.refused().why()));
      if (message.refused().id() == id_ && is_another_ledger(ledger_, ledger_now_)) return lost();
      if (!sent_ || (message.refused().id() == id_ && !told_)) return nothing_begun();
      if (message.refused().id() == id_) return leave("somebody else is in charge now");
    }
    wire::CommandState state;
    state.set_id(id_);
    if (message.has_outcome() && message.outcome().id() == id_) {
      state.set_standing(wire::CommandState::FINISHED);
      *state.mutable_outcome() = message.outcome();
      return tell(state, command);
    }
    for (const wire::CommandState& told : message.answer().states()) {
      if (told.id() == id_) return on_standing(told, command);
    }
    return std::nullopt;
  }

  std::optional<int> on_standing(const wire::CommandState& state, const wire::Command& command) {
    if (state.standing() == wire::CommandState::NEVER_SEEN) {
      if (is_another_ledger(ledger_, ledger_now_)) return lost();
      if (cancelled_) {
        cancel();  // so that it cannot begin should it come late
      } else {
        send(command);
      }
      return std::nullopt;
    }
    if (state.standing() != wire::CommandState::RUNNING) return tell(state, command);
    answered_ = !cancelled_;
    if (cancelled_) cancel();
    return std::nullopt;
  }

  int tell(const wire::CommandState& state, const wire::Command& command) const {
    return tell_standing(state, command.instrument(), find_capability(offer_, command.capability()), options_);
  }

  std::string driver_, id_;
  std::string ledger_, ledger_now_;  ///< in which the driver enters it, and which it keeps now
  const wire::Instrument& offer_;    ///< as the laboratory narrows it
  const InstrumentOptions& options_;
  StopSignals& stop_;
  ScaledClock clock_;
  std::unique_ptr<DriverLink> link_;
  SystemClock wall_clock_;
  std::unique_ptr<DataStore> store_;  ///< null: nothing it makes is kept, as is data_
  std::unique_ptr<DataLink> data_;
  bool up_ = false, sent_ = false, answered_ = false, cancelled_ = false, told_ = false;
  int stops_seen_ = 0;
  double asked_at_ = 0;  ///< monotonic seconds
};

/// A number or text; of an array, where it is.
json value_json(const wire::Value& value) {
  if (value.kind_case() == wire::Value::kNumber) return value.number();
  if (!value.has_array()) return value.text();
  const wire::Array& array = value.array();
  json shape = {array.rows()};
  for (const std::uint64_t length : array.type().row_shape()) shape.push_back(length);
  return {{"file", array.file()},
          {"dataset", array.dataset()},
          {"element", to_string(from_wire(array.type(), "").element)},
          {"shape", shape},
          {"sha256", array.sha256()}};
}

}  // namespace

int tell_standing(const wire::CommandState& state, const std::string& instrument, const wire::Capability* capability,
                  const InstrumentOptions& options) {
  const wire::Outcome& outcome = state.outcome();
  const bool ended = state.standing() == wire::CommandState::FINISHED;
  std::map<std::string, std::string> doubted;  // result → why
  for (const wire::Value& value : outcome.results()) {
    if (capability == nullptr) continue;
    if (const auto found = doubt(instrument, *capability, value)) doubted[value.name()] = found->why;
  }
  if (options.json) {
    json results = json::object();
    for (const wire::Value& value : outcome.results()) {
      results[value.name()] = {{"value", value_json(value)}, {"unit", value.unit()}};
    }
    fmt::print("{}\n", json({{"id", state.id()},
                             {"standing", wire::CommandState::Standing_Name(state.standing())},
                             {"done", ended && outcome.done()},
                             {"fault", ended && !outcome.done() ? wire::FaultKind_Name(outcome.fault()) : ""},
                             {"message", outcome.message()},
                             {"not_begun", outcome.not_begun()},
                             {"took_s", outcome.took_s()},
                             {"results", results},
                             {"doubted", doubted}})
                           .dump());
  } else if (ended) {
    fmt::print("{}\n", printable(in_words(outcome)));
    for (const auto& [result, why] : doubted) fmt::print("not to be believed: {}\n", printable(why));
  } else {
    fmt::print("{}\n", in_words(state));
    if (state.standing() == wire::CommandState::INTERRUPTED)
      fmt::print("the driver restarted while it ran, and nobody knows what became of it: look at the instrument\n");
  }
  constexpr int kRunsOn = 4;
  return state.standing() == wire::CommandState::RUNNING ? kRunsOn : ended && outcome.done() ? 0 : 1;
}

int carry_out(const Offer& offer, const std::optional<LinkKeys>& keys, const wire::Command& command,
              const InstrumentOptions& options) {
  StopSignals stop;
  return Hand(offer, options, keys, stop).carry_out(command);
}

}  // namespace athanor
