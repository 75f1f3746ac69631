// Shuffled chunks as zlib streams: noise by Huffman codes alone, and the rest by libdeflate.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

struct libdeflate_compressor;

namespace athanor {

constexpr int kDeflateLevel =
    1;  ///< measured arrays have noise: higher levels take twice the time for a percent or two

/// One thread's. In a measured value the less significant bytes are noise, in which nothing repeats; looking there for
/// what repeats is most of deflate's time and finds nothing. Shuffled, these bytes come first, so they are taken as
/// blocks of their own, with a Huffman code each (RFC 1951, 3.2.7) or as they are (3.2.4), and libdeflate has the rest.
class ZlibStream {
 public:
  ZlibStream();
  /// Compresses `chunk`, which is `planes` equal parts, the least significant bytes first. Gives how many bytes of
  /// `out`, which is as long as `chunk`, that took; 0 if it would not be less than the chunk.
  std::size_t compress(std::span<const std::byte> chunk, std::size_t planes, std::span<std::byte> out);

 private:
  bool is_noise(std::span<const std::byte> plane);

  struct Free {
    void operator()(libdeflate_compressor* compressor) const;
  };
  std::unique_ptr<libdeflate_compressor, Free> compressor_;
};

}  // namespace athanor
