// Goal: what the ledger acknowledged is there after any end of the process. Method: reopen, SIGKILL in the middle,
// foreign files.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "core/error.h"
#include "instruments/ledger.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Contains;

namespace {

constexpr Time kBegan{std::chrono::seconds(1'700'000'000)};

wire::Outcome done(const std::string& id) {
  wire::Outcome outcome;
  outcome.set_id(id);
  outcome.set_done(true);
  outcome.set_took_s(12.5);
  *outcome.add_results() = number_value("final_temperature", 0.1 + 0.2, "degC");
  return outcome;
}

}  // namespace

TEST_CASE("a ledger gives back, after it was reopened, exactly what was entered") {
  // Goal: no field is lost or changed. Method: every kind of entry, closed and opened again.
  rig::TemporaryFolder folder;
  const std::string file = folder / "ledger.db";
  {
    Ledger ledger(file);
    ledger.begin(rig::heat("a"), "boot-1", kBegan);
    ledger.end(done("a"));
    ledger.begin(rig::heat("b"), "boot-1", kBegan);
    ledger.begin(rig::heat("c"), "boot-1", kBegan);
    ledger.mark_interrupted("c");
    ledger.begin(rig::heat("d"), "boot-1", kBegan);
    ledger.forget("d");
    ledger.refuse(rig::heat("e"), "boot-1", failed_outcome("e", {Fault::Kind::kLimit, "too hot"}));
    ledger.note_unsafe("oven-2");
    ledger.note_unsafe("oven-1");
    ledger.note_unsafe("oven-1");
    ledger.note_safe("oven-2");
    ledger.note_safe("oven-3");
    CHECK(ledger.identify("boot-1") == "boot-1");
  }
  Ledger ledger(file);
  const auto a = ledger.find("a");
  REQUIRE(a);
  CHECK(a->boot == "boot-1");
  CHECK(a->command.SerializeAsString() == rig::heat("a").SerializeAsString());
  CHECK(a->outcome->SerializeAsString() == done("a").SerializeAsString());
  CHECK_FALSE(ledger.find("b")->outcome);
  CHECK(ledger.find("b")->began == kBegan);
  CHECK_FALSE(ledger.find("e")->began);
  CHECK(ledger.find("c")->interrupted);
  CHECK_FALSE(ledger.find("d"));
  CHECK(ledger.find("e")->outcome->message() == "too hot");
  const auto unfinished = ledger.unfinished();
  REQUIRE(unfinished.size() == 1);
  CHECK(unfinished[0].command.id() == "b");
  CHECK(ledger.unsafe() == std::vector<std::string>{"oven-1"});
  CHECK(ledger.identify("boot-2") == "boot-1");
}

TEST_CASE("an outcome, once entered, is never changed, and an id enters once") {
  // Goal: the first answer stands. Method: enter a second one.
  Ledger ledger("");
  ledger.begin(rig::heat("a"), "boot-1", kBegan);
  ledger.end(done("a"));
  ledger.end(failed_outcome("a", {Fault::Kind::kDevice, "later"}));
  ledger.mark_interrupted("a");
  ledger.forget("a");
  CHECK(ledger.find("a")->outcome->done());
  CHECK_FALSE(ledger.find("a")->interrupted);
  CHECK_THROWS_AS(ledger.begin(rig::heat("a"), "boot-2", kBegan), EnvironmentError);
}

TEST_CASE("a ledger of before it kept when a command began, what is unsafe, and a name, is read and gone on with") {
  const rig::TemporaryFolder folder;
  const std::string file = folder / "ledger.db";
  {
    Ledger ledger(file);
    ledger.begin(rig::heat("a"), "boot-1", kBegan);
  }
  Database(file, Database::Sync::kNone, true)
      .execute("ALTER TABLE command DROP COLUMN began; DROP TABLE unsafe; DROP TABLE identity");
  Ledger ledger(file);
  CHECK_FALSE(ledger.find("a")->began);
  ledger.begin(rig::heat("b"), "boot-2", kBegan);
  CHECK(ledger.find("b")->began == kBegan);
  CHECK(ledger.unsafe().empty());
  CHECK(ledger.identify("boot-2") == "boot-2");
}

TEST_CASE("what a ledger acknowledged survives SIGKILL") {
  // Goal: nothing acknowledged is lost. Method: a child enters commands and says so through a pipe until it is killed.
  rig::TemporaryFolder folder;
  const std::string file = folder / "ledger.db";
  int acknowledged[2];
  REQUIRE(::pipe(acknowledged) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Ledger ledger(file);
    for (int i = 0;; ++i) {
      const std::string id = std::to_string(i);
      ledger.begin(rig::heat(id), "boot-1", kBegan);
      if (i % 2 == 0) ledger.end(done(id));
      if (::write(acknowledged[1], &i, sizeof i) != sizeof i) ::_exit(1);
    }
  }
  ::close(acknowledged[1]);
  int last = -1, read = 0;
  while (last < 200 && ::read(acknowledged[0], &read, sizeof read) == sizeof read) last = read;
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  while (::read(acknowledged[0], &read, sizeof read) == sizeof read) last = read;
  ::close(acknowledged[0]);
  REQUIRE(last >= 200);

  Ledger ledger(file);
  for (int i = 0; i <= last; ++i) {
    const auto entry = ledger.find(std::to_string(i));
    REQUIRE(entry);
    CHECK(entry->outcome.has_value() == (i % 2 == 0));
  }
}

TEST_CASE("a ledger that is not under its name any more takes no command") {
  // Goal: nothing is begun that the next start would not know of. Method: renamed and put back, another file in its
  // place, removed.
  rig::TemporaryFolder folder;
  const std::string file = folder / "ledger.db", away = folder / "away";
  Ledger ledger(file);
  std::filesystem::rename(file, away);
  CHECK_THROWS_WITH(ledger.begin(rig::heat("a"), "boot-1", kBegan), Contains(file) && Contains("put it back"));
  std::ofstream(file) << "another";
  CHECK_THROWS_AS(ledger.begin(rig::heat("a"), "boot-1", kBegan), EnvironmentError);
  std::filesystem::rename(away, file);
  ledger.begin(rig::heat("a"), "boot-1", kBegan);
  std::filesystem::remove(file);
  CHECK_THROWS_AS(ledger.begin(rig::heat("b"), "boot-1", kBegan), EnvironmentError);
  ledger.end(done("a"));
}

TEST_CASE("a ledger that another driver holds, or that is none, is refused with the reason") {
  // Goal: never share, never overwrite. Method: open twice from two processes; a text file; a foreign database; another
  // format.
  rig::TemporaryFolder folder;
  SECTION("held by another process") {
    const std::string file = folder / "ledger.db";
    int ready[2], end[2];
    REQUIRE((::pipe(ready) == 0 && ::pipe(end) == 0));
    const pid_t child = ::fork();
    if (child == 0) {
      Ledger ledger(file);
      ledger.begin(rig::heat("a"), "boot-1", kBegan);
      char byte = 0;
      if (::write(ready[1], &byte, 1) != 1) ::_exit(1);
      ::close(end[1]);
      ::_exit(static_cast<int>(::read(end[0], &byte, 1)));
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    CHECK_THROWS_WITH(Ledger(file), Contains(file));
    ::close(end[1]);
    ::waitpid(child, nullptr, 0);
    CHECK(Ledger(file).find("a"));
    for (int fd : {ready[0], ready[1], end[0]}) ::close(fd);
  }
  SECTION("not a database") {
    const std::string file = folder / "notes.txt";
    std::ofstream(file) << std::string(5000, 'x');
    CHECK_THROWS_AS(Ledger(file), EnvironmentError);
    CHECK(std::filesystem::file_size(file) == 5000);
  }
  SECTION("a database of something else") {
    const std::string file = folder / "journal.db";
    Database(file, Database::Sync::kNone, true).execute("CREATE TABLE record (id INTEGER)");
    CHECK_THROWS_WITH(Ledger(file), Contains(file) && Contains("not the ledger of a driver"));
  }
  SECTION("a ledger of a later format") {
    const std::string file = folder / "ledger.db";
    { Ledger ledger(file); }
    Database(file, Database::Sync::kNone, true).execute("PRAGMA user_version = 7");
    CHECK_THROWS_WITH(Ledger(file), Contains("format 7") && Contains("reads format 1"));
  }
  SECTION("a folder that is not there") {
    CHECK_THROWS_AS(Ledger(folder / "no/ledger.db"), EnvironmentError);
  }
}
