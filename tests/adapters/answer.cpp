// Goal: what is taken from an answer is what the device said, in the right unit, and nothing else ever is.
// Method: answers of real devices and broken ones, against values worked out by hand.
#include "adapters/answer.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/core/messages.h"

using namespace athanor;

namespace {

std::optional<Take> take_of(const std::string& yaml, const std::string& unit = "", bool is_text = false) {
  const auto file = Document::parse(yaml, "p.yaml");
  auto made = Take::read(file->root(), "value", Variable{is_text, Unit::parse(unit), false});
  file->throw_if_errors();
  return made;
}

double number(const std::string& yaml, const nlohmann::json& answer, const std::string& unit = "") {
  return std::get<double>(take_of(yaml, unit)->from(answer).value());
}

std::string fault(const std::string& yaml, const nlohmann::json& answer) {
  const auto outcome = take_of(yaml)->from(answer);
  REQUIRE(!outcome.ok());
  CHECK(outcome.fault().kind == Fault::Kind::kDevice);
  return outcome.fault().message;
}

std::string mistake(const std::string& yaml, const std::string& unit = "", bool is_text = false) {
  return message_of<InputError>([&] { take_of(yaml, unit, is_text); });
}

bool holds(const std::string& yaml, double value, const std::string& unit = "", const Values& others = {}) {
  const auto file = Document::parse(yaml, "p.yaml");
  const Variables known = {{"x", {false, Unit::parse(unit), false}}, {"target", {false, Unit::parse("degC"), false}}};
  const auto made = Condition::read(file->root(), "x", known);
  file->throw_if_errors();
  Values values = others;
  values["x"] = value;
  return made->holds(values);
}

}  // namespace

TEST_CASE("A number is taken from a whole answer, a field, a match") {
  CHECK(number("all", " +1.25E-03\r") == 0.00125);
  CHECK(number("{field: 2}", "1.0,2.5,9") == 2.5);
  CHECK(number("{field: 3, of: ' '}", "S S 100.25 g") == 100.25);
  CHECK(number("{match: '^S S +(-?[0-9.]+) g'}", "S S     -0.5 g") == -0.5);
  CHECK(number("{match: 'T=([0-9.]+)', unit: K}", "T=353.15", "degC") == Approx(80).epsilon(1e-12));
  CHECK(number("{match: '([0-9]+)', scale: 0.1, unit: degC}", "805", "degC") == Approx(80.5).epsilon(1e-12));
}

TEST_CASE("A number is written with a comma where the profile says so, and nowhere else") {
  CHECK(number("{match: 'area ([0-9,]+)', decimal: ','}", "area 12,5") == 12.5);
  CHECK(number("{field: 2, of: ';', decimal: ',', unit: mm}", "a;-2,50E2", "m") == Approx(-0.25));
  CHECK(number("{decimal: ','}", "7") == 7);
  CHECK(fault("all", "12,5")
            .find("“12,5” is no number (where a device writes it with a comma, the profile says "
                  "“decimal: ','”)") != std::string::npos);
  // A point between thousands is nobody's to guess.
  CHECK(fault("{decimal: ','}", "1.234").find("“1.234” is no number") != std::string::npos);
  CHECK(fault("{decimal: ','}", "1.234,5").find("“1.234,5” is no number") != std::string::npos);
  CHECK(fault("all", "1,234,5").find("“1,234,5” is no number for") != std::string::npos);
  CHECK(mistake("{decimal: ';'}").find("“;”") != std::string::npos);
  CHECK(mistake("{decimal: ','}", "", true).find("is a text, not a number") != std::string::npos);
}

TEST_CASE("A number is taken from a structure, by name or pointer, and from a column") {
  const auto answer =
      nlohmann::json::parse(R"({"t": 20.5, "data": {"list": [{"v": "7"}]}, "c": ["1", "2", "3"], "e": []})");
  CHECK(number("t", answer) == 20.5);
  CHECK(number("/data/list/0/v", answer) == 7);
  CHECK(number("{at: c}", answer) == 3);
  CHECK(number("{at: c, row: first}", answer) == 1);
  CHECK(number("{at: c, row: 2}", answer) == 2);
  CHECK(fault("{at: c, row: 4}", answer).find("there is no row 4") != std::string::npos);
  CHECK(fault("e", answer).find("there is no row") != std::string::npos);
  CHECK(fault("/data/none", answer).find("there is no “/data/none”") != std::string::npos);
  CHECK(fault("/data", answer).find("there is a structure and no one value") != std::string::npos);
  CHECK(fault("t", "a plain text").find("the device answered “a plain text”") != std::string::npos);
}

