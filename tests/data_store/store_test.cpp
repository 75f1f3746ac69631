// Goal: arrays come out of the files as they went in, for any HDF5 reader, whatever the pieces they came in, and what
// is wrong is refused. Method: random types, shapes and pieces against bytes kept in memory; the files are read by the
// HDF5 library alone.
#include "data_store/data_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "data_store/chunk_plan.h"
#include "data_store/filters.h"
#include "rig.h"
#include "tests/core/scratch.h"
#include "tests/core/tries.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr ElementType kBytesOnly = ElementType::kUint8;

ArrayName array(const std::string& command) {
  return {"camera", command, "frames"};
}

// What a call says that is refused.
template <typename Error, typename Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("an array is in its file for any reader, with all that tells what it is", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  const ArrayName name{"reactor-1", "7/a", "spectrum"};
  const ArrayType type{ElementType::kUint16, {30, 70}, "µV"};
  RandomStream chance(1, "arrays");
  const Bytes bytes = some_bytes(std::size_t{2} * 30 * 70 * 1000, chance);
  DataStore store(scratch.file("data"), "yield", clock);
  CHECK(store.begin(name, type) == 0);
  CHECK(store.find(name) == std::nullopt);
  store.append(name, 0, bytes);
  const StoredArray stored = store.finish(name, sha256_of(bytes));
  CHECK(stored == StoredArray{"yield-2026-03-01.h5", "/reactor-1/7%2fa/spectrum", type, 1000, sha256_of(bytes)});
  CHECK(store.find(name) == stored);

  const Read read = read_stock(scratch.file("data/" + stored.file), stored.dataset);
  CHECK(read.extents == std::vector<std::uint64_t>{1000, 30, 70});
  CHECK(read.bytes == bytes);
  CHECK(read.complete);
  CHECK(read.sha256 == stored.sha256);
  CHECK(read.unit == "µV");
  CHECK(read.instrument == "reactor-1");
  CHECK(read.command == "7/a");
  CHECK(read.result == "spectrum");
  CHECK(read.campaign == "yield");
  CHECK(read.known == bytes.size());
}

TEST_CASE("chunks tile the stream, each where C order has it", "[store]") {
  RandomStream chance(2, "shapes");
  for (int i = 0; i < 300; ++i) {
    ArrayType type{static_cast<ElementType>(chance.below(10)), {}, ""};
    for (std::uint64_t d = chance.below(4); d > 0; --d)
      type.row_shape.push_back(1 + chance.below(i % 3 == 0 ? 3000 : 40));
    if (row_bytes(type) > (std::uint64_t{1} << 33)) continue;
    const ChunkPlan plan(type);
    CAPTURE(to_string(type.element), type.row_shape, plan.shape());
    REQUIRE(plan.chunk_bytes() <= ChunkPlan::kMostBytes);
    const auto same = ChunkPlan(type, plan.shape());
    std::uint64_t offset = 0;
    for (int n = 0; n < 50; ++n) {
      const ChunkPlan::Piece piece = plan.piece(offset);
      REQUIRE(piece.begin == offset);
      REQUIRE(piece.bytes > 0);
      REQUIRE(piece.bytes <= plan.chunk_bytes());
      std::uint64_t first = 0, elements = 1;
      for (std::size_t d = 0; d < piece.at.size(); ++d) {
        REQUIRE(piece.at[d] % plan.shape()[d] == 0);
        first = first * (d == 0 ? 1 : type.row_shape[d - 1]) + piece.at[d];
        elements *= piece.count[d];
      }
      REQUIRE(first * element_bytes(type.element) == piece.begin);
      REQUIRE(elements * element_bytes(type.element) == piece.bytes);
      REQUIRE(plan.piece(offset + chance.below(piece.bytes)).begin == offset);
      REQUIRE(same.piece(offset).begin == offset);
      offset += piece.bytes;
    }
  }
}

