// Goal: whatever a device says, the driver's messages arrive, and its owner reads what it does. Method: a device that
// says what it is told to.
#include <catch2/catch.hpp>
#include <utility>

#include "core/error.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Contains;
using rig::at;

namespace {

/// A device that says what it likes.
class Speaker final : public Instrument {
 public:
  wire::Instrument describe() const override {
    wire::Instrument described;
    described.set_id("speaker-1");
    described.set_kind("speaker");
    *described.add_capabilities() = capability("say").text("what").optional().text_result("said").description();
    return described;
  }
  Outcome<Duration> start(const wire::Command& command, Time) override {
    if (refuses) return *refuses;
    id_ = command.id();
    return Duration{0};
  }
  Time wakes_at() const override { return id_.empty() ? kNever : Time{}; }
  std::vector<wire::FromDriver> poll(Time) override {
    std::vector<wire::FromDriver> all(3);
    all[0].mutable_progress()->set_id(id_);
    all[0].mutable_progress()->set_note(note);
    all[1].mutable_refused()->set_why(note);
    all[2].mutable_outcome()->set_id(std::exchange(id_, ""));
    all[2].mutable_outcome()->set_done(true);
    *all[2].mutable_outcome()->add_results() = text_value("said", answer);
    return all;
  }
  void cancel(const std::string&, Time) override {}
  void make_safe(Time) override { id_.clear(); }
  bool is_safe() const override { return safe; }
  std::string trouble() const override { return troubled; }
  std::vector<wire::Value> readings(Time) override { return {text_value(reading, answer)}; }
  Memory recall(const wire::Command&, Time, Time) override { return {}; }

  std::string answer, note, troubled, reading = "shown";
  std::optional<Fault> refuses;
  bool safe = true;

 private:
  std::string id_;
};

struct Speaking {
  explicit Speaking(Driver::Options options = {}) {
    auto made = std::make_unique<Speaker>();
    device = made.get();
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(std::move(made));
    driver = std::make_unique<Driver>("loud", "boot", std::move(instruments), ledger, options, at(0));
  }
  /// All that is said about a command, from its beginning to its end.
  std::vector<wire::FromDriver> say(const std::string& id, const std::string& what = "") {
    wire::Command command;
    command.set_id(id);
    command.set_instrument("speaker-1");
    command.set_capability("say");
    if (!what.empty()) *command.add_with() = text_value("what", what);
    auto said = driver->receive(to_driver(command), at(0));
    for (wire::FromDriver& message : driver->advance(at(1))) said.push_back(std::move(message));
    return said;
  }
  Speaker* device = nullptr;
  Ledger ledger{""};
  std::unique_ptr<Driver> driver;
};

/// Whether the other end of a link would understand it.
bool understood(const wire::FromDriver& message) {
  wire::FromDriver read;
  return read.ParseFromString(message.SerializeAsString());
}

}  // namespace

// Goal: no byte that a device sends makes a message that nobody can read, nor a ledger. Method: bytes that are no
// UTF-8, and a NUL, in every text that comes from a device; each message is parsed as its receiver would.
TEST_CASE("what a device says in other bytes than UTF-8 arrives, and can be asked for") {
  Speaking bench;
  bench.device->answer = std::string("a\xff\0b", 4);
  bench.device->note = "half of a character: \xe2\x80";
  bench.device->troubled = "gives no readings: \xfe";
  bench.device->reading = "sh\xf6wn";
  const auto said = bench.say("a");
  REQUIRE(said.size() == 4);
  for (const wire::FromDriver& message : said) CHECK(understood(message));
  CHECK(said[1].progress().note() == "half of a character: \\xe2\\x80");
  CHECK(said[2].refused().why() == said[1].progress().note());
  const std::string shown("a\\xff\0b", 7);
  CHECK(said[3].outcome().results(0).text() == shown);
  CHECK(rig::state_of(*bench.driver, "a", at(2)).outcome().results(0).text() == shown);
  const auto readings = bench.driver->telemetry(at(2));
  REQUIRE(readings.size() == 1);
  CHECK(understood(readings[0]));
  CHECK(readings[0].telemetry().values(0).name() == "sh\\xf6wn");
  CHECK(understood(bench.driver->receive(rig::hello(), at(2)).at(0)));
  bench.device->refuses = Fault{Fault::Kind::kDevice, "\xff"};
  const auto refused = bench.say("b");
  CHECK(understood(refused.at(0)));
  CHECK(rig::state_of(*bench.driver, "b", at(2)).outcome().message() == "\\xff");
}

TEST_CASE("a driver that describes itself in other bytes than UTF-8 does not start") {
  wire::Instrument described;
  described.set_id("one");
  *described.add_capabilities() = capability("he\xff").number("temp\xff").text("gas", {"\xff"}).description();
  const std::vector<std::string> mistakes = mistakes_in(described);
  REQUIRE(mistakes.size() == 3);
  for (const std::string& mistake : mistakes) CHECK_THAT(mistake, Contains("\\xff” is not UTF-8"));
}

