// Goal: at most one physical start an id, and one stable outcome for every id that was accepted, whatever happens in
// whatever order. Method: random histories of commands, doubled and reordered ones, cancels, stops, crashes and
// restarts.
#include <algorithm>
#include <catch2/catch.hpp>

#include "core/random.h"
#include "instruments/driver.h"
#include "tests/instruments/rig.h"

using namespace athanor;

namespace {

class History {
 public:
  explicit History(std::uint64_t seed) : chance_(seed, "history") {
    for (rig::Device& device : devices_) device.remembers = chance_.below(2) == 0;
    restart();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      time_s_ += static_cast<double>(chance_.below(20));
      arm();
      try {
        step();
      } catch (const rig::Crash&) {
        restart();
      }
      disarm();
      check();
    }
    finish();
  }

 private:
  void step() {
    switch (chance_.below(12)) {
      case 0:
      case 1:
      case 2:  // a new command, perhaps outside its limits
        commands_.push_back(rig::heat(std::to_string(commands_.size()),
                                      "heater-" + std::to_string(1 + chance_.below(3)),
                                      chance_.below(8) == 0 ? 500 : 80, 1 + static_cast<double>(chance_.below(60))));
        if (chance_.below(4) != 0) tell(rig::say(commands_.back()));  // or it is still on its way
        return;
      case 3:
      case 4:
      case 5:  // any earlier one once more, or late
        if (!commands_.empty()) tell(rig::say(any()));
        return;
      case 6:
        if (!commands_.empty()) tell(rig::cancel(any().id()));
        return;
      case 7:
        if (chance_.below(4) == 0) tell(rig::stop());
        return;
      case 8:
        if (!commands_.empty()) tell(rig::ask({any().id(), any().id()}));
        return;
      case 9:
        return restart();
      default:
        return hear(driver_->advance(now()));
    }
  }

  void finish() {
    time_s_ += 1e5;
    hear(driver_->advance(now()));
    hear(driver_->advance(now()));
    for (const std::string& id : accepted_) {
      const wire::CommandState state = rig::state_of(*driver_, id, now());
      const bool ended =
          state.standing() == wire::CommandState::FINISHED || state.standing() == wire::CommandState::INTERRUPTED;
      REQUIRE(ended);
    }
    restart();
    for (const auto& [id, outcome] : outcomes_) hear(driver_->receive(rig::ask({id}), now()));
    check();
  }

  /// Every outcome of an id is the first one; INTERRUPTED for good is never followed by an outcome.
  void hear(const std::vector<wire::FromDriver>& messages) {
    for (const wire::FromDriver& message : messages) {
      if (message.has_accepted()) accepted_.push_back(message.accepted().id());
      if (message.has_outcome()) learn(message.outcome().id(), message.outcome().SerializeAsString());
      for (const wire::CommandState& state : message.answer().states()) {
        if (state.standing() == wire::CommandState::FINISHED) learn(state.id(), state.outcome().SerializeAsString());
        if (state.standing() == wire::CommandState::INTERRUPTED) learn(state.id(), "nobody knows");
        if (state.standing() == wire::CommandState::NEVER_SEEN) REQUIRE(outcomes_.count(state.id()) == 0);
      }
    }
  }
  void learn(const std::string& id, const std::string& outcome) {
    const auto [known, fresh] = outcomes_.emplace(id, outcome);
    REQUIRE(known->second == outcome);
    (void)fresh;
  }

  void check() const {
    for (const rig::Device& device : devices_) {
      for (const auto& [id, starts] : device.starts) REQUIRE(starts == 1);
    }
  }

  void restart() {
    disarm();
    driver_.reset();
    std::vector<std::unique_ptr<Instrument>> instruments;
    for (int i = 0; i < 2; ++i) instruments.push_back(rig::heater("heater-" + std::to_string(i + 1), devices_[i]));
    driver_ = std::make_unique<Driver>("hot", "boot-" + std::to_string(++boots_), std::move(instruments), ledger_,
                                       Driver::Options{}, now());
  }

  void arm() {
    using Die = rig::Device::Die;
    for (rig::Device& device : devices_) {
      device.die = chance_.below(4) != 0
                       ? Die::kNo
                       : std::array{Die::kBeforeStart, Die::kAfterStart, Die::kAtEnd}[chance_.below(3)];
    }
  }
  void disarm() {
    for (rig::Device& device : devices_) device.die = rig::Device::Die::kNo;
  }

  void tell(const wire::ToDriver& message) { hear(driver_->receive(message, now())); }
  const wire::Command& any() { return commands_[chance_.below(commands_.size())]; }
  Time now() const { return rig::at(time_s_); }

  RandomStream chance_;
  double time_s_ = 0;
  int boots_ = 0;
  std::array<rig::Device, 2> devices_;
  Ledger ledger_{""};
  std::unique_ptr<Driver> driver_;
  std::vector<wire::Command> commands_;
  std::vector<std::string> accepted_;
  std::map<std::string, std::string> outcomes_;
};

}  // namespace

TEST_CASE("no history starts a command twice or changes an answer") {
  // 300 histories of 150 steps: each finds every kind of crash many times over (see the counts of `arm`).
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    History(seed).run(150);
  }
}
