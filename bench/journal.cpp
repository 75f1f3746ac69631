// What a long journal costs: its start, its memory, its bytes; and how fast the engine writes one. The engine, the
// journal and the state are production's; the drivers answer at once, and the planner draws at random, a plate of 96
// experiments at a time.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/own_process.h"
#include "controller/engine.h"
#include "controller/journal.h"
#include "controller/session.h"
#include "core/random.h"
#include "instruments/kit.h"

namespace {

using namespace athanor;
using nlohmann::json;

constexpr const char* kLab = R"(lab: bench
drivers: {bench: {}}
instruments:
  dispenser-1: {driver: bench, kind: dispenser}
  dispenser-2: {driver: bench, kind: dispenser}
  reactor-1: {driver: bench, kind: reactor}
  reactor-2: {driver: bench, kind: reactor}
  reactor-3: {driver: bench, kind: reactor}
  reactor-4: {driver: bench, kind: reactor}
  hplc-1: {driver: bench, kind: hplc}
  hplc-2: {driver: bench, kind: hplc}
places: {well: {count: 96}}
)";

constexpr const char* kCampaign = R"(campaign: plates
space:
  ligand: {choices: [XPhos, SPhos, PCy3, PPh3]}
  base: {choices: [K3PO4, Cs2CO3, KOtBu]}
  temperature: {range: [30 degC, 110 degC]}
  residence: {range: [60 s, 600 s], scale: log}
  loading: {range: [0.05 mL, 0.25 mL]}
  ratio: {range: [1, 3]}
objectives: {yield: {goal: maximize, unit: "%"}}
procedure:
  - {step: dose, do: dispense, with: {reagent: $ligand, base: $base, volume: $loading, ratio: $ratio}}
  - {step: react, do: heat, after: [dose], with: {temperature: $temperature, duration: $residence}}
  - {step: look, do: measure_hplc, after: [react], gives: {yield: area_percent}}
planner: {initial: 96, batch: 96}
stop: {experiments: 10000000}
)";

wire::Instrument described(const std::string& id) {
  wire::Instrument instrument;
  instrument.set_id(id);
  wire::Capability& offered = *instrument.add_capabilities();
  const auto field = [&](const char* name, const char* unit, bool text) {
    wire::Field& made = *offered.add_parameters();
    made.set_name(name);
    made.set_unit(unit);
    made.set_is_text(text);
  };
  if (id.starts_with("dispenser")) {
    offered.set_name("dispense");
    field("reagent", "", true);
    field("base", "", true);
    field("volume", "mL", false);
    field("ratio", "", false);
  } else if (id.starts_with("reactor")) {
    offered.set_name("heat");
    field("temperature", "degC", false);
    field("duration", "s", false);
  } else {
    offered.set_name("measure_hplc");
    offered.add_results()->set_name("area_percent");
    offered.mutable_results(0)->set_unit("%");
  }
  return instrument;
}

wire::FromDriver from_driver() {
  wire::FromDriver message;
  message.set_driver("bench");
  message.set_boot("boot");
  return message;
}

// The drivers and the planner, who answer whatever the engine lets out.
class World {
 public:
  World(const Campaign& campaign, const Lab& lab) : space_(campaign.problem.space) {
    wire::FromDriver welcome = from_driver();
    for (const LabInstrument& instrument : lab.instruments)
      *welcome.mutable_welcome()->add_instruments() = described(instrument.id);
    said_.push_back(welcome);
  }

  void take(const Effect& effect) {
    if (const auto* ask = std::get_if<AskPlanner>(&effect)) {
      asked_ = {ask->ask, ask->question.count};
      return;
    }
    const wire::ToDriver& message = std::get<SendToDriver>(effect).message;
    if (!message.has_command()) return;
    wire::FromDriver accepted = from_driver();
    accepted.mutable_accepted()->set_id(message.command().id());
    accepted.mutable_accepted()->set_expected_s(60);
    said_.push_back(accepted);
    wire::FromDriver ended = from_driver();
    ended.mutable_outcome()->set_id(message.command().id());
    ended.mutable_outcome()->set_done(true);
    ended.mutable_outcome()->set_took_s(60);
    if (message.command().capability() == "measure_hplc") {
      wire::Value& area = *ended.mutable_outcome()->add_results();
      area.set_name("area_percent");
      area.set_unit("%");
      area.set_number(chance_.uniform(0, 100));
    }
    said_.push_back(ended);
  }

