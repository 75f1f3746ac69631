#include "tests/simulation/network.h"

#include <fmt/format.h>
#include <cmath>

#include "core/check.h"
#include "core/error.h"
#include "instruments/messages.h"

namespace athanor::simulation {
namespace {

constexpr double kSilenceS = 5, kHelloAgainS = 0.5;  // as the link of production
constexpr std::size_t kWindow = 16 << 10;            // of arrays
constexpr double kStartAgainS = 10;                  // whoever starts drivers that could not start

std::string brief(const wire::FromDriver& message) {
  std::string out = message.ShortDebugString();
  return out.substr(0, 300);
}

}  // namespace

/// The controller's end.
class SimulatedLink final : public DriverLink {
 public:
  explicit SimulatedLink(Network& network) : network_(network) {}

  void send(const std::string& name, const wire::ToDriver& message) override {
    network_.sends_(name, message);
    if (message.has_cancel() && !network_.overtaken_.contains(message.cancel().id()))
      network_.world_.check_cancel(message.cancel().id(), network_.now_);
    if (network_.faults_.strikes(FaultKind::kCrashAmidEffects)) throw ControllerDied{};
    for (std::size_t k = 0; k < network_.plans_.size(); ++k) {
      if (network_.plans_[k].name == name && network_.processes_[k]->up) network_.to_driver(k, message);
    }
  }

  DriverArrivals receive(Time until, int) override {
    while (network_.arrived_.empty() && !std::exchange(network_.woken_, false)) {
      const Time limit = until == kNever ? kNever : until - network_.ahead_;
      if (limit <= network_.now_) break;
      ATHANOR_CHECK(limit != kNever || network_.next() != kNever, "the controller waits for nothing");
      network_.step(limit);
    }
    return std::exchange(network_.arrived_, {});
  }

 private:
  Network& network_;
};

Network::Network(std::vector<DriverPlan> drivers, World& world, Faults& faults, std::uint64_t seed, Time start,
                 Narrator narrate)
    : plans_(std::move(drivers)),
      world_(world),
      faults_(faults),
      random_(seed, "network"),
      deafness_(seed, "deafness"),
      arrays_(seed, "arrays"),
      data_(plans_.size(), world, faults),
      narrate_(std::move(narrate)),
      now_(start),
      seed_(seed) {
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    processes_.push_back(std::make_unique<Process>());
    new_ledger(k);
  }
  for (std::size_t k = 0; k < plans_.size(); ++k) start_driver(k);
}

Network::~Network() = default;

void Network::schedule(Time at, std::function<void()> what) {
  agenda_.push({std::max(at, now_), ++order_, std::move(what)});
}

Time Network::next() const {
  Time next = agenda_.empty() ? kNever : agenda_.top().at;
  for (const auto& process : processes_) {
    if (process->driver) next = std::min(next, std::max(process->driver->wakes_at(), process->deaf_until));
  }
  return next;
}

/// To the next thing that happens, at most to `limit`.
void Network::step(Time limit) {
  const Time at = next();
  if (at > limit) {
    now_ = limit;
    return;
  }
  now_ = std::max(now_, at);
  ++events_;
  for (std::size_t k = 0; k < processes_.size(); ++k) {
    const Process& process = *processes_[k];
    if (process.driver && process.driver->wakes_at() <= now_ && process.deaf_until <= now_)
      with_driver(k, [&](Driver& driver) { return driver.advance(now_); });
  }
  if (agenda_.empty() || agenda_.top().at > now_) return;
  const auto what = agenda_.top().what;
  agenda_.pop();
  what();
}

void Network::run_until(Time time) {
  while (now_ < time) step(time);
}

Duration Network::latency() {
  if (faults_.strikes(FaultKind::kMessageDelayed)) return from_seconds(std::pow(10.0, random_.uniform(0, 3.5)));
  return from_seconds(random_.uniform(1e-4, 5e-3));
}

bool Network::reachable(std::size_t k) const {
  return processes_[k]->driver && now_ >= processes_[k]->cut_until;
}

// ── Drivers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

void Network::new_ledger(std::size_t k) {
  Process& process = *processes_[k];
  process.ledger = std::make_unique<FullDiskLedger>(faults_, seed_, k + plans_.size() * ++process.ledgers, now_);
}

