// The journal: the append-only, hash-chained record of everything that was decided and that happened.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/state.h"
#include "core/database.h"
#include "core/digest.h"
#include "proto/journal.pb.h"

namespace athanor {

/// Where records go. One of the engine's four seams.
class Store {
 public:
  virtual ~Store() = default;
  /// All of `records` in one commit, durable when this returns. throws EnvironmentError, and then none of them is
  /// written.
  virtual void append(const std::vector<Record>& records) = 0;
  /// Offered after every turn, once its effects are out: an occasion to write down what the records so far give.
  virtual void offer(const State&) {}
};

/// A journal file: SQLite, one connection, nobody else may open it meanwhile. Each record carries the SHA-256 of the
/// one before it and of itself, so that a changed, missing or swapped line is found. Now and then the state is written
/// down beside the records (a snapshot), and a record of the chain names its SHA-256: a start takes the newest one and
/// applies only what came after. The records alone are the truth; docs/durability.md tells more.
class Journal final : public Store {
 public:
  /// kOpen: there must be one. kRead: the same, nothing is appended, and it may lie where nothing can be written.
  enum class Mode { kOpenOrCreate, kOpen, kRead };
  /// A snapshot is due once so many records came after the last one, and a quarter of all that came before it: what is
  /// written in snapshots stays a part of what is written in records, however many experiments they hold.
  static constexpr std::uint64_t kSnapshotEvery = 20'000;

  /// Opens it and verifies the whole chain. A journal of an earlier format is brought to today's, in one commit, unless
  /// it is only read. throws EnvironmentError: cannot be opened, in use, not a journal, of a later format.
  /// With `sync` kNone, appended records survive the process, not a power cut: for laboratories that do not either, the
  /// simulated ones in virtual time.
  explicit Journal(const std::string& file, Mode mode = Mode::kOpenOrCreate,
                   Database::Sync sync = Database::Sync::kFull, std::uint64_t snapshot_every = kSnapshotEvery);

  const std::string& file() const { return database_->file(); }
  /// How many records there are, up to the first that does not fit the chain.
  std::uint64_t size() const { return end_.size; }
  /// The first record (from 1) that does not fit the chain, or is missing: a snapshot of a later one is there.
  std::optional<std::uint64_t> broken_at() const { return broken_at_; }
  /// throws EnvironmentError that names the first record that does not fit. Nothing is appended to a broken journal.
  void require_whole() const;

  void append(const std::vector<Record>& records) override;
  /// Takes a snapshot of `state`, which all records so far give, if one is due.
  void offer(const State& state) override;
  /// Takes one, unless nothing was appended since the last.
  void take_snapshot(const State& state);

  /// Shows records to `visit` one by one, in order, from number `from` to the last. throws EnvironmentError if one fits
  /// the chain and is none that this program knows.
  void each(const std::function<void(const Record&)>& visit, std::uint64_t from = 1);
  Record record(std::uint64_t number);
  /// The number of the last record of a kind; 0: there is none.
  std::uint64_t last(Record::BodyCase kind) const;

  enum class Fit {
    kSound,         ///< its bytes are those that a record of the chain names
    kOtherVersion,  ///< so they are, but another version of the program wrote them
    kUnfit          ///< they are not, or no record names it: the file was changed, cut off or damaged
  };
  struct Snapshot {
    std::uint64_t at = 0;  ///< the number of the record that names it
    Fit fit = Fit::kUnfit;
  };
  /// Those that are kept (the newest two), the newest first.
  std::vector<Snapshot> snapshots();

  struct Restored {
    State state;
    std::uint64_t snapshot = 0;        ///< the one it came from; 0: from none, every record was applied
    std::vector<std::uint64_t> unfit;  ///< newer ones that could not be used
  };
  /// The state that the records give: the newest sound snapshot, and the records after it. An unfit snapshot costs time
  /// and nothing else.
  Restored restore();

  /// A consistent copy as the new file `to`, synced, whole or not there at all; this journal stays open and can be used
  /// afterwards. throws EnvironmentError: `to` is there already, or cannot be written.
  void back_up(const std::string& to);

 private:
  /// Where the chain stands.
  struct End {
    std::uint64_t size = 0;
    std::string chain;                               ///< of the last record
    std::map<Record::BodyCase, std::uint64_t> last;  ///< record of each kind
  };

  void walk_chain();
  void write(End& end, const Record& record);
  Fit judge(std::uint64_t at, std::string_view snapshot);

  std::unique_ptr<Database> database_;
  std::optional<Statement> insert_;  ///< none for reading
  Sha256 digest_;
  std::uint64_t snapshot_every_;
  bool has_snapshots_ = true;  ///< not in format 1
  End end_;
  std::optional<std::uint64_t> broken_at_;
};

}  // namespace athanor
