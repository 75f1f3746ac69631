// Tables of numbers and texts.
#include "core/error.h"
#include "core/table.h"
#include "tests/fuzz/target.h"

using namespace athanor;

namespace {

/// A file of another make, as a folder device may read it.
void read_otherwise(const std::string& text) {
  try {
    parse_csv(text, "fuzzed", {';', 2});
  } catch (const InputError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(test::text_of(data, size));
  read_otherwise(text);
  try {
    const Table table = parse_csv(text, "fuzzed");
    for (const auto& row : table.rows) {
      for (const std::string& cell : row) {
        parse_number(cell);
        // What is written is read back the same.
        const Table again = parse_csv("a\n" + csv_cell(cell.empty() ? "x" : cell) + "\n", "again");
        if (!cell.empty() && !again.rows.empty() && again.rows[0][0] != cell) __builtin_trap();
      }
    }
  } catch (const InputError&) {
  }
  return 0;
}
