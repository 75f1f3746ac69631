// Goal: the sizes of elements and rows, and names that are read back. Method: every type; shapes at and beyond the
// bounds.
#include "core/array.h"

#include <catch2/catch.hpp>

#include "core/error.h"

using namespace athanor;

TEST_CASE("every element type is found by its name, and by no other", "[array]") {
  for (int i = 0; i <= static_cast<int>(ElementType::kFloat64); ++i) {
    const auto element = static_cast<ElementType>(i);
    CHECK(find_element_type(to_string(element)) == element);
    CHECK(std::string(to_string(element)).ends_with(std::to_string(8 * element_bytes(element))));
  }
  CHECK(find_element_type("float16") == std::nullopt);
  CHECK(find_element_type("") == std::nullopt);
}

TEST_CASE("a row is as long as its elements, and never without one", "[array]") {
  CHECK(row_bytes({ElementType::kFloat64, {}, "V"}) == 8);
  CHECK(row_bytes({ElementType::kUint16, {2048, 1024}, ""}) == 2048 * 1024 * 2);
  CHECK(row_bytes({ElementType::kUint8, {std::uint64_t{1} << 40}, ""}) == std::uint64_t{1} << 40);
  CHECK_THROWS_AS(row_bytes({ElementType::kUint16, {std::uint64_t{1} << 40}, ""}), InputError);
  CHECK_THROWS_AS(row_bytes({ElementType::kUint8, {~std::uint64_t{0}, ~std::uint64_t{0}}, ""}), InputError);
  CHECK_THROWS_AS(row_bytes({ElementType::kUint8, {4, 0}, ""}), InputError);
  CHECK_THROWS_AS(row_bytes({ElementType::kUint8, std::vector<std::uint64_t>(8, 1), ""}), InputError);
}
