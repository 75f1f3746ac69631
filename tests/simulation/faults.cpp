#include "tests/simulation/faults.h"

#include <cmath>
#include <string>

namespace athanor::simulation {
namespace {

struct Kind {
  const char* name;
  double usual;  ///< the chance at each place where it may happen
};

// In the order of FaultKind. What is asked once a turn is rarer than what is asked once a message, a job, or hour.
constexpr Kind kKinds[kFaultKinds] = {
    {"crash before write", 0.01}, {"crash after write", 0.01},
    {"crash amid effects", 0.01}, {"crash while idle", 0.2},
    {"host crash", 0.1},          {"journal full", 0.005},
    {"driver crash idle", 0.3},   {"driver crash before", 0.05},
    {"driver crash after", 0.05}, {"driver crash at end", 0.05},
    {"message lost", 0.03},       {"message doubled", 0.05},
    {"message delayed", 0.05},    {"link cut", 0.4},
    {"device fault", 0.03},       {"sample fault", 0.05},
    {"device hangs", 0.02},       {"clock forward", 0.2},
    {"clock backward", 0.2},      {"planner slow", 0.2},
    {"user stops", 0.1},          {"orders", 0.5},
    {"snapshot damaged", 0.1},    {"device refuses", 0.03},
    {"device breaks", 0.02},      {"wrong signal", 0.1},
    {"driver deaf", 0.3},         {"ledger full", 0.03},
    {"ledger lost", 0.4},         {"ledger found", 0.4},
    {"stays unsafe", 0.2},        {"approval withheld", 0.2},
    {"approval brief", 0.3},      {"data link cut", 0.02},
    {"store full", 0.02},         {"crash amid array", 0.005},
};

}  // namespace

const char* to_string(FaultKind kind) {
  return kKinds[static_cast<std::size_t>(kind)].name;
}

Faults::Faults(std::uint64_t seed) {
  for (const Kind& kind : kKinds) {
    Dice dice{RandomStream(seed, std::string("fault: ") + kind.name)};
    const bool on = dice.random.below(2) == 0;
    const double times = std::pow(10.0, dice.random.uniform(-0.5, 0.5));
    dice.rate = on ? kind.usual * times : 0;
    dice_.push_back(dice);
  }
}

bool Faults::strikes(FaultKind kind) {
  const auto k = static_cast<std::size_t>(kind);
  Dice& dice = dice_[k];
  if (over_ || dice.rate == 0 || dice.random.uniform() >= dice.rate) return false;
  ++counts_[k];
  return true;
}

}  // namespace athanor::simulation
