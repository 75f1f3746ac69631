// Goal: an export says what the journal says, and nothing else. Method: journals written record by record, where every
// number of the export is known beforehand, and made-up campaigns for what must hold of all.
#include "controller/export.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "controller/tables.h"
#include "instruments/messages.h"
#include "tests/controller/story.h"

namespace athanor {
namespace {

using journal::v1::Record;
using nlohmann::json;

// Three objectives of every goal over one number and one choice.
Campaign small_campaign() {
  Campaign campaign;
  campaign.name = "small";
  campaign.problem.space = Space({{"temperature", Unit::parse("degC"), Continuous{30, 110, false}},
                                  {"ligand", Unit(), Choices{{"XPhos", "S,Phos"}}}});
  campaign.problem.objectives = {{"yield", Unit::parse("%"), Objective::Goal::kMaximize, 0},
                                 {"waste", Unit(), Objective::Goal::kMinimize, 0}};
  campaign.steps.resize(1);
  campaign.steps[0].name = "react";
  return campaign;
}

class Writer {
 public:
  Record& at(double seconds) {
    records.emplace_back().set_time_us(1'772'352'900'000'000 + static_cast<std::int64_t>(seconds * 1e6));
    return records.back();
  }
  void propose(double seconds, std::uint64_t number, double temperature, const std::string& ligand) {
    auto& proposed = *at(seconds).mutable_proposed();
    proposed.set_experiment(number);
    auto& hot = *proposed.add_at();
    hot.set_name("temperature");
    hot.set_number(temperature);
    auto& with = *proposed.add_at();
    with.set_name("ligand");
    with.set_text(ligand);
  }
  void measure(double seconds, std::uint64_t number, double yield, double waste) {
    auto& measured = *at(seconds).mutable_measured();
    measured.set_experiment(number);
    const std::pair<const char*, double> values[] = {{"yield", yield}, {"waste", waste}};
    for (const auto& [name, value] : values) {
      auto& one = *measured.add_values();
      one.set_name(name);
      one.set_number(value);
    }
  }
  journal::v1::Observed& observe(double seconds, std::uint64_t number) {
    auto& observed = *at(seconds).mutable_observed();
    observed.set_experiment(number);
    observed.set_who("ann");
    observed.set_why("integrated anew");
    observed.set_said_us(86'400'000'000);
    return observed;
  }
  journal::v1::Observed& observe(double seconds, std::uint64_t number, double yield, double waste) {
    auto& observed = observe(seconds, number);
    *observed.add_values() = number_value("yield", yield, "%");
    *observed.add_values() = number_value("waste", waste, "");
    return observed;
  }
  void add(double seconds, std::uint64_t number, double temperature, double waste) {
    auto& observed = observe(seconds, 0, 99, waste);
    observed.set_added(number);
    *observed.add_at() = number_value("temperature", temperature, "degC");
    *observed.add_at() = text_value("ligand", "XPhos");
  }
  void move(double seconds, const std::string& id, CommandEvent event) {
    auto& moved = *at(seconds).mutable_command();
    moved.set_id(id);
    moved.set_event(static_cast<std::uint32_t>(event));
  }
  std::vector<Record> records;
};

void intend(Writer& writer, double seconds, std::uint64_t number, std::uint32_t attempt, const std::string& id) {
  auto& intended = *writer.at(seconds).mutable_intended();
  intended.set_experiment(number);
  intended.set_attempt(attempt);
  intended.mutable_command()->set_id(id);
  intended.mutable_command()->set_instrument("reactor-1");
  intended.mutable_command()->set_capability("heat");
}

}  // namespace

TEST_CASE("An empty journal exports a campaign without experiments") {
  const json document = export_json(small_campaign(), {});
  CHECK(document["campaign"] == "small");
  CHECK(document["status"] == "new");
  CHECK(document["experiments"].empty());
  CHECK(document["best"].empty());
  CHECK(document["lab_time_s"] == 0.0);
  CHECK_FALSE(document.contains("opened"));
  CHECK(
      export_csv(small_campaign(), {}) ==
      "number,state,started,ended,temperature (degC),ligand,yield (%),yield predicted mean (%),yield predicted sd (%),"
      "waste,waste predicted mean,waste predicted sd,chosen because,ended because,counts as,yield as measured (%),"
      "waste as measured,corrected by,corrected because,doubted because\n");
}

TEST_CASE("An experiment is exported with its conditions, prediction, outcome and times") {
  Writer writer;
  writer.at(0).mutable_opened()->set_seed(7);
  writer.propose(2, 1, 80, "S,Phos");
  auto& proposed = *writer.records.back().mutable_proposed();
  proposed.set_reason("expected improvement 3 %");
  auto& predicted = *proposed.add_predicted();
  predicted.set_objective("yield");
  predicted.set_mean(70.5);
  predicted.set_sd(4);
  writer.at(3).mutable_approved()->set_experiment(1);
  writer.at(4).mutable_begun()->set_experiment(1);
  writer.records.back().mutable_begun()->set_place("vial-1");
  writer.measure(60.25, 1, 71, 0.5);

  const json document = export_json(small_campaign(), writer.records);
  const json& experiment = document["experiments"][0];
  CHECK(experiment["number"] == 1);
  CHECK(experiment["state"] == "measured");
  CHECK(experiment["at"] == json{{"temperature", 80.0}, {"ligand", "S,Phos"}});
  CHECK(experiment["predicted"] == json{{"yield", {{"mean", 70.5}, {"sd", 4.0}}}});
  CHECK(experiment["measured"] == json{{"yield", 71.0}, {"waste", 0.5}});
  CHECK(experiment["place"] == "vial-1");
  CHECK(experiment["proposed_s"] == 2.0);
  CHECK(experiment["started_s"] == 4.0);
  CHECK(experiment["started"] == "2026-03-01T08:15:04.000Z");
  CHECK(experiment["ended_s"] == 60.25);
  CHECK(document["lab_time_s"] == 60.25);
  CHECK(document["seed"] == 7);

  const std::string csv = export_csv(small_campaign(), writer.records);
  CHECK(csv.substr(csv.find('\n') + 1) ==
        "1,measured,2026-03-01T08:15:04.000Z,2026-03-01T08:16:00.250Z,80,\"S,Phos\",71,70.5,4,0.5,,,expected "
        "improvement 3 %,,measured,71,0.5,,,\n");
}

TEST_CASE("A command is exported from its last acceptance to its end, a repeated one as its own") {
  Writer writer;
  writer.at(0).mutable_opened();
  writer.propose(1, 1, 80, "XPhos");
  intend(writer, 2, 1, 1, "a");
  writer.move(3, "a", CommandEvent::kAccept);
  writer.move(4, "a", CommandEvent::kSendAgain);  // the driver had never seen it
  writer.move(6, "a", CommandEvent::kAccept);
  writer.move(9, "a", CommandEvent::kInterrupt);
  writer.move(9.5, "a", CommandEvent::kFinish);  // late: ignored, as the engine does
  intend(writer, 10, 1, 2, "b");

  const json commands = export_json(small_campaign(), writer.records)["experiments"][0]["commands"];
  REQUIRE(commands.size() == 2);
  CHECK(commands[0]["state"] == "interrupted");
  CHECK(commands[0]["start_s"] == 6.0);
  CHECK(commands[0]["end_s"] == 9.0);
  CHECK(commands[0]["step"] == "react");
  CHECK(commands[1]["attempt"] == 2);
  CHECK(commands[1]["state"] == "intended");
  CHECK(commands[1]["start_s"] == 10.0);
  CHECK_FALSE(commands[1].contains("end_s"));
}

TEST_CASE("An array is exported with the command that made it: where it is, its shape and its hash") {
  Writer writer;
  writer.at(0).mutable_opened();
  writer.propose(1, 1, 80, "XPhos");
  intend(writer, 2, 1, 1, "a");
  writer.move(3, "a", CommandEvent::kAccept);
  CHECK(export_csv(small_campaign(), writer.records).find("arrays") == std::string::npos);
  writer.move(6, "a", CommandEvent::kFinish);
  auto& outcome = *writer.records.back().mutable_command()->mutable_outcome();
  outcome.set_done(true);
  outcome.add_results()->set_number(71);
  auto& value = *outcome.add_results();
  value.set_name("spectrum");
  value.set_unit("mV");
  value.mutable_array()->mutable_type()->set_element(driver::v1::ArrayType::INT16);
  value.mutable_array()->mutable_type()->add_row_shape(3);
  value.mutable_array()->set_rows(40);
  value.mutable_array()->set_sha256("ab12");
  value.mutable_array()->set_file("small-2026-03-01.h5");
  value.mutable_array()->set_dataset("/a/spectrum");

  const json document = export_json(small_campaign(), writer.records);
  CHECK(document["experiments"][0]["commands"][0]["arrays"] == json::array({{{"result", "spectrum"},
                                                                             {"file", "small-2026-03-01.h5"},
                                                                             {"dataset", "/a/spectrum"},
                                                                             {"element", "int16"},
                                                                             {"shape", {40, 3}},
                                                                             {"unit", "mV"},
                                                                             {"sha256", "ab12"}}}));
  const std::string csv = export_csv(small_campaign(), writer.records);
  CHECK(csv.substr(0, csv.find('\n')).ends_with(",arrays"));
  CHECK(csv.find("spectrum: small-2026-03-01.h5, /a/spectrum, 40 x 3 int16, sha256 ab12") != std::string::npos);
}

TEST_CASE("The best of several objectives are those that no other beats, by each objective's own goal") {
  Writer writer;
  writer.at(0).mutable_opened();
  const std::pair<double, double> outcomes[] = {{50, 1}, {60, 2}, {40, 1}, {60, 3}, {70, 5}, {50, 1}};
  for (std::uint64_t i = 0; i < 6; ++i) {
    writer.propose(1, i + 1, 80, "XPhos");
    writer.measure(2, i + 1, outcomes[i].first, outcomes[i].second);
  }
  const json document = export_json(small_campaign(), writer.records);
  std::set<int> best;
  for (const json& one : document["best"]) best.insert(one["experiment"].get<int>());
  CHECK(best == std::set<int>{1, 2, 5, 6});  // 3 and 4 are beaten by 1 and 2; 1 and 6 are equals
}

TEST_CASE("One objective has one best experiment, the first of equals; a target's is the nearest") {
  Campaign campaign = small_campaign();
  campaign.problem.objectives.resize(1);
  Writer writer;
  writer.at(0).mutable_opened();
  const double outcomes[] = {50, 72, 90, 90};
  for (std::uint64_t i = 0; i < 4; ++i) {
    writer.propose(1, i + 1, 80, "XPhos");
    writer.measure(2, i + 1, outcomes[i], 0);
  }
  const json best = export_json(campaign, writer.records)["best"];
  REQUIRE(best.size() == 1);
  CHECK(best[0]["experiment"] == 3);
  CHECK(best[0]["measured"]["yield"] == 90.0);

  campaign.problem.objectives[0].goal = Objective::Goal::kTarget;
  campaign.problem.objectives[0].target = 70;
  CHECK(export_json(campaign, writer.records)["best"][0]["experiment"] == 2);
}

TEST_CASE("Only what holds every outcome constraint is the best; until then the nearest is named") {
  Campaign campaign = small_campaign();
  campaign.problem.objectives.resize(1);
  campaign.problem.measured_too = {{"waste", Unit::parse("g")}};
  campaign.problem.outcome_constraints = {{1, true, 2, "waste <= 2 g"}};
  Writer writer;
  writer.at(0).mutable_opened();
  const auto experiment = [&](std::uint64_t number, double yield, double waste) {
    writer.propose(1, number, 80, "XPhos");
    writer.measure(2, number, yield, waste);
  };
  experiment(1, 90, 5);
  experiment(2, 60, 2.5);
  json document = export_json(campaign, writer.records);
  CHECK(document["measured_too"] == json::array({{{"name", "waste"}, {"unit", "g"}}}));
  CHECK(document["outcome_constraints"] ==
        json::array({{{"text", "waste <= 2 g"}, {"measurand", "waste"}, {"at_most", 2.0}}}));
  CHECK(document["best"].empty());
  CHECK(document["nearest"]["experiment"] == 2);
  CHECK(document["nearest"]["measured"] == json{{"yield", 60.0}, {"waste", 2.5}});
  CHECK(document["nearest"]["violates"] == json::array({"waste <= 2 g"}));

  experiment(3, 70, 2);
  experiment(4, 40, 1);
  document = export_json(campaign, writer.records);
  REQUIRE(document["best"].size() == 1);
  CHECK(document["best"][0]["experiment"] == 3);
  CHECK_FALSE(document.contains("nearest"));
  CHECK(document["experiments"][0]["violates"] == json::array({"waste <= 2 g"}));
  CHECK_FALSE(document["experiments"][2].contains("violates"));

  const std::string csv = export_csv(campaign, writer.records);
  CHECK(csv.find("waste (g),waste predicted mean (g),waste predicted sd (g),violates,chosen because") !=
        std::string::npos);
  CHECK(csv.find(",90,,,5,,,waste <= 2 g,") != std::string::npos);
  CHECK(csv.find(",70,,,2,,,,") != std::string::npos);
}

TEST_CASE("Failures, alarms and notes keep their words, and quotes survive CSV") {
  Writer writer;
  writer.at(0).mutable_opened();
  writer.propose(1, 1, 80, "XPhos");
  writer.at(5).mutable_failed()->set_experiment(1);
  writer.records.back().mutable_failed()->set_why("react: \"clogged\",\nagain");
  writer.propose(6, 2, 80, "XPhos");
  writer.at(7).mutable_abandoned()->set_experiment(2);
  writer.records.back().mutable_abandoned()->set_why("the reactor is out of service");
  writer.at(8).mutable_alarm()->set_about("reactor-1");
  writer.records.back().mutable_alarm()->set_text("does not answer");
  writer.at(9).mutable_answered()->add_notes("the space is exhausted");

  const json document = export_json(small_campaign(), writer.records);
  CHECK(document["experiments"][0]["why"] == "react: \"clogged\",\nagain");
  CHECK(document["counts"]["failed"] == 1);
  CHECK(document["counts"]["abandoned"] == 1);
  CHECK(document["counts"]["measured"] == 0);
  CHECK(document["alarms"][0]["about"] == "reactor-1");
  CHECK(document["alarms"][0]["at_s"] == 8.0);
  CHECK(document["notes"][0]["text"] == "the space is exhausted");
  const std::string csv = export_csv(small_campaign(), writer.records);
  CHECK(csv.find("\"react: \"\"clogged\"\",\nagain\"") != std::string::npos);
}

// Goal: the value that counts and the one that was measured stand side by side, with who and why; the states stay what
// happened. Method: each kind of word, in JSON and in CSV.
TEST_CASE("What a person said counts, and what was measured is shown beside it") {
  Writer writer;
  writer.at(0).mutable_opened();
  for (std::uint64_t number = 1; number <= 4; ++number) {
    writer.propose(1, number, 80, "XPhos");
    writer.measure(2, number, 50.0 + static_cast<double>(number), 1);
  }
  writer.propose(1, 5, 80, "XPhos");
  writer.at(3).mutable_abandoned()->set_experiment(5);
  writer.observe(10, 1, 40, 2);
  writer.observe(11, 1, 41, 2);
  writer.observe(12, 2).set_failed("precipitated");
  writer.observe(13, 3).set_withdrawn(true);
  writer.observe(14, 5, 30, 3);
  writer.add(15, 1, 100, 7);
  writer.add(16, 1, 90, 8);
  const json document = export_json(small_campaign(), writer.records);
  const json& experiments = document["experiments"];
  CHECK(experiments[0]["measured"] == json{{"yield", 41.0}, {"waste", 2.0}});
  CHECK(experiments[0]["as_measured"] == json{{"yield", 51.0}, {"waste", 1.0}});
  CHECK(experiments[0]["counts_as"] == "measured");
  REQUIRE(experiments[0]["corrections"].size() == 2);
  CHECK(experiments[0]["corrections"][0] == json{{"at_s", 10.0},
                                                 {"said", "1970-01-02T00:00:00.000Z"},
                                                 {"who", "ann"},
                                                 {"why", "integrated anew"},
                                                 {"measured", {{"yield", 40.0}, {"waste", 2.0}}}});
  CHECK(experiments[1]["state"] == "measured");
  CHECK(experiments[1]["counts_as"] == "failed");
  CHECK(experiments[1]["corrections"][0]["failed"] == "precipitated");
  CHECK_FALSE(experiments[1].contains("measured"));
  CHECK(experiments[2]["counts_as"] == "nothing");
  CHECK(experiments[2]["corrections"][0]["withdrawn"] == true);
  CHECK(experiments[3]["counts_as"] == "measured");
  CHECK_FALSE(experiments[3].contains("as_measured"));
  CHECK(experiments[4]["state"] == "abandoned");
  CHECK(experiments[4]["measured"]["yield"] == 30.0);
  CHECK_FALSE(experiments[4].contains("as_measured"));
  REQUIRE(document["added"].size() == 1);
  CHECK(document["added"][0]["at"] == json{{"temperature", 90.0}, {"ligand", "XPhos"}});
  CHECK(document["added"][0]["measured"]["waste"] == 8.0);
  CHECK(document["added"][0]["corrections"][0]["at"]["temperature"] == 100.0);
  CHECK(document["counts"]["measured"] == 4);
  CHECK(document["counts"]["added"] == 1);
  // By yield the added one, by waste the fourth.
  REQUIRE(document["best"].size() == 2);
  CHECK(document["best"][0]["experiment"] == 4);
  CHECK(document["best"][1] ==
        json{{"added", 1}, {"at", document["added"][0]["at"]}, {"measured", {{"yield", 99.0}, {"waste", 8.0}}}});
  CHECK(document["notes"][0]["about"] == "ann");

  const std::string csv = export_csv(small_campaign(), writer.records);
  for (const char* row :
       {"1,measured,,2026-03-01T08:15:02.000Z,80,XPhos,41,,,2,,,,,measured,51,1,ann,integrated anew,\n",
        "\n2,measured,,2026-03-01T08:15:02.000Z,80,XPhos,,,,,,,,,failed,52,1,ann,integrated anew,\n",
        "\n3,measured,,2026-03-01T08:15:02.000Z,80,XPhos,,,,,,,,,nothing,53,1,ann,integrated anew,\n",
        "\n4,measured,,2026-03-01T08:15:02.000Z,80,XPhos,54,,,1,,,,,measured,54,1,,,\n",
        "\n5,abandoned,,2026-03-01T08:15:03.000Z,80,XPhos,30,,,3,,,,,measured,,,ann,integrated anew,\n",
        "\n1,added,,,90,XPhos,99,,,8,,,,,measured,,,ann,integrated anew,\n"}) {
    CAPTURE(row, csv);
    CHECK(csv.find(row) != std::string::npos);
  }
}

TEST_CASE("A value that is not believed is exported beside what counts, with its reason") {
  Writer writer;
  writer.at(0).mutable_opened();
  writer.propose(1, 1, 80, "XPhos");
  writer.measure(2, 1, 130, 4);
  auto& flag = *writer.records.back().mutable_measured()->add_flags();
  flag.set_result("yield");
  flag.set_why("area of hplc-1 is 130 %, above 105 %, the most there can be");

  const json document = export_json(small_campaign(), writer.records);
  const json& experiment = document["experiments"][0];
  CHECK(experiment["counts_as"] == "measured");
  CHECK(experiment["measured"] == json{{"waste", 4.0}});
  CHECK(experiment["as_measured"] == json{{"yield", 130.0}, {"waste", 4.0}});
  CHECK(experiment["doubted"]["yield"] == flag.why());
  CHECK(document["best"].empty());
  const std::string csv = export_csv(small_campaign(), writer.records);
  CHECK_THAT(csv, Catch::Contains("XPhos,,,,4,,,,,measured,130,4,,,\"area of hplc-1 is 130 %, above"));
}

TEST_CASE("A number that is none is exported as nothing, and the document still serialises") {
  Writer writer;
  writer.at(0).mutable_opened();
  writer.propose(1, 1, std::numeric_limits<double>::quiet_NaN(), "XPhos");
  auto& predicted = *writer.records.back().mutable_proposed()->add_predicted();
  predicted.set_objective("yield");
  predicted.set_mean(std::numeric_limits<double>::infinity());
  writer.measure(2, 1, std::numeric_limits<double>::quiet_NaN(), 1);
  const json document = export_json(small_campaign(), writer.records);
  CHECK(document["experiments"][0]["at"]["temperature"].is_null());
  CHECK(document["best"].empty());
  CHECK(json::parse(document.dump()) == document);
  const std::string csv = export_csv(small_campaign(), writer.records);
  CHECK(csv.find("nan") == std::string::npos);
  CHECK(csv.find("inf") == std::string::npos);
}

TEST_CASE(
    "Whatever was cut off, an export counts every experiment once and keeps commands within the laboratory time") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    Story story = tell({.seed = seed, .fail_share = 0.2, .two_objectives = seed == 2, .finished = seed != 3});
    for (const double share : {1.0, 0.5, 0.1}) {
      story.records.resize(static_cast<std::size_t>(share * static_cast<double>(story.records.size())));
      const json document = export_json(story.campaign, story.records);
      const json& counts = document["counts"];
      int sum = 0;
      for (const char* state : {"proposed", "approved", "running", "measured", "failed", "abandoned"})
        sum += counts[state].get<int>();
      CHECK(sum == counts["experiments"]);
      for (const json& experiment : document["experiments"]) {
        for (const json& command : experiment["commands"]) {
          CHECK(command["start_s"] >= experiment["started_s"]);
          CHECK(command.value("end_s", command["start_s"].get<double>()) >= command["start_s"]);
          CHECK(command.value("end_s", 0.0) <= document["lab_time_s"]);
        }
      }
    }
  }
}

}  // namespace athanor
