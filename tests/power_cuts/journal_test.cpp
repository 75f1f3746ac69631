// Goal: what the journal acknowledged survives every power cut, and a commit is there wholly or not at all. Method: the
// production Journal on a disk that loses power at operation 1, 2, 3, …, and again while it recovers.
#include "controller/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "life.h"
#include "tests/core/tries.h"

namespace athanor::power {
namespace {

/// What a controller writes: so many commits, the journal closed and opened again after every few.
struct Script {
  std::size_t commits, reopened_after;
  Database::Sync sync = Database::Sync::kFull;
  std::size_t length = 40;  ///< of a record's text; every seventh commit's are longer than a page
};

/// One to three records, each unlike every other.
std::vector<Record> commit(const Script& script, std::size_t number) {
  std::vector<Record> records(1 + number % 3);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].set_time_us(static_cast<std::int64_t>(1000 * number + i));
    records[i].mutable_alarm()->set_text(fmt::format("{:{}}", number, number % 7 == 6 ? 5000 : script.length));
  }
  return records;
}

/// How many commits the journal holds. throws Broken if it holds anything else.
std::size_t commits_in(const Script& script, const std::vector<Record>& records) {
  std::size_t number = 0;
  for (std::size_t at = 0; at < records.size(); ++number) {
    for (const Record& expected : commit(script, number)) {
      if (at == records.size()) throw Broken(fmt::format("commit {} is there in part", number));
      if (records[at].SerializeAsString() != expected.SerializeAsString())
        throw Broken(fmt::format("record {} is not the one that was appended", at + 1));
      ++at;
    }
  }
  return number;
}

/// Begins with what is there, which must be what was acknowledged and at most the commit under way, and goes on.
Work controller(const Script& script) {
  return [script, acknowledged = std::size_t{0}]() mutable {
    for (;;) {
      Journal journal("journal", Journal::Mode::kOpenOrCreate, script.sync);
      journal.require_whole();
      std::vector<Record> records;
      journal.each([&](const Record& record) { records.push_back(record); });
      const std::size_t found = commits_in(script, records);
      if (found < acknowledged || found > acknowledged + 1)
        throw Broken(fmt::format("{} commits were acknowledged, {} are there", acknowledged, found));
      acknowledged = found;
      if (acknowledged == script.commits) return;
      do {
        journal.append(commit(script, acknowledged));
        ++acknowledged;
      } while (acknowledged < script.commits && acknowledged % script.reopened_after != 0);
    }
  };
}

}  // namespace

// A commit of the small script takes about a dozen operations, so that all of the journal's making, writing, closing
// and opening is cut.
TEST_CASE("a power cut takes nothing from the journal that was acknowledged") {
  const Tally tally = sweep([] { return controller({20, 8}); }, tries(4));
  WARN(fmt::format("{} lives, {} power cuts", tally.lives, tally.cuts));
  INFO(tally.first);
  CHECK(tally.broken == 0);
  CHECK(tally.cuts > tries(1500));
}

// SQLite folds its log into the file once it holds 1,000 pages, and then writes it from its beginning again.
TEST_CASE("a power cut while the log is folded in takes nothing either") {
  const Script script{.commits = 330, .reopened_after = 1000, .length = 1500};
  // The commit that takes by far the most operations is the one that folds.
  int before = 0, most = 0, at = 0;
  {
    Disk disk;
    const Mounted mounted(disk);
    Journal journal("journal");
    for (std::size_t i = 0; i < script.commits; ++i) {
      before = disk.operations();
      journal.append(commit(script, i));
      if (disk.operations() - before > most) most = disk.operations() - before, at = before;
    }
    REQUIRE(most > 200);
    REQUIRE(disk.operations() > at + most + 20);  // some commits follow
  }
  const Tally tally = sweep([&] { return controller(script); }, 1, {at, at + most + 60, 1 + most / tries(20)});
  WARN(fmt::format("{} lives, {} power cuts", tally.lives, tally.cuts));
  INFO(tally.first);
  CHECK(tally.broken == 0);
  CHECK(tally.cuts > tries(150));
}

// The disk has teeth: the same without syncing does lose what was acknowledged.
TEST_CASE("a journal that is not synced loses what it acknowledged") {
  const Tally tally = sweep([] { return controller({20, 8, Database::Sync::kNone}); }, tries(2));
  WARN(fmt::format("{} of {} lives", tally.broken, tally.lives));
  CHECK(tally.broken > tally.lives / 10);
}

}  // namespace athanor::power
