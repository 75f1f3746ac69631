// The state written down, so that a start need not apply every record of a long journal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/state.h"

namespace athanor {

/// Of what a snapshot says. One of another version is not used, and the records are applied instead: raise it whenever
/// the state has another field or a record has another effect on it.
constexpr std::uint32_t kStateVersion = 3;

/// The whole state as a serialised StateSnapshot: equal states, equal bytes.
std::string snapshot_of(const State& state);
/// The state that `snapshot` was made of, which must be one of this version. throws InputError if it cannot be read.
State state_of(std::string_view snapshot);

}  // namespace athanor
