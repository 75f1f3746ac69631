// The promises, and where each is checked:
//   at most one physical effect a command id, none at all a second time of a step that may not be repeated; a sample is
//   in one place, and one job at a time acts on it; no limit is exceeded; no more is taken than there is; nothing
//   hazardous begins without a person's word for exactly that, which is used once and has not expired            World
//   a command leaves only when its intent is in the journal                                  Simulation::may_send
//   what was acknowledged survives, and the journal's chain holds; replay equals live state, from
//   snapshots too                                                               replayed(), WatchedStore::reopened()
//   a device that confirmed its safe state stays in it until it is used again               watch_safe_devices
//   what was set aside gets no step                                                             Simulation::watch
//   what a person said of an experiment counts, and was not lost                                    Person, check_end
//   what cannot be is not told to the planner                                                   RandomPlanner
//   whatever hangs or says nothing is named by an alarm within the bounds that the engine states   SilenceWatch
//   an array that a driver or the journal names is in the store, whole, as its device recorded it          DataPath
//   what is measured is what the meter found; stock is accounted for; every step was done                check_end
//   once faults end, everything ends within a bound                                                      simulate()
#include "tests/simulation/simulation.h"

#include <fmt/format.h>

#include <filesystem>

#include "controller/campaign.h"
#include "controller/points.h"
#include "core/error.h"
#include "instruments/description.h"
#include "tests/simulation/decisions.h"
#include "tests/simulation/person.h"
#include "tests/simulation/planner.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/silence.h"
#include "tests/simulation/store.h"

namespace athanor::simulation {
namespace {

constexpr Time kStart{std::chrono::seconds{1767225600}};  // 2026-01-01
constexpr Duration kStopWithin = std::chrono::hours{3};   // of the last fault
constexpr Duration kStopTakes = std::chrono::minutes{1};  // where nothing goes wrong
constexpr Duration kStoreAgain = std::chrono::seconds{2};
constexpr int kMostVisits = 30;  // of a person who starts a stopped campaign again, once nothing goes wrong any more

/// Even while the process lives, as the clock of production; where it starts the wall clock says, which may be wrong.
class ProcessClock final : public Clock {
 public:
  ProcessClock(const Network& network, Time lab) : network_(network), ahead_(lab - network.now()) {}
  Time now() const override { return network_.now() + ahead_; }
  Duration ahead() const { return ahead_; }

 private:
  const Network& network_;
  Duration ahead_;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, const std::string& folder, Narrator narrate)
      : scenario_(draw_scenario(seed)),
        faults_(seed),
        chance_(seed, "troubles"),
        deafness_(seed, "deaf drivers"),
        narrate_(std::move(narrate)),
        lab_(parse_lab(scenario_.lab, "lab.yaml", ".")),
        campaign_(parse_campaign(scenario_.campaign, "campaign.yaml", ".")),
        world_(scenario_.stock_ml, faults_),
        network_(scenario_.drivers, world_, faults_, seed, kStart, narrate_),
        store_(folder + "/journal", faults_),
        seed_(seed) {
    narrate_(kStart, "\n" + scenario_.lab + scenario_.campaign);
  }

  void run(Report& report) {
    Record opened;
    opened.mutable_opened()->set_campaign(campaign_.name);
    opened.mutable_opened()->set_nonce("n");
    opened.mutable_opened()->set_seed(seed_);
    opened.set_time_us(kStart.time_since_epoch().count());
    while (store_.written() == 0) {
      try {
        store_.append({opened});
      } catch (const ControllerDied&) {
      } catch (const EnvironmentError&) {
      }
    }
    network_.schedule(kStart + scenario_.faulty, [this] {
      faults_.end();
      network_.wake_controller();
    });
    trouble();
    try {
      live();
    } catch (const Violation& violation) {
      report.violation = violation.what;
    }
    report.lab_hours = seconds(network_.now() - kStart) / 3600;
    report.faults = faults_.counts();
    report.cells = cells_;
    report.decisions = decisions_;
    report.records = store_.written();
    report.starts = starts_;
    report.snapshots = store_.snapshots();
    report.arrays = network_.arrays_named();
    report.starts_from_snapshots = store_.starts_from_snapshots();
    report.ended = ended_;
    report.measured = last_.measured;
    report.failed = last_.failed;
    report.abandoned = last_.abandoned;
  }

