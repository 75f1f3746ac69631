// athanor twin: the simulated laboratory as driver processes, for a controller elsewhere.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "athanor/commands.h"
#include "athanor/laboratory.h"
#include "core/signals.h"

namespace athanor {
namespace {

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

}  // namespace

int run_twin(const TwinOptions& options) {
  const Lab lab = load_lab(options.lab_file);
  const std::string folder = options.folder.empty() ? lab.name + ".twin" : options.folder;
  if (options.actions) return print_actions(folder);
  const Speed speed = parse_speed(options.speed);
  if (speed.max)
    throw InputError(
        "--speed max is virtual time, which a controller elsewhere cannot share; give real, or a factor such as 500x");
  if (options.wire) {
    std::vector<Mistake> told_by_drivers;
    describe_laboratory(lab, folder, true, {}, told_by_drivers);
  }
  describe_twin(lab);  // every mistake of the file, before any process is started
  // And of its keys; those that a run's own twin lacks are another machine's, where its drivers are (docs/twin.md).
  if (options.linger_s == 0) {
    for (const LabDriver& driver : lab.drivers) driver_keys(driver.key);
  }
  std::filesystem::create_directories(folder);
  StopSignals stop;
  std::vector<Endpoint> served = endpoints(lab, folder);
  if (!options.driver.empty()) {
    std::vector<std::string> known;
    for (const Endpoint& endpoint : served) known.push_back(endpoint.driver);
    std::erase_if(served, [&](const Endpoint& endpoint) { return endpoint.driver != options.driver; });
    if (served.empty())
      throw InputError(
          fmt::format("the laboratory has no driver “{}”{}", options.driver, suggest_name(options.driver, known)));
    if (!options.address.empty()) served.front().address = options.address;
  }
  if (!options.driver.empty())
    return serve_twin_driver(lab, served.front(), folder, options.seed, speed, stop.wake().fd(), options.linger_s);
  return serve_twin(lab, folder, options.seed, speed, options.wire, stop.wake().fd(), options.linger_s);
}

}  // namespace athanor
