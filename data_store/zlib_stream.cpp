#include "data_store/zlib_stream.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <queue>
#include <vector>

#include "core/check.h"

namespace athanor {
namespace {

constexpr std::size_t kBlock =
    65535;  // the most that a stored block can have; a code each follows a changing level of noise
constexpr int kEndOfBlock = 256, kSymbols = 257;
constexpr int kLongestCode = 15;
constexpr std::size_t kBlockHeadBits = 3 + 5 + 5 + 4 + 19 * 3 + (kSymbols + 1) * 4;

using Counts = std::array<std::uint32_t, kSymbols>;

Counts count(std::span<const std::byte> bytes) {
  // In turn, so that the same byte twice does not wait for itself.
  std::array<std::array<std::uint32_t, 256>, 4> parts{};
  std::size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    for (std::size_t j = 0; j < 4; ++j) ++parts[j][std::to_integer<std::size_t>(bytes[i + j])];
  }
  for (; i < bytes.size(); ++i) ++parts[0][std::to_integer<std::size_t>(bytes[i])];
  Counts counts{};
  for (const auto& part : parts) {
    for (std::size_t s = 0; s < part.size(); ++s) counts[s] += part[s];
  }
  return counts;
}

double entropy_bits(const Counts& counts, double size) {
  double bits = 0;
  for (const std::uint32_t n : counts) {
    if (n > 0) bits -= n * std::log2(n / size);
  }
  return bits;
}

// The lengths of a Huffman code; counts are flattened until none is longer than deflate allows.
std::array<std::uint8_t, kSymbols> code_lengths(Counts counts) {
  while (true) {
    using Node = std::pair<std::uint64_t, int>;  // its weight, its number: symbols first, then what was joined
    std::priority_queue<Node, std::vector<Node>, std::greater<>> nodes;
    for (int s = 0; s < kSymbols; ++s) {
      if (counts[s] > 0) nodes.emplace(counts[s], s);
    }
    std::array<int, 2 * kSymbols> parent{};
    int next = kSymbols;
    while (nodes.size() > 1) {
      const Node a = nodes.top();
      nodes.pop();
      const Node b = nodes.top();
      nodes.pop();
      parent[a.second] = parent[b.second] = next;
      nodes.emplace(a.first + b.first, next++);
    }
    std::array<int, 2 * kSymbols> depth{};
    for (int node = next - 2; node >= kSymbols; --node) depth[node] = depth[parent[node]] + 1;
    std::array<std::uint8_t, kSymbols> lengths{};
    int longest = 0;
    for (int s = 0; s < kSymbols; ++s) {
      if (counts[s] == 0) continue;
      const int length = depth[parent[s]] + 1;
      longest = std::max(longest, length);
      lengths[s] = static_cast<std::uint8_t>(std::min(length, 255));
    }
    if (longest <= kLongestCode) return lengths;
    for (std::uint32_t& n : counts) n = (n + 1) / 2;
  }
}

// The code words of these lengths (RFC 1951, 3.2.2), their bits in the order in which they are written.
std::array<std::uint16_t, kSymbols> code_words(const std::array<std::uint8_t, kSymbols>& lengths) {
  std::array<std::uint32_t, kLongestCode + 1> of_length{}, next{};
  for (const std::uint8_t length : lengths) ++of_length[length];
  of_length[0] = 0;
  for (std::size_t bits = 1; bits < next.size(); ++bits) next[bits] = (next[bits - 1] + of_length[bits - 1]) << 1;
  std::array<std::uint16_t, kSymbols> words{};
  for (int s = 0; s < kSymbols; ++s) {
    std::uint32_t word = next[lengths[s]]++;
    for (int i = 0; i < lengths[s]; ++i, word >>= 1) words[s] = static_cast<std::uint16_t>(words[s] << 1 | (word & 1));
  }
  return words;
}

/// Bits, the first one the least significant. Writes up to eight bytes further than it is.
class Bits {
 public:
  explicit Bits(std::byte* out) : begin_(out), out_(out) {}
  void put(std::uint64_t bits, unsigned count) {
    held_ |= bits << count_;
    count_ += count;
  }
  /// At most 56 bits may be put between two of these.
  void flush() {
    std::memcpy(out_, &held_, sizeof held_);
    out_ += count_ / 8;
    held_ >>= count_ / 8 * 8;
    count_ %= 8;
  }
  void align() {
    count_ = (count_ + 7) / 8 * 8;
    flush();
  }
  void copy(std::span<const std::byte> bytes) {
    std::copy(bytes.begin(), bytes.end(), out_);
    out_ += bytes.size();
  }
  std::size_t size() const { return static_cast<std::size_t>(out_ - begin_) + (count_ + 7) / 8; }

