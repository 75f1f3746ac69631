// Goal: whatever becomes of a campaign's files, an array is never called whole that is not, and looking changes
// nothing. Method: bits flipped all over a file, files cut short anywhere, moved and exchanged, a log that was not put
// in place; what is read is held against what was stored.
#include "data_store/array_reader.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "data_store/data_store.h"
#include "data_store/file.h"
#include "rig.h"
#include "tests/core/scratch.h"
#include "tests/core/tries.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

const ArrayType kType{ElementType::kUint16, {64}, "count"};
const std::string kFile = "yield-2026-03-01.h5";

ArrayName array(int i) {
  return {"camera", fmt::format("{}", i), "frames"};
}

std::map<int, StoredArray> store_some(const std::string& folder, int arrays, const std::string& campaign = "yield") {
  const ManualClock clock(kMarch);
  DataStore store(folder, campaign, clock);
  std::map<int, StoredArray> stored;
  for (int i = 0; i < arrays; ++i) {
    RandomStream chance(static_cast<std::uint64_t>(i), "bytes");
    const Bytes bytes = some_bytes(128 * (1 + chance.below(20)), chance);
    store.begin(array(i), kType);
    store.append(array(i), 0, bytes);
    stored[i] = store.finish(array(i), sha256_of(bytes));
  }
  return stored;
}

void write(const std::string& file, const std::string& content) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

std::vector<ArrayReference> references(const std::map<int, StoredArray>& stored) {
  std::vector<ArrayReference> all;
  for (const auto& [i, named] : stored) all.push_back({array(i), named});
  return all;
}

/// How many of them are read and are whole. What is looked at and found wrong is not read as whole.
int whole_of(const std::string& folder, const std::map<int, StoredArray>& stored) {
  const ArrayReader reader(folder, "yield");
  const std::vector<ArrayReference> all = references(stored);
  const std::vector<Finding> looked = reader.look(all), read = reader.read(all);
  REQUIRE(looked.size() == all.size());
  REQUIRE(read.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) CHECK((!looked[i] || read[i]));
  return static_cast<int>(std::count(read.begin(), read.end(), std::nullopt));
}

Finding look_at(const std::string& folder, int i, const StoredArray& named) {
  return ArrayReader(folder, "yield").look(std::vector<ArrayReference>{{array(i), named}}).front();
}

}  // namespace

TEST_CASE("an array is read as it was stored, and looking changes nothing", "[reader]") {
  const Scratch scratch;
  const auto stored = store_some(scratch.file("data"), 20);
  const std::string before = read_text_file(scratch.file("data/" + kFile));
  CHECK(whole_of(scratch.file("data"), stored) == 20);
  CHECK(read_text_file(scratch.file("data/" + kFile)) == before);
  // A folder where nothing can be written, and one in which a run goes on.
  const ManualClock clock(kMarch);
  const DataStore running(scratch.file("data"), "yield", clock);
  CHECK(whole_of(scratch.file("data"), stored) == 20);
}

TEST_CASE("bits that flip anywhere in a file are found, also where HDF5 dies of them", "[reader]") {
  const Scratch scratch;
  const auto stored = store_some(scratch.file("data"), 6);
  const std::string file = scratch.file("data/" + kFile), good = read_text_file(file);
  RandomStream chance(7, "flips");
  int damaged = 0;
  for (int i = 0; i < tries(120); ++i) {
    std::string bad = good;
    char& byte = bad[chance.below(bad.size())];
    byte = static_cast<char>(byte ^ (1 << chance.below(8)));
    write(file, bad);
    damaged += whole_of(scratch.file("data"), stored) < 6 ? 1 : 0;
  }
  CHECK(damaged > tries(30));  // the rest is unused, or is written twice
}

TEST_CASE("a bit that flips in what was measured is found, and whose array it is in", "[reader]") {
  const Scratch scratch;
  const auto stored = store_some(scratch.file("data"), 6);
  const std::string file = scratch.file("data/" + kFile), good = read_text_file(file);
  const std::vector<ArrayReference> all = references(stored);
  RandomStream chance(8, "flips");
  for (std::size_t damaged = 0; damaged < all.size(); ++damaged) {
    write(file, good);
    const Read chunks = read_stock(file, all[damaged].stored.dataset);
    REQUIRE(chunks.chunk_sizes.size() == 1);
    for (int i = 0; i < tries(20); ++i) {
      std::string bad = good;
      char& byte = bad[chunks.chunk_addresses[0] + chance.below(chunks.chunk_sizes[0])];
      byte = static_cast<char>(byte ^ (1 << chance.below(8)));
      write(file, bad);
      const std::vector<Finding> read = ArrayReader(scratch.file("data"), "yield").read(all);
      for (std::size_t other = 0; other < all.size(); ++other) CHECK(read[other].has_value() == (other == damaged));
    }
  }
}

