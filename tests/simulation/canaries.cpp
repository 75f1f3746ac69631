#include "core/canary.h"
#include "tests/simulation/simulation.h"

namespace athanor {
namespace {

std::string& living() {
  static std::string name;
  return name;
}

}  // namespace

bool canary(const char* name) {
  return living() == name;
}

namespace simulation {

const std::vector<std::string>& canaries() {
  static const std::vector<std::string> names = {
      "forget the ledger",     "send before sync",
      "drop a chain link",     "ignore a limit",
      "lose a reservation",    "retry a non-repeatable step",
      "trust a stale boot id", "begin without stock",
      "trust the wall clock",  "tell to stop once",
      "skip a snapshot event", "take what failed for not begun",
      "use what is set aside", "teach what cannot be",
      "lose a correction",     "never tell of a silent driver",
      "ignore an approval",    "say stored before it is",
      "trust any ledger",      "serve any ledger",
  };
  return names;
}

void let_live(const std::string& canary) {
  living() = canary;
}

}  // namespace simulation
}  // namespace athanor