  bool planning() const { return asked_.second > 0; }

  // What the engine is told next. A new plate is planned when the last one is measured.
  Event next(Time now) {
    if (!said_.empty()) {
      Event event{now, DriverSaid{std::move(said_.front())}};
      said_.pop_front();
      return event;
    }
    PlannerSaid said;
    said.ask = asked_.first;
    for (std::size_t i = 0; i < asked_.second; ++i) {
      std::vector<double> unit(space_.size());
      for (double& u : unit) u = chance_.uniform();
      Suggestion suggestion;
      suggestion.at = space_.decode(unit);
      suggestion.forecast.of = {Prediction{chance_.uniform(0, 100), 5}};
      suggestion.reason = "expected improvement 0.31 %";
      said.plan.suggestions.push_back(std::move(suggestion));
    }
    asked_.second = 0;
    return {now, std::move(said)};
  }

 private:
  const Space& space_;
  RandomStream chance_{1, "bench"};
  std::deque<wire::FromDriver> said_;
  std::pair<std::uint64_t, std::size_t> asked_{0, 0};
};

double peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

double megabytes(const std::string& file) {
  return static_cast<double>(std::filesystem::file_size(file)) / 1e6;
}

// A campaign of `events` records, left as by a killed process where the next start has most to do: the last snapshot
// then lies a fifth of all records back.
json write_journal(const std::string& file, std::uint64_t events) {
  const Lab lab = parse_lab(kLab, "lab", ".");
  const Campaign campaign = parse_campaign(kCampaign, "campaign", ".");
  Time now{std::chrono::seconds{1767225600}};
  json out = {{"events", events}};
  {
    Journal journal(file, Journal::Mode::kOpenOrCreate, Database::Sync::kNone,
                    std::max(Journal::kSnapshotEvery, events / 5 * 4));
    Engine engine(campaign, lab, open_campaign(journal, {}, campaign, lab, {1, "bench"}, now), {});
    World world(campaign, lab);
    double in_engine_s = 0, longest_snapshot_s = 0;
    const double began = monotonic_seconds();
    Event event{now, ControllerStarted{"bench"}};
    while (journal.size() < events) {
      const double before = monotonic_seconds();
      const Decision decision = engine.handle(event);
      in_engine_s += monotonic_seconds() - before;
      journal.append(decision.records);
      const double written = monotonic_seconds();
      journal.offer(engine.state());
      longest_snapshot_s = std::max(longest_snapshot_s, monotonic_seconds() - written);
      for (const Effect& effect : decision.effects) world.take(effect);
      // A planner that took laboratory time would be asked ahead, and plates would run into each other.
      if (!world.planning()) now += from_seconds(1);
      event = world.next(now);
    }
    const double count = static_cast<double>(journal.size());
    out["experiments"] = engine.state().experiments.size();
    out["engine_events_per_s"] = count / in_engine_s;
    out["written_events_per_s"] = count / (monotonic_seconds() - began);
    out["snapshot_s"] = longest_snapshot_s;
    out["controller_peak_mb"] = peak_mb();
    const double copying = monotonic_seconds();
    journal.back_up(file + ".copy");
    out["backup_s"] = monotonic_seconds() - copying;
  }
  out["bytes_per_event"] = megabytes(file) * 1e6 / static_cast<double>(events);
  return out;
}

