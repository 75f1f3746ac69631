#include "controller/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace athanor {
namespace {

using Json = nlohmann::json;

const char* word(SafeState safe) {
  constexpr const char* kWords[] = {"in use", "to be safe when idle", "to be safe at once", "safe"};
  return kWords[static_cast<std::size_t>(safe)];
}

Json describe(const Campaign& campaign, const State& state, const ExperimentEntry& experiment) {
  Json out = {{"experiment", experiment.number},
              {"state", to_string(experiment.state)},
              {"hold", to_string(experiment.hold)},
              {"why", experiment.held_why},
              {"place", experiment.place}};
  for (const auto& [step, id] : experiment.commands) {
    const CommandEntry& command = state.commands.at(id);
    if (command.open()) out["step"] = campaign.steps[step].name;
    if (command.open()) out["instrument"] = command.command.instrument();
  }
  for (const auto& [step, permit] : experiment.permits) {
    if (!permit.approval) out["waits_for_approval"] = permit.text;
  }
  if (experiment.help) out["waits_for_answer"] = experiment.help->text();
  if (experiment.clean_up) out["cleaning_up"] = experiment.clean_up->why();
  return out;
}

std::string subject(const journal::v1::Order& order) {
  using journal::v1::Order;
  switch (order.scope()) {
    case Order::EXPERIMENT:
      return fmt::format("experiment {}", order.experiment());
    case Order::INSTRUMENT:
      return fmt::format("instrument {}", order.instrument());
    case Order::LABORATORY:
      return "the laboratory";
    case Order::PLACE:
      return fmt::format("place {}", order.place());
    default:
      return "the campaign";
  }
}

}  // namespace

std::string what_is_ordered(const journal::v1::Order& order) {
  constexpr const char* kWords[] = {"paused", "resumed", "stopped", "aborted", "halted"};
  return fmt::format("{} is {}", subject(order), kWords[static_cast<std::size_t>(order.verb())]);
}

std::string describe_order(const journal::v1::Order& order) {
  return fmt::format("{} by {}: {}", what_is_ordered(order), order.who(), order.why());
}

std::string describe_help(const journal::v1::HelpGiven& given) {
  constexpr const char* kWords[] = {"its step is to be done once more", "its step counts as done", "it is given up",
                                    "it failed"};
  return fmt::format("experiment {}: {}, says {}: {}", given.experiment(),
                     kWords[static_cast<std::size_t>(given.verdict())], given.who(), given.why());
}

std::string describe_passing(const journal::v1::Interlock& passed) {
  return fmt::format("interlock {} has passed: {}", passed.name(), passed.reading());
}

Json describe_status(const Campaign& campaign, const State& state) {
  Json held = Json::array(), alarms = Json::array();
  for (const std::string& place : state.places_taken) {
    if (std::none_of(state.live.begin(), state.live.end(),
                     [&](auto number) { return state.experiment(number).place == place; }))
      held.push_back(place);
  }
  for (const auto& [at, text] : state.recent_alarms)
    alarms.push_back({{"at_s", seconds(at - state.opened)}, {"text", text}});
  Json experiments = Json::array(), instruments = Json::array();
  for (const std::uint64_t number : state.live)
    experiments.push_back(describe(campaign, state, state.experiment(number)));
  for (const auto& [id, instrument] : state.instruments) {
    instruments.push_back({{"instrument", id},
                           {"driver", instrument.driver},
                           {"state", to_string(instrument.state)},
                           {"hold", to_string(instrument.hold)},
                           {"safe", word(instrument.safe)},
                           {"set_aside", instrument.set_aside},
                           {"faults_in_a_row", instrument.faults}});
  }
  Json interlocks = Json::array();
  for (const auto& [name, tripped] : state.interlocks) {
    interlocks.push_back({{"interlock", name},
                          {"reading", tripped.reading},
                          {"why", tripped.why},
                          {"since_s", seconds(tripped.since - state.opened)}});
  }
  return {{"campaign", state.campaign},
          {"status", to_string(state.status)},
          {"why", state.why},
          {"measured", state.measured},
          {"failed", state.failed},
          {"abandoned", state.abandoned},
          {"alarms", state.alarms},
          {"lab_time_s", seconds(state.lab_time())},
          {"laboratory", {{"hold", to_string(state.lab_hold)}, {"why", state.lab_held_why}}},
          {"experiments", std::move(experiments)},
          {"instruments", std::move(instruments)},
          {"interlocks", std::move(interlocks)},
          {"places_held", std::move(held)},
          {"recent_alarms", std::move(alarms)}};
}

}  // namespace athanor