TEST_CASE("a store goes on in a damaged file, or says that it cannot, where HDF5 dies of it", "[reader]") {
  const Scratch scratch;
  const std::string folder = scratch.file("data"), file = folder + "/" + kFile;
  const auto stored = store_some(folder, 30);
  const ManualClock clock(kMarch);
  RandomStream chance(9, "flips");
  const Bytes bytes = some_bytes(128 * 40, chance);
  {
    DataStore store(folder, "yield", clock);
    store.begin(array(77), kType);
    store.append(array(77), 0, std::span(bytes).first(3000));
    store.commit();
  }
  const std::string good = read_text_file(file);
  std::size_t used = good.size();  // the chunk that still grows is a megabyte of zeros
  while (good[used - 1] == 0) --used;
  int whole = 0, refused = 0;
  const auto store_whole = [&](DataStore& store, int i) {
    try {
      const std::uint64_t there = store.begin(array(i), kType);
      store.append(array(i), there, std::span(bytes).subspan(std::min<std::uint64_t>(there, bytes.size())));
      store.finish(array(i), sha256_of(bytes));
      ++whole;
    } catch (const InputError&) {
      ++refused;
    } catch (const EnvironmentError&) {
      ++refused;
    }
  };
  for (int i = 0; i < tries(40); ++i) {
    std::string bad = good;
    char& byte = bad[chance.below(used)];
    byte = static_cast<char>(byte ^ (1 << chance.below(8)));
    write(file, bad);
    DataStore store(folder, "yield", clock, open_unsynced_file);
    store_whole(store, 77);
    store_whole(store, 78);
    static_cast<void>(store.find(array(static_cast<int>(chance.below(stored.size())))));
  }
  CHECK(whole > tries(40));
  CHECK(refused > 0);
}

TEST_CASE("a file that is cut short is named", "[reader]") {
  const Scratch scratch;
  const auto stored = store_some(scratch.file("data"), 6);
  const std::string file = scratch.file("data/" + kFile), good = read_text_file(file);
  // The last page is not full: what lies behind its contents is nobody's.
  for (std::size_t size = 0; size + 4096 < good.size(); size += 1 + good.size() / tries(97u)) {
    write(file, good.substr(0, size));
    CHECK(whole_of(scratch.file("data"), stored) == 0);
    CHECK_THAT(look_at(scratch.file("data"), 0, stored.at(0)).value_or(""),
               Contains(file) && Contains("is no whole file of arrays"));
  }
}

TEST_CASE("what is not there, or of something else, is named", "[reader]") {
  const Scratch scratch;
  const auto stored = store_some(scratch.file("data"), 3);
  store_some(scratch.file("others"), 3, "purity");
  store_some(scratch.file("fewer"), 1);
  const std::string file = scratch.file("data/" + kFile), good = read_text_file(file);
  const auto said = [&](const StoredArray& named) {
    const std::vector<ArrayReference> one = {{array(2), named}};
    const ArrayReader reader(scratch.file("data"), "yield");
    CHECK(reader.look(one) == reader.read(one));
    return reader.look(one).front().value_or("nothing");
  };
  StoredArray named = stored.at(2);
  CHECK(said(named) == "nothing");
  named.rows += 1;
  CHECK_THAT(said(named), Contains("rows; expected"));
  named = stored.at(2);
  named.sha256 = stored.at(1).sha256;
  CHECK_THAT(said(named), Contains("is another array: its SHA-256 is " + stored.at(2).sha256));
  write(file, read_text_file(scratch.file("others/purity-2026-03-01.h5")));
  CHECK_THAT(said(stored.at(2)), Contains(file + " belongs to campaign “purity”; expected “yield”"));
  write(file, read_text_file(scratch.file("fewer/" + kFile)));
  CHECK_THAT(said(stored.at(2)), Contains(file + " has no /camera/2/frames"));
  std::filesystem::remove(file);
  CHECK_THAT(said(stored.at(2)), Contains(file) && Contains("No such file"));
  CHECK(!std::filesystem::exists(file));
  std::filesystem::remove_all(scratch.file("data"));
  CHECK_THAT(said(stored.at(2)), Contains(file) && Contains("No such file"));
}

TEST_CASE("what a killed process left is read with its log, and left as it is", "[reader]") {
  const Scratch scratch;
  const std::string folder = scratch.file("data");
  const auto stored = store_some(folder, 5);
  // The pages of a commit are in the log, and none of them in its place.
  const std::string file = folder + "/" + kFile, before = read_text_file(file);
  const pid_t child = fork();
  if (child == 0) {
    const ManualClock clock(kMarch);
    DataStore store(folder, "yield", clock);
    store.begin(array(5), kType);
    store.append(array(5), 0, Bytes(1280));
    store.finish(array(5), sha256_of(Bytes(1280)));
    _exit(0);  // as killed: nothing is settled
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(std::filesystem::exists(file + "-log"));
  auto all = stored;
  all[5] = {kFile, "/camera/5/frames", kType, 10, sha256_of(Bytes(1280))};
  const auto overlaid = read_text_file(file).substr(0, before.size());
  std::string torn = read_text_file(file);
  torn.replace(0, before.size(), before);
  write(file, torn);
  REQUIRE(overlaid != before);
  const std::string log = read_text_file(file + "-log");
  CHECK(whole_of(folder, all) == 6);
  CHECK(read_text_file(file) == torn);
  CHECK(read_text_file(file + "-log") == log);
}

TEST_CASE("a damaged file of an earlier day stops nothing; that of today does until it is moved away", "[reader]") {
  const Scratch scratch;
  const std::string folder = scratch.file("data"), file = folder + "/" + kFile;
  const auto stored = store_some(folder, 2);
  write(file, "a text");
  const ManualClock today(kMarch), tomorrow(kMarch + std::chrono::hours{24});
  {
    DataStore store(folder, "yield", tomorrow);
    CHECK(store.begin(array(7), kType) == 0);
    store.finish(array(7), sha256_of({}));
    CHECK(store.find(array(0)) == std::nullopt);
  }
  CHECK(read_text_file(file) == "a text");
  DataStore store(folder, "yield", today);
  CHECK_THROWS_AS(store.begin(array(8), kType), EnvironmentError);
  std::filesystem::rename(file, file + ".damaged");
  CHECK_THROWS_AS(store.begin(array(8), kType), EnvironmentError);  // which looks again
  CHECK(store.begin(array(8), kType) == 0);
}
