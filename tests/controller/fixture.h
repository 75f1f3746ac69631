// A small campaign, its laboratory, and a driver that the test plays by hand.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "controller/engine.h"
#include "instruments/kit.h"
#include "instruments/messages.h"

namespace athanor::testing {

inline const char* kCampaign = R"(campaign: small
space:
  temperature: {range: [30 degC, 110 degC]}
  ligand: {choices: [XPhos, SPhos]}
objectives:
  yield: {goal: maximize, unit: "%"}
procedure:
  - {step: dose, do: dispense, with: {volume: "0.2 mL", reagent: "$ligand"}}
  - {step: react, do: heat, after: [dose], with: {temperature: "$temperature"}}
  - {step: look, do: measure_hplc, after: [react], gives: {yield: area}}
planner: {initial: 4, batch: 2}
stop: {experiments: 3}
)";

inline const char* kLab = R"(lab: bench
drivers: {hands: {}}
instruments:
  dispenser-1: {driver: hands, kind: dispenser}
  reactor-1: {driver: hands, kind: reactor}
  reactor-2: {driver: hands, kind: reactor}
  hplc-1: {driver: hands, kind: hplc}
places: {vial: {count: 2}}
stock: {XPhos: 1 mL, SPhos: 1 mL}
)";

inline wire::Instrument instrument(const std::string& id) {
  wire::Instrument description;
  description.set_id(id);
  wire::Capability& capability = *description.add_capabilities();
  const auto number = [&](const char* name, const char* unit, double low, double high) {
    wire::Field& field = *capability.add_parameters();
    field.set_name(name);
    field.set_unit(unit);
    field.set_low(low);
    field.set_high(high);
  };
  if (id.starts_with("dispenser")) {
    capability.set_name("dispense");
    number("volume", "mL", 0.01, 2);
    wire::Field& reagent = *capability.add_parameters();
    reagent.set_name("reagent");
    reagent.set_is_text(true);
    wire::StockUse& use = *capability.add_uses();
    use.set_reagent("reagent");
    use.set_amount("volume");
  } else if (id.starts_with("reactor")) {
    capability.set_name("heat");
    capability.set_repeatable(true);
    number("temperature", "degC", 20, 150);
  } else {
    capability.set_name("measure_hplc");
    capability.set_repeatable(true);
    wire::Field& result = *capability.add_results();
    result.set_name("area");
    result.set_unit("%");
  }
  capability.set_usual_duration_s(60);
  return description;
}

/// An engine and both of its other sides. Every decision's records are kept as a journal would keep them.
class Rig {
 public:
  bool hazardous = false;         ///< to heat
  bool self_tests = false;        ///< are offered by reactors
  bool unknown_duration = false;  ///< of everything
  std::string ledger = "ledger";  ///< that the driver says it keeps
  bool doubts = false;            ///< the detector has ends, and is flat after five equal readings

  explicit Rig(const std::string& campaign_text = kCampaign, const std::string& lab_text = kLab)
      : campaign(parse_campaign(campaign_text, "campaign.yaml", ".")), lab(parse_lab(lab_text, "lab.yaml", ".")) {
    Record opened;
    opened.mutable_opened()->set_campaign(campaign.name);
    opened.mutable_opened()->set_nonce("n");
    opened.mutable_opened()->set_seed(7);
    journal.push_back(opened);
    restart();
  }

  /// What a new process would do with the journal so far.
  void restart() {
    State state;
    for (const Record& record : journal) state.apply(record);
    engine.emplace(campaign, lab, std::move(state), Engine::Options{});
    commands.clear();
    questions.clear();
    cancels.clear();
    stops.clear();
    asked.clear();
    give(ControllerStarted{"test"});
  }

  template <class What>
  void give(What what) {
    Decision decision = engine->handle({now, std::move(what)});
    journal.insert(journal.end(), decision.records.begin(), decision.records.end());
    for (Effect& effect : decision.effects) {
      if (auto* ask = std::get_if<AskPlanner>(&effect)) {
        asked.push_back(std::move(*ask));
        continue;
      }
      if (auto* answer = std::get_if<AnswerRequest>(&effect)) {
        answered = answer->reply;
        continue;
      }
      const wire::ToDriver& message = std::get<SendToDriver>(effect).message;
      if (message.has_command()) commands.push_back(message.command());
      for (const std::string& id : message.question().ids()) questions.push_back(id);
      if (message.has_cancel()) cancels.push_back(message.cancel().id());
      if (message.has_stop()) stops.push_back(message.stop());
    }
  }

