#include "core/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <utility>

#include "core/check.h"
#include "core/error.h"

namespace athanor {
namespace {

// What a person can do about it. `code` is SQLite's primary result code.
std::string way_out(int code) {
  switch (code) {
    case SQLITE_FULL:
      return "the disk is full; make room, nothing that was acknowledged is lost";
    case SQLITE_NOTADB:
      return "the file is not a database; name another file, or move this one away";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "the file is in use by another process; end that one first, or name another file";
    case SQLITE_CANTOPEN:
      return "the file cannot be opened; check that its folder exists and that you may write there";
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "the file cannot be written; check its permissions and those of its folder";
    case SQLITE_CORRUPT:
      return "the file is damaged; put a copy back that knows as much, or name another file";
    case SQLITE_IOERR:
      return "reading or writing the disk failed; check the disk and the file system";
    case SQLITE_NOMEM:
      return "there is not enough memory";
    default:
      return "";
  }
}

constexpr int kBusyTimeoutMs = 5000;
constexpr int kEndingTimeoutMs = 1000;  // for a process that has the file to itself and is just ending

}  // namespace

Statement::Statement(Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(statement_, other.statement_);
  return *this;
}

// A statement that is bound to a parameter it does not have is a bug of ours, not the disk's.
Statement& Statement::bind(int index, std::int64_t value) {
  ATHANOR_CHECK(sqlite3_bind_int64(statement_, index, value) == SQLITE_OK, "no such parameter, or still being stepped");
  return *this;
}

Statement& Statement::bind(int index, double value) {
  ATHANOR_CHECK(sqlite3_bind_double(statement_, index, value) == SQLITE_OK,
                "no such parameter, or still being stepped");
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(), text.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);
  ATHANOR_CHECK(code == SQLITE_OK, "no such parameter, still being stepped, or a text too long for SQLite");
  return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  const int code =
      sqlite3_bind_blob64(statement_, index, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  ATHANOR_CHECK(code == SQLITE_OK, "no such parameter, still being stepped, or a blob too long for SQLite");
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  // The message must be made before the statement is reset, and reset it must be, or its locks stay.
  try {
    database_->fail(sqlite3_sql(statement_));
  } catch (...) {
    sqlite3_reset(statement_);
    throw;
  }
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text), size);
}

std::string Statement::blob(int column) const {
  return std::string(blob_view(column));
}

std::string_view Statement::blob_view(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return bytes == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(bytes), size);
}

Database::Database(const std::string& file, Sync sync, bool exclusive) : file_(file) {
  const std::string name = file.empty() ? ":memory:" : file;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;
  try {
    if (sqlite3_open_v2(name.c_str(), &connection_, flags, nullptr) != SQLITE_OK) fail("opening it");
    sqlite3_busy_timeout(connection_, exclusive ? kEndingTimeoutMs : kBusyTimeoutMs);
    // In exclusive mode the lock is taken by the first write transaction and kept until the connection is closed.
    if (exclusive) execute("PRAGMA locking_mode = EXCLUSIVE");
    require_wal();
    execute(sync == Sync::kFull ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
    if (exclusive) execute("BEGIN EXCLUSIVE; COMMIT");
  } catch (...) {
    sqlite3_close_v2(connection_);
    throw;
  }
}

void Database::require_in_place() const {
  int moved = 0;
  if (sqlite3_file_control(connection_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || moved == 0) return;
  throw EnvironmentError(
      fmt::format("{}: was removed or renamed while it is in use; put it back under its name: what is recorded now "
                  "would be lost with this program",
                  file_));
}

bool Database::has_log(const std::string& file) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(file + "-wal", ignored);
  return !ignored && size > 0;
}

std::unique_ptr<Database> Database::open_for_reading(const std::string& file) {
  std::unique_ptr<Database> database(new Database());
  database->file_ = file;
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string()) {
    uri += c == '%' || c == '?' || c == '#' ? fmt::format("%{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  uri += "?immutable=1";
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(uri.c_str(), &database->connection_, flags, nullptr) != SQLITE_OK) database->fail("opening it");
  database->execute("SELECT count(*) FROM sqlite_schema");  // the file is not looked at before
  return database;
}

// SQLite answers with another mode where the file system cannot share memory; there a commit might not last.
void Database::require_wal() {
  Statement mode = prepare("PRAGMA journal_mode = WAL");
  const std::string found = mode.step() ? mode.text(0) : "none";
  if (found == "wal" || found == "memory") return;
  throw EnvironmentError(fmt::format(
      "{}: its file system does not support SQLite's write-ahead log (journal mode is “{}”); put it on a local disk",
      file_, found));
}

Database::~Database() {
  // Fails only while a statement is alive, which would go on using a database that is gone.
  ATHANOR_CHECK(sqlite3_close(connection_) == SQLITE_OK, "a database closed before its statements");
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

Statement Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (code != SQLITE_OK) fail(std::string(sql));
  ATHANOR_CHECK(statement != nullptr, "an empty statement");
  return {*this, statement};
}

void Database::transaction(const std::function<void()>& body) {
  ATHANOR_CHECK(sqlite3_get_autocommit(connection_) != 0, "a transaction inside a transaction");
  execute("BEGIN IMMEDIATE");
  try {
    body();
    execute("COMMIT");
  } catch (...) {
    // After a full disk or an input/output error SQLite may have rolled back by itself.
    if (sqlite3_get_autocommit(connection_) == 0) sqlite3_exec(connection_, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
}

void Database::copy_to(const std::string& to) {
  Database copy;
  copy.file_ = to;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE;
  if (sqlite3_open_v2(to.c_str(), &copy.connection_, flags, nullptr) != SQLITE_OK) copy.fail("opening it");
  // A copy that is interrupted is thrown away: it needs no journal of its own.
  copy.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
  sqlite3_backup* backup = sqlite3_backup_init(copy.connection_, "main", connection_, "main");
  if (backup == nullptr) copy.fail("copying into it");
  sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK) copy.fail("copying into it");
}

void Database::fail(const std::string& doing) const {
  const int code = connection_ == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(connection_);
  const std::string reason = connection_ == nullptr ? "out of memory" : sqlite3_errmsg(connection_);
  const std::string name = file_.empty() ? "database in memory" : file_;
  const std::string advice = way_out(code & 0xff);
  if (!advice.empty()) throw EnvironmentError(fmt::format("{}: {} (SQLite {}: {})", name, advice, code, reason));
  throw EnvironmentError(fmt::format("{}: “{}” failed (SQLite {}: {}); is it a file of another program or version?",
                                     name, doing, code, reason));
}

}  // namespace athanor
