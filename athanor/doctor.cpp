// athanor doctor: what this machine has, and whether its clock and disk can be relied on.
#include <dlfcn.h>
#include <fmt/format.h>
#include <google/protobuf/stubs/common.h>
#include <sys/timex.h>
#include <unistd.h>

#include <Eigen/Core>
#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "athanor/commands.h"
#include "core/clock.h"
#include "core/database.h"
#include "core/error.h"
#include "core/quantity.h"
#include "instruments/driver_link.h"
#include "instruments/zmq_curve.h"

namespace athanor {
namespace {

constexpr int kCommits = 100;

void line(const std::string& what, const std::string& found) {
  fmt::print("{:<14}{}\n", what, found);
}

bool loadable(const char* library) {
  void* handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
  if (handle != nullptr) dlclose(handle);
  return handle != nullptr;
}

std::string sqlite_version() {
  Database memory("", Database::Sync::kNone, false);
  Statement statement = memory.prepare("SELECT sqlite_version()");
  statement.step();
  return statement.text(0);
}

bool check_clock() {
  timex state{};
  const int answer = adjtimex(&state);
  const bool plausible = SystemClock().now() > Time{std::chrono::seconds{1767225600}};
  const bool synchronised = answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  line("clock",
       fmt::format("{}{}", to_string(SystemClock().now()),
                   !plausible     ? ": this is in the past; set the clock"
                   : synchronised ? ", kept by a time service"
                                  : ", kept by no time service (fine for one machine; install chrony for several)"));
  return plausible;
}

// Milliseconds of each of `kCommits` commits, sorted.
std::vector<double> commit_times_ms(const std::string& file, Database::Sync sync) {
  Database database(file, sync, true);
  database.execute("CREATE TABLE probe (number INTEGER)");
  Statement insert = database.prepare("INSERT INTO probe VALUES (?1)");
  std::vector<double> times;
  for (int i = 0; i < kCommits; ++i) {
    const double began = monotonic_seconds();
    database.transaction([&] { insert.bind(1, std::int64_t{i}).run(); });
    times.push_back((monotonic_seconds() - began) * 1e3);
  }
  std::sort(times.begin(), times.end());
  return times;
}

bool check_disk(const std::string& folder) {
  const std::string file = (std::filesystem::path(folder) / fmt::format(".athanor-doctor-{}", getpid())).string();
  const auto clean = [&] {
    for (const char* tail : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(file + tail);
  };
  try {
    clean();
    const auto synced = commit_times_ms(file, Database::Sync::kFull);
    clean();
    const auto loose = commit_times_ms(file, Database::Sync::kNone);
    clean();
    const double median = synced[kCommits / 2], without = loose[kCommits / 2];
    line("disk",
         fmt::format("a synced commit takes {:.2f} ms (median; 99 % within {:.2f} ms), an unsynced one {:.2f} ms",
                     median, synced[kCommits - 2], without));
    if (median < 1.5 * without) {
      line("", fmt::format(
                   "“{}” does not seem to sync at all (a memory disk?): journals kept here do not survive a power cut",
                   folder));
    }
    return true;
  } catch (const EnvironmentError& error) {
    clean();
    line("disk", fmt::format("cannot be written: {}", error.what()));
    return false;
  }
}

}  // namespace

int examine_machine(const std::string& folder) {
  line("athanor", ATHANOR_VERSION);
  line("compiler", __VERSION__);
  line("processors", fmt::format("{}, vector instructions in use: {}", std::thread::hardware_concurrency(),
                                 Eigen::SimdInstructionSetsInUse()));
  line("algebra", fmt::format("Eigen {}.{}.{} with its own kernels (no BLAS is used)", EIGEN_WORLD_VERSION,
                              EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION));
  line("sqlite", sqlite_version());
  line("zeromq", fmt::format("{}{}", transport_version(),
                             curve_is_there() ? ", links can be encrypted (CURVE)"
                                              : ": built without CURVE; links cannot leave "
                                                "this machine"));
  line("protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION));
  line("units",
       fmt::format("UDUNITS-2: 25 degC = {} K", format_number(in_unit(parse_quantity("25 degC"), Unit::parse("K")))));
  line("libtorch",
       loadable("libtorch_cpu.so") ? "found (not needed by this version)" : "not found (not needed by this version)");
  line("gpu", std::filesystem::exists("/proc/driver/nvidia/version") && loadable("libcuda.so.1")
                  ? "found (not needed by this version)"
                  : "not found (not needed by this version)");
  const bool clock = check_clock();
  const bool disk = check_disk(folder);
  return clock && disk ? 0 : 3;
}

}  // namespace athanor
