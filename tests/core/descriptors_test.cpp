// Goal: what a table says of the choices becomes distances between them, and what it fails to say is named. Method:
// small tables, good ones and one with each mistake; distances worked out by hand.
#include "core/descriptors.h"

#include <catch2/catch.hpp>

#include "core/problem.h"
#include "core/read_space.h"
#include "tests/core/messages.h"
#include "tests/core/scratch.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

Choices read(const std::string& parameter, const Scratch& scratch, NamedFiles files = NamedFiles::kRead) {
  const auto document = Document::parse("{solvent: " + parameter + "}", "f.yaml", scratch.folder());
  SpaceDraft draft;
  read_parameters(document->root(), files, draft);
  document->throw_if_errors();
  return draft.unread ? Choices{} : std::get<Choices>(draft.parameters.at(0).kind);
}

std::string refusal(const std::string& parameter, const Scratch& scratch) {
  return message_of<InputError>([&] { read(parameter, scratch); });
}

using Rows = std::vector<std::vector<double>>;

const std::string kSolvents =
    "solvent,formula,polarity,boils,twice,one\n"
    "water,H2O,10,100,21,1\n"
    "hexane,C6H14,0,70,1,1\n"
    " toluene ,C7H8,2,110,5,1\n"
    "\"DMF, dry\",C3H7NO,6,150,13,1\n";

}  // namespace

TEST_CASE("columns of numbers are taken, scaled, and each property once", "[descriptors]") {
  const Scratch scratch;
  scratch.write("s.csv", kSolvents);
  // formula holds no numbers, twice follows from polarity, one is constant
  const Choices all = read("{descriptors: s.csv}", scratch);
  CHECK(all.names == std::vector<std::string>{"water", "hexane", "toluene", "DMF, dry"});
  CHECK(all.descriptors == Rows{{1, 0.375}, {0, 0}, {0.2, 0.5}, {0.6, 1}});
  // Only the choices' own rows count, in the choices' order.
  const Choices some = read("{choices: [toluene, hexane, water], descriptors: s.csv}", scratch);
  CHECK(some.descriptors == Rows{{0.2, 1}, {0, 0}, {1, 0.75}});
  CHECK(read("{choices: [water], descriptors: s.csv}", scratch).descriptors.empty());

  scratch.write("b.csv", "polarity,name\n1,A\n3,B\n2,C\n");
  const Choices column = read("{descriptors: {file: b.csv, column: name}}", scratch);
  CHECK(column.names == std::vector<std::string>{"A", "B", "C"});
  CHECK(column.descriptors == Rows{{0}, {1}, {0.5}});
  CHECK(read("{choices: [A, B, C], descriptors: [[1, 7], [3, 7], [2, 7]]}", scratch).descriptors == column.descriptors);
}

TEST_CASE("descriptors written down are read back the same, without any file", "[descriptors]") {
  const Scratch scratch;
  scratch.write("s.csv", kSolvents);
  const Choices choices = read("{descriptors: s.csv}", scratch);
  const std::string text = write_parameters({{"solvent", Unit(), choices}});
  const auto document = Document::parse(text, "written", "/nowhere");
  SpaceDraft draft;
  read_parameters(document->root(), NamedFiles::kIgnore, draft);
  document->throw_if_errors();
  CHECK(std::get<Choices>(draft.parameters.at(0).kind).names == choices.names);
  CHECK(std::get<Choices>(draft.parameters.at(0).kind).descriptors == choices.descriptors);

  const Choices ignored = read("{choices: [A, B], descriptors: nowhere.csv}", scratch, NamedFiles::kIgnore);
  CHECK(ignored.names.size() == 2);
  CHECK(ignored.descriptors.empty());
  CHECK(read("{descriptors: nowhere.csv}", scratch, NamedFiles::kIgnore).names.empty());
}

TEST_CASE("what a table of descriptors lacks is named", "[descriptors]") {
  const Scratch scratch;
  const auto with = [&](const std::string& csv, const std::string& parameter = "{descriptors: s.csv}") {
    scratch.write("s.csv", csv);
    return refusal(parameter, scratch);
  };
  CHECK_THAT(with(kSolvents, "{choices: [water, hexan, ether], descriptors: s.csv}"),
             Contains("f.yaml:1:") && Contains("s.csv has no row for “hexan” (did you mean “hexane”?)") &&
                 Contains("s.csv has no row for “ether”"));
  CHECK_THAT(with("n,p\nA,1\nB,2\nA,3\n"), Contains("s.csv: rows 2 and 4 are both about “A”"));
  CHECK_THAT(with("n,p\nA,1\n,2\n"), Contains("row 3: column “n”, which names the choices, is empty"));
  CHECK_THAT(with("n,p,q\nA,1,2\nB,,3\nC,3,high\n"),
             Contains("s.csv row 3: column “p” is empty") && Contains("s.csv row 4: column “q” holds “high”"));
  CHECK_THAT(with("n,p\nA,x\nB,y\n"), Contains("no column holds numbers"));
  CHECK_THAT(with("n,p\nA,1\nB,1\n"), Contains("every column of numbers is constant"));
  CHECK_THAT(with("n\nA\nB\n"), Contains("no column holds numbers"));
  CHECK_THAT(with("n,p\n"), Contains("no rows below its header"));
  CHECK_THAT(with("n,p\nA,1\nB\n"), Contains("s.csv: row 3 has 1 cells"));
  CHECK_THAT(with(kSolvents, "{descriptors: {file: s.csv, column: Solvent}}"),
             Contains("no column “Solvent” (did you mean “solvent”?)"));
  CHECK_THAT(with(kSolvents, "{descriptors: other.csv}"), Contains("the table of descriptors"));
  CHECK_THAT(with(kSolvents, "{choices: [water, water], descriptors: s.csv}"), Contains("“water” twice"));
  CHECK_THAT(with(kSolvents, "{choices: [A, B], descriptors: [[1], [1, 2]]}"), Contains("found 2 descriptors"));
  CHECK_THAT(with(kSolvents, "{choices: [A, B], descriptors: [[1]]}"), Contains("found descriptors of 1 choices"));
  CHECK_THAT(with(kSolvents, "{choices: [A, B], descriptors: [[1], [x]]}"), Contains("“x”"));
  CHECK_THAT(with(kSolvents, "{descriptors: [[1], [2]]}"), Contains("belong to choices"));
  CHECK_THAT(with(kSolvents, "{range: [0, 1], descriptors: s.csv}"), Contains("no key “descriptors”"));
  CHECK_THAT(with(kSolvents, "{choices: [], descriptors: s.csv}"), Contains("no choices"));
}
