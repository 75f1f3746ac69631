// Journals of earlier formats. data/format_1.sql is one that the program of that time wrote.
#include <sys/resource.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "controller/export.h"
#include "controller/session.h"
#include "controller/verify.h"
#include "core/error.h"
#include "core/file.h"
#include "journals.h"

namespace athanor {
namespace {

using testing::Folder;
namespace fs = std::filesystem;

void make_format_1(const std::string& file) {
  testing::tamper(file, read_text_file(ATHANOR_SOURCE_DIR "/tests/controller/data/format_1.sql"));
}

std::int64_t format_of(const std::string& file) {
  const auto database = Database::open_for_reading(file);
  Statement statement = database->prepare("PRAGMA user_version");
  statement.step();
  return statement.integer(0);
}

// All that it tells: read without changing the file.
std::string told(const std::string& file) {
  Journal journal(file, Journal::Mode::kRead);
  journal.require_whole();
  History history;
  journal.each([&](const Record& record) { history.read(record); });
  return journal.restore().state.canonical() + export_csv(campaign_of(journal), history);
}

}  // namespace

// Goal: an old journal can be read where it lies. Method: replayed and exported; its bytes stay the same.
TEST_CASE("a journal of format 1 is read without being changed") {
  Folder folder;
  make_format_1(folder.file("j"));
  const std::string before = read_text_file(folder.file("j"));
  CHECK(told(folder.file("j")).find("55.67") != std::string::npos);
  Journal journal(folder.file("j"), Journal::Mode::kRead);
  CHECK(journal.size() == 57);
  CHECK(journal.restore().state.measured == 3);
  CHECK(verify(journal).damage.empty());
  CHECK(read_text_file(folder.file("j")) == before);
  CHECK(format_of(folder.file("j")) == 1);
}

// Goal: opened for writing it becomes one of format 2 that tells the same and goes on. Method: before and after.
TEST_CASE("a journal of format 1 is upgraded when it goes on") {
  Folder folder;
  make_format_1(folder.file("j"));
  const std::string before = told(folder.file("j"));
  {
    Journal journal(folder.file("j"));
    CHECK(journal.size() == 57);
    journal.require_whole();
  }
  CHECK(format_of(folder.file("j")) == 2);
  CHECK(told(folder.file("j")) == before);
  {
    Journal journal(folder.file("j"));
    journal.take_snapshot(journal.restore().state);
  }
  CHECK(told(folder.file("j")) == before);
  Journal journal(folder.file("j"));
  CHECK(journal.size() == 58);
  CHECK(journal.restore().snapshot == 58);
  CHECK(verify(journal).damage.empty());
}

// Goal: an upgrade is done or not begun. Method: its last statement fails (a table of that name is there already).
TEST_CASE("an upgrade that fails half-way leaves format 1 whole") {
  Folder folder;
  make_format_1(folder.file("j"));
  const std::string before = told(folder.file("j"));
  testing::tamper(folder.file("j"), "CREATE TABLE snapshot (something TEXT)");
  CHECK_THROWS_AS(Journal(folder.file("j")), EnvironmentError);
  CHECK(format_of(folder.file("j")) == 1);
  CHECK(told(folder.file("j")) == before);
  testing::tamper(folder.file("j"), "DROP TABLE snapshot");
  Journal journal(folder.file("j"));
  CHECK(journal.size() == 57);
}

// Goal: the same whenever it is interrupted. Method: every few bytes the disk is full (a limit on the size of files),
// and the process that upgrades ends there and then.
TEST_CASE("an upgrade interrupted at any byte leaves format 1 or 2, whole") {
  Folder folder;
  make_format_1(folder.file("whole"));
  const std::string before = told(folder.file("whole"));
  bool interrupted = false, done = false;
  for (rlim_t limit = 0; limit <= 16'000; limit += 500) {
    CAPTURE(limit);
    for (const char* tail : {"", "-wal", "-shm"}) fs::remove(folder.file("j") + tail);
    fs::copy_file(folder.file("whole"), folder.file("j"));
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit few{limit, limit};
      setrlimit(RLIMIT_FSIZE, &few);
      try {
        new Journal(folder.file("j"));  // and never closed in order
      } catch (const EnvironmentError&) {
      }
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    CHECK(told(folder.file("j")) == before);  // folds in what the child left beside it
    const std::int64_t format = format_of(folder.file("j"));
    interrupted = interrupted || format == 1;
    done = done || format == 2;
    Journal journal(folder.file("j"));
    CHECK(journal.size() == 57);
  }
  CHECK(interrupted);
  CHECK(done);
}

// Goal: a later program's journal is not touched. Method: its format number.
TEST_CASE("a journal of a later format is refused") {
  Folder folder;
  make_format_1(folder.file("j"));
  testing::tamper(folder.file("j"), "PRAGMA user_version = 3");
  for (const auto mode : {Journal::Mode::kOpenOrCreate, Journal::Mode::kRead}) {
    CHECK_THROWS_WITH(Journal(folder.file("j"), mode),
                      Catch::Contains("has format 3") && Catch::Contains("formats 1 to 2") && Catch::Contains("later"));
  }
}

}  // namespace athanor
