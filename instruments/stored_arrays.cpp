#include "instruments/stored_arrays.h"

#include <fmt/format.h>

#include <algorithm>

#include "instruments/messages.h"

namespace athanor {

namespace {

bool any_array(const wire::Outcome& outcome) {
  return std::any_of(outcome.results().begin(), outcome.results().end(),
                     [](const wire::Value& value) { return value.has_array(); });
}

void look_up(ArrayStore& store, wire::Outcome& outcome, const std::string& instrument) {
  for (wire::Value& value : *outcome.mutable_results()) {
    if (!value.has_array()) continue;
    const auto stored = store.find({instrument, outcome.id(), value.name()});
    if (!stored || stored->sha256 != value.array().sha256()) {
      outcome = failed_outcome(
          outcome.id(),
          {Fault::Kind::kDevice, fmt::format("its outcome names the array “{}”, which is {}", value.name(),
                                             stored ? "another one in the data store" : "not in the data store")},
          outcome.took_s());
      return;
    }
    value.mutable_array()->set_file(stored->file);
    value.mutable_array()->set_dataset(stored->dataset);
  }
}

}  // namespace

bool names_arrays(const wire::FromDriver& message) {
  bool any = false;
  each_with_arrays(message, [&](const wire::Outcome&) { any = true; });
  return any;
}

void each_with_arrays(const wire::FromDriver& message, const std::function<void(const wire::Outcome&)>& see) {
  if (any_array(message.outcome())) see(message.outcome());
  for (const wire::CommandState& state : message.answer().states()) {
    if (any_array(state.outcome())) see(state.outcome());
  }
}

void look_up_arrays(ArrayStore& store, wire::FromDriver& message,
                    const std::function<std::string(const std::string& id)>& instrument_of) {
  if (message.has_outcome() && any_array(message.outcome()))
    look_up(store, *message.mutable_outcome(), instrument_of(message.outcome().id()));
  if (!message.has_answer()) return;
  for (wire::CommandState& state : *message.mutable_answer()->mutable_states()) {
    if (any_array(state.outcome())) look_up(store, *state.mutable_outcome(), instrument_of(state.outcome().id()));
  }
}

}  // namespace athanor
