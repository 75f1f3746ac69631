#include "controller/journal.h"

#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>

#include "core/canary.h"
#include "core/check.h"
#include "core/digest.h"
#include "core/error.h"

namespace athanor {
namespace {

constexpr std::int64_t kApplication = 0x4154484e;  // "ATHN", so that `file` and a human can tell
constexpr std::int64_t kFormat = 1;

std::string link(const std::string& previous, const std::string& body) {
  return sha256(previous + body);
}
std::string genesis() {
  return sha256("athanor journal 1");
}

std::int64_t pragma(Database& database, const std::string& name) {
  Statement statement = database.prepare("PRAGMA " + name);
  statement.step();
  return statement.integer(0);
}

std::unique_ptr<Database> opened(const std::string& file, Journal::Mode mode, Database::Sync sync) {
  if (mode == Journal::Mode::kOpenOrCreate) return std::make_unique<Database>(file, sync, /*exclusive=*/true);
  std::error_code missing;
  if (std::filesystem::file_size(file, missing) == 0 || missing) {
    throw EnvironmentError(fmt::format("there is no journal “{}”; “athanor run” writes one", file));
  }
  if (!Database::has_log(file)) return Database::open_for_reading(file);
  // A killed process left what it wrote last in the log beside the file; opening it for writing folds that in.
  if (access(file.c_str(), W_OK) != 0) {
    throw EnvironmentError(
        fmt::format("journal “{0}” cannot be read here: “{0}-wal” holds its last records, and putting them in takes "
                    "the right to write; "
                    "copy both files to a folder of yours",
                    file));
  }
  return std::make_unique<Database>(file, sync, /*exclusive=*/true);
}

void prepare(Database& database, Journal::Mode mode) {
  const std::int64_t application = pragma(database, "application_id");
  Statement tables = database.prepare("SELECT count(*) FROM sqlite_master");
  tables.step();
  const bool fresh = tables.integer(0) == 0;
  tables.reset();
  if (fresh && mode == Journal::Mode::kOpenOrCreate) {
    database.transaction([&] {
      database.execute(fmt::format("PRAGMA application_id = {}", kApplication));
      database.execute(fmt::format("PRAGMA user_version = {}", kFormat));
      database.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, body BLOB NOT NULL, chain BLOB NOT NULL)");
    });
  } else if (application != kApplication) {
    throw EnvironmentError(fmt::format(
        "“{}” is a database, but not an Athanor journal; name another file with --journal", database.file()));
  } else if (const auto format = pragma(database, "user_version"); format != kFormat) {
    throw EnvironmentError(fmt::format(
        "journal “{}” has format {}, and this program reads format {}; use the program that wrote it, or a later one",
        database.file(), format, kFormat));
  }
}

}  // namespace

Journal::Journal(const std::string& file, Mode mode, Database::Sync sync)
    : database_(opened(file, mode, sync)), chain_(genesis()) {
  prepare(*database_, mode);
  if (mode == Mode::kOpenOrCreate)
    insert_ = database_->prepare("INSERT INTO record (seq, body, chain) VALUES (?1, ?2, ?3)");
}

void Journal::append(const std::vector<Record>& records) {
  if (records.empty()) return;
  ATHANOR_CHECK(insert_.has_value(), "a journal that was opened for reading");
  std::uint64_t count = count_;
  std::string chain = chain_;
  database_->transaction([&] {
    for (const Record& record : records) {
      const std::string body = record.SerializeAsString();
      if (!ATHANOR_CANARY("drop a chain link") || count % 50 != 0) chain = link(chain, body);
      insert_->bind(1, static_cast<std::int64_t>(++count)).bind_blob(2, body).bind_blob(3, chain).run();
    }
  });
  count_ = count;
  chain_ = std::move(chain);
}

Journal::Contents Journal::read() {
  Contents contents;
  std::uint64_t count = 0;
  std::string chain = genesis();
  Statement select = database_->prepare("SELECT seq, body, chain FROM record ORDER BY seq");
  while (select.step()) {
    const std::string body = select.blob(1);
    chain = link(chain, body);
    Record record;
    const bool fits = static_cast<std::uint64_t>(select.integer(0)) == count + 1 && select.blob(2) == chain &&
                      record.ParseFromString(body) && record.body_case() != Record::BODY_NOT_SET;
    if (!fits) {
      contents.broken_at = count + 1;
      return contents;
    }
    ++count;
    contents.records.push_back(std::move(record));
  }
  count_ = count;
  chain_ = std::move(chain);
  return contents;
}

std::vector<Record> Journal::records() {
  Contents contents = read();
  if (contents.broken_at) {
    throw EnvironmentError(
        fmt::format("journal “{}” is damaged: record {} does not fit the chain; the {} before it are whole. Restore "
                    "the file from a copy, or "
                    "look at it with “athanor replay”",
                    file(), *contents.broken_at, *contents.broken_at - 1));
  }
  return std::move(contents.records);
}

}  // namespace athanor
