// The journal: the append-only, hash-chained record of everything that was decided and that happened.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/database.h"
#include "proto/journal.pb.h"

namespace athanor {

using journal::v1::Record;

/// Where records go. One of the engine's four seams.
class Store {
 public:
  virtual ~Store() = default;
  /// All of `records` in one commit, durable when this returns. throws EnvironmentError, and then none of them is
  /// written.
  virtual void append(const std::vector<Record>& records) = 0;
};

/// A journal file: SQLite, one connection, nobody else may open it meanwhile. Each record carries the SHA-256 of the
/// one before it and of itself, so that a changed, missing or swapped line is found.
class Journal final : public Store {
 public:
  /// kRead: there must be one, nothing is appended, and it may lie where nothing can be written.
  enum class Mode { kOpenOrCreate, kRead };
  /// throws EnvironmentError: cannot be opened, in use, damaged, not a journal, of a later format.
  /// With `sync` kNone, appended records survive the process, not a power cut: for laboratories that do not either, the
  /// simulated ones in virtual time.
  explicit Journal(const std::string& file, Mode mode = Mode::kOpenOrCreate,
                   Database::Sync sync = Database::Sync::kFull);

  const std::string& file() const { return database_->file(); }
  void append(const std::vector<Record>& records) override;

  struct Contents {
    std::vector<Record> records;
    /// The first record (from 1) that does not fit the chain; those before it are in `records`.
    std::optional<std::uint64_t> broken_at;
  };
  /// Reads from the start and verifies the chain; appending goes on after it.
  Contents read();
  /// As `read`, but throws EnvironmentError that names the first record that does not fit.
  std::vector<Record> records();

 private:
  std::unique_ptr<Database> database_;
  std::optional<Statement> insert_;  ///< none for reading
  std::uint64_t count_ = 0;
  std::string chain_;  ///< of the last record
};

}  // namespace athanor
