// Goal: who waits for a file in a folder is woken by it, and by an interrupt. Method: waits that nothing else would end
// in time.
#include "adapters/folder_watch.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/clock.h"
#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;

namespace {

constexpr double kInVain = 10 * kPatience;  // seconds

/// True if `what`, done in another thread meanwhile, ends a wait for files that fit “result-*.csv”.
bool wakes(FolderWatch& watch, const Interrupt& interrupt, const std::function<void()>& what) {
  std::thread doing(what);
  const double began = monotonic_seconds();
  watch.wait(kInVain, "result-*.csv", interrupt);
  doing.join();
  return monotonic_seconds() - began < kPatience;
}

}  // namespace

TEST_CASE("A wait for a file ends when one is renamed into the folder, or written there", "[folder]") {
  const TemporaryFolder folder;
  FolderWatch watch;
  const Interrupt interrupt;
  watch.begin(folder.path.string());
  CHECK(wakes(watch, interrupt, [&] { write_file(folder / "result-1.csv", "area\n1\n"); }));
  write_file(folder / ".part", "area\n2\n");
  CHECK(wakes(watch, interrupt, [&] { std::filesystem::rename(folder / ".part", folder / "result-2.csv"); }));
}

TEST_CASE("What does not fit ends no wait for a file; an interrupt does, and its time", "[folder]") {
  const TemporaryFolder folder;
  FolderWatch watch;
  Interrupt interrupt;
  watch.begin(folder.path.string());
  write_file(folder / "other.csv", "area\n1\n");
  constexpr double kShort = 0.01;
  const double began = monotonic_seconds();
  watch.wait(kShort, "result-*.csv", interrupt);
  CHECK(monotonic_seconds() - began >= kShort);
  CHECK(wakes(watch, interrupt, [&] { interrupt.set(); }));
}

TEST_CASE("A folder that cannot be watched is waited for all the same, and one that ended tells no more", "[folder]") {
  const TemporaryFolder folder;
  FolderWatch watch;
  const Interrupt interrupt;
  constexpr double kShort = 0.01;
  watch.begin(folder / "missing");
  watch.wait(kShort, "*", interrupt);
  watch.begin(folder.path.string());
  watch.end();
  write_file(folder / "result-1.csv", "area\n1\n");
  const double began = monotonic_seconds();
  watch.wait(kShort, "*", interrupt);
  CHECK(monotonic_seconds() - began >= kShort);
}
