// How an array is cut into chunks, so that each chunk is one piece of its stream of bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "core/array.h"

namespace athanor {

/// A chunk is some whole rows; where a row is too long for that, a part of one: some whole steps along the first
/// dimension of which one step is short enough.
class ChunkPlan {
 public:
  static constexpr std::uint64_t kMostBytes =
      1 << 20;  ///< HDF5's chunk cache holds as much, unless a reader asks for more

  /// For a new array; of at most `most_rows` rows, if so many are known to come.
  explicit ChunkPlan(const ArrayType& type, std::uint64_t most_rows = ~std::uint64_t{0});
  /// For one that is cut already, in chunks of `shape`. throws EnvironmentError if this program does not cut so.
  ChunkPlan(const ArrayType& type, std::vector<std::uint64_t> shape);

  /// Of a chunk: rows, then the dimensions of a row.
  const std::vector<std::uint64_t>& shape() const { return shape_; }
  std::uint64_t chunk_bytes() const { return shape_[axis_] * step_bytes_; }

  struct Piece {
    std::uint64_t begin, bytes;        ///< of the stream; shorter than a chunk at the end of a row that is cut
    std::vector<std::uint64_t> at;     ///< its first element
    std::vector<std::uint64_t> count;  ///< its elements
  };
  /// The one that holds byte `offset`.
  Piece piece(std::uint64_t offset) const;

 private:
  void find_axis();

  std::vector<std::uint64_t> extents_;  ///< of the array; the first one has no end
  std::size_t element_;
  std::vector<std::uint64_t> shape_;
  std::size_t axis_ = 0;          ///< the dimension along which chunks are cut
  std::uint64_t step_bytes_ = 0;  ///< of one step along it
};

}  // namespace athanor
