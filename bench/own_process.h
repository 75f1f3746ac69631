// A measurement in a process of its own, whose memory is then its own, too.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace athanor {

/// What this program, started with `arguments`, says on its standard output, as JSON. throws EnvironmentError if it
/// fails.
nlohmann::json in_process(const std::string& arguments);

}  // namespace athanor
