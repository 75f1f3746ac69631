// Arrays that instruments measure: what one is, how it is referred to, and who keeps it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace athanor {

/// What an array is made of; in bytes, little-endian.
enum class ElementType { kInt8, kUint8, kInt16, kUint16, kInt32, kUint32, kInt64, kUint64, kFloat32, kFloat64 };

std::size_t element_bytes(ElementType element);
/// "int8", "uint8", … "float64", as NumPy calls them.
std::string_view to_string(ElementType element);
std::optional<ElementType> find_element_type(std::string_view name);

/// Of a growing array: rows follow each other, and a row is `row_shape` elements in C order (frames of a camera:
/// height, width). An empty `row_shape` makes every row one element.
struct ArrayType {
  ElementType element = ElementType::kFloat64;
  std::vector<std::uint64_t> row_shape;
  std::string unit;
  bool operator==(const ArrayType&) const = default;
};

/// How long a row is. throws InputError if the shape has a zero, more than 7 dimensions, or if a row would be longer
/// than 2^40 bytes.
std::uint64_t row_bytes(const ArrayType& type);

/// Whose array it is: the result of a command, and commands have ids that are never used again.
struct ArrayName {
  std::string instrument, command, result;
  auto operator<=>(const ArrayName&) const = default;
};

/// A whole array that is on the disk, and where.
struct StoredArray {
  std::string file;     ///< relative to the store's folder
  std::string dataset;  ///< path within the file
  ArrayType type;
  std::uint64_t rows = 0;
  std::string sha256;  ///< of all its bytes, lower-case hexadecimal
  bool operator==(const StoredArray&) const = default;
};

/// As a journal names one.
struct ArrayReference {
  ArrayName name;
  StoredArray stored;
};

/// What is wrong with something, in words; nothing: it is as it was.
using Finding = std::optional<std::string>;

/// Keeps arrays while they come in, each as a stream of bytes that only grows. One thread at a time.
///
/// Two kinds of exception. InputError: the call is wrong and stays so (another type, bytes that nobody has sent yet,
/// another hash); nothing was changed. EnvironmentError: the disk is full or broken; then **every** stream is back at
/// what is durable and closed, and `begin` says where each goes on: the caller has kept what was not durable yet.
class ArrayStore {
 public:
  virtual ~ArrayStore() = default;

  /// Opens a stream, a new one or one that goes on after a crash, an error or `abandon`. Gives how many of its bytes
  /// are durable; of a finished array, all of them (it needs no more than `finish`, if that). What goes on is read back
  /// once, for its hash. throws InputError if the array is there and has another type, or is damaged.
  virtual std::uint64_t begin(const ArrayName& name, const ArrayType& type) = 0;

  /// Takes bytes that begin at byte `offset` of the stream. What is known already is skipped, so a piece may come
  /// twice. They need not be whole rows. throws InputError if there is a gap, or if the stream was not begun.
  virtual void append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) = 0;

  /// Makes durable all that was appended; gives every stream of which more is durable than was told before, and how
  /// many bytes.
  virtual std::vector<std::pair<ArrayName, std::uint64_t>> commit() = 0;

  /// Ends the stream: all that was appended is durable, and marked as whole, when this returns. Of a finished array:
  /// the same answer again. throws InputError if `sha256` is not that of all bytes or the last row is not whole; the
  /// array then stays, marked as incomplete, as after `abandon`.
  virtual StoredArray finish(const ArrayName& name, const std::string& sha256) = 0;

  /// Closes the stream; what came stays, marked as incomplete. Nothing happens if it is not open.
  virtual void abandon(const ArrayName& name) = 0;

  /// The finished array of this name, if there is one.
  virtual std::optional<StoredArray> find(const ArrayName& name) = 0;
};

}  // namespace athanor
