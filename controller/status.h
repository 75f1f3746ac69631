// Where a campaign stands, for people and programs that ask while it runs or afterwards.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "controller/campaign.h"
#include "controller/state.h"

namespace athanor {

/// {"campaign", "status", "why", "measured", "failed", "abandoned", "laboratory": {…}, "experiments": […under way…],
/// "instruments": […], "lab_time_s"}; docs/safety.md has the keys.
nlohmann::json describe_status(const Campaign& campaign, const State& state);

}  // namespace athanor
