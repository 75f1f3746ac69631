// HDF5's filters as its library applies them, for chunks that are written past it: shuffle, deflate, Fletcher's
// checksum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

struct libdeflate_compressor;

namespace athanor {

constexpr int kDeflateLevel = 1;  ///< arrays have noise: higher levels take twice the time for a percent or two

/// The bytes of a chunk as they lie in the file.
struct FilteredChunk {
  std::vector<std::byte> bytes;
  std::uint32_t left_out = 0;  ///< a bit for each filter that was not applied, in the order of the pipeline
};

constexpr std::uint32_t kDeflateLeftOut = 1U << 1;
constexpr std::uint32_t kAllLeftOut = 7;

/// One thread's.
class Filters {
 public:
  Filters();
  FilteredChunk apply(std::span<const std::byte> chunk, std::size_t element_bytes);

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const;
  };
  std::unique_ptr<libdeflate_compressor, Free> compressor_;
  std::vector<std::byte> shuffled_;
};

}  // namespace athanor
