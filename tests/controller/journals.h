// What the tests of journals share: a folder of their own, records, and reading all of them.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "controller/journal.h"

namespace athanor::testing {

/// A folder of its own for each test, removed afterwards.
struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("athanor-journal-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

inline Record alarm(int number) {
  Record record;
  record.set_time_us(number);
  record.mutable_alarm()->set_text("number " + std::to_string(number));
  return record;
}

inline std::vector<Record> all(Journal& journal) {
  journal.require_whole();
  std::vector<Record> records;
  journal.each([&](const Record& record) { records.push_back(record); });
  return records;
}

/// As somebody would who has the file and nothing else.
inline void tamper(const std::string& file, const std::string& sql) {
  Database(file, Database::Sync::kNone, /*exclusive=*/true).execute(sql);
}

}  // namespace athanor::testing
