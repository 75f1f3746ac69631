#include "instruments/ledger.h"

#include <fmt/format.h>

#include "core/check.h"
#include "core/error.h"

namespace athanor {

namespace {

constexpr std::int64_t kApplicationId = 0x41744C67;  // "AtLg": how SQLite files of one program are told from another's
constexpr std::int64_t kSchemaVersion = 1;
constexpr const char* kIdentity = "CREATE TABLE identity (name TEXT NOT NULL)";  // one row, once it has a name
constexpr const char* kUnsafe = "CREATE TABLE unsafe (instrument TEXT PRIMARY KEY) WITHOUT ROWID";

std::int64_t pragma(Database& database, const char* name) {
  Statement statement = database.prepare(fmt::format("PRAGMA {}", name));
  ATHANOR_CHECK(statement.step(), "a pragma without a value");
  return statement.integer(0);
}

bool has_tables(Database& database) {
  Statement statement = database.prepare("SELECT count(*) FROM sqlite_schema");
  ATHANOR_CHECK(statement.step(), "count(*) gave no row");
  return statement.integer(0) > 0;
}

bool has_column(Database& database, std::string_view table, std::string_view name) {
  Statement statement = database.prepare("SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2");
  statement.bind(1, table).bind(2, name);
  ATHANOR_CHECK(statement.step(), "count(*) gave no row");
  return statement.integer(0) > 0;
}

void prepare_schema(Database& database) {
  const std::int64_t application = pragma(database, "application_id"), version = pragma(database, "user_version");
  if (application == 0 && !has_tables(database)) {
    database.transaction([&] {
      database.execute(
          "CREATE TABLE command (id TEXT PRIMARY KEY, boot TEXT NOT NULL, command BLOB NOT NULL, outcome BLOB,"
          " interrupted INTEGER NOT NULL DEFAULT 0, began INTEGER) WITHOUT ROWID");
      database.execute("CREATE INDEX unfinished ON command (id) WHERE outcome IS NULL AND interrupted = 0");
      database.execute(kUnsafe);
      database.execute(kIdentity);
      database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
      database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
    });
    return;
  }
  if (application != kApplicationId) {
    throw EnvironmentError(fmt::format(
        "{} is a database, but not the ledger of a driver. Name another file for the ledger, or move this one away",
        database.file()));
  }
  if (version != kSchemaVersion) {
    throw EnvironmentError(
        fmt::format("{} is a ledger of format {}, this program reads format {}. Use the program that wrote it",
                    database.file(), version, kSchemaVersion));
  }
  // Programs before these were there name the columns that they know, and so read and write the file as before.
  if (!has_column(database, "command", "began")) database.execute("ALTER TABLE command ADD COLUMN began INTEGER");
  if (!has_column(database, "unsafe", "instrument")) database.execute(kUnsafe);
  if (!has_column(database, "identity", "name")) database.execute(kIdentity);
}

template <class Message>
Message parsed(const std::string& bytes, const std::string& id, const std::string& file) {
  Message message;
  if (!message.ParseFromString(bytes)) {
    throw EnvironmentError(fmt::format(
        "the ledger {} is damaged at command “{}”. Move it away: with a new one, the controller repeats nothing that "
        "was under way and may not be repeated. An older copy would not tell it so",
        file, id));
  }
  return message;
}

}  // namespace

struct Ledger::Statements {
  explicit Statements(Database& database)
      : find(database.prepare("SELECT command, boot, outcome, interrupted, outcome IS NULL, began IS NULL, began FROM "
                              "command WHERE id = ?1")),
        begin(database.prepare("INSERT INTO command (id, boot, command, began) VALUES (?1, ?2, ?3, ?4)")),
        end(database.prepare("UPDATE command SET outcome = ?2 WHERE id = ?1 AND outcome IS NULL")),
        refuse(database.prepare("INSERT INTO command (id, boot, command, outcome) VALUES (?1, ?2, ?3, ?4)")),
        interrupt(database.prepare("UPDATE command SET interrupted = 1 WHERE id = ?1 AND outcome IS NULL")),
        forget(database.prepare("DELETE FROM command WHERE id = ?1 AND outcome IS NULL")),
        unfinished(database.prepare("SELECT id FROM command WHERE outcome IS NULL AND interrupted = 0 ORDER BY id")),
        note_unsafe(database.prepare("INSERT OR IGNORE INTO unsafe (instrument) VALUES (?1)")),
        note_safe(database.prepare("DELETE FROM unsafe WHERE instrument = ?1")),
        unsafe(database.prepare("SELECT instrument FROM unsafe ORDER BY instrument")) {}

