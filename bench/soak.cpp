// Days and weeks of a laboratory in virtual time: what one day costs when many came before, and how long instruments
// wait for a planner that takes its time. Run time, engine, journal, drivers and twin are those of `athanor run`.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "controller/history.h"
#include "controller/points.h"
#include "controller/runtime.h"
#include "controller/session.h"
#include "controller/snapshot.h"
#include "core/best.h"
#include "core/random.h"
#include "lab_twin/twin.h"

namespace {

using namespace athanor;
using nlohmann::json;

constexpr Time kStart{std::chrono::seconds{1767225600}};  // 2026-01-01
constexpr double kDay = 86400;

/// Its answers take laboratory time: those by a model a share of the mean time of the experiments so far, those of the
/// initial design, which need none, a hundredth of a second.
class SlowPlanner final : public PlannerLink {
 public:
  SlowPlanner(const Problem& problem, const Clock& clock, const State& state, bool draws, double share)
      : problem_(problem), clock_(clock), state_(state), draws_(draws), share_(share) {}

  void ask(AskPlanner question) override {
    const std::size_t known = question.question.observations.size() + question.question.pending.size();
    const bool by_a_model = known >= problem_.planner.initial * problem_.planner.replicates && state_.done() > 0;
    const double mean_s = seconds(state_.planning.experiments_took) / static_cast<double>(state_.done());
    const double thinks_s = share_ > 0 ? by_a_model ? share_ * mean_s : 0.01 : 0;
    PlannerSaid said;
    said.ask = question.ask;
    said.plan = draws_ ? draw(question.question) : plan(problem_, question.question);
    due_.emplace_back(clock_.now() + from_seconds(thinks_s), std::move(said));
  }

  std::vector<PlannerSaid> take() override {
    std::vector<PlannerSaid> said;
    for (; !due_.empty() && due_.front().first <= clock_.now(); due_.pop_front())
      said.push_back(std::move(due_.front().second));
    return said;
  }

  Time due() const { return due_.empty() ? kNever : due_.front().first; }

 private:
  Plan draw(const PlanQuestion& question) const {
    RandomStream chance(question.seed, "soak");
    Plan drawn;
    for (std::size_t i = 0; i < question.count; ++i) {
      std::vector<double> unit(problem_.space.size());
      for (double& u : unit) u = chance.uniform();
      Suggestion suggestion;
      suggestion.at = problem_.space.decode(unit);
      suggestion.forecast.of = {Prediction{chance.uniform(0, 100), 5}};
      suggestion.reason = "drawn at random";
      drawn.suggestions.push_back(std::move(suggestion));
    }
    return drawn;
  }

  const Problem& problem_;
  const Clock& clock_;
  const State& state_;
  bool draws_;
  double share_;
  std::deque<std::pair<Time, PlannerSaid>> due_;
};

/// Moves the clock to whichever comes first: something in the laboratory, or the planner's answer.
class LinkBesidePlanner final : public DriverLink {
 public:
  LinkBesidePlanner(DriverLink& inner, const SlowPlanner& planner) : inner_(inner), planner_(planner) {}
  void send(const std::string& driver, const wire::ToDriver& message) override { inner_.send(driver, message); }
  DriverArrivals receive(Time until, int wake_fd) override {
    return inner_.receive(std::min(until, planner_.due()), wake_fd);
  }

 private:
  DriverLink& inner_;
  const SlowPlanner& planner_;
};

// Of this process, so that what else the machine does counts for little.
double processor_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto s = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return s(usage.ru_utime) + s(usage.ru_stime);
}

double resident_mb() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

double megabytes_on_disk(const std::string& file) {
  double bytes = 0;
  for (const char* tail : {"", "-wal"}) {
    if (std::filesystem::exists(file + tail)) bytes += static_cast<double>(std::filesystem::file_size(file + tail));
  }
  return bytes / 1e6;
}

/// A line a day of laboratory time.
class Diary {
 public:
  Diary(const Journal& journal, bool as_json) : journal_(journal), as_json_(as_json) {
    if (!as_json) {
      fmt::print("{:>5}{:>13}{:>10}{:>10}{:>10}{:>12}{:>13}{:>9}{:>12}{:>13}{:>12}\n", "day", "experiments", "events",
                 "questions", "resident", "heap in use", "journal", "snapshot", "wall", "CPU/event", "× real");
    }
  }

  void turn(const State& state) {
    while (seconds(state.last - kStart) >= kDay * (day_ + 1)) write(state);
  }

