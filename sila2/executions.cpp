#include "sila2/executions.h"

#include <fmt/format.h>

#include "core/error.h"

namespace athanor::sila2 {
namespace {

constexpr std::int64_t kApplicationId = 0x41744C45;  // "AtLE"

std::int64_t value_of(Database& database, const char* query) {
  Statement statement = database.prepare(query);
  return statement.step() ? statement.integer(0) : 0;
}

}  // namespace

Executions::Executions(const std::string& file) : database_(file, Database::Sync::kFull, true) {
  const std::int64_t application = value_of(database_, "PRAGMA application_id");
  made_ = application == kApplicationId;
  if (!made_ && (application != 0 || value_of(database_, "SELECT count(*) FROM sqlite_schema") > 0))
    throw EnvironmentError(
        fmt::format("{} is a database, but holds no executions of SiLA 2 commands; move it away", file));
}

void Executions::sending(const std::string& instrument, const std::string& command) {
  const std::lock_guard lock(mutex_);
  database_.transaction([&] {
    if (!made_) {
      database_.execute(
          "CREATE TABLE sent (instrument TEXT PRIMARY KEY, command TEXT NOT NULL, uuid TEXT NOT NULL) WITHOUT ROWID");
      database_.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
    }
    database_.prepare("INSERT OR REPLACE INTO sent VALUES (?1, ?2, '')")
        .bind(1, std::string_view(instrument))
        .bind(2, std::string_view(command))
        .run();
  });
  made_ = true;
}

void Executions::confirmed(const std::string& instrument, const std::string& uuid) {
  const std::lock_guard lock(mutex_);
  database_.prepare("UPDATE sent SET uuid = ?2 WHERE instrument = ?1")
      .bind(1, std::string_view(instrument))
      .bind(2, std::string_view(uuid))
      .run();
}

Executions::Trace Executions::find(const std::string& instrument, const std::string& command) {
  const std::lock_guard lock(mutex_);
  if (!made_) return {Trace::Kind::kUnknown, ""};
  Statement statement = database_.prepare("SELECT command, uuid FROM sent WHERE instrument = ?1");
  statement.bind(1, std::string_view(instrument));
  if (!statement.step() || statement.text(0) != command) return {Trace::Kind::kNotSent, ""};
  const std::string uuid = statement.text(1);
  return {uuid.empty() ? Trace::Kind::kSent : Trace::Kind::kConfirmed, uuid};
}

}  // namespace athanor::sila2
