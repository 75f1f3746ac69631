// Goal: what was acknowledged is there, and what goes wrong is told with its way out. Method: a full disk by SQLite's
// page limit, files that are no databases, other processes that hold the file or are killed in the middle of their
// commits.
#include "core/database.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "core/error.h"
#include "tests/core/messages.h"
#include "tests/core/scratch.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

std::int64_t count(Database& database) {
  Statement rows = database.prepare("SELECT count(*) FROM t");
  REQUIRE(rows.step());
  return rows.integer(0);
}

// Runs `body` in a process of its own, which gets the writing end of a pipe and dies when it returns.
class Child {
 public:
  template <class Body>
  explicit Child(const Body& body) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      close(ends[0]);
      body(ends[1]);
      _exit(0);
    }
    close(ends[1]);
    from_child_ = ends[0];
  }
  ~Child() {
    kill_now();
    close(from_child_);
  }
  /// One byte from the child; none if it is gone.
  bool next_byte() {
    char byte;
    return read(from_child_, &byte, 1) == 1;
  }
  void kill_now() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  int from_child_ = -1;
};

void say(int pipe_end) {
  const char byte = '.';
  if (write(pipe_end, &byte, 1) != 1) _exit(1);
}

}  // namespace

TEST_CASE("every kind of value comes back as it was bound", "[database]") {
  Database database("", Database::Sync::kNone, false);
  database.execute("CREATE TABLE t(i, r, x, b)");
  const std::string bytes("\0\xff\x01", 3), text("µ\0x", 4);
  Statement insert = database.prepare("INSERT INTO t VALUES(?, ?, ?, ?)");
  insert.bind(1, std::int64_t{-5'000'000'000}).bind(2, 0.1).bind(3, text).bind_blob(4, bytes).run();
  insert.bind(1, std::int64_t{1}).bind(2, 1e300).bind(3, "").bind_blob(4, "").run();
  Statement select = database.prepare("SELECT i, r, x, b, typeof(x), typeof(b) FROM t ORDER BY rowid");
  REQUIRE(select.step());
  CHECK(select.integer(0) == -5'000'000'000);
  CHECK(select.real(1) == 0.1);
  CHECK(select.text(2) == text);
  CHECK(select.blob(3) == bytes);
  REQUIRE(select.step());
  CHECK(select.text(2).empty());
  CHECK(select.text(4) == "text");
  CHECK(select.text(5) == "blob");
  CHECK_FALSE(select.step());
}

TEST_CASE("run makes a statement ready again, without its old values", "[database]") {
  Database database("", Database::Sync::kNone, false);
  database.execute("CREATE TABLE t(a, b)");
  Statement insert = database.prepare("INSERT INTO t VALUES(?, ?)");
  insert.bind(1, std::int64_t{1}).bind(2, std::int64_t{2}).run();
  insert.bind(1, std::int64_t{3}).run();
  Statement moved = std::move(insert);
  moved.bind(1, std::int64_t{5}).run();
  Statement nulls = database.prepare("SELECT count(*) FROM t WHERE b IS NULL");
  REQUIRE(nulls.step());
  CHECK(nulls.integer(0) == 2);
}

TEST_CASE("a transaction whose body throws leaves nothing behind", "[database]") {
  Database database("", Database::Sync::kNone, false);
  database.execute("CREATE TABLE t(a)");
  database.transaction([&] { database.execute("INSERT INTO t VALUES(1)"); });
  CHECK_THROWS_AS(database.transaction([&] {
    database.execute("INSERT INTO t VALUES(2)");
    throw InputError("stop");
  }),
                  InputError);
  CHECK(count(database) == 1);
  database.transaction([&] { database.execute("INSERT INTO t VALUES(3)"); });
  CHECK(count(database) == 2);
}

TEST_CASE("durability is set as asked", "[database]") {
  const Scratch scratch;
  Database full(scratch.file("full.db"), Database::Sync::kFull, false);
  Database none(scratch.file("none.db"), Database::Sync::kNone, true);
  const auto pragma = [](Database& database, const char* name) {
    Statement statement = database.prepare(std::string("PRAGMA ") + name);
    REQUIRE(statement.step());
    return statement.text(0);
  };
  CHECK(pragma(full, "journal_mode") == "wal");
  CHECK(pragma(full, "synchronous") == "2");
  CHECK(pragma(none, "journal_mode") == "wal");
  CHECK(pragma(none, "synchronous") == "0");
  CHECK(pragma(none, "locking_mode") == "exclusive");
}

TEST_CASE("a full disk is told, and nothing acknowledged is lost", "[database]") {
  const Scratch scratch;
  const std::string file = scratch.file("small.db");
  int acknowledged = 0;
  {
    Database database(file, Database::Sync::kFull, true);
    database.execute("CREATE TABLE t(a)");
    database.execute("PRAGMA max_page_count = 20");
    Statement insert = database.prepare("INSERT INTO t VALUES(?)");
    const std::string message = message_of<EnvironmentError>([&] {
      for (;; ++acknowledged) database.transaction([&] { insert.bind(1, std::string(1000, 'x')).run(); });
    });
    CHECK_THAT(message, Contains("small.db") && Contains("disk is full") && Contains("make room"));
    CHECK_THAT(message, !Contains("start again"));  // room is enough, as the next lines show
    CHECK(count(database) == acknowledged);
    database.execute("PRAGMA max_page_count = 1000");
    database.transaction([&] { insert.bind(1, std::string(1000, 'x')).run(); });
    ++acknowledged;
  }
  CHECK(acknowledged > 10);
  Database again(file, Database::Sync::kFull, true);
  CHECK(count(again) == acknowledged);
  again.transaction([&] { again.execute("INSERT INTO t VALUES('room again')"); });
}

TEST_CASE("files that are no databases are refused by name", "[database]") {
  const Scratch scratch;
  const auto open = [&](const std::string& file) {
    return message_of<EnvironmentError>([&] { Database(file, Database::Sync::kFull, true); });
  };
  CHECK_THAT(open(scratch.write("text.db", "this is a laboratory notebook, not a database, and long enough to tell")),
             Contains("text.db") && Contains("not a database"));
  CHECK_THAT(open(scratch.file("no/folder.db")),
             Contains("no/folder.db") && Contains("cannot be opened") && Contains("folder exists"));
  CHECK_THAT(open(scratch.folder()), Contains("cannot be opened"));
}

TEST_CASE("a damaged database is told from a good one", "[database]") {
  const Scratch scratch;
  const std::string file = scratch.file("damaged.db");
  {
    Database database(file, Database::Sync::kFull, true);
    database.execute("CREATE TABLE t(a)");
    for (int i = 0; i < 50; ++i) database.execute("INSERT INTO t VALUES(hex(randomblob(1000)))");
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(4096 + 8);
  bytes << std::string(4000, '\x5a');
  bytes.close();
  const std::string message = message_of<EnvironmentError>([&] {
    Database database(file, Database::Sync::kFull, true);
    database.prepare("SELECT count(*) FROM t").step();
  });
  CHECK_THAT(message, Contains("damaged.db") && Contains("is damaged"));
}

// Goal: a copy holds what is committed, and the copied database goes on. Method: copied with rows still in its log.
TEST_CASE("an open database is copied", "[database]") {
  const Scratch scratch;
  Database database(scratch.file("d"), Database::Sync::kFull, /*exclusive=*/true);
  database.execute("CREATE TABLE t (a)");
  for (int i = 0; i < 100; ++i) database.execute("INSERT INTO t VALUES (randomblob(1000))");
  database.copy_to(scratch.file("copy"));
  database.execute("INSERT INTO t VALUES (1)");
  CHECK(count(database) == 101);
  CHECK_FALSE(Database::has_log(scratch.file("copy")));
  const auto copy = Database::open_for_reading(scratch.file("copy"));
  CHECK(count(*copy) == 100);
  Statement same = copy->prepare("SELECT length(a) FROM t");
  while (same.step()) CHECK(same.integer(0) == 1000);
}

TEST_CASE("a wrong statement names itself and the file", "[database]") {
  Database database("", Database::Sync::kNone, false);
  CHECK_THAT(message_of<EnvironmentError>([&] { database.prepare("SELECT * FROM nowhere"); }),
             Contains("SELECT * FROM nowhere") && Contains("no such table"));
}

TEST_CASE("a file that another process holds is in use until that process ends", "[database]") {
  const Scratch scratch;
  const std::string file = scratch.file("held.db");
  Child child([&](int pipe_end) {
    Database database(file, Database::Sync::kFull, true);
    say(pipe_end);
    pause();
  });
  REQUIRE(child.next_byte());
  CHECK_THAT(message_of<EnvironmentError>([&] { Database(file, Database::Sync::kFull, true); }),
             Contains("held.db") && Contains("in use by another process"));
  child.kill_now();
  Database mine(file, Database::Sync::kFull, true);
  mine.execute("CREATE TABLE t(a)");
  CHECK_THAT(message_of<EnvironmentError>([&] { Database(file, Database::Sync::kFull, true); }), Contains("in use"));
}

TEST_CASE("commits that were acknowledged survive kill -9", "[database]") {
  const Scratch scratch;
  const std::string file = scratch.file("killed.db");
  { Database(file, Database::Sync::kFull, true).execute("CREATE TABLE t(a)"); }
  std::int64_t before = 0;
  for (int round = 1; round <= 5; ++round) {
    std::int64_t acknowledged = 0;
    {
      Child child([&](int pipe_end) {
        Database database(file, Database::Sync::kFull, true);
        for (;;) {
          database.transaction([&] {
            database.execute("INSERT INTO t VALUES(1)");
            database.execute("INSERT INTO t VALUES(2)");
          });
          say(pipe_end);
        }
      });
      while (acknowledged < 7 * round && child.next_byte()) ++acknowledged;
      child.kill_now();
      while (child.next_byte()) ++acknowledged;  // what it said before it died
    }
    Database database(file, Database::Sync::kFull, true);
    const std::int64_t rows = count(database);
    CHECK(rows % 2 == 0);  // no half transaction
    CHECK(rows >= before + 2 * acknowledged);
    CHECK(rows <= before + 2 * (acknowledged + 1));  // one commit may have been done and not yet acknowledged
    before = rows;
  }
}
