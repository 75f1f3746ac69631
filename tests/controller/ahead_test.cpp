// When the planner is asked: on demand where it is quick, ahead where experiments would wait for it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "controller/history.h"
#include "controller/points.h"
#include "controller/snapshot.h"
#include "core/random.h"
#include "fixture.h"
#include "tests/core/tries.h"

namespace athanor {
using Catch::Matchers::StartsWith;
using testing::Rig;

namespace {

std::string campaign_of(int experiments, int initial) {
  std::string text = testing::kCampaign;
  const auto swap = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
  };
  swap("initial: 4", "initial: " + std::to_string(initial));
  swap("experiments: 3", "experiments: " + std::to_string(experiments));
  return text;
}

std::string well_stocked() {
  std::string text = testing::kLab;
  return text.replace(text.find("{XPhos: 1 mL, SPhos: 1 mL}"), 26, "{XPhos: 1 L, SPhos: 1 L}");
}

class AheadRig : public Rig {
 public:
  explicit AheadRig(int experiments = 30, int initial = 1) : Rig(campaign_of(experiments, initial), well_stocked()) {
    link_up();
  }

  /// A new process, whose driver was not reached by any open command.
  void start_anew() {
    restart();
    link_up();
    for (const std::string& id : std::exchange(questions, {})) answer(id, wire::CommandState::NEVER_SEEN);
  }

  /// The planner answers its oldest question after so long.
  void think(double s) {
    now += from_seconds(s);
    plan();
  }

  /// Carries an experiment out, a minute a step; commands of others stay as they are.
  void measure(std::uint64_t number) {
    const std::string sample = "small/n/" + std::to_string(number);
    while (state().experiment(number).state == ExperimentState::kRunning) {
      const auto found =
          std::find_if(commands.begin(), commands.end(), [&](const auto& c) { return c.sample() == sample; });
      REQUIRE(found != commands.end());
      const wire::Command command = *found;
      commands.erase(found);
      accept(command.id());
      now += from_seconds(60);
      outcome(success(command));
    }
  }

  const journal::v1::Answered& last_answer() const {
    const auto last = std::find_if(journal.rbegin(), journal.rend(), [](const Record& r) { return r.has_answered(); });
    return last->answered();
  }
  std::size_t asked_ahead() const {
    return static_cast<std::size_t>(std::count_if(
        journal.begin(), journal.end(), [](const Record& r) { return r.has_asked() && r.asked().has_ahead(); }));
  }
  std::size_t prepared() const { return state().planning.prepared.size(); }
  double temperature(std::uint64_t number) const { return state().experiment(number).at[0].number(); }
};

// Two experiments run, two suggestions are prepared, and nothing is known of how long an experiment takes: the planner
// took `s` each time.
void prepare(AheadRig& rig, double s) {
  rig.think(s);
  REQUIRE(rig.state().live.size() == 2);
  REQUIRE(rig.asked.size() == 1);
  rig.think(s);
  REQUIRE(rig.prepared() == 2);
}

// Everything in them that a planner reads.
std::string text_of(const std::vector<Observation>& observations) {
  std::string text;
  for (const Observation& one : observations) {
    text += fmt::format("{} at {} {}", one.id, fmt::join(one.at, " "), one.failed.value_or(""));
    for (const auto& measured : one.measured) text += fmt::format(" {}", measured ? measured->value : -1);
    text += "\n";
  }
  return text;
}

}  // namespace

// Goal: a planner that takes no time knows every result, and its journal holds nothing twice. Method: a whole campaign;
// each question comes with a free slot, for as many as are free, and knows all that was measured.
TEST_CASE("a planner that takes no time is asked on demand") {
  AheadRig rig(8);
  std::uint64_t next = 1;
  while (!rig.engine->over()) {
    if (rig.asked.empty()) {
      rig.measure(next++);
      continue;
    }
    const AskPlanner& ask = rig.asked.front();
    CHECK(ask.question.observations.size() == rig.state().done());
    CHECK(ask.question.count + ask.question.pending.size() <= 2);
    rig.plan();
    CHECK(rig.prepared() == 0);
  }
  CHECK(rig.state().measured == 8);
  CHECK(rig.asked_ahead() == 0);
  for (const Record& record : rig.journal) CHECK(record.answered().suggestions_size() == 0);
}

