// Goal: what a profile writes is what is said: holes, units, formats, braces, constants; and each mistake is named with
// its place. Method: small texts against what they must become, by hand.
#include "adapters/template.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/core/messages.h"

using namespace athanor;

namespace {

const Variables kKnown = {{"voltage", {false, Unit::parse("V"), false}},
                          {"temperature", {false, Unit::parse("degC"), false}},
                          {"count", {false, Unit(), false}},
                          {"rate", {false, Unit::parse("mL/min"), true}},
                          {"name", {true, Unit(), false}}};
const Values kValues = {
    {"voltage", 0.0125}, {"temperature", 80.0}, {"count", 3.0}, {"rate", 2.5}, {"name", std::string("a/b")}};

std::string filled(const std::string& text, const Filling& filling = {}) {
  const auto file = Document::parse("x", "p.yaml");
  const auto made = Template::read(file->root(), text, kKnown, filling);
  file->throw_if_errors();
  return made->fill(kValues);
}

std::string mistake(const std::string& text) {
  return message_of<InputError>([&] { filled(text); });
}

nlohmann::json structure(const std::string& yaml, const Filling& filling = {}) {
  const auto file = Document::parse(yaml, "p.yaml");
  const auto made = StructureTemplate::read(file->root(), kKnown, filling);
  file->throw_if_errors();
  return made->fill(kValues);
}

}  // namespace

TEST_CASE("A hole is filled with the number as it reads back, in its unit or another, in a format") {
  CHECK(filled("SOUR:VOLT {voltage}") == "SOUR:VOLT 0.0125");
  CHECK(filled("SOUR:VOLT {voltage in mV}") == "SOUR:VOLT 12.5");
  CHECK(filled("SOUR:VOLT {voltage in V:.3f}") == "SOUR:VOLT 0.013");
  CHECK(filled("{temperature in K:.2f}") == "353.15");
  CHECK(filled("{temperature:06.1f}|{temperature:e}|{temperature:+.0f}") == "0080.0|8.000000e+01|+80");
  CHECK(filled("{count:d} {count:03d} {temperature:x}") == "3 003 50");
  CHECK(filled("RAT{rate in uL/min:.0f}UM {name}") == "RAT2500UM a/b");
  CHECK(filled("plain") == "plain");
  CHECK(filled("") == "");
}

TEST_CASE("Doubled braces are braces") {
  CHECK(filled("{{\"v\": {count}}}") == "{\"v\": 3}");
  CHECK(filled("{{{count}}}") == "{3}");
}

TEST_CASE("A whole number of a format is the nearest one, not one below") {
  const Variables known = {{"x", {false, Unit(), false}}};
  const auto file = Document::parse("x", "p.yaml");
  const auto made = Template::read(file->root(), "{x:d}", known);
  CHECK(made->fill({{"x", 2.9999999}}) == "3");
  CHECK(made->fill({{"x", -2.6}}) == "-3");
}

TEST_CASE("A mistake in a text is told with its place, what was found and the nearest name") {
  CHECK(mistake("{voltag}") ==
        "p.yaml:1:1: “{voltag}” names “voltag”, which is no parameter and was not taken from an answer before (did you "
        "mean “voltage”?)");
  CHECK(mistake(R"({"note": "x"})").find("; braces that stand for themselves are written “{{” and “}}”") !=
        std::string::npos);
  CHECK(mistake("{voltage in degC}").find("“{voltage in degC}”: ") != std::string::npos);
  CHECK(mistake("{voltage in Volts per second}").find("p.yaml:1:1: “{voltage in Volts per second}”: ") == 0);
  CHECK(mistake("{name in V}").find("“name” is a text and has neither a unit nor a format") != std::string::npos);
  CHECK(mistake("{name:5}").find("is a text") != std::string::npos);
  CHECK(mistake("{voltage:.3q}").find("“.3q” is no format for a number") != std::string::npos);
  for (const char* wide : {".999999999f", "99999999.3f", "0100d", "100"})
    CHECK(mistake(fmt::format("{{voltage:{}}}", wide)).find("a width or a precision of more than 99") !=
          std::string::npos);
  CHECK(mistake("{voltage:099.99f}") == "(nothing was thrown)");
  CHECK(mistake("a } b").find("closes nothing; a brace itself is written “}}”") != std::string::npos);
  CHECK(mistake("a { b").find("is not closed; a brace itself is written “{{”") != std::string::npos);
}

TEST_CASE("What may be missing is known of a text") {
  const auto file = Document::parse("x", "p.yaml");
  CHECK(Template::read(file->root(), "{rate} {voltage}", kKnown)->needs() == std::set<std::string>{"rate"});
  CHECK(Template::read(file->root(), "{voltage}", kKnown)->needs().empty());
}

TEST_CASE("A structure keeps its numbers numbers; a text that is said as written stays one") {
  CHECK(structure("{v: \"{voltage in mV}\", on: true, n: 5, nothing: null, list: [1, \"{name}\", 0.5]}") ==
        nlohmann::json::parse(R"({"v": 12.5, "on": true, "n": 5, "nothing": null, "list": [1, "a/b", 0.5]})"));
  CHECK(structure("\"{voltage:.2f}\"") == "0.01");
  const Filling written{.as_written = true};
  CHECK(structure("007", written) == "007");
  CHECK(structure("1.50", written) == "1.50");
  CHECK(structure("\"{temperature}\"", written) == "80");
  CHECK(structure("true", written) == "true");
}

TEST_CASE("A text in a hole can be escaped, what stands around it is not") {
  CHECK(filled("/x/{name}?n={count}", {.as_written = true, .escaped = [](const std::string& text) {
                                         return "<" + text + ">";
                                       }}) == "/x/<a/b>?n=3");
}
