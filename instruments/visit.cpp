#include "instruments/visit.h"

#include <fmt/format.h>

#include "core/error.h"
#include "instruments/driver.h"
#include "instruments/heartbeat.h"
#include "instruments/messages.h"

namespace athanor {

std::optional<Visited> visit(Probe& probe, double seconds, double watch_s) {
  wire::ToDriver asked = to_driver();
  asked.mutable_visit()->set_watch_s(watch_s);
  if (!probe.say(asked)) return std::nullopt;
  const auto answers = [](const wire::FromDriver& message) { return message.has_welcome() || message.has_refused(); };
  auto answer = probe.await(answers, seconds);
  if (!answer) return std::nullopt;
  if (answer->version() != kProtocolVersion) {
    throw EnvironmentError(fmt::format("the driver at {} speaks protocol version {}, this program speaks version {}",
                                       probe.address(), answer->version(), kProtocolVersion));
  }
  Visited visited;
  visited.driver = answer->driver();
  visited.boot = answer->boot();
  visited.knows_visits = answer->has_welcome();
  if (!visited.knows_visits) {
    // Of before Visit: it answers the heartbeats of strangers while it has a controller, and only then.
    wire::ToDriver heartbeat = to_driver();
    heartbeat.mutable_heartbeat();
    probe.say(heartbeat);
    visited.described =
        !probe.await([](const auto& message) { return message.has_heartbeat(); }, 1.5 * kHeartbeatEvery);
    if (!visited.described) return visited;
    if (!probe.hello("athanor instrument")) return std::nullopt;
    answer = probe.await([](const auto& message) { return message.has_welcome(); }, seconds);
    if (!answer) return std::nullopt;
  }
  const wire::Welcome& welcome = answer->welcome();
  visited.controller = welcome.controller();
  visited.instruments.assign(welcome.instruments().begin(), welcome.instruments().end());
  visited.troubles.assign(welcome.troubles().begin(), welcome.troubles().end());
  visited.dead_man_s = welcome.dead_man_s();
  visited.ledger = welcome.ledger();
  return visited;
}

}  // namespace athanor
