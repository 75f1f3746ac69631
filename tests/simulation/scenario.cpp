#include "tests/simulation/scenario.h"

#include <fmt/format.h>

namespace athanor::simulation {

Scenario draw_scenario(std::uint64_t seed) {
  RandomStream random(seed, "scenario");
  const auto one_in = [&](std::uint64_t n) { return random.below(n) == 0; };
  Scenario out;
  // Dice of their own: what is added here changes nothing of the rest.
  RandomStream policies(seed, "policies");

  out.drivers.resize(1 + random.below(3));
  for (std::size_t k = 0; k < out.drivers.size(); ++k) {
    out.drivers[k].name = fmt::format("driver-{}", k + 1);
    if (one_in(3)) out.drivers[k].dead_man_s = random.uniform(10, 600);
  }
  const bool heat_repeats = one_in(2), meter_repeats = !one_in(4);
  const bool hazardous = RandomStream(seed, "hazards").below(3) == 0;
  RandomStream recordings(seed, "recordings");
  const bool records = recordings.below(3) == 0;
  std::string instruments;
  const auto add = [&](const std::string& kind, std::uint64_t count) {
    for (std::uint64_t i = 1; i <= count; ++i) {
      DeviceTraits device;
      device.id = fmt::format("{}-{}", kind, i);
      device.kind = kind;
      device.duration_s = kind == "reactor" ? random.uniform(300, 5400) : random.uniform(10, 600);
      device.remembers = one_in(2);
      device.hazardous = kind == "reactor" && hazardous;
      device.records = kind == "meter" && records;
      device.keeps_it = device.records && recordings.below(2) == 0;
      device.repeatable = kind == "reactor" ? heat_repeats : kind == "meter" && meter_repeats;
      DriverPlan& driver = out.drivers[random.below(out.drivers.size())];
      instruments += fmt::format("  {}: {{driver: {}, kind: {}", device.id, driver.name, kind);
      // Of several reactors some may not be hot, so that it matters which of them is given a step.
      if (kind == "reactor" && i > 1 && one_in(2)) {
        device.highest_c = 70;
        instruments += ", limits: {heat: {temperature: {max: 70 degC}}}";
      }
      instruments += "}\n";
      device.tests_itself = policies.below(3) > 0;
      driver.devices.push_back(device);
    }
  };
  add("dispenser", 1 + random.below(2));
  add("reactor", 1 + random.below(3));
  add("meter", 1 + random.below(2));
  std::string drivers;
  std::erase_if(out.drivers, [](const DriverPlan& driver) { return driver.devices.empty(); });
  for (const DriverPlan& driver : out.drivers)
    drivers += fmt::format("{}{}: {{}}", drivers.empty() ? "" : ", ", driver.name);

  const std::uint64_t experiments = 2 + random.below(10), batch = 1 + random.below(4);
  const bool scarce = one_in(6);
  std::string stock;
  for (const char* reagent : {"A", "B"}) {
    const double ml = scarce ? 0.3 * static_cast<double>(experiments) : 100;
    out.stock_ml[reagent] = ml;
    stock += fmt::format("{}{}: {} mL", stock.empty() ? "" : ", ", reagent, ml);
  }
  out.lab =
      fmt::format("lab: simulated\ndrivers: {{{}}}\ninstruments:\n{}places: {{vial: {{count: {}}}}}\nstock: {{{}}}\n",
                  drivers, instruments, 1 + random.below(4), stock);

  // What is done when a step goes wrong: of some steps as the file says, of the others the usual.
  const bool cleans = policies.below(2) == 0;
  const auto on_fault = [&](bool repeatable) -> std::string {
    if (policies.below(2) == 0) return "";
    std::string text = fmt::format("wait: {} s, elsewhere: {}, then: {}", policies.below(200), policies.below(2) == 0,
                                   policies.below(3) == 0 ? "ask" : "abandon");
    if (repeatable) text += fmt::format(", retry: {}", policies.below(6));
    if (cleans && policies.below(2) == 0)
      text += policies.below(2) == 0 ? ", clean_up: [rinse]" : ", clean_up: [cool, rinse]";
    return ", on_fault: {" + text + "}";
  };
  const bool twice = one_in(2), looks_twice = one_in(3);
  std::string procedure =
      "  - {step: dose, do: dispense, with: {volume: 0.2 mL, reagent: $reagent}" + on_fault(false) + "}\n";
  if (twice)
    procedure +=
        "  - {step: dilute, do: dispense, after: [dose], with: {volume: 0.5 mL, reagent: A}" + on_fault(false) + "}\n";
  procedure += fmt::format("  - {{step: react, do: heat, after: [{}], with: {{temperature: $temperature}}{}}}\n",
                           twice ? "dose, dilute" : "dose", on_fault(heat_repeats));
  if (looks_twice) procedure += "  - {step: glance, do: measure, after: [react]}\n";
  procedure += fmt::format("  - {{step: look, do: measure, after: [{}], gives: {{yield: signal}}{}}}\n",
                           looks_twice ? "glance" : "react", on_fault(meter_repeats));
  const std::string clean_up = !cleans ? ""
                                       : "clean_up:\n  - {step: cool, do: heat, with: {temperature: 25 degC}}\n"
                                         "  - {step: rinse, do: dispense, with: {volume: 0.1 mL, reagent: B}}\n";
  out.campaign = fmt::format(
      "campaign: simulated\nspace:\n  temperature: {{range: [30 degC, 110 degC]}}\n  reagent: {{choices: [A, B]}}\n"
      "objectives:\n  yield: {{goal: maximize, unit: \"%\"}}\nprocedure:\n{}{}planner: {{initial: 1, batch: {}}}\n"
      "stop: {{experiments: {}}}\n",
      procedure, clean_up, batch, experiments);

  out.faulty = from_seconds(3600 * random.uniform(0.5, 12));
  out.bound = std::chrono::hours{24 * 14};
  return out;
}

}  // namespace athanor::simulation
