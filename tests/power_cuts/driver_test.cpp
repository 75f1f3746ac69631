// Goal: what a driver's ledger acknowledged survives every power cut, and no command is begun twice because of one.
// Method: the production Ledger, then the production Driver with a device that outlives it, on a disk that loses power
// at operation 1, 2, 3, …, and again while it recovers.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "instruments/driver.h"
#include "instruments/messages.h"
#include "life.h"
#include "tests/core/tries.h"

namespace athanor::power {
namespace {

constexpr Time kStart{Duration{1'700'000'000'000'000}};

wire::Command command(const std::string& id) {
  wire::Command command;
  command.set_id(id);
  command.set_instrument("device");
  command.set_capability("work");
  return command;
}

wire::Outcome done(const std::string& id) {
  wire::Outcome outcome;
  outcome.set_id(id);
  outcome.set_done(true);
  outcome.set_message(std::string(id.size() % 5 * 900, 'm'));
  return outcome;
}

// ── The ledger alone ─────────────────────────────────────────────────────────────────────────────────────────────────

/// What the ledger should say of each id: one word an entry, none if it is not there.
using Known = std::map<std::string, std::string>;

struct Entering {
  std::string id, word;
  std::function<void(Ledger&)> enter;
};

/// Every way of entering something, for so many commands.
std::vector<Entering> script(int commands) {
  std::vector<Entering> all;
  for (int i = 0; i < commands; ++i) {
    const std::string id = fmt::format("{:0{}}", i, 3 + i % 5);
    all.push_back({id, "begun", [id](Ledger& ledger) { ledger.begin(command(id), "boot", Time{}); }});
    if (i % 4 == 0) all.push_back({id, "interrupted", [id](Ledger& ledger) { ledger.mark_interrupted(id); }});
    if (i % 4 == 1) all.push_back({id, "", [id](Ledger& ledger) { ledger.forget(id); }});
    if (i % 4 != 3) {
      const std::string refused = "refused " + id;
      all.push_back({refused, "ended", [refused](Ledger& l) { l.refuse(command(refused), "boot", done(refused)); }});
    }
    if (i % 4 >= 2) all.push_back({id, "ended", [id](Ledger& ledger) { ledger.end(done(id)); }});
  }
  return all;
}

Known known_after(const std::vector<Entering>& script, std::size_t count) {
  Known known;
  for (std::size_t i = 0; i < count; ++i) {
    known[script[i].id] = script[i].word;
    if (script[i].word.empty()) known.erase(script[i].id);
  }
  return known;
}

std::string word_of(const Ledger::Entry& entry) {
  if (entry.interrupted) return "interrupted";
  if (!entry.outcome) return "begun";
  const bool whole = entry.outcome->SerializeAsString() == done(entry.command.id()).SerializeAsString();
  return whole ? "ended" : "another end";
}

Known known_to(Ledger& ledger, const std::vector<Entering>& script) {
  Known known;
  for (const Entering& entering : script) {
    if (const auto entry = ledger.find(entering.id)) known[entering.id] = word_of(*entry);
  }
  return known;
}

/// Begins with what is there, which must be what was acknowledged and at most the entering under way, and goes on.
Work keeper(const std::vector<Entering>& script, std::size_t reopened_after) {
  return [script, reopened_after, acknowledged = std::size_t{0}]() mutable {
    for (;;) {
      Ledger ledger("ledger");
      const Known known = known_to(ledger, script);
      const bool one_more = known == known_after(script, std::min(acknowledged + 1, script.size()));
      if (!one_more && known != known_after(script, acknowledged))
        throw Broken(fmt::format("the ledger is not as it was after {} enterings", acknowledged));
      for (const Ledger::Entry& entry : ledger.unfinished()) {
        if (known.at(entry.command.id()) != "begun") throw Broken("an entry that ended is unfinished");
      }
      if (one_more && acknowledged < script.size()) ++acknowledged;
      if (acknowledged == script.size()) return;
      do {
        script[acknowledged].enter(ledger);
        ++acknowledged;
      } while (acknowledged < script.size() && acknowledged % reopened_after != 0);
    }
  };
}

// ── The driver ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Hardware: it counts what it begins, is done at once, and forgets: after a restart it cannot tell.
struct Hardware {
  std::map<std::string, int> begun;
};

class Device final : public Instrument {
 public:
  explicit Device(Hardware& hardware) : hardware_(hardware) {}

  wire::Instrument describe() const override {
    wire::Instrument description;
    description.set_id("device");
    description.set_kind("counter");
    wire::Capability& capability = *description.add_capabilities();
    capability.set_name("work");
    capability.set_usual_duration_s(1);
    return description;
  }
  Outcome<Duration> start(const wire::Command& command, Time now) override {
    ++hardware_.begun[command.id()];
    running_ = command.id();
    ends_ = now + Duration(1);
    return Duration(1);
  }
  Time wakes_at() const override { return ends_; }
  std::vector<wire::FromDriver> poll(Time now) override {
    if (ends_ > now) return {};
    ends_ = kNever;
    wire::FromDriver message;
    *message.mutable_outcome() = done(running_);
    return {message};
  }
  void cancel(const std::string&, Time) override {}
  void make_safe(Time) override {}
  Memory recall(const wire::Command&, Time, Time) override { return {}; }

 private:
  Hardware& hardware_;
  std::string running_;
  Time ends_ = kNever;
};

/// What the controller was told of a command; nothing may be taken back.
struct Told {
  bool accepted = false;
  std::optional<std::string> end;
};

void hear(const std::vector<wire::FromDriver>& messages, std::map<std::string, Told>& told) {
  const auto ended = [&](const std::string& id, const std::string& how) {
    if (told[id].end && *told[id].end != how)
      throw Broken(fmt::format("{} ended as “{}”, and now as “{}”", id, *told[id].end, how));
    told[id].end = how;
  };
  for (const wire::FromDriver& message : messages) {
    if (message.has_accepted()) told[message.accepted().id()].accepted = true;
    if (message.has_outcome()) ended(message.outcome().id(), message.outcome().done() ? "done" : "failed");
    if (!message.has_answer()) continue;
    for (const wire::CommandState& state : message.answer().states()) {
      if (state.standing() == wire::CommandState::INTERRUPTED) ended(state.id(), "interrupted");
      if (state.standing() == wire::CommandState::NEVER_SEEN && told[state.id()].accepted)
        throw Broken(state.id() + " was accepted, and now was never seen");
    }
  }
}

/// A driver that starts, is asked about every command and sent every command, also those it had before.
Work driver(int commands) {
  struct World {
    Hardware hardware;
    std::map<std::string, Told> told;
    int boots = 0;
  };
  return [commands, world = std::make_shared<World>()] {
    Ledger ledger("ledger");
    std::vector<std::unique_ptr<Instrument>> devices;
    devices.push_back(std::make_unique<Device>(world->hardware));
    Driver driver("driver", fmt::format("boot-{}", ++world->boots), std::move(devices), ledger, {}, kStart);
    Time now = kStart;
    for (int i = 0; i < commands; ++i) {
      const std::string id = fmt::format("command-{}", i);
      wire::ToDriver question, order;
      question.set_version(kProtocolVersion);
      question.mutable_question()->add_ids(id);
      order.set_version(kProtocolVersion);
      *order.mutable_command() = command(id);
      hear(driver.receive(question, now), world->told);
      hear(driver.receive(order, now), world->told);
      hear(driver.receive(order, now), world->told);
      hear(driver.advance(now += Duration(1)), world->told);
      if (world->hardware.begun[id] > 1) throw Broken(id + " was begun twice");
    }
  };
}

}  // namespace

TEST_CASE("a power cut takes nothing from a ledger that was acknowledged") {
  const Tally tally = sweep([script = script(8)] { return keeper(script, 8); }, tries(3));
  WARN(fmt::format("{} lives, {} power cuts", tally.lives, tally.cuts));
  INFO(tally.first);
  CHECK(tally.broken == 0);
  CHECK(tally.cuts > tries(3000));
}

TEST_CASE("a driver begins nothing twice, and takes back nothing, whenever power is cut") {
  const Tally tally = sweep([] { return driver(8); }, tries(3));
  WARN(fmt::format("{} lives, {} power cuts", tally.lives, tally.cuts));
  INFO(tally.first);
  CHECK(tally.broken == 0);
  CHECK(tally.cuts > tries(3000));
}

}  // namespace athanor::power