TEST_CASE("every kind of array is read as it was sent, at every commit and at the end", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  RandomStream chance(3, "arrays");
  const std::vector<std::vector<std::uint64_t>> shapes = {{}, {1}, {7, 5, 3}, {1000}, {700, 900}, {3, 300'000}};
  std::optional<DataStore> store(std::in_place, scratch.file("data"), "yield", clock);
  for (int i = 0; i < tries(60); ++i) {
    const ArrayType type{static_cast<ElementType>(i % 10), shapes[chance.below(shapes.size())], "V"};
    const ArrayName name = array(fmt::format("{}", i));
    const Bytes bytes = some_bytes(row_bytes(type) * chance.below(2 + 2'000'000 / row_bytes(type)), chance);
    CAPTURE(i, type.row_shape, bytes.size());
    std::uint64_t at = store->begin(name, type);
    REQUIRE(at == 0);
    while (at < bytes.size()) {
      const std::uint64_t size = std::min<std::uint64_t>(bytes.size() - at, 1 + chance.below(bytes.size() / 3 + 1));
      store->append(name, at, std::span(bytes).subspan(at, size));
      at += size;
      if (chance.below(2) == 0) continue;
      const auto news = store->commit();
      REQUIRE(news == decltype(news){{name, at}});
      const Read read = read_stock(scratch.file("data/yield-2026-03-01.h5"), "/camera/" + name.command + "/frames");
      REQUIRE(read.known == at);
      REQUIRE(std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at), read.bytes.begin()));
      REQUIRE_FALSE(read.complete);
      if (chance.below(3) > 0) continue;
      store.reset();
      store.emplace(scratch.file("data"), "yield", clock);
      REQUIRE(store->begin(name, type) == at);
    }
    const StoredArray stored = store->finish(name, sha256_of(bytes));
    const Read read = read_stock(scratch.file("data/" + stored.file), stored.dataset);
    REQUIRE(read.bytes == bytes);
    REQUIRE(stored.rows == bytes.size() / row_bytes(type));
    REQUIRE(store->commit().empty());
  }
}

TEST_CASE("a chunk that does not shrink is stored as it is, and says so", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  RandomStream chance(4, "noise");
  Bytes bytes(3 << 20);
  for (std::size_t i = 0; i < 1 << 20; ++i) bytes[i] = static_cast<std::byte>(chance.below(256));
  DataStore store(scratch.file("data"), "yield", clock);
  store.begin(array("1"), {ElementType::kUint16, {512}, ""});
  store.append(array("1"), 0, bytes);
  const StoredArray stored = store.finish(array("1"), sha256_of(bytes));
  const Read read = read_stock(scratch.file("data/" + stored.file), stored.dataset);
  CHECK(read.bytes == bytes);
  CHECK(read.filters_left_out == std::vector<unsigned>{kDeflateLeftOut, 0, 0});
  CHECK(read.chunk_sizes[0] == (1 << 20) + 4);  // and its checksum
  CHECK(read.chunk_sizes[1] < 1 << 14);
}

TEST_CASE("a slow detector's rows are durable and readable at each commit, and cost little", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  DataStore store(scratch.file("data"), "yield", clock);
  const std::string file = scratch.file("data/yield-2026-03-01.h5");
  const Bytes row(10, std::byte{42});
  store.begin(array("1"), {kBytesOnly, {10}, ""});
  for (std::uint64_t i = 0; i < 200; ++i) {
    store.append(array("1"), i * row.size(), row);
    REQUIRE(store.commit().size() == 1);
    REQUIRE(std::filesystem::file_size(file + "-log") <
            64 << 10);  // what a commit writes, but for the bytes themselves
  }
  CHECK(read_stock(file, "/camera/1/frames").extents[0] == 200);
  CHECK(std::filesystem::file_size(file) < 3 << 20);
}

TEST_CASE("what is known is skipped, and what cannot be is refused and changes nothing", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  DataStore store(scratch.file("data"), "yield", clock);
  const ArrayType type{ElementType::kUint16, {2}, "V"};
  const Bytes bytes(40, std::byte{1});
  CHECK_THAT(refusal<InputError>([&] { store.append(array("1"), 0, bytes); }), Contains("begin it first"));
  CHECK_THAT(refusal<InputError>([&] { store.finish(array("1"), sha256_of(bytes)); }), Contains("begin it first"));
  CHECK_THAT(refusal<InputError>([&] { store.begin({"camera", "", "x"}, type); }), Contains("empty name"));
  CHECK_THAT(refusal<InputError>([&] {
               store.begin(array("1"), {kBytesOnly, {0}, ""});
             }),
             Contains("without elements"));
  store.begin(array("1"), type);
  store.append(array("1"), 0, std::span(bytes).first(10));
  store.append(array("1"), 4, std::span(bytes).first(10));
  CHECK_THAT(refusal<InputError>([&] { store.append(array("1"), 15, bytes); }),
             Contains("has 14 bytes") && Contains("go on from 14"));
  CHECK_THAT(refusal<InputError>([&] {
               store.begin(array("1"), {ElementType::kInt16, {2}, "V"});
             }),
             Contains("int16") && Contains("uint16"));
  store.append(array("1"), 14, std::span(bytes).first(26));
  const StoredArray stored = store.finish(array("1"), sha256_of(bytes));
  CHECK(store.finish(array("1"), sha256_of(bytes)) == stored);
  CHECK(store.begin(array("1"), type) == 40);
  store.append(array("1"), 0, bytes);
  CHECK_THAT(refusal<InputError>([&] { store.append(array("1"), 38, std::span(bytes).first(3)); }),
             Contains("finished with 40 bytes"));
  CHECK_THAT(refusal<InputError>([&] { store.finish(array("1"), "00"); }), Contains("is finished, with"));
  CHECK_THAT(refusal<InputError>([&] { store.begin(array("1"), {ElementType::kUint16, {2}, "A"}); }), Contains("“A”"));
  CHECK(read_stock(scratch.file("data/" + stored.file), stored.dataset).bytes == bytes);
}

