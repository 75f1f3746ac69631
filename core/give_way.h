// How threads share the processor.
#pragma once

namespace athanor {

/// From now on the calling thread lets others go first: its work is much, and may wait a little.
void give_way();

}  // namespace athanor
