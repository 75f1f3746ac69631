// Goal: arrays come out of the files as they went in, for any HDF5 reader, whatever the pieces they came in.
// Method: random types, shapes and pieces against bytes kept in memory; the files are read by the HDF5 library alone.
#include <catch2/catch.hpp>

#include "core/error.h"
#include "data_store/chunk_plan.h"
#include "data_store/data_store.h"
#include "rig.h"
#include "tests/core/scratch.h"

using namespace athanor;
using Catch::Matchers::Contains;

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
  std::uint64_t in_file = 0;
  for (const std::uint64_t size : read.chunk_sizes) in_file += size;
  CHECK(in_file < bytes.size() * 4 / 5);
}
