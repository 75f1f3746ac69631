// Runs the production controller and drivers through simulated weeks in which everything goes wrong that may.
//
//   simulate --seeds 300 [--first 0]     exit status 1 if a promise was broken, or a fault or a recovery never met
//   simulate --seed 42                   one run, bit for bit, every decision printed
//   simulate --minutes 3                 fresh seeds for so long
//   simulate --again FILE                the seeds in it, one a line: those that ever failed
//   simulate --canary NAME               with one deliberate bug: exit status 1 as soon as it is found; --canary list:
//   their names
//   --json                               {"seeds", "lab_hours", "faults": {kind: n}, "recovery_cells": {row: n},
//   "violations",
//                                         "slowest": {"seed", "seconds"}, …}
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "core/clock.h"
#include "tests/simulation/simulation.h"

namespace athanor::simulation {
namespace {

constexpr std::uint64_t kEnough = 300;  // seeds after which every fault and every recovery must have been met

struct Options {
  std::uint64_t seeds = kEnough, first = 0;
  std::optional<std::uint64_t> seed;
  double minutes = 0;
  std::string canary, again;
  bool json = false;
};

volatile std::uint64_t running_seed = 0;

/// A check of the production code failed: that is a violation too.
extern "C" void on_abort(int) {
  // Of what may be called here, this is enough to say which seed it was.
  char text[64];
  const auto end = fmt::format_to_n(text, sizeof text, "seed {}: VIOLATION: a check failed\n", +running_seed);
  [[maybe_unused]] const auto written = write(STDOUT_FILENO, text, std::min(end.size, sizeof text));
  _exit(1);
}

const char* row(Answer answer) {
  constexpr const char* kNames[] = {"finished", "running", "never seen", "interrupted", "silent"};
  return kNames[static_cast<std::size_t>(answer)];
}

class Total {
 public:
  explicit Total(const Options& options) : options_(options) {}

  void add(std::uint64_t seed, const Report& report, double took_s) {
    ++seeds_;
    sum_.lab_hours += report.lab_hours;
    sum_.records += report.records;
    sum_.starts += report.starts;
    sum_.snapshots += report.snapshots;
    sum_.arrays += report.arrays;
    sum_.starts_from_snapshots += report.starts_from_snapshots;
    sum_.measured += report.measured;
    sum_.failed += report.failed;
    sum_.abandoned += report.abandoned;
    for (std::size_t k = 0; k < kFaultKinds; ++k) sum_.faults[k] += report.faults[k];
    for (const auto& [what, count] : report.decisions) sum_.decisions[what] += count;
    for (std::size_t a = 0; a < sum_.cells.size(); ++a) {
      for (std::size_t r = 0; r < 2; ++r) sum_.cells[a][r] += report.cells[a][r];
    }
    if (took_s > slowest_s_) {
      slowest_ = seed;
      slowest_s_ = took_s;
    }
    if (report.violation.empty()) return;
    violations_.push_back({{"seed", seed}, {"what", report.violation}});
    if (!options_.json) fmt::print("seed {}: VIOLATION: {}\n", seed, report.violation);
    std::fflush(stdout);
  }

  bool violated() const { return !violations_.empty(); }

  nlohmann::ordered_json faults() const {
    nlohmann::ordered_json out;
    for (std::size_t k = 0; k < kFaultKinds; ++k) out[to_string(static_cast<FaultKind>(k))] = sum_.faults[k];
    return out;
  }
  nlohmann::ordered_json cells() const {
    nlohmann::ordered_json out;
    for (std::size_t a = 0; a < sum_.cells.size(); ++a) {
      const std::string answer = row(static_cast<Answer>(a));
      out[answer + ", repeatable"] = sum_.cells[a][1];
      out[answer + ", not repeatable"] = sum_.cells[a][0];
    }
    return out;
  }
  nlohmann::ordered_json decisions() const { return sum_.decisions; }
  /// What should have been met and was not, once there were enough seeds.
  std::vector<std::string> missed() const {
    std::vector<std::string> out;
    if (seeds_ < kEnough) return out;
    for (const auto& counts : {faults(), cells(), decisions()}) {
      for (const auto& [name, count] : counts.items()) {
        if (count == 0) out.push_back(name);
      }
    }
    return out;
  }

