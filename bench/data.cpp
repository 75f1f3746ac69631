// Large data on the loopback interface: how fast a camera's frames reach the controller's store, how much memory both
// ends need for it, and what that does to a command's round trip to the same driver. The driver is a process of its
// own, its ledger in memory; its camera copies one frame into a fresh buffer each time.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "data_store/data_store.h"
#include "instruments/data_link.h"
#include "instruments/driver_link.h"
#include "instruments/kit.h"
#include "instruments/messages.h"
#include "instruments/stored_arrays.h"

namespace {

using namespace athanor;

constexpr std::uint64_t kSide = 1024;  // a frame: 2 MiB

/// Takes everything, and keeps nothing: the path without a disk.
class Nowhere final : public ArrayStore {
 public:
  std::uint64_t begin(const ArrayName& name, const ArrayType& type) override {
    types_[name] = type;
    return bytes_[name];
  }
  void append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) override {
    grown_[name] = bytes_[name] = std::max(bytes_[name], offset + bytes.size());
  }
  std::vector<std::pair<ArrayName, std::uint64_t>> commit() override {
    const std::vector<std::pair<ArrayName, std::uint64_t>> grown(grown_.begin(), grown_.end());
    grown_.clear();
    return grown;
  }
  StoredArray finish(const ArrayName& name, const std::string& sha256) override {
    return finished_[name] = {"", "", types_[name], bytes_[name] / row_bytes(types_[name]), sha256};
  }
  void abandon(const ArrayName&) override {}
  std::optional<StoredArray> find(const ArrayName& name) override {
    const auto found = finished_.find(name);
    return found == finished_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<ArrayName, std::uint64_t> bytes_, grown_;
  std::map<ArrayName, ArrayType> types_;
  std::map<ArrayName, StoredArray> finished_;
};

std::unique_ptr<Instrument> camera() {
  // A picture compresses by a part: the high bytes are alike, the low ones noise.
  std::vector<std::uint16_t> frame(kSide * kSide);
  std::uint32_t noise = 1;
  for (std::uint16_t& pixel : frame) {
    noise = noise * 1664525 + 1013904223;
    pixel = static_cast<std::uint16_t>(noise >> 24);
  }
  InstrumentPlan plan;
  plan.id = "camera-1";
  plan.kind = "camera";
  plan.offers.push_back({capability("film").number("frames").array("image", ElementType::kUint16, {kSide, kSide}),
                         [frame](const Arguments& with, Time) -> Outcome<Work> {
                           Work work;
                           work.rows = [frame, left = with.number("frames")](std::size_t, Time now) mutable {
                             return Feed{{{"image", SharedBytes::of(frame)}}, --left > 0 ? now : kNever};
                           };
                           return work;
                         }});
  return make_instrument(std::move(plan));
}

std::unique_ptr<Instrument> bell() {
  InstrumentPlan plan;
  plan.id = "bell-1";
  plan.kind = "bell";
  plan.offers.push_back({capability("ring"), [](const Arguments&, Time) -> Outcome<Work> { return Work{}; }});
  return make_instrument(std::move(plan));
}

/// The most that a process had resident, MiB.
double peak_mib(const std::string& process) {
  std::ifstream in("/proc/" + process + "/status");
  for (std::string word; in >> word;) {
    double kib = 0;
    if (word == "VmHWM:" && in >> kib) return kib / 1024;
  }
  return 0;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(q * static_cast<double>(values.size() - 1)));
}

struct Bench {
  Bench(const std::string& address, ArrayStore& store, const ScaledClock& clock)
      : link(make_zmq_link({{"bench", address}}, "bench", clock, 60, {}, false, true)),
        data(store, {{{"bench", address}}, {}, [](const std::string&, const wire::Open&) { return true; }}, wake) {}

  /// Rings the bell `rings` times, or until the film has ended; ms of each round trip.
  std::vector<double> ring(int rings, const std::string& film) {
    std::vector<double> ms;
    for (int i = 0; (film.empty() ? i < rings : !ended); ++i) {
      const std::string id = fmt::format("ring-{}-{}", film, i);
      const double sent = monotonic_seconds();
      command("bell-1", "ring", id);
      bool rung = false;
      while (!rung) {
        turn([&](const wire::FromDriver& said) {
          if (said.accepted().id() == id) ms.push_back((monotonic_seconds() - sent) * 1e3);
          rung = rung || said.outcome().id() == id;
          if (film.empty() || said.outcome().id() != film) return;
          if (!said.outcome().done()) throw std::runtime_error("the film failed: " + said.outcome().message());
          ended = true;
        });
      }
      poll(nullptr, 0, 1);  // a millisecond
    }
    return ms;
  }

