#include "data_store/filters.h"

#include <libdeflate.h>

#include <algorithm>

#include "core/check.h"

namespace athanor {
namespace {

// The first byte of every element, then the second of every element, and so on.
template <std::size_t kBytes>
void shuffle_elements(const std::byte* in, std::size_t count, std::byte* out) {
  constexpr std::size_t kBlock = 64;  // elements that stay in the cache while each of their bytes is taken
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, count);
    for (std::size_t byte = 0; byte < kBytes; ++byte) {
      for (std::size_t i = begin; i < end; ++i) out[byte * count + i] = in[i * kBytes + byte];
    }
  }
}

void shuffle(std::span<const std::byte> in, std::size_t element_bytes, std::byte* out) {
  const std::size_t count = in.size() / element_bytes;
  switch (element_bytes) {
    case 1:
      std::copy(in.begin(), in.end(), out);
      return;
    case 2:
      return shuffle_elements<2>(in.data(), count, out);
    case 4:
      return shuffle_elements<4>(in.data(), count, out);
    case 8:
      return shuffle_elements<8>(in.data(), count, out);
    default:
      ATHANOR_CHECK(false, "elements have 1, 2, 4 or 8 bytes");
  }
}

// Fletcher's checksum of 32 bits as HDF5 has it: over words of 16 bits, the more significant byte first.
std::uint32_t fletcher32(std::span<const std::byte> bytes) {
  constexpr std::size_t kWordsWithoutOverflow = 360;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xffff) + (sum >> 16); };
  std::uint32_t first = 0, second = 0;
  std::size_t at = 0;
  while (at + 1 < bytes.size()) {
    const std::size_t end = at + 2 * std::min(kWordsWithoutOverflow, (bytes.size() - at) / 2);
    for (; at < end; at += 2) {
      first += std::to_integer<std::uint32_t>(bytes[at]) << 8 | std::to_integer<std::uint32_t>(bytes[at + 1]);
      second += first;
    }
    first = fold(first);
    second = fold(second);
  }
  if (at < bytes.size()) {
    first += std::to_integer<std::uint32_t>(bytes[at]) << 8;
    second = fold(second + first);
    first = fold(first);
  }
  return fold(second) << 16 | fold(first);
}

}  // namespace

Filters::Filters() : compressor_(libdeflate_alloc_compressor(kDeflateLevel)) {
  ATHANOR_CHECK(compressor_ != nullptr, "no memory for a compressor");
}

void Filters::Free::operator()(libdeflate_compressor* compressor) const {
  libdeflate_free_compressor(compressor);
}

FilteredChunk Filters::apply(std::span<const std::byte> chunk, std::size_t element_bytes) {
  shuffled_.resize(chunk.size());
  shuffle(chunk, element_bytes, shuffled_.data());
  FilteredChunk filtered;
  filtered.bytes.resize(chunk.size());
  const std::size_t size = libdeflate_zlib_compress(compressor_.get(), shuffled_.data(), shuffled_.size(),
                                                    filtered.bytes.data(), filtered.bytes.size());
  if (size > 0) {
    filtered.bytes.resize(size);
  } else {
    filtered.bytes = shuffled_;
    filtered.left_out = kDeflateLeftOut;
  }
  const std::uint32_t sum = fletcher32(filtered.bytes);
  for (int shift = 0; shift < 32; shift += 8) filtered.bytes.push_back(static_cast<std::byte>(sum >> shift));
  return filtered;
}

}  // namespace athanor