TEST_CASE("a wrong hash and half a row leave an incomplete array, and so does who gives up", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  DataStore store(scratch.file("data"), "yield", clock);
  const ArrayType type{ElementType::kUint16, {2}, "V"};
  const Bytes bytes(38, std::byte{1});
  for (const char* command : {"wrong", "half", "given up"}) {
    store.begin(array(command), type);
    store.append(array(command), 0, std::span(bytes).first(36));
  }
  CHECK_THAT(refusal<InputError>([&] { store.finish(array("wrong"), sha256_of(bytes)); }),
             Contains("marked as incomplete"));
  store.append(array("half"), 36, std::span(bytes).last(2));
  CHECK_THAT(refusal<InputError>([&] { store.finish(array("half"), sha256_of(bytes)); }), Contains("within a row"));
  store.abandon(array("given up"));
  store.abandon(array("given up"));
  store.abandon(array("never begun"));
  store.commit();
  for (const char* command : {"wrong", "half", "given up"}) {
    CHECK(store.find(array(command)) == std::nullopt);
    const Read read =
        read_stock(scratch.file("data/yield-2026-03-01.h5"), std::string("/camera/") + command + "/frames");
    CHECK_FALSE(read.complete);
    CHECK(read.known == (std::strcmp(command, "half") == 0 ? 38 : 36));
    CHECK(std::equal(read.bytes.begin(), read.bytes.begin() + 36, bytes.begin()));
  }
  CHECK(store.begin(array("given up"), type) == 36);  // and may go on
  store.append(array("given up"), 36, std::span(bytes).first(0));
  CHECK(store.finish(array("given up"), sha256_of(Bytes(36, std::byte{1}))).rows == 9);
}

TEST_CASE("a stream stays in the file of the day on which it began", "[store]") {
  const Scratch scratch;
  ManualClock clock(kMarch);
  const ArrayType type{kBytesOnly, {}, ""};
  const Bytes bytes(100, std::byte{5});
  std::optional<DataStore> store(std::in_place, scratch.file("data"), "a/b", clock);
  store->begin(array("1"), type);
  store->append(array("1"), 0, std::span(bytes).first(50));
  store->commit();
  clock.advance_to(kMarch + std::chrono::hours{24});
  store->begin(array("2"), type);
  CHECK(store->finish(array("2"), sha256_of({})).file == "a%2fb-2026-03-02.h5");
  store->append(array("1"), 50, std::span(bytes).last(50));
  store->commit();
  store.reset();
  store.emplace(scratch.file("data"), "a/b", clock);
  CHECK(store->begin(array("1"), type) == 100);
  CHECK(store->finish(array("1"), sha256_of(bytes)).file == "a%2fb-2026-03-01.h5");
  CHECK(datasets_stock(scratch.file("data/a%2fb-2026-03-02.h5")) == std::vector<std::string>{"/camera/2/frames"});
  store.reset();
  for (const auto& entry : std::filesystem::directory_iterator(scratch.file("data"))) {
    CHECK_FALSE(entry.path().string().ends_with("-log"));  // closed in order, nothing is left to mend
  }
}

TEST_CASE("names that mean something in a path are links of their own", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  DataStore store(scratch.file("data"), "yield", clock);
  std::vector<std::string> datasets;
  for (const std::string command : {".", "..", "/", "a/b", "%2f", "a b", "ü", "tab\there"}) {
    const ArrayName name{"camera", command, "frames"};
    CHECK(store.begin(name, {kBytesOnly, {}, ""}) == 0);
    const StoredArray stored = store.finish(name, sha256_of({}));
    CHECK(read_stock(scratch.file("data/" + stored.file), stored.dataset).command == command);
    datasets.push_back(stored.dataset);
  }
  std::sort(datasets.begin(), datasets.end());
  CHECK(std::unique(datasets.begin(), datasets.end()) == datasets.end());
  std::vector<std::string> in_file = datasets_stock(scratch.file("data/yield-2026-03-01.h5"));
  std::sort(in_file.begin(), in_file.end());
  CHECK(in_file == datasets);
}

