#include "controller/journal.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "controller/snapshot.h"
#include "core/canary.h"
#include "core/check.h"
#include "core/error.h"
#include "core/file.h"

namespace athanor {
namespace {

constexpr std::int64_t kApplication = 0x4154484e;  // "ATHN", so that `file` and a human can tell
// 1: records. 2: snapshots beside them, and records that name these.
constexpr std::int64_t kFormat = 2;
constexpr const char* kSnapshotTable = "CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, state BLOB NOT NULL)";

// What a record tells of, without reading it: its fields stand in the order of their numbers, the time and then that.
Record::BodyCase kind_of(std::string_view body) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(body.data()),
                                            static_cast<int>(body.size()));
  std::uint64_t time_us = 0;
  std::uint32_t tag = in.ReadTag();
  if (tag == Record::kTimeUsFieldNumber << 3 && in.ReadVarint64(&time_us)) tag = in.ReadTag();
  return static_cast<Record::BodyCase>(tag >> 3);
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
  if (mode == Journal::Mode::kOpen) return std::make_unique<Database>(file, sync, /*exclusive=*/true);
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

// All of it or nothing: a program that dies here leaves the earlier format.
void upgrade(Database& database) {
  database.transaction([&] {
    database.execute(fmt::format("PRAGMA user_version = {}", kFormat));
    database.execute(kSnapshotTable);
  });
}

// Gives the format that the file then has.
std::int64_t prepare(Database& database, Journal::Mode mode) {
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
      database.execute(kSnapshotTable);
    });
    return kFormat;
  }
  if (application != kApplication) {
    throw EnvironmentError(fmt::format(
        "“{}” is a database, but not an Athanor journal; name another file with --journal", database.file()));
  }
  const std::int64_t format = pragma(database, "user_version");
  if (format < 1 || format > kFormat) {
    throw EnvironmentError(fmt::format(
        "journal “{}” has format {}, and this program reads formats 1 to {}; use the program that wrote it, or a later "
        "one",
        database.file(), format, kFormat));
  }
  if (format == kFormat || mode == Journal::Mode::kRead) return format;
  upgrade(database);
  return kFormat;
}

}  // namespace

Journal::Journal(const std::string& file, Mode mode, Database::Sync sync, std::uint64_t snapshot_every)
    : database_(opened(file, mode, sync)), snapshot_every_(snapshot_every), end_{0, genesis(), {}} {
  has_snapshots_ = prepare(*database_, mode) > 1;
  walk_chain();
  if (mode != Mode::kRead) insert_ = database_->prepare("INSERT INTO record (seq, body, chain) VALUES (?1, ?2, ?3)");
}

void Journal::walk_chain() {
  Statement select = database_->prepare("SELECT seq, body, chain FROM record ORDER BY seq");
  while (select.step()) {
    const std::string_view body = select.blob_view(1);
    std::string chain = digest_.of(end_.chain, body);
    const Record::BodyCase kind = kind_of(body);
    if (static_cast<std::uint64_t>(select.integer(0)) != end_.size + 1 || select.blob_view(2) != chain ||
        kind == Record::BODY_NOT_SET) {
      broken_at_ = end_.size + 1;
      return;
    }
    end_.chain = std::move(chain);
    end_.last[kind] = ++end_.size;
  }
  if (!has_snapshots_) return;
  // A snapshot is written in one commit with the record that names it: where that is not there, records were cut off.
  Statement newest = database_->prepare("SELECT max(seq) FROM snapshot");
  newest.step();
  if (static_cast<std::uint64_t>(newest.integer(0)) > end_.size) broken_at_ = end_.size + 1;
}

void Journal::require_whole() const {
  if (!broken_at_) return;
  throw EnvironmentError(
      fmt::format("journal “{}” is damaged: record {} is missing or does not fit the chain; the {} before it are "
                  "whole. Restore the file from a copy, or look at it with “athanor replay --verify”",
                  file(), *broken_at_, *broken_at_ - 1));
}

void Journal::write(End& end, const Record& record) {
  const std::string body = record.SerializeAsString();
  if (!ATHANOR_CANARY("drop a chain link") || end.size % 50 != 0) end.chain = digest_.of(end.chain, body);
  end.last[record.body_case()] = ++end.size;
  insert_->bind(1, static_cast<std::int64_t>(end.size)).bind_blob(2, body).bind_blob(3, end.chain).run();
}

void Journal::append(const std::vector<Record>& records) {
  if (records.empty()) return;
  ATHANOR_CHECK(insert_.has_value(), "a journal that was opened for reading");
  ATHANOR_CHECK(!broken_at_, "a broken journal does not go on");
  database_->require_in_place();
  End end = end_;
  database_->transaction([&] {
    for (const Record& record : records) write(end, record);
  });
  end_ = std::move(end);
}

void Journal::offer(const State& state) {
  const std::uint64_t before = last(Record::kSnapshot);
  if (size() - before >= std::max(snapshot_every_, before / 4)) take_snapshot(state);
}

