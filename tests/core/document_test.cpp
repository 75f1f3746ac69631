// Goal: YAML is read strictly, every mistake with its place, all at once. Method: files with known mistakes and their
// lines and columns; hostile files (nesting without end, aliases that multiply); values against what was written.
#include "core/document.h"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "core/random.h"
#include "tests/core/messages.h"
#include "tests/core/scratch.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

std::unique_ptr<Document> parse(const std::string& text) {
  return Document::parse(text, "f.yaml", "/data");
}

// "line:column" of every mistake, in the order of the file.
std::vector<std::string> places(const Document& document) {
  std::vector<std::string> result;
  try {
    document.throw_if_errors();
  } catch (const InputError& error) {
    for (const Mistake& m : error.mistakes())
      result.push_back(std::to_string(m.place.line) + ":" + std::to_string(m.place.column));
  }
  return result;
}

std::string mistakes(const Document& document) {
  return message_of<InputError>([&] { document.throw_if_errors(); });
}

}  // namespace

TEST_CASE("values are read as what they are asked for", "[document]") {
  const auto document =
      parse("text: plain\nquoted: \"5 mL\"\nnumber: 2.5\nwhole: 8\nround: 1e3\nyes: true\nlist: [a, b]\nnone:\n");
  MapReader map(document->root(), "file");
  CHECK(map.required("text").text() == "plain");
  CHECK(map.required("quoted").quantity()->value == 5);
  CHECK(map.required("quoted").quantity_in(Unit::parse("uL")) == 5000.0);
  CHECK(map.required("number").number() == 2.5);
  CHECK(map.required("whole").integer() == 8);
  CHECK(map.required("round").integer() == 1000);
  CHECK(map.required("yes").boolean() == true);
  CHECK(map.required("list").items().size() == 2);
  CHECK(map.required("list").items()[1].text() == "b");
  CHECK(map.required("none").kind() == Node::Kind::kNull);
  CHECK_FALSE(map.optional("absent"));
  CHECK_FALSE(map.optional("absent").text());  // silently: it need not be there
  CHECK(map.optional("absent").items().empty());
  map.finish();
  CHECK_FALSE(document->has_errors());
}

TEST_CASE("every wrong value is a mistake at its place that says what was found and expected", "[document]") {
  const auto document = parse(
      "number: 5 mL\n"
      "whole: 2.5\n"
      "truth: yes\n"
      "volume: 5 degC\n"
      "bare: 5\n"
      "percent: 50\n"
      "word: maximise\n"
      "list: 3\n"
      "map: [1]\n"
      "empty:\n"
      "deep: {a: {b: [1, x]}}\n");
  MapReader map(document->root(), "file");
  const Unit ml = Unit::parse("mL");
  CHECK_FALSE(map.required("number").number());
  CHECK_FALSE(map.required("whole").integer());
  CHECK_FALSE(map.required("truth").boolean());
  CHECK_FALSE(map.required("volume").quantity_in(ml));
  CHECK_FALSE(map.required("bare").quantity_in(ml));
  CHECK_FALSE(map.required("percent").quantity_in(Unit::parse("%")));
  CHECK_FALSE(map.required("word").one_of({"maximize", "minimize"}));
  CHECK(map.required("list").items().empty());
  CHECK(map.required("map").entries().empty());
  CHECK_FALSE(map.required("empty").text());
  CHECK_FALSE(map.required("deep").entries()[0].second.entries()[0].second.items()[1].number());
  CHECK(places(*document) ==
        std::vector<std::string>{"1:9", "2:8", "3:8", "4:9", "5:7", "6:10", "7:7", "8:7", "9:6", "10:1", "11:19"});
  const std::string all = mistakes(*document);
  CHECK_THAT(all, Contains("f.yaml:1:9: found “5 mL”; expected a number without a unit"));
  CHECK_THAT(all, Contains("“2.5”; expected a whole number"));
  CHECK_THAT(all, Contains("“yes”; expected true or false"));
  CHECK_THAT(all, Contains("“5 degC” cannot be converted to “mL”"));
  CHECK_THAT(all, Contains("“5” has no unit") && Contains("“5 mL”"));
  CHECK_THAT(all, Contains("“50 %”"));
  CHECK_THAT(all, Contains("did you mean “maximize”"));
}