  Statement find, begin, end, refuse, interrupt, forget, unfinished, note_unsafe, note_safe, unsafe;
};

Ledger::Ledger(const std::string& file, Database::Sync sync) : database_(file, sync, true) {
  prepare_schema(database_);
  statements_ = std::make_unique<Statements>(database_);
}

Ledger::~Ledger() = default;

std::optional<Ledger::Entry> Ledger::find(const std::string& id) {
  Statement& statement = statements_->find;
  statement.reset();
  statement.bind(1, id);
  if (!statement.step()) {
    statement.reset();
    return std::nullopt;
  }
  Entry entry;
  entry.command = parsed<driver::v1::Command>(statement.blob(0), id, database_.file());
  entry.boot = statement.text(1);
  if (statement.integer(4) == 0) entry.outcome = parsed<driver::v1::Outcome>(statement.blob(2), id, database_.file());
  entry.interrupted = statement.integer(3) != 0;
  if (statement.integer(5) == 0) entry.began = Time(Duration(statement.integer(6)));
  statement.reset();
  return entry;
}

std::string Ledger::identify(const std::string& fresh) {
  Statement known = database_.prepare("SELECT name FROM identity");
  if (known.step()) return known.text(0);
  known.reset();
  database_.prepare("INSERT INTO identity VALUES (?1)").bind(1, fresh).run();
  return fresh;
}

void Ledger::begin(const driver::v1::Command& command, const std::string& boot, Time now) {
  database_.require_in_place();  // without the entry it would be begun again
  Statement& statement = statements_->begin;
  statement.reset();
  statement.bind(1, command.id()).bind(2, boot).bind_blob(3, command.SerializeAsString());
  statement.bind(4, std::int64_t{now.time_since_epoch().count()}).run();
}

void Ledger::end(const driver::v1::Outcome& outcome) {
  Statement& statement = statements_->end;
  statement.reset();
  statement.bind(1, outcome.id()).bind_blob(2, outcome.SerializeAsString()).run();
}

void Ledger::refuse(const driver::v1::Command& command, const std::string& boot, const driver::v1::Outcome& outcome) {
  const std::string command_bytes = command.SerializeAsString(), outcome_bytes = outcome.SerializeAsString();
  Statement& statement = statements_->refuse;
  statement.reset();
  statement.bind(1, command.id()).bind(2, boot).bind_blob(3, command_bytes).bind_blob(4, outcome_bytes).run();
}

void Ledger::mark_interrupted(const std::string& id) {
  Statement& statement = statements_->interrupt;
  statement.reset();
  statement.bind(1, id).run();
}

void Ledger::forget(const std::string& id) {
  Statement& statement = statements_->forget;
  statement.reset();
  statement.bind(1, id).run();
}

void Ledger::note_unsafe(const std::string& instrument) {
  Statement& statement = statements_->note_unsafe;
  statement.reset();
  statement.bind(1, instrument).run();
}

void Ledger::note_safe(const std::string& instrument) {
  Statement& statement = statements_->note_safe;
  statement.reset();
  statement.bind(1, instrument).run();
}

std::vector<std::string> Ledger::unsafe() {
  Statement& statement = statements_->unsafe;
  statement.reset();
  std::vector<std::string> instruments;
  while (statement.step()) instruments.push_back(statement.text(0));
  statement.reset();
  return instruments;
}

std::vector<Ledger::Entry> Ledger::unfinished() {
  Statement& statement = statements_->unfinished;
  statement.reset();
  std::vector<std::string> ids;
  while (statement.step()) ids.push_back(statement.text(0));
  statement.reset();
  std::vector<Entry> entries;
  for (const std::string& id : ids) entries.push_back(*find(id));
  return entries;
}

}  // namespace athanor
