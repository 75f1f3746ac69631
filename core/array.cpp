#include "core/array.h"

#include <fmt/format.h>

#include <array>

#include "core/error.h"

namespace athanor {
namespace {

struct Element {
  std::string_view name;
  std::size_t bytes;
};

// In the order of ElementType.
constexpr std::array<Element, 10> kElements = {{{"int8", 1},
                                                {"uint8", 1},
                                                {"int16", 2},
                                                {"uint16", 2},
                                                {"int32", 4},
                                                {"uint32", 4},
                                                {"int64", 8},
                                                {"uint64", 8},
                                                {"float32", 4},
                                                {"float64", 8}}};

}  // namespace

std::size_t element_bytes(ElementType element) {
  return kElements.at(static_cast<std::size_t>(element)).bytes;
}

std::string_view to_string(ElementType element) {
  return kElements.at(static_cast<std::size_t>(element)).name;
}

std::optional<ElementType> find_element_type(std::string_view name) {
  for (std::size_t i = 0; i < kElements.size(); ++i) {
    if (kElements[i].name == name) return static_cast<ElementType>(i);
  }
  return std::nullopt;
}

std::uint64_t row_bytes(const ArrayType& type) {
  constexpr std::size_t kMostDimensions = 7;
  constexpr std::uint64_t kLongest = std::uint64_t{1} << 40;
  if (type.row_shape.size() > kMostDimensions) {
    throw InputError(fmt::format("a row of {} dimensions; {} is the most", type.row_shape.size(), kMostDimensions));
  }
  std::uint64_t bytes = element_bytes(type.element);
  for (const std::uint64_t extent : type.row_shape) {
    if (extent == 0)
      throw InputError("a row without elements: one of its dimensions is 0; every dimension is 1 or more");
    if (extent > kLongest / bytes)
      throw InputError("a row longer than 2^40 bytes; make the rows shorter and more of them");
    bytes *= extent;
  }
  return bytes;
}

}  // namespace athanor
