// Deliberate bugs, one by one, for the simulator to find: ATHANOR_CANARY(name) is true where the simulator was asked
// for that one. In every other build it is the constant false.
#pragma once

#ifdef ATHANOR_CANARIES
namespace athanor {
bool canary(const char* name);
}
#define ATHANOR_CANARY(name) ::athanor::canary(name)
#else
#define ATHANOR_CANARY(name) false
#endif