TEST_CASE("missing, unknown and doubled keys are all reported", "[document]") {
  const auto document = parse("rnage: [1, 2]\nscale: log\nscale: linear\n  \nother:\n  deep: 1\n");
  MapReader map(document->root(), "parameter “x”");
  map.required("range");
  CHECK(map.optional("scale").text() == "log");
  map.finish();
  CHECK(places(*document) == std::vector<std::string>{"1:1", "1:1", "3:1", "5:1"});
  const std::string all = mistakes(*document);
  CHECK_THAT(all, Contains("parameter “x” needs “range:”"));
  CHECK_THAT(all, Contains("parameter “x” has no key “rnage” (did you mean “range”?)"));
  CHECK_THAT(all, Contains("“scale” is given a second time (first in line 2)"));
  CHECK_THAT(all, Contains("no key “other” (known: range, scale)"));
}

TEST_CASE("a reader of what is no map says so once", "[document]") {
  const auto document = parse("a: 5");
  MapReader map(document->root().entries()[0].second, "parameter “a”");
  CHECK_FALSE(map.required("range"));
  CHECK_FALSE(map.optional("scale"));
  map.finish();
  REQUIRE(document->mistakes().size() == 1);
  CHECK_THAT(document->mistakes()[0].message, Contains("parameter “a”: found “5”"));
}

TEST_CASE("columns count characters, not bytes", "[document]") {
  const auto flow = parse("\xEF\xBB\xBF{µ: 1, °C: x}");
  flow->root().entries()[1].second.number();
  CHECK(places(*flow) == std::vector<std::string>{"1:12"});
}

TEST_CASE("what is no YAML is refused with its place", "[document]") {
  const auto fails = [](const std::string& text) { return message_of<InputError>([&] { parse(text); }); };
  CHECK_THAT(fails("a: [1, 2\nb: 3\n"), Contains("f.yaml:") && Contains("no valid YAML"));
  CHECK_THAT(fails("a: b: c"), Contains("f.yaml:1:5") && Contains("no valid YAML"));
  CHECK_THAT(fails("a:\n\t- 1"), Contains("f.yaml:2:") && Contains("no valid YAML"));
  CHECK_THAT(fails("a: \"x"), Contains("no valid YAML"));
  CHECK_THAT(fails("a: *nowhere"), Contains("f.yaml:1:4"));
  CHECK_THAT(fails(""), Contains("the file is empty"));
  CHECK_THAT(fails("# only a comment\n"), Contains("the file is empty"));
  CHECK_THAT(fails("a: 1\n---\nb: 2\n"), Contains("second document"));
  CHECK_THAT(fails("a: 1\nb: 20 \xb0"
                   "C\n"),
             Contains("f.yaml:2:7") && Contains("0xb0") && Contains("UTF-8"));
  CHECK_THAT(fails("\xff"), Contains("f.yaml:1:1") && Contains("0xff"));
}

TEST_CASE("keys that are no names and tags are mistakes", "[document]") {
  const auto document = parse("{[a]: 1, b: !thing 2, ~: 3}");
  CHECK(places(*document) == std::vector<std::string>{"1:2", "1:13", "1:23"});
  CHECK(document->root().entries().size() == 1);
}

TEST_CASE("anchors, aliases and merged maps work", "[document]") {
  const auto document = parse(
      "base: &base {volume: 5 mL, speed: 3}\n"
      "list: &list [1, 2]\n"
      "again: *list\n"
      "step: {<<: *base, speed: 4}\n");
  CHECK_FALSE(document->has_errors());
  const auto entries = document->root().entries();
  CHECK(entries[2].second.items()[1].number() == 2.0);
  MapReader step(entries[3].second, "step");
  CHECK(step.required("volume").text() == "5 mL");
  CHECK(step.required("speed").number() == 4.0);
  step.finish();
  CHECK_FALSE(document->has_errors());
  // A wrong alias is reported where it is used.
  entries[2].second.text();
  CHECK(places(*document) == std::vector<std::string>{"3:8"});
}