// Goal: so is one that takes next to nothing of an experiment's time. Method: 0.1 s, experiments of three minutes; only
// what is not known yet is asked ahead (how long experiments take, and how long a model does), and its answer not used.
TEST_CASE("a quick planner is asked on demand once it is known to be quick") {
  AheadRig rig(30, 4);
  prepare(rig, 0.1);
  CHECK(rig.asked_ahead() == 1);
  for (std::uint64_t number = 1; number < 10; ++number) {
    rig.measure(number);
    REQUIRE(rig.asked.size() == 1);
    CHECK_FALSE(rig.state().asking->has_ahead());
    CHECK(rig.asked.front().question.observations.size() == number);
    CHECK(rig.state().experiments.size() == number + 1);
    rig.think(0.1);
    CHECK(rig.state().experiments.size() == number + 2);
    CHECK(rig.prepared() == 0);
    if (number != 2) continue;
    REQUIRE(rig.asked.size() == 1);  // four are proposed, the design is done with: the first question to a model
    CHECK(rig.state().asking->has_ahead());
    rig.think(0.1);
    CHECK(rig.last_answer().unused());
    CHECK(rig.prepared() == 0);
  }
  CHECK(rig.asked_ahead() == 2);
}

// Goal: the design needs no model and is quick; the first question to a model is not one that instruments wait for.
// Method: two answers of the design in 0.1 s, then the model takes a minute.
TEST_CASE("how long a model takes is found out ahead") {
  AheadRig rig;
  rig.think(0.1);
  REQUIRE(rig.asked.size() == 1);  // the first question to a model; all slots are taken
  CHECK(rig.state().asking->has_ahead());
  rig.think(60);
  CHECK(rig.prepared() == 2);
  rig.measure(1);
  CHECK(rig.state().experiments.size() == 3);  // at once
}

// Goal: instruments do not wait for a slow planner, and its suggestions know what can be known. Method: a minute, in
// which half an experiment ends; every effect of one result.
TEST_CASE("a slow planner prepares, and prepares anew after each result") {
  AheadRig rig;
  prepare(rig, 60);
  const auto first = rig.state().planning.prepared[0].at(0).number(),
             second = rig.state().planning.prepared[1].at(0).number();
  rig.measure(1);
  // At once, in the turn of the result.
  CHECK(rig.state().experiments.size() == 3);
  CHECK(rig.state().experiment(3).state == ExperimentState::kRunning);
  CHECK(rig.temperature(3) == first);
  // The refreshing question knows the result, what runs, and what may well begin before its answer.
  REQUIRE(rig.asked.size() == 1);
  const PlanQuestion question = rig.asked.front().question;
  CHECK(question.observations.size() == 1);
  REQUIRE(question.pending.size() == 3);
  CHECK(question.pending[1][0] == first);
  CHECK(question.pending[2][0] == second);
  CHECK(rig.prepared() == 1);  // usable meanwhile
  rig.think(60);
  CHECK(rig.prepared() == 1 + question.count);
  CHECK(rig.state().planning.prepared[0].at(0).number() == second);
  CHECK(rig.asked.empty());  // nothing is new
  rig.measure(2);
  CHECK(rig.temperature(4) == second);
}

// Goal: prepared suggestions that are not to be used soon are replaced. Method: a planner that takes a tenth of the
// time between two ends; nothing is kept, and the answer replaces all.
TEST_CASE("what is prepared is replaced by what knows more") {
  AheadRig rig;
  prepare(rig, 10);
  rig.measure(1);
  REQUIRE(rig.asked.size() == 1);
  CHECK(rig.asked.front().question.pending.size() == 2);
  const double old = rig.state().planning.prepared[0].at(0).number();
  rig.think(10);
  CHECK(rig.prepared() == 2);
  for (const auto& one : rig.state().planning.prepared) CHECK(one.at(0).number() != old);
}

// Goal: never two suggestions that did not know of each other. Method: the same, but an experiment ends and one of the
// prepared begins while the question is open: its answer is left out, and asked for anew with that point pending.
TEST_CASE("an answer that does not know of a point under way is not used") {
  AheadRig rig;
  prepare(rig, 10);
  rig.measure(1);
  REQUIRE(rig.asked.size() == 1);
  rig.measure(2);
  CHECK(rig.state().experiments.size() == 4);
  CHECK(rig.state().answer_outdated());
  rig.plan();
  CHECK(rig.last_answer().unused());
  CHECK(rig.prepared() == 0);
  REQUIRE(rig.asked.size() == 1);
  CHECK(rig.asked.front().question.pending.back()[0] == rig.temperature(4));
  CHECK(rig.asked.front().question.observations.size() == 2);
}

