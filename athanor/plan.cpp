// athanor plan: the planner alone, one JSON object a line, so that any language can ask and tell.
#include <iostream>
#include <string>

#include "athanor/commands.h"
#include "controller/campaign.h"
#include "core/error.h"
#include "optimizers/plan_session.h"

namespace athanor {
int converse(const std::string& file) {
  const Campaign campaign = load_campaign(file);
  PlanSession session(campaign.problem);
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    std::cout << session.answer(line) << std::endl;  // NOLINT: the other side waits for the line
    if (!std::cout) throw EnvironmentError("standard output: the answer could not be written (is the disk full?)");
  }
  return 0;
}

}  // namespace athanor
