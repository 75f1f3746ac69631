// The drivers' processes, and the links between them and the controller, on one virtual time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "instruments/driver_link.h"
#include "tests/simulation/data_path.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/world.h"

namespace athanor::simulation {

/// Thrown where the controller's process dies.
struct ControllerDied {};

struct DriverPlan {
  std::string name;
  std::vector<DeviceTraits> devices;
  double dead_man_s = 0;
};

/// Prints what happens, where somebody looks.
using Narrator = std::function<void(Time at, const std::string& what)>;

class Network {
 public:
  Network(std::vector<DriverPlan> drivers, World& world, Faults& faults, std::uint64_t seed, Time start,
          Narrator narrate);
  ~Network();

  Time now() const { return now_; }

  /// At `at`, while time passes in `run_until` or in the controller's waiting.
  void schedule(Time at, std::function<void()> what);
  /// Everything that happens without a controller.
  void run_until(Time time);

  using Sends = std::function<void(const std::string& driver, const wire::ToDriver& message)>;
  using Hears = std::function<void(const wire::FromDriver& message)>;
  /// A controller's process starts: its end of the links. The one before is gone, with what was on its way to it.
  /// Its clock is `ahead` of ours.
  /// `sends` is told of every message before it leaves for the driver of that name, `hears` of every one that arrives.
  std::unique_ptr<DriverLink> connect(Duration ahead, Sends sends, Hears hears);
  /// It ended.
  void disconnect();
  /// Makes the controller's waiting return.
  void wake_controller();
  /// A person's order ends it: the controller may give the command up though its device works as it should.
  void overtake(const std::string& command) { overtaken_.insert(command); }
  void crash_driver(std::size_t driver);
  void cut(std::size_t driver, Duration length);
  /// Its process is stuck, but for the heartbeats. What is said to it meanwhile is read afterwards, or never.
  void deafen(std::size_t driver, Duration length);
  std::size_t drivers() const { return plans_.size(); }
  /// A record of the journal, held against the arrays that are stored.
  void check(const Record& record) { data_.check(record); }
  std::size_t arrays_named() const { return data_.named(); }
  /// What was sent and received, of commands.
  std::size_t events() const { return events_; }

 private:
  friend class SimulatedLink;
  struct Process {
    std::unique_ptr<FullDiskLedger> ledger;
    std::vector<std::unique_ptr<FullDiskLedger>> lost;  ///< ledgers before it
    std::unique_ptr<Driver> driver;                     ///< none while it is dead
    int boots = 0;
    std::uint64_t ledgers = 0;
    Time cut_until{}, deaf_until{};
    // The controller's end of the link.
    bool up = false;
    std::string boot;        ///< that it knows
    std::uint64_t link = 0;  ///< which of all links to it: what was said over an earlier one is lost
    bool carries = false;    ///< arrays, at a moment that is on the agenda
    Time heard_by_driver{};
  };
  struct Happening {
    Time at;
    std::uint64_t order;
    std::function<void()> what;
    bool operator>(const Happening& other) const { return std::tie(at, order) > std::tie(other.at, other.order); }
  };

  Time next() const;
  void step(Time limit);
  void to_driver(std::size_t k, wire::ToDriver message);
  void reach_driver(std::size_t k, std::uint64_t link, bool outlives, const wire::ToDriver& message);
  void from_driver(std::size_t k, std::vector<wire::FromDriver> messages);
  void to_controller(std::size_t k, wire::FromDriver message);
  void with_driver(std::size_t k, const std::function<std::vector<wire::FromDriver>(Driver&)>& what);
  void carry_arrays(std::size_t k);
  void carry_arrays_at(std::size_t k, Time at);
  void new_ledger(std::size_t k);
  void start_driver(std::size_t k);
  void hello(std::size_t k);
  void link_down(std::size_t k);
  void watch_dead_man(std::size_t k);
  bool reachable(std::size_t k) const;
  Duration latency();

  std::vector<DriverPlan> plans_;
  World& world_;
  Faults& faults_;
  RandomStream random_, deafness_, arrays_;
  DataPath data_;
  Narrator narrate_;
  Time now_;
  Duration ahead_{0};
  std::uint64_t seed_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::priority_queue<Happening, std::vector<Happening>, std::greater<>> agenda_;
  std::uint64_t order_ = 0, events_ = 0, session_ = 0;  ///< session: of controllers; 0: none lives
  std::uint64_t sessions_ = 0;
  bool woken_ = false;
  DriverArrivals arrived_;
  std::set<std::string> overtaken_;  ///< commands that were open when a person ended something
  Sends sends_;
  Hears hears_;
};

}  // namespace athanor::simulation