 private:
  std::byte *begin_, *out_;
  std::uint64_t held_ = 0;
  unsigned count_ = 0;
};

void put_stored(Bits& out, std::span<const std::byte> bytes) {
  out.put(0, 3);
  out.align();
  out.put(bytes.size(), 16);
  out.put(~bytes.size() & 0xffff, 16);
  out.flush();
  out.copy(bytes);
}

void put_coded(Bits& out, std::span<const std::byte> bytes, const std::array<std::uint8_t, kSymbols>& lengths) {
  out.put(4, 3);               // not the last block; codes of its own
  out.put(kSymbols - 257, 5);  // no lengths of matches,
  out.put(0, 5);               // one code of a distance, not used
  out.put(15, 4);
  out.flush();
  // The code of the lengths: 4 bits for each of 0 to 15, in the order of the format, which begins with three others.
  for (int i = 0; i < 19; ++i) {
    out.put(i < 3 ? 0 : 4, 3);
    out.flush();
  }
  const auto reversed = [](unsigned length) {
    return (length & 1) << 3 | (length & 2) << 1 | (length & 4) >> 1 | length >> 3;
  };
  for (const std::uint8_t length : lengths) {
    out.put(reversed(length), 4);
    out.flush();
  }
  out.put(0, 4);  // the distance's
  out.flush();

  const std::array<std::uint16_t, kSymbols> words = code_words(lengths);
  std::size_t i = 0;
  const auto put = [&](std::size_t at) {
    const auto symbol = std::to_integer<std::size_t>(bytes[at]);
    out.put(words[symbol], lengths[symbol]);
  };
  for (; i + 3 <= bytes.size(); i += 3) {
    put(i);
    put(i + 1);
    put(i + 2);
    out.flush();
  }
  for (; i < bytes.size(); ++i) {
    put(i);
    out.flush();
  }
  out.put(words[kEndOfBlock], lengths[kEndOfBlock]);
  out.flush();
}

}  // namespace

ZlibStream::ZlibStream() : compressor_(libdeflate_alloc_compressor(kDeflateLevel)) {
  ATHANOR_CHECK(compressor_ != nullptr, "no memory for a compressor");
}

void ZlibStream::Free::operator()(libdeflate_compressor* compressor) const {
  libdeflate_free_compressor(compressor);
}

// Where libdeflate does no better on samples than a code without memory would. Such a code takes a whole bit for a byte
// that could be had for less, so what is nearly constant is left to libdeflate, too.
bool ZlibStream::is_noise(std::span<const std::byte> plane) {
  constexpr std::size_t kSample = 4096, kSamples = 4;
  constexpr double kLeastBitsAByte = 2;
  if (plane.size() < 4 * kSample * kSamples) return false;  // not worth the samples
  std::array<std::byte, 2 * kSample> out;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const auto sample = plane.subspan((2 * i + 1) * plane.size() / (2 * kSamples) - kSample / 2, kSample);
    const double entropy = entropy_bits(count(sample), kSample);
    if (entropy < kLeastBitsAByte * kSample) return false;
    const std::size_t size =
        libdeflate_deflate_compress(compressor_.get(), sample.data(), sample.size(), out.data(), out.size());
    if (static_cast<double>(8 * size) < 0.97 * entropy) return false;
  }
  return true;
}

std::size_t ZlibStream::compress(std::span<const std::byte> chunk, std::size_t planes, std::span<std::byte> out) {
  constexpr std::size_t kSlack = 64;  // the stream's head and end, an empty block, and what Bits writes too far
  const std::size_t plane = chunk.size() / planes;
  std::size_t noise = 0;
  while (noise < chunk.size() && is_noise(chunk.subspan(noise, plane))) noise += plane;

  if (out.size() < kSlack) return 0;
  out[0] = std::byte{0x78};  // RFC 1950: deflate, a window of 32 kB, the quickest level
  out[1] = std::byte{0x01};
  Bits bits(out.data() + 2);
  for (std::size_t at = 0; at < noise; at += kBlock) {
    const auto block = chunk.subspan(at, std::min(kBlock, noise - at));
    Counts counts = count(block);
    counts[kEndOfBlock] = 1;
    const auto lengths = code_lengths(counts);
    std::size_t coded_bits = kBlockHeadBits;
    for (int s = 0; s < kSymbols; ++s) coded_bits += std::size_t{counts[s]} * lengths[s];
    const bool stored = coded_bits / 8 + 8 >= block.size();
    if (bits.size() + (stored ? block.size() : coded_bits / 8) + kSlack > out.size()) return 0;
    if (stored) {
      put_stored(bits, block);
    } else {
      put_coded(bits, block, lengths);
    }
  }
  if (noise > 0) put_stored(bits, {});  // ends at a whole byte, where libdeflate begins

  const std::size_t head = 2 + bits.size();
  const auto rest = chunk.subspan(noise);
  const std::size_t size = libdeflate_deflate_compress(compressor_.get(), rest.data(), rest.size(), out.data() + head,
                                                       out.size() - head - 5);
  if (size == 0) return 0;
  const std::uint32_t sum = libdeflate_adler32(1, chunk.data(), chunk.size());
  for (std::size_t i = 0; i < 4; ++i) out[head + size + i] = static_cast<std::byte>(sum >> (24 - 8 * i));
  return head + size + 4;
}

}  // namespace athanor
