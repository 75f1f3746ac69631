// How often both ends of a link say that they are there.
#pragma once

namespace athanor {

constexpr double kHeartbeatEvery = 1;  ///< seconds of wall time since the last message of any kind

constexpr double kSilence = 5;  ///< without a word for longer, the other end counts as gone

}  // namespace athanor
