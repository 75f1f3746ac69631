// What a link costs: from a command being given to the link to its Accepted, over a local socket, over TCP, encrypted,
// and while another driver says whatever fits into its own link. The driver is a process of its own, its ledger in
// memory.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "instruments/driver_link.h"
#include "instruments/kit.h"
#include "instruments/messages.h"
#include "instruments/zmq_socket.h"

namespace {

using namespace athanor;

struct Way {
  std::string name, address;
  bool keys = false, flood = false;
};

std::unique_ptr<Instrument> bell() {
  InstrumentPlan plan;
  plan.id = "bell-1";
  plan.kind = "bell";
  plan.offers.push_back({capability("ring"), [](const Arguments&, Time) -> Outcome<Work> { return Work{}; }});
  return make_instrument(std::move(plan));
}

pid_t start(const std::function<void()>& driver) {
  const pid_t process = fork();
  if (process != 0) return process;
  driver();
  _exit(0);
}

// Says progress of nothing for ever, as fast as it is taken.
void flood(const std::string& address) {
  ZmqContext context;
  ZmqSocket socket(context, ZmqSocket::Kind::kRouter);
  socket.bind(address);
  wire::FromDriver message;
  message.set_version(kProtocolVersion);
  message.set_driver("loud");
  message.set_boot("boot");
  message.mutable_progress()->set_id("nobody's");
  const std::string progress = message.SerializeAsString();
  for (std::string controller;;) {
    while (const auto frames = socket.receive()) controller = frames->at(0);
    if (!controller.empty() && socket.send({controller, progress})) continue;
    ZmqWait waits[] = {{&socket, -1, false, false}};
    wait_for_any(waits, 0.001);
  }
}

double quantile(const std::vector<double>& sorted, double q) {
  return sorted.at(static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1)));
}

void await(DriverLink& link, const std::function<bool(const wire::FromDriver&)>& wanted) {
  for (;;) {
    for (const DriverMessage& each : link.receive(kNever, -1).messages) {
      if (wanted(each.message)) return;
    }
  }
}

nlohmann::json measure(const Way& way, int commands, const std::string& folder) {
  const ScaledClock clock(SystemClock().now(), 1);
  const KeyFolder here(folder + "/here"), there(folder + "/there");
  if (way.keys && here.own_names().empty()) {
    there.allow(here.make("controller", ""));
    here.allow(there.make("driver", ""));
  }
  const auto keys = [&](const KeyFolder& whose, const char* own) {
    return way.keys ? std::optional(LinkKeys{whose.own(own), AllowList(whose.path())}) : std::nullopt;
  };
  const std::string loud = "ipc://" + folder + "/loud.sock";
  const pid_t driver = start([&] {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(bell());
    Ledger ledger("");
    Driver bench("bench", "boot", std::move(instruments), ledger, {}, clock.now());
    serve_driver(bench, way.address, clock, -1, {.keys = keys(there, "driver"), .log = [](const std::string&) {}});
  });
  const pid_t flooding = way.flood ? start([&] { flood(loud); }) : -1;
  std::vector<Endpoint> endpoints = {{"bench", way.address, way.keys ? "driver" : ""}};
  if (way.flood) endpoints.push_back({"loud", loud});
  const auto link = make_zmq_link(endpoints, "bench", clock, 5, keys(here, "controller"));
  await(*link, [](const auto& message) { return message.has_welcome(); });
  std::vector<double> us;
  for (int i = 0; i < commands; ++i) {
    wire::ToDriver message = to_driver();
    message.mutable_command()->set_id(std::to_string(i));
    message.mutable_command()->set_instrument("bell-1");
    message.mutable_command()->set_capability("ring");
    const double sent = monotonic_seconds();
    link->send("bench", message);
    bool accepted = false;
    await(*link, [&](const wire::FromDriver& said) {
      if (said.has_accepted() && !std::exchange(accepted, true)) us.push_back((monotonic_seconds() - sent) * 1e6);
      return said.has_outcome();
    });
  }
  for (const pid_t process : {driver, flooding}) {
    if (process > 0) {
      kill(process, SIGKILL);
      waitpid(process, nullptr, 0);
    }
  }
  std::sort(us.begin(), us.end());
  return {{"link", way.name},
          {"commands", us.size()},
          {"p50_us", std::round(quantile(us, 0.5))},
          {"p99_us", std::round(quantile(us, 0.99))}};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("How long a command takes to be accepted, over each kind of link.");
  int commands = 5000, port = 46571;
  app.add_option("--commands", commands, "How many, over each");
  app.add_option("--port", port, "The first of four on the loopback interface");
  CLI11_PARSE(app, argc, argv);
  const std::string folder =
      (std::filesystem::temp_directory_path() / fmt::format("athanor-links-{}", getpid())).string();
  std::filesystem::create_directories(folder);
  const auto tcp = [&] { return fmt::format("tcp://127.0.0.1:{}", port++); };
  for (const Way& way :
       {Way{"ipc", "ipc://" + folder + "/bench.sock"}, Way{"tcp", tcp()}, Way{"tcp, encrypted", tcp(), true},
        Way{"tcp, while another driver floods", tcp(), false, true},
        Way{"tcp, encrypted, while another driver floods", tcp(), true, true}}) {
    fmt::print("{}\n", measure(way, commands, folder).dump());
    std::fflush(stdout);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
