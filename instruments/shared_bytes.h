// Bytes that are handed on without being copied: they stay until the last who holds them lets go.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace athanor {

class SharedBytes {
 public:
  SharedBytes() = default;
  /// owner: keeps `bytes` where they are.
  SharedBytes(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}
  /// Takes over numbers as they lie in memory.
  template <class Number>
  static SharedBytes of(std::vector<Number> numbers) {
    const auto kept = std::make_shared<const std::vector<Number>>(std::move(numbers));
    return {kept, std::as_bytes(std::span(*kept))};
  }

  std::span<const std::byte> bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  SharedBytes part(std::size_t from, std::size_t size) const { return {owner_, bytes_.subspan(from, size)}; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

}  // namespace athanor
