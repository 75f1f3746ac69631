#include "tests/simulation/person.h"

#include <iterator>
#include <utility>

namespace athanor::simulation {

using journal::v1::Order;

void Person::order(RandomStream& chance) {
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
  return std::exchange(requests_, {});
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
    if (instrument.hold != HoldState::kFree) give(resume);
  }
}

}  // namespace athanor::simulation