// Goal: a new process goes on with what was prepared. Method: restarts with and without an open question.
TEST_CASE("what is prepared survives a restart") {
  AheadRig rig;
  prepare(rig, 60);
  const double first = rig.state().planning.prepared[0].at(0).number();
  rig.start_anew();
  CHECK(rig.prepared() == 2);
  CHECK(rig.asked.empty());
  rig.measure(1);
  CHECK(rig.temperature(3) == first);
  REQUIRE(rig.asked.size() == 1);
  const PlanQuestion question = rig.asked.front().question;
  rig.now += from_seconds(10'000);  // nobody runs the campaign: that is not how long the planner takes
  rig.start_anew();
  REQUIRE(rig.asked.size() == 1);
  CHECK(rig.asked.front().question.pending == question.pending);
  CHECK(rig.asked.front().question.seed == question.seed);
  rig.think(60);
  CHECK(rig.state().planning.took == from_seconds(60));
}

// Goal: orders hold. Method: results come in and the planner answers while the campaign is paused, and is resumed.
TEST_CASE("a paused campaign proposes nothing, and goes on with what is prepared") {
  AheadRig rig;
  prepare(rig, 60);
  rig.measure(1);
  rig.order(Rig::Order::PAUSE);
  rig.think(60);
  const std::size_t prepared = rig.prepared();
  const double first = rig.state().planning.prepared[0].at(0).number();
  rig.outcome(Rig::success(rig.take()));
  CHECK(rig.state().experiments.size() == 3);
  rig.order(Rig::Order::ABORT, Rig::Order::EXPERIMENT, "2");
  CHECK(rig.state().experiments.size() == 3);
  rig.order(Rig::Order::RESUME);
  CHECK(rig.state().experiments.size() == 4);
  CHECK(rig.temperature(4) == first);
  CHECK(rig.prepared() + 1 == prepared);
}

// Goal: no more than the campaign allows. Method: three experiments, of which two run.
TEST_CASE("no more is asked ahead than may still begin") {
  AheadRig rig(3);
  rig.think(60);
  REQUIRE(rig.asked.size() == 1);
  CHECK(rig.asked.front().question.count == 1);
  rig.think(60);
  CHECK(rig.prepared() == 1);
  rig.measure(1);
  CHECK(rig.state().experiments.size() == 3);
  CHECK(rig.asked.empty());
  rig.measure(2);
  rig.measure(3);
  CHECK(rig.state().status == CampaignState::kFinished);
}

// Goal: a space is used up only when what is prepared was tried. Method: a refreshing question gets no answer but that.
TEST_CASE("an exhausted planner leaves what is prepared to be tried") {
  AheadRig rig;
  prepare(rig, 60);
  rig.measure(1);
  REQUIRE(rig.prepared() == 1);
  PlannerSaid nothing;
  nothing.ask = rig.asked.front().ask;
  rig.asked.clear();
  rig.now += from_seconds(60);
  rig.give(nothing);
  CHECK(rig.state().exhausted);
  CHECK(rig.prepared() == 1);
  rig.measure(2);
  CHECK(rig.state().experiments.size() == 4);
  rig.measure(3);
  CHECK(rig.state().status == CampaignState::kRunning);
  rig.measure(4);
  CHECK(rig.state().status == CampaignState::kFinished);
  CHECK_THAT(rig.state().why, StartsWith("no point of the space is left"));
  CHECK(rig.asked.empty());
}

// Goal: a campaign whose planner or end was changed is planned anew. Method: the record of it between two processes.
TEST_CASE("a revision forgets what was prepared") {
  AheadRig rig;
  prepare(rig, 60);
  rig.measure(1);
  REQUIRE(rig.prepared() == 1);
  Record revised;
  revised.set_time_us(rig.journal.back().time_us());
  revised.mutable_revised();
  rig.journal.push_back(revised);
  rig.campaign.stop.experiments = 3;
  rig.start_anew();
  CHECK(rig.prepared() == 0);
  REQUIRE(rig.asked.size() == 1);
  CHECK(rig.asked.front().question.pending.size() == 2);
  rig.think(60);
  rig.measure(2);
  CHECK(rig.state().experiments.size() == 3);  // as many as are allowed now
}

// Goal: the figure of the report. Method: a campaign by hand: the first answer is waited for, another one too, and what
// is prepared ahead is not.
TEST_CASE("the time for which instruments waited for the planner is counted from the journal") {
  AheadRig rig;
  rig.think(30);
  rig.think(30);  // ahead
  CHECK(seconds(History(rig.journal).planning_wait) == 30);
  rig.measure(1);
  CHECK(seconds(History(rig.journal).planning_wait) == 30);  // at once, of what is prepared
  rig.measure(2);
  rig.measure(3);
  const double begun = seconds(rig.now.time_since_epoch());
  REQUIRE(rig.prepared() == 0);  // the question has been open for six minutes, and nothing is left
  rig.now += from_seconds(20);
  rig.restart();
  rig.now += from_seconds(40);
  rig.link_up();
  rig.plan();
  CHECK(seconds(History(rig.journal).planning_wait) == Approx(30 + 40));
  CHECK(seconds(rig.now.time_since_epoch()) == begun + 60);
}

// Goal: observations that are kept from question to question are those of the state. Method: experiments that end in
// another order than they began, before and after a result that was changed by something else than its end.
TEST_CASE("kept observations are those of the state, in its order") {
  AheadRig rig;
  rig.plan();
  ToldSoFar kept;
  const auto check = [&](const State& state) {
    CHECK(text_of(kept.of(rig.campaign.problem, state)) == text_of(observations(rig.campaign.problem, state)));
  };
  const auto failed = [](std::uint64_t number) {
    Record record;
    record.mutable_failed()->set_experiment(number);
    record.mutable_failed()->set_why("clogged");
    return record;
  };
  State state = rig.state();
  check(state);
  state.apply(failed(2));
  check(state);
  state.experiments[1].why = "it was the other one";
  ++state.planning.results;
  check(state);
  state.apply(failed(1));
  check(state);
  CHECK(kept.of(rig.campaign.problem, state).size() == 2);
}

// Goal: whatever happens, no point is tried twice unless its experiment was spoilt, and replay, snapshots and kept
// observations give the live state. Method: a planner that suggests the first points of a list which are neither known
// nor pending, so that one that did not know would double them; random times, ends, failures and restarts.
TEST_CASE("no point is ever doubled, however slow the planner") {
  std::size_t ahead = 0, unused = 0;
  for (std::uint64_t seed = 0; seed < tries(60u); ++seed) {
    CAPTURE(seed);
    RandomStream random(seed, "ahead");
    AheadRig rig(25);
    ToldSoFar kept;
    const double thinks = std::pow(10.0, random.uniform(-1, 3));
    Time answer_at{};
    for (int turn = 0; turn < 600 && !rig.engine->over(); ++turn) {
      const double dice = random.uniform();
      if (rig.asked.empty()) answer_at = rig.now + from_seconds(random.uniform(0.5, 1.5) * thinks);
      rig.now += from_seconds(random.uniform(0, 30));
      if (dice < 0.02) {
        rig.start_anew();
      } else if (!rig.asked.empty() && rig.now >= answer_at) {
        const AskPlanner ask = std::exchange(rig.asked, {}).front();
        std::set<double> known;
        for (const Observation& one : ask.question.observations) known.insert(one.at[0]);
        for (const Point& one : ask.question.pending) known.insert(one[0]);
        PlannerSaid said;
        said.ask = ask.ask;
        for (double t = 30; t <= 110 && said.plan.suggestions.size() < ask.question.count; ++t) {
          if (!known.contains(t)) said.plan.suggestions.push_back({{t, 0}, {}, "the first of the list"});
        }
        rig.give(said);
        unused += rig.last_answer().unused() ? 1 : 0;
      } else if (!rig.commands.empty()) {
        const wire::Command command = rig.take();
        rig.outcome(random.uniform() < 0.95 ? Rig::success(command)
                                            : failed_outcome(command.id(), {Fault::Kind::kSample, "clogged"}));
      }
      std::set<double> tried;
      for (const ExperimentEntry& one : rig.state().experiments) {
        if (one.state != ExperimentState::kAbandoned) REQUIRE(tried.insert(one.at[0].number()).second);
      }
      State replayed;
      for (const Record& record : rig.journal) replayed.apply(record);
      REQUIRE(replayed.canonical() == rig.state().canonical());
      REQUIRE(state_of(snapshot_of(replayed)).canonical() == replayed.canonical());
      const Problem& problem = rig.campaign.problem;
      REQUIRE(text_of(kept.of(problem, replayed)) == text_of(observations(problem, replayed)));
    }
    CHECK(rig.state().status == CampaignState::kFinished);
    ahead += rig.asked_ahead();
  }
  CHECK(ahead > tries(100u));
  CHECK(unused > tries(5u));
}

}  // namespace athanor
