// athanor twin: the simulated laboratory as driver processes, for a controller elsewhere.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "athanor/commands.h"
#include "athanor/laboratory.h"
#include "athanor/signals.h"

namespace athanor {
namespace {

struct TwinOptions {
  std::string lab_file, folder, speed = "real";
  std::optional<std::uint64_t> seed;
  double linger_s = 0;
  bool actions = false;
};

int print_actions(const std::string& folder) {
  nlohmann::json all = nlohmann::json::array();
  for (const PhysicalAction& action : physical_actions(folder)) {
    all.push_back({{"command", action.command},
                   {"instrument", action.instrument},
                   {"capability", action.capability},
                   {"sample", action.sample},
                   {"begun", action.begun},
                   {"completed", action.completed}});
  }
  fmt::print("{}\n", all.dump());
  return 0;
}

int run_twin(const TwinOptions& options) {
  const Lab lab = load_lab(options.lab_file);
  const std::string folder = options.folder.empty() ? lab.name + ".twin" : options.folder;
  if (options.actions) return print_actions(folder);
  const Speed speed = parse_speed(options.speed);
  if (speed.max)
    throw InputError(
        "--speed max is virtual time, which a controller elsewhere cannot share; give real, or a factor such as 500x");
  describe_twin(lab);  // every mistake of the file, before any process is started
  std::filesystem::create_directories(folder);
  StopSignals stop;
  for (const Endpoint& endpoint : endpoints(lab, folder))
    fmt::print("driver {} at {}\n", endpoint.driver, endpoint.address);
  std::fflush(stdout);
  return serve_twin(lab, folder, options.seed, speed, stop.wake().fd(), options.linger_s);
}

}  // namespace

void add_twin(CLI::App& app, ExitStatus& status) {
  auto options = std::make_shared<TwinOptions>();
  CLI::App* command =
      app.add_subcommand("twin", "The simulated laboratory as driver processes over ZeroMQ, until Ctrl-C");
  command->add_option("lab", options->lab_file, "The lab file (YAML), with a “twin:”")->required();
  command->add_option("--folder", options->folder,
                      "Where its world, ledgers and sockets are kept (default: LAB.twin here)");
  command->add_option("--speed", options->speed, "real, or a factor such as 500x");
  command->add_option("--seed", options->seed, "Decides all chance of the world (default: the lab file's)")
      ->check(CLI::Range(0.0, 9007199254740992.0));
  command
      ->add_option("--linger", options->linger_s,
                   "End once no controller was heard for so many seconds (default: never)")
      ->check(CLI::Range(0.0, 1e9));
  command->add_flag("--actions", options->actions,
                    "Print what physically happened in the folder's world, as JSON, and end");
  command->callback([options, &status] { status.code = run_twin(*options); });
}

}  // namespace athanor