  void print() const {
    if (options_.json) {
      const nlohmann::ordered_json out = {
          {"seeds", seeds_},
          {"first", options_.first},
          {"lab_hours", sum_.lab_hours},
          {"faults", faults()},
          {"recovery_cells", cells()},
          {"decisions", decisions()},
          {"missed", missed()},
          {"violations", violations_},
          {"slowest", {{"seed", slowest_}, {"seconds", slowest_s_}}},
          {"experiments", {{"measured", sum_.measured}, {"failed", sum_.failed}, {"abandoned", sum_.abandoned}}},
          {"records", sum_.records},
          {"starts", sum_.starts},
          {"snapshots", sum_.snapshots},
          {"arrays", sum_.arrays},
          {"starts_from_snapshots", sum_.starts_from_snapshots}};
      fmt::print("{}\n", out.dump());
      return;
    }
    fmt::print(
        "{} seeds from {}: {:.0f} laboratory hours, {} starts of the controller ({} from a snapshot), {} records, {} "
        "snapshots; {} arrays; experiments: {} measured, {} failed, {} abandoned\n",
        seeds_, options_.first, sum_.lab_hours, sum_.starts, sum_.starts_from_snapshots, sum_.records, sum_.snapshots,
        sum_.arrays, sum_.measured, sum_.failed, sum_.abandoned);
    for (const auto& [name, counts] :
         {std::pair{"faults", faults()}, std::pair{"recovery", cells()}, std::pair{"decisions", decisions()}}) {
      std::string line = fmt::format("{}:", name);
      for (const auto& [what, count] : counts.items()) line += fmt::format(" {} {};", what, count.get<std::size_t>());
      line.back() = '\n';
      fmt::print("{}", line);
    }
    for (const std::string& name : missed()) fmt::print("NEVER MET: {}\n", name);
    fmt::print("{} violations; the slowest seed was {}, {:.2f} s\n", violations_.size(), slowest_, slowest_s_);
  }

 private:
  const Options& options_;
  std::uint64_t seeds_ = 0, slowest_ = 0;
  double slowest_s_ = 0;
  Report sum_;
  nlohmann::ordered_json violations_ = nlohmann::ordered_json::array();
};

int work(const Options& options, const std::string& folder) {
  std::signal(SIGABRT, on_abort);
  Total total(options);
  const auto run = [&](std::uint64_t seed, const Narrator& narrate) {
    running_seed = seed;
    const double began = monotonic_seconds();
    const Report report = simulate(seed, folder, narrate);
    total.add(seed, report, monotonic_seconds() - began);
    return report;
  };
  if (options.seed) {
    const Report report = run(
        *options.seed, [](Time at, const std::string& what) { fmt::print("{} {}\n", athanor::to_string(at), what); });
    fmt::print("the campaign {}\n", report.ended);
    return total.violated() ? 1 : 0;
  }
  if (!options.again.empty()) {
    std::ifstream file(options.again);
    for (std::string line; std::getline(file, line);) {
      if (!line.empty() && line[0] != '#') run(std::stoull(line), [](Time, const std::string&) {});
    }
    total.print();
    return total.violated() ? 1 : 0;
  }
  const double began = monotonic_seconds();
  const auto more = [&](std::uint64_t done) {
    return options.minutes > 0 ? monotonic_seconds() - began < 60 * options.minutes : done < options.seeds;
  };
  for (std::uint64_t k = 0; more(k) && !(total.violated() && !options.canary.empty()); ++k)
    run(options.first + k, [](Time, const std::string&) {});
  total.print();
  return total.violated() || (options.canary.empty() && !total.missed().empty()) ? 1 : 0;
}

}  // namespace
}  // namespace athanor::simulation

int main(int argc, char** argv) {
  using namespace athanor::simulation;
  Options options;
  CLI::App app(
      "The production controller and drivers in simulated laboratories in which everything goes wrong that may.");
  app.add_option("--seeds", options.seeds, "how many")->capture_default_str();
  auto* first = app.add_option("--first", options.first, "the first of them");
  app.add_option("--seed", options.seed, "only this one, and all that happens in it");
  app.add_option("--minutes", options.minutes, "fresh seeds, for so long")->check(CLI::PositiveNumber);
  app.add_option("--again", options.again, "the seeds in this file")->check(CLI::ExistingFile);
  app.add_option("--canary", options.canary, "with this deliberate bug; “list” names them");
  app.add_flag("--json", options.json, "one JSON object");
  CLI11_PARSE(app, argc, argv);
  if (options.canary == "list") {
    for (const std::string& name : canaries()) fmt::print("{}\n", name);
    return 0;
  }
  const auto& known = canaries();
  if (!options.canary.empty() && std::find(known.begin(), known.end(), options.canary) == known.end()) {
    fmt::print(stderr, "simulate: there is no canary “{}”; --canary list names them\n", options.canary);
    return 2;
  }
  let_live(options.canary);
  if (options.minutes > 0 && first->count() == 0) options.first = std::random_device{}();

  // The journals lie in memory where there is room for that; a child does the work, so that they go even if it dies.
  const auto folder = std::filesystem::path(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") /
                      fmt::format("athanor-simulate-{}", getpid());
  std::filesystem::create_directories(folder);
  const pid_t child = fork();
  if (child == 0) {
    const int status = work(options, folder);
    std::fflush(stdout);
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::filesystem::remove_all(folder);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