TEST_CASE("thousands of small arrays are in one file, and found again", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  const ArrayType type{ElementType::kInt32, {}, "K"};
  {
    DataStore store(scratch.file("data"), "yield", clock);
    for (int i = 0; i < tries(3000); ++i) {
      store.begin(array(fmt::format("{}", i)), type);
      store.append(array(fmt::format("{}", i)), 0, Bytes(40, static_cast<std::byte>(i)));
      if (i % 300 == 0) store.commit();
    }
    for (int i = 0; i < 200; ++i)
      store.finish(array(fmt::format("{}", i)), sha256_of(Bytes(40, static_cast<std::byte>(i))));
    store.commit();
  }
  DataStore store(scratch.file("data"), "yield", clock);
  for (int i = 0; i < tries(3000); i += 50) REQUIRE(store.begin(array(fmt::format("{}", i)), type) == 40);
  CHECK(datasets_stock(scratch.file("data/yield-2026-03-01.h5")).size() == static_cast<std::size_t>(tries(3000)));
}

TEST_CASE("a folder that is in use, cannot be made or cannot be read is named", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  const DataStore store(scratch.file("data"), "yield", clock);
  const auto open = [&](const std::string& folder) {
    return refusal<EnvironmentError>([&] { const DataStore another(scratch.file(folder), "yield", clock); });
  };
  CHECK_THAT(open("data"), Contains(scratch.file("data")) && Contains("in use by another process"));
  scratch.write("plain", "text");
  CHECK_THAT(open("plain/data"), Contains(scratch.file("plain/data")) && Contains("cannot be made"));
  CHECK_THAT(open("plain"), Contains(scratch.file("plain")));
  CHECK(read_text_file(scratch.file("plain")) == "text");
}

TEST_CASE("a file that is none of ours, damaged, or another campaign's is named and left as it is", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  const std::string file = scratch.file("data/yield-2026-03-01.h5");
  {
    DataStore store(scratch.file("data"), "yield", clock);
    for (int i = 0; i < 50; ++i) {
      store.begin(array(fmt::format("{}", i)), {kBytesOnly, {}, ""});
      store.finish(array(fmt::format("{}", i)), sha256_of({}));
    }
    DataStore others(scratch.file("others"), "purity", clock);
    others.begin(array("1"), {kBytesOnly, {}, ""});
    others.finish(array("1"), sha256_of({}));
  }
  const std::string good = read_text_file(file);
  std::string no_root = good;
  no_root[60] = static_cast<char>(no_root[60] ^ 1);
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "no whole file"},
      {"a text", "no whole file"},
      {good.substr(0, good.size() / 2), "truncated file"},
      {std::string(good.size(), '\0'), "no whole file"},
      {no_root, "checksum"},
      {read_text_file(scratch.file("others/purity-2026-03-01.h5")), "belongs to campaign “purity”; expected “yield”"}};
  for (const auto& [content, said] : bad) {
    std::ofstream(file, std::ios::binary) << content;
    DataStore store(scratch.file("data"), "yield", clock);
    CHECK_THAT(refusal<EnvironmentError>([&] {
                 store.begin(array("new"), {kBytesOnly, {}, ""});
               }),
               Contains(file) && Contains(said) && Contains("move the file away"));
    CHECK(read_text_file(file) == content);
  }
  std::ofstream(file, std::ios::binary) << good;
  DataStore store(scratch.file("data"), "yield", clock);
  CHECK(store.find(array("1")) != std::nullopt);
}

TEST_CASE("bits that flip in a chunk are found when the array goes on", "[store]") {
  const Scratch scratch;
  const ManualClock clock(kMarch);
  const std::string file = scratch.file("data/yield-2026-03-01.h5");
  RandomStream chance(5, "noise");
  const Bytes bytes = some_bytes(3 << 20, chance);
  {
    DataStore store(scratch.file("data"), "yield", clock);
    store.begin(array("1"), {kBytesOnly, {}, ""});
    store.append(array("1"), 0, bytes);
    store.commit();
  }
  std::string content = read_text_file(file);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 4);
  std::ofstream(file, std::ios::binary) << content;
  DataStore store(scratch.file("data"), "yield", clock);
  CHECK_THAT(refusal<InputError>([&] {
               store.begin(array("1"), {kBytesOnly, {}, ""});
             }),
             Contains(file + ": /camera/1/frames: reading it back failed"));
}
