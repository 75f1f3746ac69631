// What a person says that experiments gave, and what then counts of them.
#pragma once

#include <string>
#include <vector>

#include "controller/state.h"
#include "core/problem.h"

namespace athanor {

/// What counts of an experiment: the planner is told it, and the best is found by it. Values, or why it failed;
/// neither: it taught nothing. Points into what it was made of.
struct Counted {
  using Flags = std::vector<journal::v1::Flag>;
  const std::vector<wire::Value>* values = nullptr;
  const std::string* failed = nullptr;
  const Flags* flags = nullptr;  ///< values that are not to be believed

  bool believes(const std::string& measurand) const;
};
/// corrected: the newest word of a person on it; null: nobody said anything.
Counted what_counts(ExperimentState state, const std::vector<wire::Value>& measured, const Counted::Flags& flags,
                    const std::string& why, const Correction* corrected);
Counted what_counts(const ExperimentEntry& experiment);
Counted what_counts(const Correction& told);

Correction correction_of(const journal::v1::Observed& observed);

/// The record of what a person says: checked against the space and what is measured, converted to their units, and
/// completed by what stood before. `asked` holds what is said: points and values as texts ("80 degC"), or as numbers
/// with a unit. A point is taken wherever `athanor plan` would take it. throws InputError with all that is wrong.
journal::v1::Observed complete(const Problem& problem, const State& state, const journal::v1::Observed& asked);

/// "experiment 17 counts as yield 54.2 %, by ann: integrated anew"
std::string describe_observed(const journal::v1::Observed& observed);
/// "yield 54.2 %", "failed (clogged)", "nothing"
std::string describe_counted(const Counted& counted);

}  // namespace athanor
