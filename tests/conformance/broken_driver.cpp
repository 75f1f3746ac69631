// Two ovens behind a driver that keeps every promise of the protocol, or with `--break NAME` all but one: what the
// trial of drivers (instruments/conformance.h) is proven by.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <thread>

#include "instruments/driver.h"
#include "instruments/driver_link.h"
#include "instruments/kit.h"
#include "tests/conformance/data_relay.h"
#include "tests/conformance/sabotages.h"

namespace athanor {
namespace {

constexpr double kDeadMan = 4;  // seconds; on a busy machine a heartbeat may well be one or two late

std::unique_ptr<Instrument> oven(const std::string& id) {
  InstrumentPlan plan;
  plan.id = id;
  plan.kind = "oven";
  const auto heat = [](const Arguments& with, Time) -> Outcome<Work> {
    const double temperature = with.number("temperature");
    return Work{.duration = from_seconds(with.number("duration")), .finish = [temperature](Time) -> Outcome<Results> {
                  return Results{{"final", temperature}};
                }};
  };
  plan.offers = {{capability("heat")
                      .number("temperature", "degC", 20, 150)
                      .number("duration", "s", 0.01, 3600)
                      .text("gas", {"air", "argon"})
                      .optional()
                      .result("final", "degC")
                      .lasts("duration")
                      .repeatable(),
                  heat},
                 {capability("burn").number("duration", "s", 0.01, 3600).lasts("duration").risk(wire::HAZARDOUS),
                  [](const Arguments& with, Time) -> Outcome<Work> {
                    return Work{.duration = from_seconds(with.number("duration"))};
                  }}};
  plan.readings = [](Time) { return std::vector<Reading>{{"temperature", 25, "degC"}}; };
  return make_instrument(std::move(plan));
}

/// Makes an array of 3 MiB.
std::unique_ptr<Instrument> camera(const std::string& id) {
  InstrumentPlan plan;
  plan.id = id;
  plan.kind = "camera";
  const auto film = [](const Arguments&, Time) -> Outcome<Work> {
    constexpr int kFrames = 12;
    constexpr std::size_t kPixels = 256 * 512;
    Work work;
    work.rows = [next = 0](std::size_t, Time now) mutable {
      const auto frame = SharedBytes::of(std::vector<std::uint16_t>(kPixels, static_cast<std::uint16_t>(next)));
      return Feed{{{"image", frame}}, ++next < kFrames ? now : kNever};
    };
    return work;
  };
  plan.offers = {{capability("film").array("image", ElementType::kUint16, {256, 512}, "count").repeatable(), film}};
  return make_instrument(std::move(plan));
}

int stop_pipe[2];
void on_signal(int) {
  (void)!write(stop_pipe[1], "x", 1);
}

int serve(std::map<std::string, std::string> options) {
  const std::string name = options["--break"], ledger_file = options["--ledger"];
  Sabotage sabotage{"nothing"};
  if (name == "before-visit") sabotage = before_visit();
  for (const Sabotage& each : sabotages()) {
    if (name == each.name) sabotage = each;
  }
  if (!name.empty() && name != sabotage.name) {
    fmt::print(stderr, "no way to break “{}” is known\n", name);
    return 2;
  }
  if (pipe(stop_pipe) != 0) return 3;
  ::signal(SIGTERM, name == "terminated" ? SIG_IGN : on_signal);

  if (name == "killed-after-end") std::filesystem::remove(ledger_file);
  Ledger ledger(ledger_file);
  if (name == "killed-running" || name == "killed-after-accepted") {
    for (const Ledger::Entry& entry : ledger.unfinished()) ledger.forget(entry.command.id());
  }
  std::vector<std::unique_ptr<Instrument>> ovens;
  ovens.push_back(oven("oven-1"));
  ovens.push_back(oven("oven-2"));
  const bool with_arrays = name.starts_with("arrays") || options["--camera"] == "yes";
  if (with_arrays) ovens.push_back(camera("camera-1"));
  const ScaledClock clock(SystemClock().now(), 1);
  const std::string inner = "ipc://" + ledger_file + ".inner";
  Driver driver("ovens", fmt::format("{}", clock.now().time_since_epoch().count()), std::move(ovens), ledger,
                {.dead_man_s = kDeadMan}, clock.now());
  if (name.empty()) {
    serve_driver(driver, options["--address"], clock, stop_pipe[0]);
    return 0;
  }
  std::thread sound([&] { serve_driver(driver, inner, clock, stop_pipe[0]); });
  std::thread data;
  if (with_arrays) {
    data = std::thread([&] {
      DataRelay(options["--address"] + ".data", inner + ".data", name == "arrays-resumed").serve(stop_pipe[0]);
    });
  }
  Front(options["--address"], inner, sabotage).serve(stop_pipe[0]);
  sound.join();
  if (with_arrays) data.join();
  return 0;
}

}  // namespace
}  // namespace athanor

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  if (options.contains("--list")) {
    for (const athanor::Sabotage& each : athanor::sabotages()) fmt::print("{}\n", each.name);
    return 0;
  }
  return athanor::serve(options);
}