 private:
  void write(const State& state) {
    ++day_;
    const double wall = monotonic_seconds() - began_, events = static_cast<double>(journal_.size());
    const double event_us = 1e6 * (processor_s() - began_processor_) / std::max(1.0, events - events_);
    const double heap_mb = static_cast<double>(mallinfo2().uordblks) / 1e6;
    const double snapshot_mb = static_cast<double>(snapshot_of(state).size()) / 1e6;
    const double journal_mb = megabytes_on_disk(journal_.file());
    if (as_json_) {
      const json line = {{"day", day_},
                         {"experiments", state.experiments.size()},
                         {"events", events},
                         {"questions", state.asks},
                         {"wall_s", wall},
                         {"event_us", event_us},
                         {"heap_mb", heap_mb},
                         {"resident_mb", resident_mb()},
                         {"times", kDay / wall},
                         {"journal_mb", journal_mb},
                         {"snapshot_mb", snapshot_mb}};
      fmt::print("{}\n", line.dump());
    } else {
      fmt::print(
          "{:>5}{:>13}{:>10}{:>10}{:>7.1f} MB{:>9.2f} MB{:>10.2f} MB{:>6.2f} MB{:>10.3f} s{:>10.1f} µs{:>12.0f}\n",
          day_, state.experiments.size(), events, state.asks, resident_mb(), heap_mb, journal_mb, snapshot_mb, wall,
          event_us, kDay / wall);
    }
    std::fflush(stdout);
    events_ = events;
    began_ = monotonic_seconds();
    began_processor_ = processor_s();
  }

  const Journal& journal_;
  bool as_json_;
  int day_ = 0;
  double events_ = 0, began_ = monotonic_seconds(), began_processor_ = processor_s();
};

struct Options {
  std::string campaign = "bench/ten_instruments/campaign.yaml", folder;
  std::optional<double> days;
  std::uint64_t seed = 0;
  double thinks = 0;
  bool plans = false, as_json = false;
};

/// The best in the first objective that holds every outcome constraint.
std::optional<double> best(const Problem& problem, const State& state) {
  std::vector<Outcomes> all;
  for (const ExperimentEntry& experiment : state.experiments)
    all.push_back(outcomes(problem.measurands(), what_counts(experiment)));
  const auto first = best_of(problem, all).first;
  return first ? all[*first].front() : std::nullopt;
}

void soak(const Options& options) {
  std::filesystem::remove_all(options.folder);
  std::filesystem::create_directories(options.folder);
  Campaign campaign = load_campaign(options.campaign);
  if (options.days) campaign.stop = {{}, from_seconds(*options.days * kDay)};
  const Lab lab = load_lab(campaign.lab_file);
  ManualClock clock(kStart);
  Twin twin(lab, options.folder + "/twin", options.seed, "", "boot", kStart);
  const auto drivers = make_local_link(twin.drivers(), clock);
  Journal journal(options.folder + "/journal", Journal::Mode::kOpenOrCreate, Database::Sync::kNone);
  Engine engine(campaign, lab, open_campaign(journal, {}, campaign, lab, {options.seed, "soak"}, kStart), {});
  SlowPlanner planner(campaign.problem, clock, engine.state(), !options.plans, options.thinks);
  LinkBesidePlanner link(*drivers, planner);
  const Wake wake;
  const std::atomic<int> stops{0};
  Diary diary(journal, options.as_json);
  Shell shell{journal, link, planner, clock, wake, stops, [&](const State& state, const auto&) { diary.turn(state); }};
  const double began = monotonic_seconds();
  run(engine, shell, "soak");
  const double wall = monotonic_seconds() - began;

  History history;
  journal.each([&](const Record& record) { history.read(record); });
  const double lab_s = seconds(engine.state().lab_time()), waited_s = seconds(history.planning_wait);
  const json total = {{"status", to_string(engine.state().status)},
                      {"experiments", engine.state().done()},
                      {"events", journal.size()},
                      {"lab_time_s", lab_s},
                      {"planning_wait_s", waited_s},
                      {"planning_wait_share", waited_s / lab_s},
                      {"wall_s", wall},
                      {"times", lab_s / wall},
                      {"best", best(campaign.problem, engine.state()).value_or(NAN)}};
  if (options.as_json) {
    fmt::print("{}\n", total.dump());
  } else {
    fmt::print(
        "{}: {} experiments in {:.1f} h of laboratory time, {:.2f} s, {:.0f} × real time; instruments waited for "
        "the planner {:.0f} s, {:.2f} %\n",
        campaign.name, engine.state().done(), lab_s / 3600, wall, lab_s / wall, waited_s, 100 * waited_s / lab_s);
  }
  std::filesystem::remove_all(options.folder);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A laboratory in virtual time for days: what each costs, and what instruments wait for a slow planner.");
  Options options;
  options.folder = (std::filesystem::temp_directory_path() / fmt::format("athanor-soak-{}", getpid())).string();
  app.add_option("--campaign", options.campaign, "Its laboratory must be a twin");
  app.add_option("--days", options.days, "Of laboratory time, instead of the campaign's end")
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "Of the campaign and of its laboratory");
  app.add_option("--thinks", options.thinks, "How long the planner takes, as a share of an experiment's mean time")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--plan", options.plans, "By the real planner; otherwise points are drawn at random");
  app.add_option("--folder", options.folder, "Where journal and world are kept (removed before and afterwards)");
  app.add_flag("--json", options.as_json, "One JSON object a line");
  CLI11_PARSE(app, argc, argv);
  try {
    soak(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_soak: {}\n", error.what());
    return 2;
  }
  return 0;
}
