// The state as text, every field in a fixed order, and its hash.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/state.h"
#include "core/digest.h"

namespace athanor {
namespace {

// Messages without map fields serialise in one way only.
std::string bytes(const google::protobuf::MessageLite& message) {
  return hex(message.SerializeAsString());
}

template <class Messages>
std::string all_bytes(const Messages& messages) {
  std::string text;
  for (const auto& message : messages) text += bytes(message) + ",";
  return text;
}

long micros(Time time) {
  return time.time_since_epoch().count();
}

std::string text_of(const Correction& c) {
  return fmt::format("{} {:?} {} by {:?} {:?} said {}", all_bytes(c.values), c.failed, c.withdrawn, c.who, c.why,
                     micros(c.said));
}

}  // namespace

std::string State::canonical() const {
  std::string text = fmt::format("campaign {} {} {} {} {:?}\nopened {} last {}\nlaboratory {} {:?} paused {} {}\n",
                                 campaign, nonce, seed, to_string(status), why, micros(opened), micros(last),
                                 to_string(lab_hold), lab_held_why, micros(paused_at), paused_for.count());
  for (const ExperimentEntry& e : experiments) {
    text += fmt::format("experiment {} {} at {} predicted {} place {} measured {} why {:?} begun {} ended {}", e.number,
                        to_string(e.state), all_bytes(e.at), all_bytes(e.predicted), e.place, all_bytes(e.measured),
                        e.why, micros(e.begun), micros(e.ended));
    if (e.hold != HoldState::kFree) text += fmt::format(" {} {:?}", to_string(e.hold), e.held_why);
    for (const auto& [step, permit] : e.permits) {
      text += fmt::format(" permit {} {} {:?} {}", step, permit.digest, permit.text,
                          permit.approval ? bytes(*permit.approval) : "-");
    }
    for (const auto& [step, id] : e.commands) text += fmt::format(" {}={}", step, id);
    if (e.help) text += " help " + bytes(*e.help);
    if (e.clean_up) text += " clean up " + bytes(*e.clean_up);
    if (!e.flags.empty()) text += " flags " + all_bytes(e.flags);
    if (e.corrected) text += " corrected " + text_of(*e.corrected);
    text += "\n";
  }
  for (const AddedEntry& a : added) text += fmt::format("added at {} {}\n", all_bytes(a.at), text_of(a.told));
  // A journal without a person's word has the hash that it had before there were any.
  if (planning.results > done()) text += fmt::format("told {}\n", planning.results - done());
  for (const auto& [id, c] : commands) {
    text += fmt::format("command {} {} of {} step {} attempt {} outcome {} expected {} since {}", bytes(c.command),
                        to_string(c.state), c.experiment, c.step, c.attempt, bytes(c.outcome), c.expected_s,
                        micros(c.since));
    if (c.again) text += " again";
    if (!c.ledger.empty()) text += " ledger " + c.ledger;
    if (!c.flags.empty()) text += " flags " + all_bytes(c.flags);
    text += "\n";
  }
  for (const auto& [id, i] : instruments) {
    text += fmt::format("instrument {} {} {} {} {} {} {}", id, i.driver, to_string(i.state), to_string(i.hold),
                        static_cast<int>(i.safe), i.command, bytes(i.description));
    if (i.faults > 0) text += fmt::format(" faults {}", i.faults);
    if (i.forgotten) text += " forgotten";
    if (i.set_aside) text += " aside";
    if (i.tested != Time{}) text += fmt::format(" tested {} {} {}", micros(i.tested), i.tests, i.tests_failed);
    for (const auto& [result, reading] : i.readings)
      text += fmt::format(" {} {} {}", result, reading.number, reading.times);
    text += "\n";
  }
  for (const auto& [driver, d] : drivers)
    text += fmt::format("driver {} {} {}{}\n", driver, d.boot, d.up, d.ledger.empty() ? "" : " ledger " + d.ledger);
  for (const std::string& place : places_taken) text += fmt::format("place {}\n", place);
  for (const auto& [reagent, amount] : stock_used) text += fmt::format("stock {} {}\n", reagent, amount);
  text += fmt::format("tally {} {} {} live {}\n", measured, failed, abandoned, fmt::join(live, " "));
  text += fmt::format("asks {} {} exhausted {} abandoned {} alarms {}\n", asks, asking ? bytes(*asking) : "-",
                      exhausted, abandoned_in_a_row, alarms);
  for (const Told& alarm : recent_alarms) text += fmt::format("alarm {} {:?}\n", micros(alarm.at), alarm.text);
  const PlanningEntry& p = planning;
  text += fmt::format("prepared {} know {} of {}\nasked {} knows {} after {} took {} after {} experiments {}\n",
                      all_bytes(p.prepared), p.prepared_knows, p.results, micros(p.asked_at), p.asked_knows,
                      p.asked_after, p.took.count(), p.took_after, p.experiments_took.count());
  for (const auto& [name, i] : interlocks) {
    text += fmt::format("interlock {} {:?} {:?} since {} stopped {}\n", name, i.reading, i.why, micros(i.since),
                        fmt::join(i.stopped, " "));
  }
  return text;
}

std::string State::hash() const {
  return hex(sha256(canonical()));
}

}  // namespace athanor
