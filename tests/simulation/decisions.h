// What is decided seldom, and must be decided now and then for a simulation to prove anything of it.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "proto/journal.pb.h"

namespace athanor::simulation {

/// What → how often; 0 where it may happen and did not.
using Decisions = std::map<std::string, std::size_t>;

void count_decisions(const journal::v1::Record& record, Decisions& counts);

}  // namespace athanor::simulation
