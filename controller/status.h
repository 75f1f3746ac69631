// Where a campaign stands, for people and programs that ask while it runs or afterwards.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "controller/campaign.h"
#include "controller/state.h"

namespace athanor {

/// {"campaign", "status", "why", "measured", "failed", "abandoned", "laboratory": {…}, "experiments": […under way…],
/// "instruments": […], "interlocks": [tripped…], "lab_time_s"}; docs/safety.md has the keys.
nlohmann::json describe_status(const Campaign& campaign, const State& state);

/// "instrument reactor-1 is paused"
std::string what_is_ordered(const journal::v1::Order& order);
/// "instrument reactor-1 is paused by ann: the lid leaks"
std::string describe_order(const journal::v1::Order& order);
/// "experiment 17: its step counts as done, says ann: poured by hand"
std::string describe_help(const journal::v1::HelpGiven& given);
/// "interlock overheat has passed: reactor-1.temperature 129.8 degC"
std::string describe_passing(const journal::v1::Interlock& passed);

}  // namespace athanor
