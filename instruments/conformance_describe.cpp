// What a driver says of itself, and to whom.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/clock.h"
#include "core/error.h"
#include "core/quantity.h"
#include "instruments/conformance_trial.h"
#include "instruments/description.h"
#include "instruments/heartbeat.h"
#include "instruments/in_words.h"

namespace athanor::conformance {

std::string hello(Trial& trial) {
  const std::string boot = trial.boot();
  const double began = monotonic_seconds();
  trial.hello();
  const double took_ms = (monotonic_seconds() - began) * 1e3;
  trial.hello();
  if (trial.driver().empty()) throw Broken{"the driver does not say its name"};
  if (trial.boot().empty()) throw Broken{"the driver does not say its boot"};
  if (trial.boot() != boot)
    throw Broken{fmt::format("the boot changed from “{}” to “{}” though nothing restarted", boot, trial.boot())};
  return fmt::format("welcomed after {:.1f} ms", took_ms);
}

std::string description(Trial& trial) {
  const wire::Welcome welcome = trial.hello();
  std::vector<std::string> mistakes;
  std::set<std::string> ids;
  int capabilities = 0;
  for (const wire::Instrument& instrument : welcome.instruments()) {
    for (const std::string& mistake : mistakes_in(instrument)) mistakes.push_back(mistake);
    if (!ids.insert(instrument.id()).second) mistakes.push_back("two instruments are called “" + instrument.id() + "”");
    if (instrument.capabilities_size() == 0) mistakes.push_back("“" + instrument.id() + "” can do nothing");
    capabilities += instrument.capabilities_size();
  }
  if (ids.empty()) mistakes.push_back("the driver speaks for no instrument");
  if (!(welcome.dead_man_s() >= 0)) mistakes.push_back("the dead-man time is no time");
  if (!mistakes.empty()) throw Broken{fmt::format("{}", fmt::join(mistakes, "; "))};
  return fmt::format("{} instruments with {} capabilities", ids.size(), capabilities);
}

std::string heartbeats(Trial& trial) {
  trial.hello();
  constexpr double kWithin = 2.5 * kHeartbeatEvery;  // what a busy machine may add
  double longest = 0;
  for (int i = 0; i < 3; ++i) {
    const double began = monotonic_seconds();
    trial.expect([](const wire::FromDriver&) { return true; }, kWithin, "a Heartbeat, or anything else,");
    longest = std::max(longest, monotonic_seconds() - began);
  }
  return fmt::format("never silent for more than {:.1f} s", longest);
}

std::string questions(Trial& trial) {
  const std::string unknown = trial.fresh_id(), other = trial.fresh_id();
  const auto states = trial.ask({other, unknown});
  for (const wire::CommandState& state : states) {
    if (state.standing() != wire::CommandState::NEVER_SEEN || state.has_outcome())
      throw Broken{fmt::format("expected {} to be NEVER_SEEN; found {}", state.id(), in_words(state))};
  }
  trial.ask(std::vector<std::string>{});
  const auto [command, outcome] = trial.ended();
  const auto mixed = trial.ask({unknown, command.id()});
  if (mixed[1].standing() != wire::CommandState::FINISHED || !same(mixed[1].outcome(), outcome))
    throw Broken{
        fmt::format("expected {} to be FINISHED, {}; found {}", command.id(), in_words(outcome), in_words(mixed[1]))};
  if (mixed[1].command().capability() != command.capability())
    throw Broken{fmt::format("expected the state of {} to hold its command; found “{}”", command.id(),
                             mixed[1].command().capability())};
  return "never seen, ended, and none at all";
}

std::string visits(Trial& trial) {
  if (!trial.knows_visits()) throw NotApplicable{"the driver is of before Visit, which may be left out"};
  trial.hello();
  Probe visitor = trial.stranger();
  wire::ToDriver visit, hello;
  visit.mutable_visit();
  hello.mutable_hello()->set_controller("a visitor");
  hello.mutable_hello()->set_only_if_free(true);
  visitor.say(visit);
  const auto told = visitor.await([](const auto& message) { return message.has_welcome(); }, kAnswerSeconds);
  if (!told) throw Broken{"a Visit was not answered by a Welcome while there was a controller"};
  if (told->welcome().controller() != kTrialName) {
    throw Broken{fmt::format("the Welcome of a Visit names “{}” as the controller in charge; expected “{}”",
                             told->welcome().controller(), kTrialName)};
  }
  const auto still_ours = [&](const std::string& after) {
    const wire::Command command = trial.any().command(trial.fresh_id());
    if (const auto answer = trial.give(command); answer.has_refused())
      throw Broken{fmt::format("after {}, the controller was no longer in charge: {}", after, in_words(answer))};
  };
  still_ours("a stranger's Visit");
  visitor.say(hello);
  const auto refused =
      visitor.await([](const auto& message) { return message.has_refused() || message.has_welcome(); }, kAnswerSeconds);
  if (!refused || !refused->has_refused())
    throw Broken{"a Hello with only_if_free was not Refused though there was a controller"};
  still_ours("a stranger's Hello with only_if_free");
  return "a visitor was told, and took nothing";
}

std::string envelopes(Trial& trial) {
  trial.give(trial.any().command(trial.fresh_id()));  // what was tried before may not have been much
  if (trial.odd_messages().empty()) return "every message of this trial";
  throw Broken{fmt::format("{} kinds of message were wrong. The first: {}", trial.odd_messages().size(),
                           *trial.odd_messages().begin())};
}

}  // namespace athanor::conformance
