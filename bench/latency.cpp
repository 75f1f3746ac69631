// How long a ready step waits: from the arrival of the outcome that made it ready to its command being handed to the
// wire, the journal synced in between. Real journal on disk, real sockets, the drivers in a process of their own.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/runtime.h"
#include "controller/session.h"
#include "instruments/kit.h"

namespace {

using namespace athanor;

constexpr int kSteps = 5;  // of each experiment

std::string lab_text(int instruments) {
  std::string text = "lab: bench\ndrivers: {bench: {}}\ninstruments:\n";
  for (int i = 1; i <= instruments; ++i) text += fmt::format("  station-{}: {{driver: bench, kind: station}}\n", i);
  return text;
}

std::string campaign_text(int instruments, int experiments) {
  std::string text = "campaign: latency\nspace: {x: {range: [0, 1]}}\nobjectives: {y: {goal: maximize}}\nprocedure:\n";
  for (int i = 1; i <= kSteps; ++i) {
    text += fmt::format("  - {{step: s{}, do: work, with: {{x: $x}}{}{}}}\n", i,
                        i > 1 ? fmt::format(", after: [s{}]", i - 1) : "", i == kSteps ? ", gives: {y: y}" : "");
  }
  // All experiments are of the initial design: what is measured is the controller, not the planner.
  return text + fmt::format("planner: {{initial: {}, batch: {}}}\nstop: {{experiments: {}}}\n", experiments,
                            instruments, experiments);
}

std::unique_ptr<Instrument> station(const std::string& id, double step_s) {
  InstrumentPlan plan;
  plan.id = id;
  plan.kind = "station";
  plan.offers.push_back({capability("work").number("x").result("y").usual_duration(from_seconds(step_s)),
                         [step_s](const Arguments& with, Time) -> Outcome<Work> {
                           const double x = with.number("x");
                           Work work;
                           work.duration = from_seconds(step_s * (0.5 + x));
                           work.finish = [x](Time) { return Outcome<Results>(Results{{"y", x}}); };
                           return work;
                         }});
  return make_instrument(std::move(plan));
}

// Between the engine's shell and the sockets: notes when outcomes arrived and when commands left.
class TimedLink final : public DriverLink {
 public:
  explicit TimedLink(DriverLink& inner) : inner_(inner) {}

  void send(const std::string& driver, const wire::ToDriver& message) override {
    inner_.send(driver, message);
    if (message.has_command() && arrived_ > 0) waits_ms.push_back((monotonic_seconds() - arrived_) * 1e3);
  }

  DriverArrivals receive(Time until, int wake_fd) override {
    DriverArrivals arrivals = inner_.receive(until, wake_fd);
    const bool outcome = std::any_of(arrivals.messages.begin(), arrivals.messages.end(),
                                     [](const auto& m) { return m.message.has_outcome(); });
    arrived_ = outcome ? monotonic_seconds() : 0;
    return arrivals;
  }

  std::vector<double> waits_ms;

 private:
  DriverLink& inner_;
  double arrived_ = 0;
};

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(q * static_cast<double>(values.size() - 1)));
}

nlohmann::json measure(int instruments, int experiments, double step_s, const std::string& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string address = "ipc://" + folder + "/bench.sock";
  const Time start = SystemClock().now();
  const ScaledClock clock(start, 1);
  const Wake stop;
  const pid_t drivers = fork();
  if (drivers == 0) {
    std::vector<std::unique_ptr<Instrument>> stations;
    for (int i = 1; i <= instruments; ++i) stations.push_back(station(fmt::format("station-{}", i), step_s));
    Ledger ledger("");  // in memory: what is measured is the controller
    Driver driver("bench", "boot", std::move(stations), ledger, {}, clock.now());
    serve_driver(driver, address, clock, stop.fd());
    _exit(0);
  }
  const Lab lab = parse_lab(lab_text(instruments), "lab", ".");
  const Campaign campaign = parse_campaign(campaign_text(instruments, experiments), "campaign", ".");
  Journal journal(folder + "/journal");
  Engine engine(campaign, lab, open_campaign(journal, {}, campaign, lab, {0, "bench"}, start), {});
  const auto sockets = make_zmq_link({{"bench", address}}, "bench", clock);
  TimedLink link(*sockets);
  const Wake wake;
  const auto planner = make_planner_thread(campaign.problem, wake);
  const std::atomic<int> stops{0};
  Shell shell{journal, link, *planner, clock, wake, stops, {}};
  const double began = monotonic_seconds();
  run(engine, shell, "bench");
  const double took = monotonic_seconds() - began;
  stop.notify();
  waitpid(drivers, nullptr, 0);
  std::filesystem::remove_all(folder);
  return {{"instruments", instruments},
          {"step_s", step_s},
          {"commands", link.waits_ms.size()},
          {"commands_per_s", static_cast<double>(link.waits_ms.size()) / took},
          {"p50_ms", quantile(link.waits_ms, 0.5)},
          {"p99_ms", quantile(link.waits_ms, 0.99)}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("How long a ready step waits for its command to be on the wire, the journal synced.");
  std::vector<int> instruments = {1, 10, 100};
  std::string folder = (std::filesystem::temp_directory_path() / fmt::format("athanor-latency-{}", getpid())).string();
  app.add_option("--instruments", instruments, "How many, one run for each");
  double step_s = 0.5;
  app.add_option("--step", step_s,
                 "How long a step of an experiment lasts, half to one and a half times this, seconds");
  app.add_option("--folder", folder, "Where the journal is kept (removed afterwards)");
  CLI11_PARSE(app, argc, argv);
  for (const int count : instruments)
    fmt::print("{}\n", measure(count, std::max(20, 4 * count), step_s, folder).dump());
  return 0;
}