 private:
  /// What goes wrong by itself, every hour or so, until faults end.
  void trouble() {
    network_.schedule(network_.now() + from_seconds(chance_.uniform(300, 3600)), [this] {
      if (faults_.over()) return;
      for (std::size_t k = 0; k < network_.drivers(); ++k) {
        if (faults_.strikes(FaultKind::kDriverCrashIdle)) network_.crash_driver(k);
        if (faults_.strikes(FaultKind::kLinkCut))
          network_.cut(k, from_seconds(std::pow(10.0, chance_.uniform(0, 3.8))));
        if (faults_.strikes(FaultKind::kDriverDeaf))
          network_.deafen(k, from_seconds(std::pow(10.0, deafness_.uniform(0, 3.8))));
      }
      if (faults_.strikes(FaultKind::kClockForward)) wall_error_ += from_seconds(chance_.uniform(1, 7200));
      if (faults_.strikes(FaultKind::kClockBackward)) wall_error_ -= from_seconds(chance_.uniform(1, 7200));
      if (faults_.strikes(FaultKind::kUserStops)) {
        ++stops_;
        network_.wake_controller();
      }
      if (person_ && faults_.strikes(FaultKind::kOrders)) person_->order(chance_);
      trouble();
      if (faults_.strikes(FaultKind::kHostCrash)) {
        for (std::size_t k = 0; k < network_.drivers(); ++k) network_.crash_driver(k);
        if (running_) throw ControllerDied{};
      }
      if (running_ && faults_.strikes(FaultKind::kCrashIdle)) throw ControllerDied{};
    });
  }

