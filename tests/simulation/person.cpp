#include "tests/simulation/person.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "instruments/messages.h"

namespace athanor::simulation {

using journal::v1::Order;

namespace {
constexpr std::uint64_t kHelp = 1u << 30;  // and the experiment's number: the id of an answer to what was asked of it
}

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
  return std::exchange(requests_, {});
}

// Whoever is asked comes within some hours, looks at the sample, and tells the truth.
void Person::look_at_samples() {
  const State& state = engine_.state();
  for (const std::uint64_t number : state.live) {
    const ExperimentEntry& experiment = state.experiment(number);
    if (!experiment.help) continue;
    const auto [look, is_new] = looks_at_.emplace(number, network_.now() + from_seconds(habits_.uniform(10, 20000)));
    if (is_new) network_.schedule(look->second, [&network = network_] { network.wake_controller(); });
    if (is_new || look->second > network_.now()) continue;
    looks_at_.erase(look);
    answer_for(experiment);
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

}  // namespace athanor::simulation
