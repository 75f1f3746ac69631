// Goal: whatever the bytes, the stream is what zlib inflates to them, and noise takes no more than its entropy.
// Method: noise of many kinds and amounts, mixed with what repeats, inflated by libdeflate (stock HDF5 does it with
// zlib in the tests beside this one).
#include "data_store/zlib_stream.h"

#include <libdeflate.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "rig.h"

using namespace athanor;

namespace {

Bytes inflated(const Bytes& stream, std::size_t size, std::size_t most) {
  Bytes out(most);
  libdeflate_decompressor* decompressor = libdeflate_alloc_decompressor();
  const auto result = libdeflate_zlib_decompress(decompressor, stream.data(), size, out.data(), out.size(), nullptr);
  libdeflate_free_decompressor(decompressor);
  REQUIRE(result == LIBDEFLATE_SUCCESS);
  return out;
}

}  // namespace

TEST_CASE("noise of every amount and shape is inflated to what it was", "[zlib]") {
  RandomStream chance(1, "noise");
  ZlibStream zlib;
  for (int i = 0; i < 150; ++i) {
    const std::size_t planes = std::size_t{1} << chance.below(4);
    Bytes chunk(planes * (i % 10 == 0 ? chance.below(200) : chance.below((1 << 20) / planes)));
    const double deviation = std::exp2(chance.uniform(-8, 8));
    std::uint64_t level = chance.below(256);
    for (std::size_t at = 0; at < chunk.size(); ++at) {
      if (chance.below(100'000) == 0) level = chance.below(256);  // another code is better from here on
      const bool repeats = at / 5000 % 7 == static_cast<std::size_t>(i) % 9;
      chunk[at] = static_cast<std::byte>(
          repeats ? 1 : static_cast<int>(static_cast<double>(level) + deviation * chance.normal()));
    }
    Bytes out(chunk.size());
    const std::size_t size = zlib.compress(chunk, planes, out);
    CAPTURE(i, planes, chunk.size(), deviation, size);
    REQUIRE(size < std::max<std::size_t>(chunk.size(), 1));
    if (size > 0) REQUIRE(inflated(out, size, chunk.size()) == chunk);
  }
}

TEST_CASE("codes as uneven as they can be are no longer than deflate allows", "[zlib]") {
  // Fibonacci numbers of each byte make the deepest tree; in an order of chance, so that nothing repeats.
  RandomStream chance(2, "order");
  Bytes chunk;
  for (std::size_t symbol = 0, a = 1, b = 1; chunk.size() + a < 1 << 20; ++symbol) {
    chunk.insert(chunk.end(), a, static_cast<std::byte>(symbol));
    b = std::exchange(a, a + b);
  }
  for (std::size_t i = chunk.size(); i > 1; --i) std::swap(chunk[i - 1], chunk[chance.below(i)]);
  Bytes out(chunk.size());
  ZlibStream zlib;
  const std::size_t size = zlib.compress(chunk, 1, out);
  REQUIRE(size > 0);
  CHECK(inflated(out, size, chunk.size()) == chunk);
}

TEST_CASE("noise takes what its entropy says, and what repeats after it next to nothing", "[zlib]") {
  RandomStream chance(3, "noise");
  Bytes chunk(1 << 20);
  for (std::size_t i = 0; i < chunk.size() / 2; ++i)
    chunk[i] = static_cast<std::byte>(static_cast<int>(128.5 + 10 * chance.normal()));
  Bytes out(chunk.size());
  const std::size_t size = ZlibStream().compress(chunk, 2, out);
  const double entropy = std::log2(10 * std::sqrt(2 * M_PI * M_E)) / 8 * static_cast<double>(chunk.size() / 2);
  CHECK(static_cast<double>(size) > entropy);
  CHECK(static_cast<double>(size) < 1.02 * entropy);  // Huffman's codes have whole bits, and a block has its code
}