// What `athanor run` does with a journal before the campaign goes on.
json start(const std::string& file) {
  const Lab lab = parse_lab(kLab, "lab", ".");
  const double began = monotonic_seconds();
  Journal journal(file, Journal::Mode::kOpenOrCreate, Database::Sync::kNone);
  const double verified = monotonic_seconds();
  journal.require_whole();
  Journal::Restored restored = journal.restore();
  const Campaign campaign = campaign_of(journal);
  const Engine engine(campaign, lab, std::move(restored.state), {});
  return {{"chain_s", verified - began}, {"start_s", monotonic_seconds() - began}, {"peak_mb", peak_mb()}};
}

json median_start(const std::string& file, int repeats) {
  std::vector<json> starts;
  for (int i = 0; i < repeats; ++i) starts.push_back(in_process(fmt::format("--start {}", file)));
  std::sort(starts.begin(), starts.end(), [](const json& a, const json& b) { return a["start_s"] < b["start_s"]; });
  return starts[starts.size() / 2];
}

json measure(const std::string& folder, std::uint64_t events, int repeats) {
  std::filesystem::create_directories(folder);
  const std::string file = folder + "/journal";
  json out = in_process(fmt::format("--write {} --events {}", file, events));
  out["start"] = median_start(file, repeats);
  {
    Journal journal(file, Journal::Mode::kOpenOrCreate, Database::Sync::kNone);
    journal.take_snapshot(journal.restore().state);
  }
  out["start_after_end"] = median_start(file, repeats);
  Database(file, Database::Sync::kNone, /*exclusive=*/true).execute("DELETE FROM snapshot");
  out["start_without_snapshots"] = median_start(file, repeats);
  std::filesystem::remove_all(folder);
  return out;
}

void print(const json& of) {
  const auto line = [](const char* what, const json& one) {
    fmt::print("  {:<42} {:.2f} s (the chain {:.2f} s), peak {:.0f} MB\n", what, one["start_s"].get<double>(),
               one["chain_s"].get<double>(), one["peak_mb"].get<double>());
  };
  fmt::print("{} events, {} experiments\n", of["events"].get<int>(), of["experiments"].get<int>());
  line("start, a fifth after the last snapshot", of["start"]);
  line("start, after a run that ended", of["start_after_end"]);
  line("start, every record applied", of["start_without_snapshots"]);
  fmt::print(
      "  engine {:.0f} events/s, with the journal (unsynced) {:.0f}; controller's peak {:.0f} MB; {:.0f} bytes an "
      "event\n"
      "  one snapshot {:.3f} s, one backup {:.3f} s\n",
      of["engine_events_per_s"].get<double>(), of["written_events_per_s"].get<double>(),
      of["controller_peak_mb"].get<double>(), of["bytes_per_event"].get<double>(), of["snapshot_s"].get<double>(),
      of["backup_s"].get<double>());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What a long journal costs: start, memory, bytes, and how fast the engine writes one.");
  std::vector<std::uint64_t> sizes = {10'000, 100'000, 1'000'000};
  std::string folder = (std::filesystem::temp_directory_path() / fmt::format("athanor-journal-{}", getpid())).string();
  std::string write_file, start_file;
  int repeats = 5;
  bool as_json = false;
  app.add_option("--events", sizes, "How many, one journal for each");
  app.add_option("--repeats", repeats, "Starts of each kind; the median is told")->check(CLI::PositiveNumber);
  app.add_option("--folder", folder, "Where the journals are kept (removed afterwards)");
  app.add_flag("--json", as_json, "One JSON object a line");
  app.add_option("--write", write_file, "Only write this journal (what the other runs call)");
  app.add_option("--start", start_file, "Only start from this journal (what the other runs call)");
  CLI11_PARSE(app, argc, argv);
  if (!write_file.empty() || !start_file.empty()) {
    fmt::print("{}\n", (write_file.empty() ? start(start_file) : write_journal(write_file, sizes.front())).dump());
    return 0;
  }
  for (const std::uint64_t events : sizes) {
    const json measured = measure(folder, events, repeats);
    if (as_json) {
      fmt::print("{}\n", measured.dump());
    } else {
      print(measured);
    }
    std::fflush(stdout);
  }
  return 0;
}
