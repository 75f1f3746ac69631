// Goal: an order is dropped whole, and only a new file that matches, and is whole, is its result. Method: a folder in
// which a thread plays the vendor's program.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/adapters/rig.h"

using namespace athanor;
using namespace athanor::rig;
namespace fs = std::filesystem;

namespace {

std::string profile_of(
    const std::string& collect,
    const std::string& drop = "{drop: \"{sample}.json\", content: {volume: \"{volume in uL}\", to: \"{place}\"}}") {
  return "profile: reader\nfolder: {timeout: 20 s, settle: 50 ms}\nsafe: nothing\ncapabilities:\n"
         "  measure: {with: {volume: {unit: mL}}, gives: {area: {}}, do: [" +
         drop + ", " + collect + "]}\n";
}

wire::Command measure(const std::string& id = "k1", const std::string& sample = "sample-7") {
  wire::Command made = command(id, "measure", {number_value("volume", 0.5, "mL")});
  made.set_sample(sample);
  return made;
}

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void await_file(const std::string& file) {
  wait_until([&] { return fs::exists(file); });
}

}  // namespace

TEST_CASE("An order is dropped as JSON, and a new CSV file that matches is its result", "[folder]") {
  TemporaryFolder folder;
  write_file(folder / "result-old.csv", "area\n99\n");
  Station station(profile_of("{collect: \"result-*.csv\", take: {area: {at: area, row: last}}}"), folder.path.string());
  station.start(measure());
  await_file(folder / "sample-7.json");
  CHECK(text_of(folder / "sample-7.json") == "{\n  \"to\": \"vial-2\",\n  \"volume\": 500.0\n}\n");
  write_file(folder / "other.csv", "area\n1\n");
  write_file(folder / ".result-x.csv", "area\n2\n");
  write_file(folder / "result-1.csv", "time,area\n0,3\n1,4.5\n");
  CHECK(number(station.outcome("k1"), "area") == 4.5);
  // The next order does not take the same file again, and one that is written anew is a new one.
  station.start(measure("k2", "sample-8"));
  await_file(folder / "sample-8.json");
  write_file(folder / "result-1.csv", "time,area\n0,3\n1,5.25\n");
  CHECK(number(station.outcome("k2"), "area") == 5.25);
}

TEST_CASE("A file that still grows is not taken", "[folder]") {
  TemporaryFolder folder;
  Station station(profile_of("{collect: \"*.txt\", take: {area: {match: 'area ([0-9.]+);'}}}"), folder.path.string());
  station.start(measure());
  await_file(folder / "sample-7.json");
  std::ofstream slow(folder / "result.txt");
  for (int i = 0; i < 20; ++i) {
    slow << "noise\n" << std::flush;
    idle(0.01);
  }
  slow << "area 7.5;\n" << std::flush;
  const wire::Outcome outcome = station.outcome("k1");
  // On a machine that is held up for long enough it may be taken early; it is then a fault, never a wrong value.
  if (outcome.done()) {
    CHECK(number(outcome, "area") == 7.5);
  } else {
    CHECK(outcome.fault() == wire::DEVICE);
  }
}

TEST_CASE("Results can be JSON; what is none is a fault that quotes it", "[folder]") {
  TemporaryFolder folder;
  Station station(profile_of("{collect: \"{sample}-*.json\", take: {area: /peaks/0/area}}"), folder.path.string());
  station.start(measure());
  await_file(folder / "sample-7.json");
  write_file(folder / "sample-7-r.json", R"({"peaks": [{"area": 12}]})");
  CHECK(number(station.outcome("k1"), "area") == 12);
  station.start(measure("k2", "sample-8"));
  await_file(folder / "sample-8.json");
  write_file(folder / "sample-8-r.json", "not JSON");
  const wire::Outcome torn = station.outcome("k2");
  CHECK(torn.fault() == wire::DEVICE);
  CHECK(torn.message().find("sample-8-r.json is no JSON: “not JSON”") != std::string::npos);
}

TEST_CASE("A sample's name stays in the folder, and stands for itself alone in a pattern", "[folder]") {
  TemporaryFolder folder;
  Station station(profile_of("{collect: \"{sample}.csv\", take: {area: area}}"), folder.path.string());
  station.start(measure("k1", "../a*[1]"));
  await_file(folder / "..-a*[1].json");
  write_file(folder / "..-ab1.csv", "area\n1\n");
  write_file(folder / "..-a*[1].csv", "area\n2\n");
  // It begins with a dot, like what is hidden: it is not taken for a result.
  station.cancel("k1");
  CHECK(station.outcome("k1").fault() == wire::INTERRUPTED);
  station.start(measure("k2", "x/a*[1]"));
  await_file(folder / "x-a*[1].json");
  write_file(folder / "x-ab1.csv", "area\n1\n");
  write_file(folder / "x-a*[1].csv", "area\n2\n");
  CHECK(number(station.outcome("k2"), "area") == 2);
}

