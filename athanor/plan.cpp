// athanor plan: the planner alone, one JSON object a line, so that any language can ask and tell.
#include <iostream>
#include <string>

#include "athanor/commands.h"
#include "controller/campaign.h"
#include "optimizers/plan_session.h"

namespace athanor {
namespace {

struct PlanOptions {
  std::string campaign_file;
  bool stdio = false;
};

int converse(const std::string& file) {
  const Campaign campaign = load_campaign(file);
  PlanSession session(campaign.problem);
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    std::cout << session.answer(line) << std::endl;  // NOLINT: the other side waits for the line
  }
  return 0;
}

}  // namespace

void add_plan(CLI::App& app, ExitStatus& status) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = app.add_subcommand("plan", "The planner alone: tell it what was measured, ask it what to try");
  command->add_option("campaign", options->campaign_file, "The campaign file (YAML); lab and procedure are not needed")
      ->required();
  command
      ->add_flag("--stdio", options->stdio,
                 "One JSON object a line on standard input, one answer a line on standard output")
      ->required();
  command->callback([options, &status] { status.code = converse(options->campaign_file); });
}

}  // namespace athanor