  wire::FromDriver from_driver(const std::string& boot = "boot-1") const {
    wire::FromDriver message;
    message.set_version(1);
    message.set_driver("hands");
    message.set_boot(boot);
    return message;
  }
  void link_up(const std::string& boot = "boot-1") {
    wire::FromDriver message = from_driver(boot);
    message.mutable_welcome()->set_ledger(ledger);
    for (const char* id : {"dispenser-1", "reactor-1", "reactor-2", "hplc-1"}) {
      wire::Instrument& described = *message.mutable_welcome()->add_instruments();
      described = instrument(id);
      if (doubts && described.id() == "hplc-1") {
        wire::Field& area = *described.mutable_capabilities(0)->mutable_results(0);
        area.set_low(-1);
        area.set_high(101);
        area.set_saturates_high(99);
        area.set_flat_after(5);
      }
      if (unknown_duration) described.mutable_capabilities(0)->set_usual_duration_s(0);
      if (!described.id().starts_with("reactor")) continue;
      if (hazardous) described.mutable_capabilities(0)->set_risk(wire::HAZARDOUS);
      if (self_tests) *described.add_capabilities() = capability("self_test").self_test().description();
    }
    give(DriverSaid{message});
  }
  void accept(const std::string& id) {
    wire::FromDriver message = from_driver();
    message.mutable_accepted()->set_id(id);
    message.mutable_accepted()->set_expected_s(60);
    give(DriverSaid{message});
  }
  void outcome(const wire::Outcome& outcome) {
    wire::FromDriver message = from_driver();
    *message.mutable_outcome() = outcome;
    give(DriverSaid{message});
  }
  static wire::Outcome success(const wire::Command& command, double area = 50) {
    wire::Outcome outcome;
    outcome.set_id(command.id());
    outcome.set_done(true);
    if (command.capability() == "measure_hplc") *outcome.add_results() = number_value("area", area, "%");
    return outcome;
  }
  void answer(const std::string& id, wire::CommandState::Standing standing, const std::string& boot = "boot-1") {
    wire::FromDriver message = from_driver(boot);
    wire::CommandState& state = *message.mutable_answer()->add_states();
    state.set_id(id);
    state.set_standing(standing);
    give(DriverSaid{message});
  }
  void refuse(const std::string& id, const std::string& why, const std::string& boot = "boot-1") {
    wire::FromDriver message = from_driver(boot);
    message.mutable_refused()->set_id(id);
    message.mutable_refused()->set_why(why);
    give(DriverSaid{message});
  }
  /// Answers the oldest question to the planner with points of our own.
  void plan() {
    if (asked.empty()) throw std::logic_error("the planner was asked nothing");
    const AskPlanner ask = asked.front();
    asked.erase(asked.begin());
    PlannerSaid said;
    said.ask = ask.ask;
    for (std::size_t i = 0; i < ask.question.count; ++i) {
      said.plan.suggestions.push_back(
          {{40.0 + static_cast<double>(suggested), static_cast<double>(suggested % 2)}, {}, "by hand"});
      ++suggested;
    }
    give(said);
  }
  /// What was asked of a person, answered.
  void help(std::uint64_t experiment, journal::v1::HelpGiven::Verdict verdict) {
    RequestMade made;
    control::v1::Answer& given = *made.request.mutable_answer();
    given.set_experiment(experiment);
    given.set_verdict(verdict);
    given.set_who("ann");
    given.set_why("because");
    give(made);
  }
  using Order = journal::v1::Order;
  /// Gives an order; what it is about is `subject`: the number of an experiment, or the name of an instrument.
  void order(Order::Verb verb, Order::Scope scope = Order::CAMPAIGN, const std::string& subject = "") {
    RequestMade made;
    Order& given = *made.request.mutable_order();
    given.set_verb(verb);
    given.set_scope(scope);
    if (scope == Order::EXPERIMENT) given.set_experiment(std::stoull(subject));
    if (scope == Order::INSTRUMENT) given.set_instrument(subject);
    if (scope == Order::PLACE) given.set_place(subject);
    given.set_who("ann");
    given.set_why("because");
    give(made);
  }
  /// The driver confirms what it was told to bring to its safe state.
  void confirm_stops() {
    for (const wire::Stop& stop : std::exchange(stops, {})) {
      wire::FromDriver message = from_driver();
      message.mutable_stopped()->set_id(stop.id());
      *message.mutable_stopped()->mutable_instruments() = stop.instruments();
      give(DriverSaid{message});
    }
  }
  /// Takes the oldest command that was sent.
  wire::Command take() {
    if (commands.empty()) throw std::logic_error("no command was sent");
    const wire::Command command = commands.front();
    commands.erase(commands.begin());
    return command;
  }
  const State& state() const { return engine->state(); }

  Campaign campaign;
  Lab lab;
  std::vector<Record> journal;
  std::optional<Engine> engine;
  std::vector<wire::Command> commands;
  std::vector<std::string> questions, cancels;
  std::vector<wire::Stop> stops;
  control::v1::Reply answered;  ///< the last answer to an order
  std::vector<AskPlanner> asked;
  Time now{std::chrono::seconds{1000}};
  int suggested = 0;
};

}  // namespace athanor::testing