// Goal: whoever asks about many commands learns of all, in messages that arrive. Method: more outcomes than a frame
// holds; each answer is held against the frame, and all together against the order asked.
TEST_CASE("a long answer goes on in the next, in the order asked") {
  Speaking bench;
  bench.device->answer.assign(kLongestTexts - 100, 'x');
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i) {
    bench.say(ids.emplace_back(std::to_string(i)));
    ids.push_back("unknown-" + std::to_string(i));
  }
  const auto answers = bench.driver->receive(rig::ask(ids), at(2));
  CHECK(answers.size() == 3);  // seven outcomes of a mebibyte in each of 8 MiB
  std::vector<std::string> told;
  for (const wire::FromDriver& answer : answers) {
    CHECK(answer.ByteSizeLong() < kLongestAnswer + 1000);
    for (const wire::CommandState& state : answer.answer().states()) told.push_back(state.id());
  }
  CHECK(told == ids);
  CHECK(bench.driver->receive(rig::ask({}), at(2)).size() == 1);
}

TEST_CASE("what would not fit a frame is refused, left out or said, and nothing of it is begun") {
  Speaking bench;
  const auto long_one = bench.say("a", std::string(kLongestTexts, 'x'));
  REQUIRE(long_one.size() == 1);
  CHECK(long_one[0].refused().id() == "a");
  CHECK_THAT(long_one[0].refused().why(), Contains("a command of 104") && Contains("1048576 is the most"));
  CHECK(rig::state_of(*bench.driver, "a", at(0)).standing() == wire::CommandState::NEVER_SEEN);
  bench.device->answer.assign(kLongestTexts + 1, 'x');
  const auto first = bench.driver->telemetry(at(1));
  REQUIRE(first.size() == 1);
  CHECK_THAT(first[0].refused().why(), Contains("readings of instrument “speaker-1”") && Contains("left out"));
  CHECK(bench.driver->telemetry(at(2)).empty());
  Ledger ledger("");
  InstrumentPlan plan;
  plan.id = plan.kind = "verbose";
  plan.offers = {{capability("say").text("what", std::vector(kMostChoices - 1, std::string(kLongestChoice, 'x'))),
                  [](const Arguments&, Time) -> Outcome<Work> { return Work{}; }}};
  std::vector<std::unique_ptr<Instrument>> verbose;
  verbose.push_back(make_instrument(std::move(plan)));
  CHECK_THROWS_WITH(Driver("loud", "boot", std::move(verbose), ledger, {}, at(0)),
                    Contains("descriptions of driver “loud”") && Contains("several drivers"));
}

TEST_CASE("whoever asks is told what is the matter with an instrument, also with one that was set aside") {
  Speaking bench({.set_aside = {{"speaker-2", "p.yaml:1:1: the profile has no safe state"}}});
  bench.device->troubled = "could not be brought to its safe state: no answer";
  wire::ToDriver visit = to_driver();
  visit.mutable_visit();
  const wire::Welcome welcome = bench.driver->receive(visit, at(0)).at(0).welcome();
  REQUIRE(welcome.troubles_size() == 2);
  CHECK(welcome.troubles(0).instrument() == "speaker-2");
  CHECK(welcome.troubles(0).why() == "is set aside: p.yaml:1:1: the profile has no safe state");
  CHECK(welcome.troubles(1).instrument() == "speaker-1");
  bench.device->safe = false;
  CHECK_THAT(bench.say("a").at(0).outcome().message(),
             Contains("has not reached its safe state yet") && Contains("It could not be brought to its safe state"));
  bench.device->troubled.clear();
  CHECK(bench.driver->receive(visit, at(0)).at(0).welcome().troubles_size() == 1);
}

// Goal: the driver's owner reads what it does. Method: a command that is done, one that is refused, and one that was
// under way when the driver died.
TEST_CASE("a driver says which commands it begins and how they end") {
  std::vector<std::string> log;
  rig::Device device;
  device.remembers = false;
  Ledger ledger("");
  std::unique_ptr<Driver> driver;
  const auto start = [&](double after_s) {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(rig::heater("heater-1", device));
    driver = std::make_unique<Driver>("hot", "boot", std::move(instruments), ledger,
                                      Driver::Options{.log = [&](const std::string& line) { log.push_back(line); }},
                                      at(after_s));
  };
  start(0);
  wire::Command heat = rig::heat("a");
  heat.set_sample("s1");
  driver->receive(rig::say(heat), at(0));
  driver->receive(rig::say(heat), at(1));  // doubled: nothing begins
  driver->advance(at(60));
  driver->receive(rig::say(rig::heat("b", "heater-1", 500)), at(70));
  driver->receive(rig::say(rig::heat("c")), at(80));
  start(90);
  REQUIRE(log.size() == 5);
  CHECK(log[0] == "heater-1 begins “heat” a, sample s1: temperature 80 degC, duration 60 s");
  CHECK_THAT(log[1], Contains("heater-1 ended “heat” a: done in 60 s: final_temperature 79.5 degC"));
  CHECK_THAT(log[2], Contains("heater-1 did not begin “heat” b: LIMIT") && Contains("500 degC"));
  CHECK_THAT(log[3], Contains("heater-1 begins “heat” c"));
  CHECK_THAT(log[4], Contains("heater-1 “heat” c was under way when this driver ended last"));
}