void Network::start_driver(std::size_t k) {
  Process& process = *processes_[k];
  std::vector<std::unique_ptr<Instrument>> instruments;
  for (const DeviceTraits& device : plans_[k].devices) instruments.push_back(world_.instrument(device));
  const std::string boot = fmt::format("boot-{}", ++process.boots);
  narrate_(now_, fmt::format("driver {} starts as {}", plans_[k].name, boot));
  try {
    process.driver = std::make_unique<Driver>(plans_[k].name, boot, std::move(instruments), *process.ledger,
                                              Driver::Options{plans_[k].dead_man_s, kWindow}, now_);
  } catch (const EnvironmentError& error) {
    narrate_(now_, fmt::format("driver {} cannot start: {}", plans_[k].name, error.what()));
    return schedule(now_ + from_seconds(kStartAgainS), [this, k] { start_driver(k); });
  }
  process.heard_by_driver = now_;
  watch_dead_man(k);
}

void Network::crash_driver(std::size_t k) {
  Process& process = *processes_[k];
  if (!process.driver) return;
  narrate_(now_, fmt::format("driver {} dies", plans_[k].name));
  process.driver.reset();
  if (faults_.strikes(FaultKind::kLedgerLost)) {
    narrate_(now_, fmt::format("the ledger of driver {} is lost", plans_[k].name));
    process.lost.push_back(std::move(process.ledger));
    new_ledger(k);
  } else if (!process.lost.empty() && faults_.strikes(FaultKind::kLedgerFound)) {
    narrate_(now_, fmt::format("driver {} finds a ledger that it had lost", plans_[k].name));
    std::swap(process.ledger, process.lost.front());
  }
  data_.cut(k);
  process.deaf_until = {};
  // Its sockets close: the controller sees that at once, or only the silence if the host has gone too.
  const std::uint64_t link = process.link;
  schedule(now_ + from_seconds(random_.below(2) == 0 ? 0.01 : kSilenceS), [this, k, link] {
    if (processes_[k]->link == link) link_down(k);
  });
  schedule(now_ + from_seconds(random_.below(3) == 0 ? random_.uniform(60, 3600) : random_.uniform(0.1, 20)),
           [this, k] { start_driver(k); });
}

void Network::cut(std::size_t k, Duration length) {
  Process& process = *processes_[k];
  narrate_(now_, fmt::format("the link to driver {} is cut for {:.0f} s", plans_[k].name, seconds(length)));
  process.cut_until = std::max(process.cut_until, now_ + length);
  const std::uint64_t link = process.link;
  schedule(now_ + from_seconds(kSilenceS), [this, k, link] {
    if (processes_[k]->link == link && now_ < processes_[k]->cut_until) link_down(k);
  });
  watch_dead_man(k);
}

void Network::deafen(std::size_t k, Duration length) {
  if (!processes_[k]->driver) return;
  narrate_(now_, fmt::format("driver {} is deaf for {:.0f} s", plans_[k].name, seconds(length)));
  processes_[k]->deaf_until = std::max(processes_[k]->deaf_until, now_ + length);
}

/// A driver that hears no controller for its dead-man time brings its instruments to their safe state.
void Network::watch_dead_man(std::size_t k) {
  const double dead_man_s = plans_[k].dead_man_s;
  if (dead_man_s <= 0) return;
  const Time since = now_;
  const int boot = processes_[k]->boots;
  schedule(now_ + from_seconds(dead_man_s), [this, k, since, boot] {
    Process& process = *processes_[k];
    const bool silent = session_ == 0 || !process.up || now_ < process.cut_until;
    if (!process.driver || process.boots != boot || !silent || process.heard_by_driver > since) return;
    narrate_(now_, fmt::format("driver {} misses its controller", plans_[k].name));
    with_driver(k, [&](Driver& driver) {
      driver.controller_lost(now_);
      return driver.advance(now_);
    });
  });
}

/// Lets a driver do something, which it may not survive.
void Network::with_driver(std::size_t k, const std::function<std::vector<wire::FromDriver>(Driver&)>& what) {
  try {
    from_driver(k, what(*processes_[k]->driver));
    carry_arrays_at(k, now_);
  } catch (const DriverDied&) {
    crash_driver(k);
  }
}

// ── Arrays ───────────────────────────────────────────────────────────────────────────────────────────────────────────

void Network::carry_arrays_at(std::size_t k, Time at) {
  Process& process = *processes_[k];
  if (!process.driver || process.driver->arrays() == nullptr || std::exchange(process.carries, true)) return;
  schedule(at + from_seconds(arrays_.uniform(1e-3, 0.1)), [this, k] { carry_arrays(k); });
}