  void command(const std::string& instrument, const std::string& capability, const std::string& id, double frames = 0) {
    wire::Command made;
    made.set_id(id);
    made.set_instrument(instrument);
    made.set_capability(capability);
    if (frames > 0) *made.add_with() = number_value("frames", frames, "");
    link->send("bench", to_driver(made));
  }

  void turn(const std::function<void(const wire::FromDriver&)>& hear) {
    const DriverArrivals arrived = link->receive(kNever, wake.fd());
    wake.clear();
    for (const wire::FromDriver& message : data.take()) hear(message);
    for (const DriverMessage& each : arrived.messages) {
      data.meet(each.message);
      if (names_arrays(each.message)) {
        data.verify(each.message, [](const std::string&) { return std::string("camera-1"); });
      } else {
        hear(each.message);
      }
    }
  }

  Wake wake;
  std::unique_ptr<DriverLink> link;
  DataLink data;
  bool ended = false;
};

nlohmann::json measure(const std::string& name, const std::string& address, ArrayStore& store, double gib, int rings) {
  const ScaledClock clock(SystemClock().now(), 1);
  const pid_t driver = fork();
  if (driver == 0) {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(camera());
    instruments.push_back(bell());
    Ledger ledger("");
    Driver bench("bench", "boot", std::move(instruments), ledger, {}, clock.now());
    serve_driver(bench, address, clock, -1, {.log = [](const std::string&) {}});
    _exit(0);
  }
  nlohmann::json row;
  {
    Bench bench(address, store, clock);
    bool up = false;
    while (!up) bench.turn([&](const auto& message) { up = up || message.has_welcome(); });
    const std::vector<double> before = bench.ring(rings, "");
    const double frames = gib * (std::size_t{1} << 30) / (kSide * kSide * 2);
    const double began = monotonic_seconds();
    bench.command("camera-1", "film", "film-1", frames);
    const std::vector<double> meanwhile = bench.ring(0, "film-1");
    const double took = monotonic_seconds() - began;
    const auto rounded = [](double value) { return std::round(value * 100) / 100; };
    row = {{"path", name},
           {"gib", gib},
           {"gbit_per_s", rounded(gib * (std::size_t{1} << 30) * 8 / took / 1e9)},
           {"driver_peak_mib", std::round(peak_mib(std::to_string(driver)))},
           {"controller_peak_mib", std::round(peak_mib("self"))},
           {"command_ms",
            {{"without", {{"p50", rounded(quantile(before, 0.5))}, {"p99", rounded(quantile(before, 0.99))}}},
             {"meanwhile",
              {{"commands", meanwhile.size()},
               {"p50", rounded(quantile(meanwhile, 0.5))},
               {"p99", rounded(quantile(meanwhile, 0.99))}}}}}};
  }
  kill(driver, SIGKILL);
  waitpid(driver, nullptr, 0);
  return row;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("How fast large arrays reach the store, and what that does to commands.");
  double gib = 4;
  int rings = 2000, port = 46581;
  std::string folder = (std::filesystem::temp_directory_path() / fmt::format("athanor-data-{}", getpid())).string();
  app.add_option("--gib", gib, "So much, over each path");
  app.add_option("--rings", rings, "Commands without data, to compare with");
  app.add_option("--port", port, "The first of three on the loopback interface");
  app.add_option("--folder", folder, "Where the store's files are; removed at the end");
  CLI11_PARSE(app, argc, argv);
  std::filesystem::create_directories(folder);
  const auto show = [](const nlohmann::json& row) {
    fmt::print("{}\n", row.dump());
    std::fflush(stdout);
  };
  {
    Nowhere nowhere;
    show(measure("ipc, no disk", "ipc://" + folder + "/bench.sock", nowhere, gib, rings));
  }
  {
    Nowhere nowhere;
    show(measure("tcp, no disk", fmt::format("tcp://127.0.0.1:{}", port), nowhere, gib, rings));
  }
  {
    const SystemClock clock;
    DataStore store(folder, "bench", clock);
    show(measure("tcp, HDF5", fmt::format("tcp://127.0.0.1:{}", port + 1), store, gib, rings));
  }
  std::filesystem::remove_all(folder);
  return 0;
}
