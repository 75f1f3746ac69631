// Goal: the disk that loses power keeps what was synced and nothing else for certain; otherwise the tests beside this
// one would prove nothing. Method: plain SQLite on it, with and without syncing.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <set>

#include "core/database.h"
#include "life.h"

namespace athanor::power {
namespace {

/// Counts rows 1, 2, 3, … into a table, one a commit; `after_opening` says how it is synced.
Work counting(const std::string& after_opening) {
  return [after_opening, acknowledged = std::int64_t{0}]() mutable {
    Database database("rows", Database::Sync::kFull, true);
    database.execute(after_opening);
    database.execute("CREATE TABLE IF NOT EXISTS t (a)");
    Statement count = database.prepare("SELECT count(*) FROM t");
    count.step();
    const std::int64_t found = count.integer(0);
    count.reset();
    if (found < acknowledged) throw Broken(fmt::format("{} of {} rows are there", found, acknowledged));
    for (acknowledged = found; acknowledged < 20; ++acknowledged) database.execute("INSERT INTO t VALUES (1)");
  };
}

/// How many of twenty rows are left where power is cut after the last one, unsynced, and the file was opened again.
std::int64_t rows_left(Tearing tearing, std::uint64_t seed) {
  Disk disk;
  {
    const Mounted mounted(disk);
    Database database("rows", Database::Sync::kFull, true);
    database.execute("CREATE TABLE t (a)");
    database.execute("PRAGMA synchronous = NORMAL");
    for (int i = 0; i < 20; ++i) database.execute("INSERT INTO t VALUES (1)");
    disk.cut_power_at(disk.operations() + 1);
    try {
      database.execute("INSERT INTO t VALUES (2)");
    } catch (const std::exception&) {
    }
  }
  REQUIRE_FALSE(disk.has_power());
  const auto left = disk.after(tearing, seed);
  const Mounted mounted(*left);
  Database database("rows", Database::Sync::kFull, true);
  Statement count = database.prepare("SELECT count(*) FROM t");
  count.step();
  return count.integer(0);
}

}  // namespace

TEST_CASE("a commit lasts with full syncing, and does not with less") {
  CHECK(sweep([] { return counting("PRAGMA synchronous = FULL"); }, 2).broken == 0);
  for (const std::string less : {"PRAGMA synchronous = NORMAL", "PRAGMA synchronous = OFF"}) {
    const Tally tally = sweep([&] { return counting(less); }, 2);
    WARN(fmt::format("{}: {} of {} lives lose what was acknowledged", less, tally.broken, tally.lives));
    CHECK(tally.broken > tally.lives / 10);
  }
}

TEST_CASE("each way of tearing leaves what it says") {
  CHECK(rows_left(Tearing::kNone, 0) == 0);
  CHECK(rows_left(Tearing::kAll, 0) == 20);
  for (const Tearing tearing : {Tearing::kFirst, Tearing::kSectors, Tearing::kTorn}) {
    std::set<std::int64_t> left;
    for (std::uint64_t seed = 0; seed < 40; ++seed) left.insert(rows_left(tearing, seed));
    CHECK(left.size() > 1);
  }
  std::set<std::int64_t> again = {rows_left(Tearing::kFirst, 7), rows_left(Tearing::kFirst, 7)};
  CHECK(again.size() == 1);
}

}  // namespace athanor::power