TEST_CASE("hostile files are refused without exhausting anything", "[document]") {
  const auto fails = [](const std::string& text) { return message_of<InputError>([&] { parse(text); }); };
  CHECK_THAT(fails(std::string(100'000, '[')), Contains("nested more than 64 levels"));
  std::string block;
  for (std::size_t i = 0; i < 2000; ++i) block += std::string(i, ' ') + "a:\n";
  CHECK_THAT(fails(block), Contains("nested more than 64 levels"));
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + ", " + last + ", " + last + ", " +
              last + "]\n";
  }
  CHECK_THAT(fails(laughs), Contains("more than 1000000 values"));
  std::string chain = "- &a0 [x]\n";  // each alias adds a level
  for (int i = 1; i < 200; ++i) chain += "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  CHECK_THAT(fails(chain), Contains("nested more than 64 levels"));
  CHECK_THAT(fails("a: &a [1, *a]"), Contains("f.yaml:1:11") && Contains("inside the very value"));
}

TEST_CASE("random bytes and damaged files never do worse than an InputError", "[document]") {
  RandomStream random(21, "fuzz");
  const std::string good =
      "campaign: x\nspace:\n  t: {range: [30 degC, 110 degC], scale: log}\nlist: [&a 1, *a, \"q\", 'r', |\n  s]\n";
  const std::string alphabet = "{}[]:,-&*!|>'\"#%@`\n\t ?~<ab0\xC2\xB5\xff";
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (std::uint64_t n = 1 + random.below(6); n > 0; --n) {
      const std::size_t at = random.below(text.size());
      const char c = alphabet[random.below(alphabet.size())];
      if (random.below(3) == 0) {
        text.erase(at, 1 + random.below(3));
      } else if (random.below(2) == 0) {
        text[at] = c;
      } else {
        text.insert(at, 1, c);
      }
      if (text.empty()) text = "a";
    }
    try {
      const auto document = parse(text);
      document->root().canonical();
    } catch (const InputError&) {
    }
  }
  SUCCEED("no crash, no other exception");
}

TEST_CASE("the canonical text depends on the values alone", "[document]") {
  const auto canonical = [](const std::string& text) { return parse(text)->root().canonical(); };
  CHECK(canonical("a: 1 # comment\nb:\n  - x\n  - \"y z\"\n") == "{\"a\": \"1\", \"b\": [\"x\", \"y z\"]}");
  CHECK(canonical("{a: '1', b: [x, y z]}") == canonical("a: 1\nb: [x,    y z]"));
  CHECK(canonical("x: &a [1]\ny: *a") == canonical("x: [1]\ny: [1]"));
  CHECK(canonical("a: \"\\\"\\\\ \\n µ\"") == "{\"a\": \"\\\"\\\\ \\x0a µ\"}");
  CHECK(canonical("a:") == "{\"a\": null}");
  CHECK(canonical("a: null") != canonical("a: \"null\""));
  const std::string once = canonical("a: {b: [1, 2 degC, \"x\\ty\"], c: ~}");
  CHECK(canonical(once) == once);  // it is YAML itself
}

TEST_CASE("paths are expanded and relative to the document's folder", "[document]") {
  setenv("ATHANOR_TEST_FOLDER", "/measured", 1);
  unsetenv("ATHANOR_TEST_UNSET");
  const auto document = parse(
      "a: pool.csv\nb: ../pool.csv\nc: /tmp/x\nd: $ATHANOR_TEST_FOLDER/x.csv\ne: ${ATHANOR_TEST_FOLDER}/y.csv\nf: "
      "price$.csv\n"
      "g: $ATHANOR_TEST_UNSET/data.csv\nh: ${ATHANOR_TEST_FOLDER\n");
  MapReader map(document->root(), "file");
  CHECK(map.required("a").path() == "/data/pool.csv");
  CHECK(map.required("b").path() == "/pool.csv");
  CHECK(map.required("c").path() == "/tmp/x");
  CHECK(map.required("d").path() == "/measured/x.csv");
  CHECK(map.required("e").path() == "/measured/y.csv");
  CHECK(map.required("f").path() == "/data/price$.csv");
  CHECK_FALSE(document->has_errors());
  CHECK_FALSE(map.required("g").path());
  CHECK_FALSE(map.required("h").path());
  CHECK(places(*document) == std::vector<std::string>{"7:4", "8:4"});
  CHECK_THAT(
      mistakes(*document),
      Contains("environment variable ATHANOR_TEST_UNSET is not set; set it to the folder that holds “data.csv”"));
}

TEST_CASE("a file is loaded with its folder, and named when it cannot be read", "[document]") {
  const Scratch scratch;
  const auto document = Document::load(scratch.write("a.yaml", "pool: p.csv\n"));
  CHECK(document->root().entries()[0].second.path() == scratch.file("p.csv"));
  CHECK(document->name() == scratch.file("a.yaml"));
  CHECK_THAT(message_of<EnvironmentError>([&] { Document::load(scratch.file("b.yaml")); }), Contains("b.yaml"));
}