TEST_CASE("What is no number is a fault that quotes the answer") {
  CHECK(fault("all", "ERR") == "the device answered “ERR”, in which “ERR” is no number for “value”");
  CHECK(fault("{field: 4}", "1,2,3") == "the device answered “1,2,3”, in which there is no field 4 for “value”");
  CHECK(fault("{match: 'V=(.*)'}", "A=1").find("nothing matches “V=(.*)”") != std::string::npos);
  for (const char* text : {"", "1.5V", "1,5", "nan", "inf", "0x10", "1e999", "--1", "+-1"}) {
    INFO(text);
    CHECK(!take_of("all")->from(text).ok());
  }
  CHECK(fault("all", "a\x01\xff z").find("“a\\x01\\xff z”") != std::string::npos);
  CHECK(fault("all", std::string(1000, 'x')).find("… (1000 bytes)") != std::string::npos);
  CHECK(fault("{match: '(.*)', scale: 1e300}", "1e300").find("is beyond all numbers") != std::string::npos);
}

TEST_CASE("A text is taken without the blanks around it") {
  CHECK(std::get<std::string>(take_of("{field: 2}", "", true)->from("KEITHLEY, MODEL 2450 ,1").value()) ==
        "MODEL 2450");
}

TEST_CASE("Mistakes in what is taken") {
  CHECK(mistake("{match: '[0-9'}").find("“[0-9” is no regular expression") != std::string::npos);
  CHECK(mistake("{match: '[0-9]+'}").find("has no group; put what is to be taken in parentheses") != std::string::npos);
  CHECK(mistake("{field: 0}").find("field 0; they are counted from 1") != std::string::npos);
  CHECK(mistake("{of: ';'}").find("“of” goes with “field”") != std::string::npos);
  CHECK(mistake("{field: 1, of: ''}").find("an empty separator") != std::string::npos);
  CHECK(mistake("{field: 1, match: '(.)'}").find("both “match” and “field”") != std::string::npos);
  CHECK(mistake("/a/~5").find("is no JSON pointer") != std::string::npos);
  CHECK(mistake("{at: x, row: 0}").find("rows are counted from 1") != std::string::npos);
  CHECK(mistake("{field: 1, unit: metre}", "V").find("metre") != std::string::npos);
  CHECK(mistake("{field: 1, unit: furlongs}", "V").find("p.yaml:1:18: ") == 0);
  CHECK(mistake("{field: 1, unit: V}", "", true).find("is a text and has no unit") != std::string::npos);
  CHECK(mistake("{field: 1, text: true}", "V").find("is a result, which says already what it is") != std::string::npos);
  CHECK(mistake("{field: 1, scale: 0}").find("a scale of 0") != std::string::npos);
  CHECK(mistake("{feild: 1}").find("did you mean “field”?") != std::string::npos);
}

TEST_CASE("Conditions on numbers have units and may have holes") {
  CHECK(holds("{min: 1 V, max: 2000 mV}", 1.5, "V"));
  CHECK(!holds("{min: 1 V, max: 2000 mV}", 2.1, "V"));
  CHECK(holds("{is: 3}", 3));
  CHECK(!holds("{is: 3}", 3.0001));
  CHECK(holds("{not: 3}", 4));
  const Values target = {{"target", 80.0}};
  CHECK(holds("{near: \"{target} degC\", by: 0.5 K}", 80.4, "degC", target));
  CHECK(!holds("{near: \"{target} degC\", by: 0.5 K}", 79.4, "degC", target));
  CHECK(holds("{min: \"{target in K} K\"}", 80.0000001, "degC", target));
}

