// Goal: CSV as RFC 4180 writes it. Method: the edge cases by hand, and a round trip of random cells.
#include "core/table.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/core/messages.h"
#include "tests/core/scratch.h"

using namespace athanor;
using Catch::Matchers::Contains;
using Rows = std::vector<std::vector<std::string>>;

TEST_CASE("plain and quoted cells, LF and CRLF, a byte-order mark and blank lines", "[table]") {
  const Table table = parse_csv("\xEF\xBB\xBF a ,\"b,\"\"x\"\"\"\r\n1,\"two\r\nlines\"\r\n\r\n\n3,\n,", "t.csv");
  CHECK(table.columns == std::vector<std::string>{"a", "b,\"x\""});
  CHECK(table.rows == Rows{{"1", "two\r\nlines"}, {"3", ""}, {"", ""}});
}

TEST_CASE("a table of one column may hold quoted empty cells", "[table]") {
  const Table table = parse_csv("a\n\"\"\n\nx", "t.csv");
  CHECK(table.rows == Rows{{""}, {"x"}});
}

TEST_CASE("random cells survive being written and read", "[table]") {
  RandomStream random(11, "csv");
  const std::string alphabet = "ab ,\"\n\r\xC2\xB5;'\t0";
  for (int round = 0; round < 200; ++round) {
    const std::size_t width = 2 + random.below(4);
    Rows rows(1 + random.below(5));
    std::string text;
    for (std::size_t c = 0; c < width; ++c) text += (c == 0 ? "c" : ",c") + std::to_string(c);
    for (auto& row : rows) {
      for (std::size_t c = 0; c < width; ++c) {
        std::string cell;
        for (std::uint64_t n = random.below(6); n > 0; --n) cell += alphabet[random.below(alphabet.size())];
        text += c == 0 ? '\n' : ',';
        text += csv_cell(cell);
        row.push_back(cell);
      }
    }
    CAPTURE(text);
    REQUIRE(parse_csv(text, "t").rows == rows);
  }
}

TEST_CASE("damaged tables are refused with their place", "[table]") {
  CHECK_THAT(message_of<InputError>([] { parse_csv("", "t.csv"); }), Contains("t.csv") && Contains("header"));
  CHECK_THAT(message_of<InputError>([] { parse_csv("a,b\n1,2\n\n3", "t.csv"); }),
             Contains("t.csv:4") && Contains("row 3 has 1 cells, the header has 2"));
  CHECK_THAT(message_of<InputError>([] { parse_csv("a\n\"x\ny", "t.csv"); }),
             Contains("t.csv:2") && Contains("never closed"));
  CHECK_THAT(message_of<InputError>([] { parse_csv("a,b\n\"x\"y,2", "t.csv"); }),
             Contains("t.csv:2") && Contains("closing quote"));
}

TEST_CASE("columns and cells are found by name and number", "[table]") {
  const Table table = parse_csv("temp,yield\n80,4.5\n81,n/a", "t.csv");
  CHECK(table.find("yield") == 1u);
  CHECK_FALSE(table.find("x"));
  CHECK(table.number(0, table.require("yield")) == 4.5);
  CHECK_THAT(message_of<InputError>([&] { table.require("yeild"); }),
             Contains("t.csv") && Contains("did you mean “yield”"));
  CHECK_THAT(message_of<InputError>([&] { table.number(1, 1); }),
             Contains("row 3") && Contains("“yield”") && Contains("n/a"));
}

TEST_CASE("numbers in cells are whole, finite and plain", "[table]") {
  CHECK(parse_number(" 5 ") == 5.0);
  CHECK(parse_number("+1e-3") == 1e-3);
  for (const char* text : {"", "x", "5 mL", "1,5", "nan", "inf", "1e999", "5.5.5", "+-5", "0x1"})
    CHECK_FALSE(parse_number(text));
}

TEST_CASE("a file that cannot be read is named", "[table]") {
  const Scratch scratch;
  CHECK_THAT(message_of<EnvironmentError>([&] { read_csv(scratch.file("none.csv")); }),
             Contains("none.csv") && Contains("No such file"));
  CHECK_THAT(message_of<EnvironmentError>([&] { read_csv(scratch.folder()); }), Contains("is a folder"));
  const std::string text(200'000, 'x');
  CHECK(read_text_file(scratch.write("long", text)) == text);
  CHECK(read_text_file(scratch.write("empty", "")).empty());
}
