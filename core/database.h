// The one SQLite connection of a file: the journal's, a driver's ledger's, a simulated world's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace athanor {

class Database;

/// A prepared statement, bound and stepped. Columns count from 0, parameters from 1.
class Statement {
 public:
  ~Statement();
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view text);
  Statement& bind_blob(int index, std::string_view bytes);
  /// True while there is a row. throws EnvironmentError (a full disk, a locked or damaged file), with what to do.
  bool step();
  /// Runs it to the end and makes it ready to be bound again.
  void run();
  void reset();
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::string blob(int column) const;
  /// The same without a copy: valid until the next step, run or reset.
  std::string_view blob_view(int column) const;

 private:
  friend class Database;
  Statement(Database& database, sqlite3_stmt* statement);
  Database* database_;
  sqlite3_stmt* statement_;
};

class Database {
 public:
  enum class Sync {
    kFull,  ///< what a commit acknowledged survives a power cut (WAL, synchronous = FULL)
    kNone   ///< it survives the process, not a power cut
  };

  /// Opens or makes `file` ("" for one in memory). With `exclusive`, no other process can open it meanwhile.
  /// throws EnvironmentError: cannot be opened, not a database, in use by another process.
  Database(const std::string& file, Sync sync, bool exclusive);
  /// Opens a file that nobody writes, for reading alone, even where it may not be written. The log that a process
  /// leaves behind when it is killed (FILE-wal) must have been folded in: see `has_log`. throws EnvironmentError:
  /// cannot be opened, not a database.
  static std::unique_ptr<Database> open_for_reading(const std::string& file);
  static bool has_log(const std::string& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& file() const { return file_; }
  void execute(const std::string& sql);
  Statement prepare(std::string_view sql);
  /// BEGIN IMMEDIATE, `body`, COMMIT; rolled back if `body` throws.
  void transaction(const std::function<void()>& body);
  /// throws EnvironmentError where the file was removed or renamed since it was opened: what is written then is lost
  /// with this process.
  void require_in_place() const;
  /// Copies what is committed into the new file `to`, page by page, while this connection stays open. Not synced to the
  /// disk yet. throws EnvironmentError, and then `to` may be there in part.
  void copy_to(const std::string& to);

 private:
  friend class Statement;
  Database() = default;
  void require_wal();
  [[noreturn]] void fail(const std::string& doing) const;
  std::string file_;
  sqlite3* connection_ = nullptr;
};

}  // namespace athanor