TEST_CASE("Conditions on texts") {
  const Variables known = {{"x", {true, Unit(), false}}};
  const auto check = [&](const std::string& yaml, const std::string& value) {
    const auto file = Document::parse(yaml, "p.yaml");
    const auto made = Condition::read(file->root(), "x", known);
    file->throw_if_errors();
    return made->holds({{"x", value}});
  };
  CHECK(check("{is: idle}", "idle"));
  CHECK(!check("{is: idle}", "idle "));
  CHECK(check("{not: busy}", "idle"));
  CHECK(check("{matches: '^id'}", "idle"));
  CHECK(!check("{matches: '^le'}", "idle"));
  CHECK(message_of<InputError>([&] { check("{min: 3}", ""); }).find("min") != std::string::npos);
}

TEST_CASE("Mistakes in conditions") {
  const auto mistaken = [](const std::string& yaml) { return message_of<InputError>([&] { holds(yaml, 1, "%"); }); };
  CHECK(mistaken("{}").find("nothing is asked of “x”; expected is, not, min, max, or near with by") !=
        std::string::npos);
  CHECK(mistaken("{near: 80 %}").find("“near” needs “by”") != std::string::npos);
  CHECK(mistaken("{min: 1 %, by: 1 %}").find("“by” goes with “near”") != std::string::npos);
  CHECK(mistaken("{min: 3 V}").find("V") != std::string::npos);
  CHECK(mistaken("{min: 50}").find("“50” has no unit; write “50 %”") != std::string::npos);
  CHECK(mistaken("{min: \"{x\"}").find("is not closed") != std::string::npos);
}

TEST_CASE("What is quoted is legible: letters of UTF-8 as they are, all else visible, and whole at its end") {
  CHECK(quote("Gerät \x1b[0m\xff") == "“Gerät \\x1b[0m\\xff”");
  CHECK(quote(std::string(199, 'x') + "äy") == "“" + std::string(199, 'x') + "… (202 bytes)”");
}

TEST_CASE("What is no JSON, nothing, or a structure where a value was meant, is told as that") {
  CHECK(fault("status", "<html>") ==
        "the device answered “<html>”, which is a text and no JSON: there is no “status” for “value”");
  CHECK(fault("x", R"({"x": NaN})").find("no JSON at byte 7: “{\"x\": NaN}”: there is no “x”") != std::string::npos);
  CHECK(fault("x", "{\"note\": \"Ger\xe4t\", \"x\": 1}").find("no JSON at byte 15: “e\": \"Ger\\xe4t\", \"x\": 1}”") !=
        std::string::npos);
  CHECK(fault("x", R"({"x": 1e999})").find("no JSON, for a number in it that is beyond all") != std::string::npos);
  CHECK(fault("x", R"({"x": 4)").find("no JSON at byte 7: “{\"x\": 4”") != std::string::npos);
  CHECK(fault("all", nlohmann::json()) == "the device answered nothing, in which there is no value for “value”");
  CHECK(fault("all", {{"a", 1}}).find("in which there is a structure and no one value") != std::string::npos);
}

TEST_CASE("A structure without a bottom is a text, and told as that") {
  // Goal: no answer exhausts the stack of what walks it. Method: as deep as is read, deeper, and far deeper.
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(as_json(nested(100)));
  CHECK(as_json(R"({"brackets": ")" + nested(1000) + R"(\"["})"));  // those of a text do not count
  CHECK_FALSE(as_json(nested(101)));
  CHECK_FALSE(as_json("{"));
  CHECK(fault("x", nested(1'000'000)).find("no JSON that is read: nested more than 100 levels deep") !=
        std::string::npos);
}

TEST_CASE("An answer is quoted in its own script, with all visible that is no letter") {
  CHECK(quote("läuft, 温度 21 °C") == "“läuft, 温度 21 °C”");
  CHECK(quote("a\r\n\x1b[2J\x7f") == "“a\\x0d\\x0a\\x1b[2J\\x7f”");
  CHECK(quote("\xc2\x9b"
              "2J") == "“\\xc2\\x9b2J”");  // what terminals take for an escape
  CHECK(quote("21 \xb0"
              "C") == "“21 \\xb0C”");  // Latin-1
  std::string umlauts;
  for (int i = 0; i < 300; ++i) umlauts += "ü";
  const std::string cut = quote("x" + umlauts);
  CHECK(cut.find("\\x") == std::string::npos);  // not in the middle of a character
  CHECK(cut.find("ü… (601 bytes)”") != std::string::npos);
  CHECK(quote_last("x" + umlauts).find("\\x") == std::string::npos);
}