void Journal::take_snapshot(const State& state) {
  const std::uint64_t before = last(Record::kSnapshot);
  if (size() == before) return;
  ATHANOR_CHECK(insert_.has_value() && !broken_at_, "a journal that is whole and was opened for writing");
  const std::string bytes = snapshot_of(state);
  Record record;
  record.set_time_us(state.last.time_since_epoch().count());
  record.mutable_snapshot()->set_version(kStateVersion);
  record.mutable_snapshot()->set_sha256(sha256(bytes));
  End end = end_;
  database_->transaction([&] {
    write(end, record);
    Statement insert = database_->prepare("INSERT INTO snapshot (seq, state) VALUES (?1, ?2)");
    insert.bind(1, static_cast<std::int64_t>(end.size)).bind_blob(2, bytes).run();
    // The one before stays, should this one be damaged.
    Statement prune = database_->prepare("DELETE FROM snapshot WHERE seq < ?1");
    prune.bind(1, static_cast<std::int64_t>(before)).run();
  });
  end_ = std::move(end);
}

void Journal::each(const std::function<void(const Record&)>& visit, std::uint64_t from) {
  Statement select = database_->prepare("SELECT seq, body FROM record WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq");
  select.bind(1, static_cast<std::int64_t>(from)).bind(2, static_cast<std::int64_t>(size()));
  Record record;
  while (select.step()) {
    const std::string_view body = select.blob_view(1);
    if (!record.ParseFromArray(body.data(), static_cast<int>(body.size())) ||
        record.body_case() == Record::BODY_NOT_SET) {
      throw EnvironmentError(
          fmt::format("journal “{}”: record {} fits the chain, but is none that this program knows; use the program "
                      "that wrote it, or a later one",
                      file(), select.integer(0)));
    }
    visit(record);
  }
}

Record Journal::record(std::uint64_t number) {
  ATHANOR_CHECK(number >= 1 && number <= size(), "a record that is not there");
  Statement select = database_->prepare("SELECT body FROM record WHERE seq = ?1");
  select.bind(1, static_cast<std::int64_t>(number)).step();
  Record record;
  record.ParseFromString(select.blob(0));
  return record;
}

std::uint64_t Journal::last(Record::BodyCase kind) const {
  const auto found = end_.last.find(kind);
  return found == end_.last.end() ? 0 : found->second;
}

Journal::Fit Journal::judge(std::uint64_t at, std::string_view snapshot) {
  if (at < 1 || at > size()) return Fit::kUnfit;
  const Record naming = record(at);
  if (!naming.has_snapshot() || naming.snapshot().sha256() != sha256(snapshot)) return Fit::kUnfit;
  return naming.snapshot().version() == kStateVersion ? Fit::kSound : Fit::kOtherVersion;
}

std::vector<Journal::Snapshot> Journal::snapshots() {
  std::vector<Snapshot> all;
  if (!has_snapshots_) return all;
  Statement select = database_->prepare("SELECT seq, state FROM snapshot ORDER BY seq DESC");
  while (select.step()) {
    const auto at = static_cast<std::uint64_t>(select.integer(0));
    all.push_back({at, judge(at, select.blob_view(1))});
  }
  return all;
}

Journal::Restored Journal::restore() {
  Restored out;
  if (has_snapshots_) {
    Statement select = database_->prepare("SELECT seq, state FROM snapshot ORDER BY seq DESC");
    while (out.snapshot == 0 && select.step()) {
      const auto at = static_cast<std::uint64_t>(select.integer(0));
      const Fit fit = judge(at, select.blob_view(1));
      if (fit == Fit::kUnfit) out.unfit.push_back(at);
      if (fit != Fit::kSound) continue;
      out.state = state_of(select.blob_view(1));
      out.snapshot = at;
    }
  }
  const bool skip = ATHANOR_CANARY("skip a snapshot event") && out.snapshot > 0;
  std::uint64_t number = out.snapshot + (skip ? 2 : 1);
  try {
    each([&](const Record& record) { out.state.apply(record), ++number; }, number);
  } catch (const UnfitRecord& unfit) {
    throw EnvironmentError(
        fmt::format("journal “{}”: record {} cannot follow those before it ({}), though the chain is "
                    "whole: another program than this made it up, or this one has a bug. Keep the file, and "
                    "restore a copy that “athanor replay --verify” finds sound",
                    file(), number, unfit.what()));
  }
  return out;
}

void Journal::back_up(const std::string& to) {
  if (std::filesystem::exists(std::filesystem::symlink_status(to))) {
    throw EnvironmentError(fmt::format("“{}” is there already, and a backup replaces nothing; name another file", to));
  }
  const std::string part = to + ".part";
  std::filesystem::remove(part);
  try {
    database_->copy_to(part);
    put_in_place(part, to);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    throw;
  }
}

}  // namespace athanor
