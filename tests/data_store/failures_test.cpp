// Goal: a full disk and a killed process lose nothing that was acknowledged, and the store goes on. Method: files that
// take so many bytes and no more, in all places; a process that stores, killed again and again at whatever it is doing.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/error.h"
#include "data_store/data_store.h"
#include "data_store/file.h"
#include "rig.h"
#include "tests/core/scratch.h"
#include "tests/core/tries.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

/// A disk that is full after `left` more bytes, and then takes nothing and syncs nothing until there is room.
struct Disk {
  std::uint64_t left;
};

class FileOnDisk final : public File {
 public:
  FileOnDisk(const std::string& path, Disk& disk) : path_(path), disk_(disk), file_(open_file(path)) {}
  std::uint64_t size() override { return file_->size(); }
  void read(std::uint64_t at, std::span<std::byte> out) override { file_->read(at, out); }
  void write(std::uint64_t at, std::span<const std::byte> bytes) override {
    const std::size_t fits = std::min<std::uint64_t>(disk_.left, bytes.size());
    file_->write(at, bytes.first(fits));
    disk_.left -= fits;
    if (fits < bytes.size()) full();
  }
  void resize(std::uint64_t size) override { file_->resize(size); }
  void sync() override {
    if (disk_.left == 0) full();
  }

 private:
  [[noreturn]] void full() const { throw EnvironmentError(path_ + ": cannot be written: No space left on device"); }
  std::string path_;
  Disk& disk_;
  std::unique_ptr<File> file_;
};

ArrayName array(int i) {
  return {"camera", fmt::format("{}", i), "frames"};
}

const ArrayType kType{ElementType::kUint16, {64}, "count"};

Bytes bytes_of(int i) {
  RandomStream chance(static_cast<std::uint64_t>(i), "bytes");
  return some_bytes(128 * (1 + chance.below(i % 4 == 0 ? 20'000 : 50)), chance);
}

}  // namespace

TEST_CASE("a full disk is an error that names the file, and nothing acknowledged is lost", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  RandomStream chance(1, "full disks");
  Disk disk{~0ULL};
  DataStore store(scratch.file("data"), "yield", clock,
                  [&](const std::string& path) { return std::make_unique<FileOnDisk>(path, disk); });
  int errors = 0;
  for (int i = 0; i < tries(300); ++i) {
    const Bytes bytes = bytes_of(i);
    std::uint64_t acknowledged = 0;
    CAPTURE(i, bytes.size());
    bool finished = false;
    for (int attempt = 0; !finished; ++attempt) {
      disk.left = attempt == 3 ? ~0ULL : chance.below(i % 2 == 0 ? 20'000 : 2 * bytes.size() + 100);
      try {
        std::uint64_t at = store.begin(array(i), kType);
        REQUIRE(at >= acknowledged);
        while (at < bytes.size()) {
          const std::size_t size = std::min<std::uint64_t>(bytes.size() - at, 1 + chance.below(bytes.size() / 2));
          store.append(array(i), at, std::span(bytes).subspan(at, size));
          at += size;
          if (chance.below(2) == 0) {
            for (const auto& [name, durable] : store.commit()) acknowledged = durable;
          }
        }
        store.finish(array(i), sha256_of(bytes));
        finished = true;
      } catch (const EnvironmentError& error) {
        ++errors;
        REQUIRE_THAT(error.what(), Contains(scratch.file("data/yield-2026-03-01.h5")) && Contains("No space left"));
        disk.left = chance.below(2) == 0 ? 0 : ~0ULL;  // it stays full for what is asked next, or not
        try {
          store.find(array(i));
        } catch (const EnvironmentError&) {
        }
      }
    }
    const auto stored = store.find(array(i));
    disk.left = ~0ULL;
    REQUIRE(stored);
    if (i % 20 == 0) REQUIRE(read_stock(scratch.file("data/" + stored->file), stored->dataset).bytes == bytes);
  }
  CHECK(errors > tries(100));
  for (int i = 0; i < tries(300); ++i) REQUIRE(store.find(array(i))->sha256 == sha256_of(bytes_of(i)));
}

// The process that is killed: stores arrays one after another, and says on its standard output what was acknowledged.
TEST_CASE("stores until it is killed", "[.killed]") {
  const char* folder = std::getenv("ATHANOR_TEST_FOLDER");
  REQUIRE(folder != nullptr);
  const ManualClock clock(kMarch);
  DataStore store(folder, "yield", clock);
  const auto say = [](int i, std::uint64_t durable, int finished) {
    const std::string line = fmt::format("{} {} {}\n", i, durable, finished);
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) std::_Exit(1);
  };
  for (int i = 0;; ++i) {
    if (store.find(array(i))) continue;
    const Bytes bytes = bytes_of(i);
    std::uint64_t at = store.begin(array(i), kType);
    while (at < bytes.size()) {
      const std::size_t size = std::min<std::uint64_t>(bytes.size() - at, bytes.size() / 5 + 1);
      store.append(array(i), at, std::span(bytes).subspan(at, size));
      at += size;
      for (const auto& [name, durable] : store.commit()) say(i, durable, 0);
    }
    store.finish(array(i), sha256_of(bytes));
    say(i, bytes.size(), 1);
  }
}

TEST_CASE("a process that is killed again and again has stored all that it had acknowledged", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  RandomStream chance(2, "kills");
  REQUIRE(setenv("ATHANOR_TEST_FOLDER", scratch.file("data").c_str(), 1) == 0);
  std::map<int, std::uint64_t> durable;
  int finished = -1;
  for (int kill_number = 0; kill_number < tries(25); ++kill_number) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
      dup2(ends[1], STDOUT_FILENO);
      close(ends[0]);
      close(ends[1]);
      execl("/proc/self/exe", "test_data_store", "stores until it is killed", nullptr);
      std::_Exit(127);
    }
    close(ends[1]);
    FILE* said = fdopen(ends[0], "r");
    int i = 0, done = 0, lines = 0;
    unsigned long long bytes = 0;
    const int most = 1 + static_cast<int>(chance.below(12));
    while (std::fscanf(said, "%d %llu %d", &i, &bytes, &done) == 3) {
      durable[i] = bytes;
      if (done == 1) finished = i;
      if (++lines == most) kill(child, SIGKILL);  // while it goes on; what it says until then counts, too
    }
    std::fclose(said);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    DataStore store(scratch.file("data"), "yield", clock);
    for (const auto& [array_number, acknowledged] : durable) {
      CAPTURE(kill_number, array_number);
      REQUIRE(store.begin(array(array_number), kType) >= acknowledged);
      const bool whole = store.find(array(array_number)).has_value();
      if (array_number <= finished) REQUIRE(whole);
      const Read read =
          read_stock(scratch.file("data/yield-2026-03-01.h5"), fmt::format("/camera/{}/frames", array_number));
      const Bytes sent = bytes_of(array_number);
      REQUIRE(read.known >= acknowledged);
      REQUIRE(std::equal(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(read.known), read.bytes.begin()));
    }
  }
}
