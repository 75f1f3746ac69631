#include "tests/simulation/person.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "instruments/messages.h"

namespace athanor::simulation {

using journal::v1::Order;

namespace {
constexpr std::uint64_t kHelp = 1u << 30;  // and the experiment's number: the id of an answer to what was asked of it
// Longer than the clocks of controller and drivers may differ, which people learn while things go wrong.
constexpr double kLongApprovalS = 14 * 86400;

}  // namespace

void Person::order(RandomStream& chance) {
  if (habits_.below(6) == 0) return correct();
  const State& state = engine_.state();
  Order order;
  order.set_verb(static_cast<Order::Verb>(chance.below(5)));
  order.set_scope(static_cast<Order::Scope>(chance.below(4)));
  if (order.scope() == Order::EXPERIMENT) {
    if (state.live.empty()) return;
    order.set_experiment(state.live[chance.below(state.live.size())]);
  }
  if (order.scope() == Order::INSTRUMENT) {
    if (state.instruments.empty()) return;
    order.set_instrument(
        std::next(state.instruments.begin(), static_cast<long>(chance.below(state.instruments.size())))->first);
  }
  if (order.verb() > Order::RESUME) {
    for (const auto& [id, command] : state.commands) {
      if (command.open()) network_.overtake(id);
    }
  }
  give(std::move(order));
}

std::vector<RequestMade> Person::take() {
  if (faults_.over()) set_free();
  look_at_samples();
  approve();
  return std::exchange(requests_, {});
}

// Whoever was asked comes, looks at the sample, and tells the truth.
void Person::look_at_samples() {
  for (const std::uint64_t number : engine_.state().live) {
    const auto look = looks_at_.find(number);
    if (look == looks_at_.end() || look->second > network_.now()) continue;
    looks_at_.erase(look);
    if (engine_.state().experiment(number).help) answer_for(engine_.state().experiment(number));
  }
}

void Person::answer_for(const ExperimentEntry& experiment) {
  using journal::v1::HelpGiven;
  const Step& step = campaign_.steps[experiment.help->step()];
  const CommandEntry& command = engine_.state().commands.at(experiment.commands.at(experiment.help->step()));
  const std::string& sample = command.command.sample();
  const bool done = world_.completed(sample, step.name) > 0, safe = !world_.began(sample, step.name);
  RequestMade made;
  made.id = kHelp + experiment.number;
  control::v1::Answer& answer = *made.request.mutable_answer();
  answer.set_experiment(experiment.number);
  answer.set_verdict(done && step.gives.empty()                       ? HelpGiven::DONE
                     : safe && !hopeless_.contains(experiment.number) ? HelpGiven::RETRY
                     : habits_.below(2) == 0                          ? HelpGiven::ABANDON
                                                                      : HelpGiven::FAIL);
  answer.set_who("somebody");
  answer.set_why("looked at it");
  requests_.push_back(std::move(made));
}

/// An ended experiment gave the number of this word.
void Person::correct() {
  const State& state = engine_.state();
  if (state.experiments.empty()) return;
  const std::uint64_t number = 1 + habits_.below(state.experiments.size());
  if (!state.experiment(number).ended_already()) return;
  RequestMade made;
  made.id = ++words_.said;
  corrected_[made.id] = number;
  auto& observed = *made.request.mutable_observe();
  observed.set_experiment(number);
  *observed.add_values() = number_value("yield", static_cast<double>(made.id), "%");
  observed.set_who("somebody");
  observed.set_why("of the simulation");
  requests_.push_back(std::move(made));
  network_.wake_controller();
}

// Orders have no id.
void Person::answer(const AnswerRequest& answer) {
  if (answer.id > kHelp && answer.reply.refused()) {  // there is no stock to do the step again
    hopeless_.insert(answer.id - kHelp);
    network_.wake_controller();
  }
  const auto word = corrected_.find(answer.id);
  if (word == corrected_.end()) return;
  if (answer.reply.refused()) throw Violation{"a word on an ended experiment was refused: " + answer.reply.text()};
  if (answer.reply.text().find("not recorded yet") != std::string::npos) return;
  words_.acknowledged[word->second] = answer.id;
}

void Person::give(Order order) {
  order.set_who("somebody");
  order.set_why("of the simulation");
  RequestMade made;
  *made.request.mutable_order() = std::move(order);
  requests_.push_back(std::move(made));
  network_.wake_controller();
}

void Person::set_free() {
  const State& state = engine_.state();
  Order resume;
  resume.set_verb(Order::RESUME);
  if (state.status == CampaignState::kPaused) give(resume);
  resume.set_scope(Order::LABORATORY);
  if (state.lab_hold != HoldState::kFree) give(resume);
  resume.set_scope(Order::EXPERIMENT);
  for (const std::uint64_t number : state.live) {
    resume.set_experiment(number);
    if (state.experiment(number).hold == HoldState::kPaused) give(resume);
  }
  resume.set_scope(Order::INSTRUMENT);
  for (const auto& [id, instrument] : state.instruments) {
    resume.set_instrument(id);
    if (instrument.hold != HoldState::kFree || instrument.set_aside) give(resume);
  }
  resume.set_scope(Order::PLACE);
  for (const std::string& place : state.places_taken) {
    resume.set_place(place);
    const bool in_use = std::any_of(state.live.begin(), state.live.end(),
                                    [&](auto number) { return state.experiment(number).place == place; });
    if (!in_use) give(resume);
  }
}

void Person::look() {
  const State& state = engine_.state();
  const auto come_at = [&](Time at) {
    if (at != kNever) network_.schedule(at, [&network = network_] { network.wake_controller(); });
    return at;
  };
  for (const std::uint64_t number : state.live) {
    if (state.experiment(number).help && !looks_at_.contains(number))
      looks_at_[number] = come_at(network_.now() + from_seconds(habits_.uniform(10, 20000)));
    const auto& permits = state.experiment(number).permits;
    const bool asked =
        std::any_of(permits.begin(), permits.end(), [](const auto& item) { return !item.second.approval; });
    if (!asked || approvals_.contains(number)) continue;
    Approval approval{network_.now() + from_seconds(habits_.uniform(1, 600)), kLongApprovalS};
    if (!faults_.over()) {
      approval = {network_.now() + from_seconds(std::pow(10.0, habits_.uniform(0, 3.5))), habits_.uniform(600, 7200)};
      if (faults_.strikes(FaultKind::kApprovalBrief)) approval.valid_s = habits_.uniform(0.001, 30);
      if (faults_.strikes(FaultKind::kApprovalWithheld)) approval.at = kNever;
    }
    come_at(approval.at);
    approvals_[number] = approval;
  }
}

void Person::approve() {
  std::erase_if(approvals_, [&](const auto& item) {
    const auto& [number, promised] = item;
    const bool due = promised.at <= network_.now() || (promised.at == kNever && faults_.over());
    if (!due) return false;
    RequestMade made;
    auto& approval = *made.request.mutable_approve();
    approval.set_experiment(number);
    approval.set_valid_s(faults_.over() ? kLongApprovalS : promised.valid_s);
    approval.set_who("somebody");
    approval.set_why("of the simulation");
    world_.approve(fmt::format("{}/{}/{}", engine_.state().campaign, engine_.state().nonce, number));
    requests_.push_back(std::move(made));
    return true;
  });
}

}  // namespace athanor::simulation