/// One message, where controller and driver live and hear each other; whatever ends that is followed by a message.
void Network::carry_arrays(std::size_t k) {
  Process& process = *processes_[k];
  process.carries = false;
  if (session_ == 0 || !process.up || !reachable(k)) return;
  if (process.deaf_until > now_) return carry_arrays_at(k, process.deaf_until);
  if (data_.carry(k, *process.driver->arrays())) carry_arrays_at(k, now_);
}

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void Network::to_driver(std::size_t k, wire::ToDriver message) {
  const std::uint64_t link = processes_[k]->link;
  const int copies = faults_.strikes(FaultKind::kMessageLost) ? 0 : faults_.strikes(FaultKind::kMessageDoubled) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    // What a link has taken may still arrive when its sender is dead, or the receiver another process.
    const bool outlives = random_.below(2) == 0;
    schedule(now_ + latency(), [this, k, link, outlives, message] { reach_driver(k, link, outlives, message); });
  }
}

void Network::reach_driver(std::size_t k, std::uint64_t link, bool outlives, const wire::ToDriver& message) {
  Process& process = *processes_[k];
  if (!reachable(k) || (process.link != link && !outlives)) return;
  if (process.deaf_until > now_) {
    const bool kept = deafness_.below(2) == 0;
    if (kept) schedule(process.deaf_until, [=, this] { reach_driver(k, link, outlives, message); });
    return;
  }
  process.heard_by_driver = now_;
  with_driver(k, [&](Driver& driver) { return driver.receive(message, now_); });
}

void Network::from_driver(std::size_t k, std::vector<wire::FromDriver> messages) {
  const std::uint64_t link = processes_[k]->link;
  for (const wire::FromDriver& message : messages) {
    const int copies = faults_.strikes(FaultKind::kMessageLost)      ? 0
                       : faults_.strikes(FaultKind::kMessageDoubled) ? 2
                                                                     : 1;
    if (copies == 0) narrate_(now_, "lost: " + brief(message));
    for (int copy = 0; copy < copies; ++copy) {
      schedule(now_ + latency(), [this, k, link, message] {
        if (session_ == 0 || now_ < processes_[k]->cut_until || processes_[k]->link != link) return;
        to_controller(k, message);
      });
    }
  }
}

/// As the link of production hears it.
void Network::to_controller(std::size_t k, wire::FromDriver message) {
  Process& process = *processes_[k];
  if (process.up && message.boot() != process.boot) link_down(k);
  if (message.has_welcome()) {
    if (process.up) return;
    process.up = true;
    process.boot = message.boot();
    arrived_.changes.push_back({plans_[k].name, true});
    carry_arrays_at(k, now_);
  }
  data_.look_up(message);
  narrate_(now_, "heard: " + brief(message));
  hears_(message);
  arrived_.messages.push_back({std::move(message)});
}

// ── Links ────────────────────────────────────────────────────────────────────────────────────────────────────────────

std::unique_ptr<DriverLink> Network::connect(Duration ahead, Sends sends, Hears hears) {
  session_ = ++sessions_;
  ahead_ = ahead;
  sends_ = std::move(sends);
  hears_ = std::move(hears);
  arrived_ = {};
  woken_ = false;
  for (std::size_t k = 0; k < processes_.size(); ++k) {
    processes_[k]->up = false;
    ++processes_[k]->link;
    hello(k);
    const std::uint64_t session = session_;
    schedule(now_ + from_seconds(kSilenceS), [this, k, session] {
      if (session_ == session && !processes_[k]->up) arrived_.changes.push_back({plans_[k].name, false});
    });
  }
  return std::make_unique<SimulatedLink>(*this);
}

void Network::disconnect() {
  session_ = 0;
  data_.forget();
  for (std::size_t k = 0; k < processes_.size(); ++k) {
    processes_[k]->up = false;
    ++processes_[k]->link;
    watch_dead_man(k);
  }
}

void Network::wake_controller() {
  woken_ = true;
}

void Network::hello(std::size_t k) {
  if (session_ == 0 || processes_[k]->up) return;
  if (reachable(k) && processes_[k]->deaf_until <= now_) {
    wire::ToDriver message = athanor::to_driver();
    message.mutable_hello()->set_controller("simulated");
    message.mutable_hello()->set_takes_arrays(true);
    to_driver(k, std::move(message));
  }
  const std::uint64_t session = session_, link = processes_[k]->link;
  schedule(now_ + from_seconds(kHelloAgainS), [this, k, session, link] {
    if (session_ == session && processes_[k]->link == link) hello(k);
  });
}

void Network::link_down(std::size_t k) {
  Process& process = *processes_[k];
  ++process.link;  // what is still on its way over it is lost
  data_.cut(k);
  if (session_ == 0) return;
  if (std::exchange(process.up, false)) arrived_.changes.push_back({plans_[k].name, false});
  hello(k);
}

}  // namespace athanor::simulation