  /// One controller's process after another, until the campaign is over for good.
  void live() {
    int visits = 0;
    for (;;) {
      if (faults_.over() && network_.now() > kStart + scenario_.faulty + scenario_.bound)
        throw Violation{
            fmt::format("not over {} h after the last fault: {}", scenario_.bound.count() / 3'600'000'000, last_.why)};
      Engine engine(campaign_, lab_, replayed(), {});
      const bool died = !one_process(engine);
      network_.disconnect();
      last_ = engine.state();
      if (died) {
        network_.run_until(network_.now() + from_seconds(std::pow(10.0, chance_.uniform(-1, 3.5))));
        continue;
      }
      narrate_(network_.now(),
               fmt::format("the campaign {}: {}", to_string(engine.state().status), engine.state().why));
      if (engine.state().status == CampaignState::kFinished) break;
      if (for_good(engine.state())) break;
      if (faults_.over() && ++visits > kMostVisits)
        throw Violation{"it stops again and again, and nothing goes wrong any more: " + engine.state().why};
      network_.run_until(network_.now() + from_seconds(chance_.uniform(60, 3600)));
    }
    ended_ = fmt::format("{} {}", to_string(last_.status), last_.why);
    check_end();
  }

  /// False if it died.
  bool one_process(Engine& engine) {
    running_ = true;
    ++starts_;
    silence_at_ = kNever;
    const ProcessClock clock(network_, std::max(engine.state().last, network_.now() + wall_error_));
    SilenceWatch silence(engine, clock.now());
    std::unique_ptr<DriverLink> link;
    bool ended = false;
    try {
      link = network_.connect(
          clock.ahead(),
          [&](const std::string& driver, const wire::ToDriver& message) {
            if (message.has_command()) may_send(message.command());
            silence.sent(driver, message, clock.now());
          },
          [&](const wire::FromDriver& message) {
            count_answers(engine.state(), message);
            silence.heard(message, clock.now());
          });
      RandomPlanner planner(campaign_.problem.space, network_, faults_);
      Wake wake;
      stops_ = 0;
      Person person(campaign_, engine, network_, world_, faults_, words_,
                    RandomStream(seed_, fmt::format("habits {}", starts_)));
      person_ = &person;
      Shell shell{store_,
                  *link,
                  planner,
                  clock,
                  wake,
                  stops_,
                  [&](const State& state, const auto& records) {
                    watch(state, records);
                    person.look();
                    silence.wrote(records);
                    watch_silence(silence, clock);
                  },
                  {},
                  &person};
      ended = athanor::run(engine, shell, "simulated");
    } catch (const ControllerDied&) {
      narrate_(network_.now(), "the controller dies");
    } catch (const EnvironmentError& error) {
      narrate_(network_.now(), std::string("the controller ends: ") + error.what());
    }
    running_ = false;
    person_ = nullptr;
    return ended;
  }

  static bool repeatable(const State& state, const CommandEntry& command) {
    const wire::Capability* capability =
        find_capability(state.instruments.at(command.command.instrument()).description, command.command.capability());
    return capability != nullptr && capability->repeatable();
  }

  /// Which cell of the recovery table an answer is about to reach.
  void count_answers(const State& state, const wire::FromDriver& message) {
    for (const wire::CommandState& answer : message.answer().states()) {
      const auto command = state.commands.find(answer.id());
      if (command == state.commands.end() || !command->second.open()) continue;
      Answer says = Answer::kNeverSeen;
      if (answer.standing() == wire::CommandState::FINISHED) says = Answer::kFinished;
      if (answer.standing() == wire::CommandState::RUNNING) says = Answer::kRunning;
      if (answer.standing() == wire::CommandState::INTERRUPTED) says = Answer::kInterrupted;
      ++cells_[static_cast<std::size_t>(says)][repeatable(state, command->second) ? 1 : 0];
    }
  }

  /// A driver that is lost says nothing of its open commands.
  void count_silence(const State& state, const std::string& driver) {
    for (const auto& [id, command] : state.commands) {
      if (command.open() && state.instruments.at(command.command.instrument()).driver == driver)
        ++cells_[static_cast<std::size_t>(Answer::kSilent)][repeatable(state, command) ? 1 : 0];
    }
  }

  void watch(const State& state, const std::vector<Record>& records) {
    for (const Record& record : records) {
      if (record.has_driver_lost()) count_silence(state, record.driver_lost().driver());
    }
    for (const Record& record : records) {
      network_.check(record);
      count_decisions(record, decisions_);
      if (!record.has_intended() || record.intended().experiment() == 0) continue;
      const std::string& instrument = record.intended().command().instrument();
      if (state.instruments.at(instrument).set_aside)
        throw Violation{
            fmt::format("{} is set aside, and was given “{}”", instrument, record.intended().command().id())};
    }
    for (const Record& record : records) narrate_(network_.now(), "wrote: " + record.ShortDebugString().substr(0, 300));
    if (network_.now() > kStart + scenario_.faulty + scenario_.bound)
      throw Violation{fmt::format("not over {:.0f} h after the last fault", seconds(scenario_.bound) / 3600)};
    watch_safe_devices(state);
    written_by_live_ = store_.written();
    if (!records.empty()) live_ = state.canonical();
  }

  /// Now, and whenever a bound ends until then: nothing else may happen at that moment.
  void watch_silence(const SilenceWatch& silence, const ProcessClock& clock) {
    if (!store_.full()) silence.check(clock.now());
    const Time next = store_.full() ? clock.now() + kStoreAgain : silence.next();
    if (next >= silence_at_) return;
    silence_at_ = next;
    network_.schedule(next - clock.ahead(), [this, &silence, &clock, process = starts_] {
      if (!running_ || starts_ != process || silence_at_ > clock.now()) return;
      silence_at_ = kNever;
      watch_silence(silence, clock);
    });
  }

  void watch_safe_devices(const State& state) {
    for (const auto& [id, instrument] : state.instruments) {
      const bool heard = state.drivers.at(instrument.driver).up && instrument.command.empty();
      if (!State::to_be_safe(instrument) || !heard) {
        told_to_stop_.erase(id);
      } else if (const Time told = told_to_stop_.try_emplace(id, network_.now()).first->second;
                 network_.now() > std::max(kStart + scenario_.faulty + kStopWithin, told + kStopTakes)) {
        throw Violation{fmt::format("{} was told to stop while nothing goes wrong, and nobody knows that it did", id)};
      }
      if (instrument.safe == SafeState::kSafe && !world_.at_work(id).empty())
        throw Violation{fmt::format("{} counts as safe, and is at work on “{}”", id, world_.at_work(id))};
    }
  }

  void may_send(const wire::Command& command) {
    if (!store_.knows(command.id()))
      throw Violation{fmt::format("“{}” was sent before its intent was written", command.id())};
  }

  /// The state that the journal gives; the one that lived before, where nothing was written since.
  State replayed() {
    const State state = store_.reopened();
    if (store_.written() == written_by_live_ && state.canonical() != live_)
      throw Violation{"the replayed state is not the one that lived"};
    return state;
  }

  /// Nobody but a person in the laboratory can help: an empty shelf.
  static bool for_good(const State& state) { return state.why.find("is used up") != std::string::npos; }

  void check_end() {
    std::map<std::string, double> dispensed;
    for (const ExperimentEntry& experiment : last_.experiments) {
      if (experiment.state != ExperimentState::kMeasured) continue;
      const std::string sample = fmt::format("{}/n/{}", campaign_.name, experiment.number);
      for (const Step& step : campaign_.steps) {
        if (step.cleans) continue;
        if (world_.completed(sample, step.name) < 1)
          throw Violation{
              fmt::format("experiment {} counts as measured, and “{}” was never done", experiment.number, step.name)};
      }
      const std::optional<double> truth = world_.measured(sample);
      const double told = experiment.measured.at(0).number();
      if ((told > kHighestSignal) != !experiment.flags.empty())
        throw Violation{fmt::format("experiment {} is told as {}, and that is {} doubted", experiment.number, told,
                                    experiment.flags.empty() ? "not" : "")};
      if (!experiment.flags.empty()) continue;
      if (!truth || std::abs(*truth - told) > 1e-9)
        throw Violation{fmt::format("experiment {} is told as {}, and the meter found {}", experiment.number, told,
                                    truth.value_or(NAN))};
    }
    check_words();
    for (const auto& [reagent, ml] : scenario_.stock_ml) {
      const auto used = last_.stock_used.find(reagent);
      const double accounted = used == last_.stock_used.end() ? 0 : used->second;
      if (world_.dispensed_ml(reagent) > accounted + 1e-9)
        throw Violation{fmt::format("{} mL of {} were poured, and {} mL are accounted for",
                                    world_.dispensed_ml(reagent), reagent, accounted)};
    }
    if (last_.status == CampaignState::kFinished && last_.done() < *campaign_.stop.experiments)
      throw Violation{"it finished before its experiments were done"};
  }

  /// A word that was answered is in the journal; one that was not may be, too, if it came later.
  void check_words() const {
    std::map<std::string, double> told;
    for (const Observation& one : observations(campaign_.problem, last_)) {
      if (!one.measured.empty() && one.measured[0]) told[one.id] = one.measured[0]->value;
    }
    for (const auto& [number, word] : words_.acknowledged) {
      const auto found = told.find(std::to_string(number));
      const auto& corrected = last_.experiment(number).corrected;
      if (found == told.end() || !corrected || found->second != corrected->values.at(0).number() ||
          found->second < static_cast<double>(word))
        throw Violation{fmt::format("of experiment {} a person said {}, and {} counts", number, word,
                                    found == told.end() ? NAN : found->second)};
    }
  }

  const Scenario scenario_;
  Faults faults_;
  RandomStream chance_, deafness_;
  Narrator narrate_;
  Lab lab_;
  Campaign campaign_;
  World world_;
  Network network_;
  WatchedStore store_;
  std::uint64_t seed_;
  std::atomic<int> stops_{0};
  bool running_ = false;
  Person* person_ = nullptr;  // while a controller runs
  Words words_;
  Time silence_at_ = kNever;                  // when its silence is looked at next, on its clock
  Duration wall_error_{0};                    // of the clock by which a process starts
  std::map<std::string, Time> told_to_stop_;  // instruments that nobody knows to have stopped, by when that was seen
  std::size_t starts_ = 0, written_by_live_ = 0;
  std::string live_, ended_;
  State last_;
  decltype(Report::cells) cells_{};
  Decisions decisions_;
};

}  // namespace

Report simulate(std::uint64_t seed, const std::string& folder, const Narrator& narrate) {
  for (const char* tail : {"", "-wal", "-shm"}) std::filesystem::remove(folder + "/journal" + tail);
  Report report;
  Simulation(seed, folder, narrate).run(report);
  return report;
}

}  // namespace athanor::simulation
