#include "tests/simulation/silence.h"

#include <fmt/format.h>

#include <algorithm>

#include "instruments/description.h"
#include "tests/simulation/world.h"

namespace athanor::simulation {
namespace {

constexpr Duration kLinkWithin = std::chrono::seconds{5};  // the link of production
constexpr Duration kSlack = std::chrono::seconds{1};       // a journal that cannot be written is tried again after that

}  // namespace

void SilenceWatch::expect(const std::string& command, Time now, Duration within) {
  Word& word = words_.try_emplace(command, Word{now, kNever}).first->second;
  word.due = std::min(word.due, now + within);
}

/// A command that waited for the journal may be sent once more when the device has long begun it: then its end is what
/// comes next.
bool SilenceWatch::is_accepted(const std::string& command) const {
  const auto entry = engine_.state().commands.find(command);
  return entry != engine_.state().commands.end() && entry->second.state == CommandState::kAccepted;
}

void SilenceWatch::sent(const std::string& driver, const wire::ToDriver& message, Time now) {
  const auto entry = engine_.state().drivers.find(driver);
  if (entry == engine_.state().drivers.end() || !entry->second.up) return;  // it is lost, and was told of
  if (message.has_command() && !is_accepted(message.command().id()))
    expect(message.command().id(), now, 2 * bounds_.answer_within);
  if (message.has_cancel()) expect(message.cancel().id(), now, 2 * bounds_.answer_within);
  for (const std::string& id : message.question().ids()) expect(id, now, bounds_.answer_within);
}

void SilenceWatch::heard(const wire::FromDriver& message, Time now) {
  words_.erase(message.accepted().id());
  words_.erase(message.progress().id());
  words_.erase(message.outcome().id());
  words_.erase(message.refused().id());
  for (const wire::CommandState& state : message.answer().states()) words_.erase(state.id());
  if (!message.has_welcome()) return;
  // A link that comes up is a new one: what was owed over the old one is asked about.
  up_[message.driver()] = now;
  const State& state = engine_.state();
  std::erase_if(words_, [&](const auto& item) {
    const auto command = state.commands.find(item.first);
    return command == state.commands.end() ||
           state.instruments.at(command->second.command.instrument()).driver == message.driver();
  });
}

void SilenceWatch::wrote(const std::vector<Record>& records) {
  for (const Record& record : records) {
    const Time at{Duration{record.time_us()}};
    if (record.has_alarm()) alarms_[record.alarm().about()] = at;
    if (record.has_driver_lost()) lost_[record.driver_lost().driver()] = at;
  }
}

bool SilenceWatch::told(const std::string& whom, Time since) const {
  const auto alarm = alarms_.find(whom);
  return alarm != alarms_.end() && alarm->second >= since;
}

std::vector<SilenceWatch::Owed> SilenceWatch::owed() const {
  const State& state = engine_.state();
  const auto time = [&](const std::map<std::string, Time>& times, const std::string& name) {
    const auto found = times.find(name);
    return found == times.end() ? started_ : found->second;
  };
  std::vector<Owed> all;
  for (const auto& [id, command] : state.commands) {
    if (!command.open()) continue;
    const std::string& name = command.command.instrument();
    const InstrumentEntry& instrument = state.instruments.at(name);
    const Time up = time(up_, instrument.driver);
    // That its driver was lost says nothing of what happens once it is heard again.
    const auto owe = [&, &id = id](const char* what, Time since, Time due) {
      if (!told(name, since) && !told(instrument.driver, std::max(since, up)))
        all.push_back({fmt::format("{} “{}” ({})", what, id, name), since, due + kSlack});
    };
    if (!state.drivers.at(instrument.driver).up) {
      const Time lost = time(lost_, instrument.driver);
      owe("the driver cannot be reached that is to carry out", lost, lost + kLinkWithin);
      continue;
    }
    if (const auto word = words_.find(id); word != words_.end())
      owe("nothing is said of", word->second.since, word->second.due);
    if (command.state != CommandState::kAccepted) continue;
    const wire::Capability* capability = find_capability(instrument.description, command.command.capability());
    const double expected_s =
        command.expected_s > 0 ? command.expected_s : expected_seconds(*capability, command.command);
    const Time since = std::max(command.since, started_);
    const Time deadline = since + bounds_.answer_within + from_seconds(bounds_.patience * expected_s);
    owe("nobody ends", since, std::max(deadline, up) + bounds_.answer_within);
  }
  return all;
}

void SilenceWatch::check(Time now) const {
  for (const Owed& one : owed()) {
    if (one.due <= now)
      throw Violation{fmt::format("{} since {}, and no alarm says so", one.what, athanor::to_string(one.since))};
  }
}

Time SilenceWatch::next() const {
  Time next = kNever;
  for (const Owed& one : owed()) next = std::min(next, one.due);
  return next;
}

}  // namespace athanor::simulation
