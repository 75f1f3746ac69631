// Tables of numbers and texts.
#include "core/error.h"
#include "core/table.h"
#include "tests/fuzz/target.h"

using namespace athanor;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Table table = parse_csv(test::text_of(data, size), "fuzzed");
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
