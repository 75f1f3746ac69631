// Messages of the driver protocol in one line each, for people who look at what was said.
#pragma once

#include <string>

#include "proto/driver.pb.h"

namespace athanor {

/// "Command c/7: reactor-1 heat, temperature 80 degC, duration 60 s"
std::string in_words(const driver::v1::ToDriver& message);
/// "Outcome of c/7: LIMIT, not begun: “temperature” is …"
std::string in_words(const driver::v1::FromDriver& message);
/// "done in 12.1 s: mass 0.5 g", "LIMIT, not begun: “temperature” is …"
std::string in_words(const driver::v1::Outcome& outcome);
/// "c/7 is FINISHED, done …"
std::string in_words(const driver::v1::CommandState& state);

/// "temperature 80 degC, duration 10 s"
std::string listed(const google::protobuf::RepeatedPtrField<driver::v1::Value>& values);

}  // namespace athanor
