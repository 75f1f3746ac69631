#include "data_store/chunk_plan.h"

#include <algorithm>

#include "core/error.h"

namespace athanor {
namespace {

constexpr std::uint64_t kEndless = ~std::uint64_t{0};

std::vector<std::uint64_t> extents_of(const ArrayType& type) {
  std::vector<std::uint64_t> extents = {kEndless};
  extents.insert(extents.end(), type.row_shape.begin(), type.row_shape.end());
  return extents;
}

}  // namespace

void ChunkPlan::find_axis() {
  step_bytes_ = element_;
  axis_ = extents_.size() - 1;
  while (axis_ > 0 && step_bytes_ * extents_[axis_] <= kMostBytes) step_bytes_ *= extents_[axis_--];
}

ChunkPlan::ChunkPlan(const ArrayType& type, std::uint64_t most_rows)
    : extents_(extents_of(type)), element_(element_bytes(type.element)), shape_(extents_) {
  find_axis();
  const std::uint64_t most_steps = kMostBytes / step_bytes_;
  if (axis_ == 0) {
    shape_[0] = std::clamp<std::uint64_t>(most_rows, 1, most_steps);
  } else {
    // As many chunks as must be, all of about the same length.
    const std::uint64_t chunks = (extents_[axis_] + most_steps - 1) / most_steps;
    shape_[axis_] = (extents_[axis_] + chunks - 1) / chunks;
    std::fill_n(shape_.begin(), axis_, 1);
  }
}

ChunkPlan::ChunkPlan(const ArrayType& type, std::vector<std::uint64_t> shape) : ChunkPlan(type) {
  // Whatever lengths an earlier version chose will do, as long as a chunk is one piece of the stream.
  bool fits = shape.size() == shape_.size() && shape[axis_] > 0 && shape[axis_] <= extents_[axis_];
  for (std::size_t i = 0; fits && i < shape.size(); ++i) fits = i == axis_ || shape[i] == shape_[i];
  if (!fits) throw EnvironmentError("its chunks have another shape than this program gives them");
  shape_ = std::move(shape);
}

ChunkPlan::Piece ChunkPlan::piece(std::uint64_t offset) const {
  Piece piece{0, chunk_bytes(), std::vector<std::uint64_t>(shape_.size(), 0), shape_};
  std::uint64_t before = 0;  // of the stream, before the step along `axis_` began anew
  if (axis_ > 0) {
    const std::uint64_t whole = extents_[axis_] * step_bytes_;
    std::uint64_t index = offset / whole;
    before = index * whole;
    for (std::size_t i = axis_ - 1; i > 0; --i) {
      piece.at[i] = index % extents_[i];
      index /= extents_[i];
    }
    piece.at[0] = index;
  }
  piece.at[axis_] = (offset - before) / chunk_bytes() * shape_[axis_];
  piece.count[axis_] = std::min(shape_[axis_], extents_[axis_] - piece.at[axis_]);
  piece.begin = before + piece.at[axis_] * step_bytes_;
  piece.bytes = piece.count[axis_] * step_bytes_;
  return piece;
}

}  // namespace athanor