TEST_CASE("A result that never comes is a deadline; a folder that is gone, a fault of the link", "[folder]") {
  TemporaryFolder folder;
  Station station(profile_of("{collect: \"*.csv\", timeout: 100 ms, take: {area: area}}"), folder.path.string());
  const wire::Outcome late = station.carry_out(measure());
  CHECK(late.fault() == wire::DEADLINE);
  CHECK(late.message().find("no new file “*.csv” came into " + folder.path.string() +
                            " within 0.1 s; nothing else came (") == 0);
  fs::create_symlink("nothing", folder.path / "new.csv");
  CHECK_THAT(
      station.carry_out(measure("k2")).message(),
      Catch::Matchers::Contains("; “new.csv” is there, and is no file, but a folder, a pipe or a link to nothing"));
  fs::remove_all(folder.path);
  CHECK(station.carry_out(measure("k3")).fault() == wire::LINK);
}

TEST_CASE("Where the result did not come, what came instead is named", "[folder]") {
  TemporaryFolder folder;
  write_file(folder / "old.csv", "area\n99\n");
  Station station(profile_of("{collect: \"sample-7*.csv\", timeout: 300 ms, take: {area: area}}"),
                  folder.path.string());
  station.start(measure());
  await_file(folder / "sample-7.json");
  fs::create_directory(folder / "sample-7-raw.csv");  // as some vendors' software keeps what it recorded
  write_file(folder / "sample-7-1.csv", "");
  write_file(folder / "sample_7.csv", "area\n1\n");
  CHECK(station.outcome("k1").message().find("; what came is “sample-7-1.csv”, which is empty, “sample_7.csv”; "
                                             "“sample-7-raw.csv” is there, and is no file") != std::string::npos);
}

TEST_CASE("Tables of other makes: semicolons, decimal commas, lines above the header", "[folder]") {
  TemporaryFolder folder;
  std::string profile = profile_of("{collect: \"*.csv\", take: {area: {at: area, decimal: ','}}}");
  profile.replace(profile.find("settle"), 0, "separator: ';', header: 3, ");
  Station station(profile, folder.path.string());
  station.start(measure());
  await_file(folder / "sample-7.json");
  write_file(folder / "r.csv", "\xEF\xBB\xBFMethod: fast; short\r\n\r\nname;area\r\nKühl;2,5\r\n\"a;b\";12,5\r\n");
  CHECK(number(station.outcome("k1"), "area") == 12.5);
}

TEST_CASE("A table that is read by the wrong rules says which would do", "[folder]") {
  TemporaryFolder folder;
  Station station(profile_of("{collect: \"*.csv\", take: {area: {at: area}}}"), folder.path.string());
  const auto [text, said] = GENERATE(table<std::string, std::string>(
      {{"name;area\na;12,5\n",
        "r.csv:1: the header is one column, “name;area”; where “;” stands between columns, the "
        "profile says so: folder: {separator: \";\"}"},
       {"name\tarea\na\t1\n", "folder: {separator: \"\\t\"}"},
       {"Method: fast\nname,area\na,1\n",
        "r.csv:2: row 2 has 2 cells, the header has 1; a cell that contains a comma must "
        "be quoted; or the header is not “Method: fast”, and the profile says in which "
        "line it stands: folder: {header: 4}"},
       {std::string("\xff\xfe") + "a", "r.csv is in UTF-16; expected UTF-8"}}));
  station.start(measure());
  await_file(folder / "sample-7.json");
  write_file(folder / "r.csv", text);
  const wire::Outcome outcome = station.outcome("k1");
  CHECK(outcome.fault() == wire::DEVICE);
  CHECK_THAT(outcome.message(), Catch::Matchers::Contains(said));
}

TEST_CASE("An order that cannot be written leaves nothing behind, and says why", "[folder]") {
  TemporaryFolder folder;
  Station station(
      profile_of("{collect: \"*.csv\", take: {area: area}}", "{drop: \"{sample}.json\", content: \"{place}\"}"),
      folder.path.string());
  fs::create_directory(folder / "sample-7.json");  // in the way
  const wire::Outcome outcome = station.carry_out(measure());
  CHECK(outcome.fault() == wire::LINK);
  CHECK_THAT(outcome.message(), Catch::Matchers::Contains("sample-7.json cannot be written: Is a directory"));
  CHECK(!fs::exists(folder / ".sample-7.json.part"));
}
