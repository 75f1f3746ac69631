#include "controller/snapshot.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "controller/journal.h"
#include "controller/verify.h"
#include "core/random.h"
#include "journals.h"
#include "story.h"

namespace athanor {
namespace {

using testing::Folder;
using testing::tamper;

// Now and then a person says something of an experiment that has just ended, or of one that was done elsewhere.
std::vector<Record> with_words(const std::vector<Record>& story, RandomStream& chance) {
  std::vector<Record> out;
  std::uint64_t added = 0;
  for (const Record& record : story) {
    out.push_back(record);
    if ((!record.has_measured() && !record.has_failed()) || chance.below(3) > 0) continue;
    Record word;
    word.set_time_us(record.time_us());
    auto& observed = *word.mutable_observed();
    if (chance.below(2) == 0) {
      observed.set_experiment(record.has_measured() ? record.measured().experiment() : record.failed().experiment());
    } else {
      observed.set_added(1 + chance.below(added + 1));
      added = std::max(added, observed.added());
      *observed.mutable_at() = record.measured().values();
    }
    if (chance.below(3) == 0) observed.set_failed("clogged");
    if (chance.below(3) == 0) observed.set_withdrawn(true);
    if (observed.failed().empty()) *observed.mutable_values() = record.measured().values();
    observed.set_who("ann");
    observed.set_why("integrated anew");
    observed.set_said_us(static_cast<std::int64_t>(chance.below(1000)));
    out.push_back(std::move(word));
  }
  return out;
}

std::vector<Record> random_story(std::uint64_t seed) {
  RandomStream chance(seed, "plan");
  StoryPlan plan;
  plan.seed = seed;
  plan.experiments = 1 + chance.below(14);
  plan.fail_share = 0.3;
  plan.two_objectives = chance.below(2) == 0;
  plan.impurity_limit = chance.below(2) == 0 ? 3 : 0;
  plan.finished = chance.below(2) == 0;
  return with_words(tell(plan).records, chance);
}

std::vector<Record> long_story() {
  StoryPlan plan;
  plan.experiments = 14;
  return tell(plan).records;
}

State replay(const std::vector<Record>& records) {
  State state;
  for (const Record& record : records) state.apply(record);
  return state;
}

// A journal of `story` with a snapshot wherever one is due.
void write_story(const std::string& file, const std::vector<Record>& story, std::uint64_t snapshot_every) {
  Journal journal(file, Journal::Mode::kOpenOrCreate, Database::Sync::kNone, snapshot_every);
  State state;
  for (const Record& record : story) {
    journal.append({record});
    state.apply(record);
    journal.offer(state);
  }
}

}  // namespace

// Goal: a snapshot is the state. Method: random stories; of every prefix the state is written down and read back, is
// the same to the letter, and comes to the same end.
TEST_CASE("a snapshot gives back the state it was made of") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const std::vector<Record> story = random_story(seed);
    const std::string end = replay(story).canonical();
    State state;
    for (std::size_t k = 0; k < story.size(); ++k) {
      state.apply(story[k]);
      const std::string bytes = snapshot_of(state);
      State back = state_of(bytes);
      REQUIRE(back.canonical() == state.canonical());
      REQUIRE(snapshot_of(back) == bytes);
      for (std::size_t rest = k + 1; rest < story.size(); ++rest) back.apply(story[rest]);
      REQUIRE(back.canonical() == end);
    }
  }
}

// Goal: a start gives the state that lived, with and without snapshots. Method: random stories, snapshots of every
// frequency; the journal is opened anew after every record.
TEST_CASE("a start from a snapshot gives the live state, at every record") {
  for (std::uint64_t seed = 20; seed < 26; ++seed) {
    Folder folder;
    RandomStream chance(seed, "every");
    const std::uint64_t every = 1 + chance.below(30);
    CAPTURE(seed, every);
    State live;
    std::size_t from_snapshots = 0;
    for (const Record& record : random_story(seed)) {
      Journal journal(folder.file("j"), Journal::Mode::kOpenOrCreate, Database::Sync::kNone, every);
      const Journal::Restored restored = journal.restore();
      REQUIRE(restored.state.canonical() == live.canonical());
      REQUIRE(restored.unfit.empty());
      if (restored.snapshot > 0) ++from_snapshots;
      journal.append({record});
      live.apply(record);
      journal.offer(live);
    }
    CHECK(from_snapshots > 0);
    Journal journal(folder.file("j"), Journal::Mode::kRead);
    const Verdict verdict = verify(journal);
    CHECK(verdict.damage.empty());
    CHECK(verdict.state_hash == live.hash());
    CHECK(verdict.snapshots_named == verdict.snapshots_compared);
    CHECK(verdict.snapshots_kept <= 2);
  }
}

// Goal: snapshots cost a part of what records cost, and few are kept. Method: their sizes and distances in one journal.
TEST_CASE("snapshots become rarer as a journal grows, and two are kept") {
  Folder folder;
  Journal journal(folder.file("j"), Journal::Mode::kOpenOrCreate, Database::Sync::kNone, 10);
  State state;
  std::vector<std::uint64_t> taken;
  for (int i = 0; i < 2000; ++i) {
    journal.append({testing::alarm(i)});
    state.apply(testing::alarm(i));
    journal.offer(state);
    if (const auto last = journal.last(Record::kSnapshot); last > 0 && (taken.empty() || taken.back() != last))
      taken.push_back(last);
  }
  CHECK(taken.front() == 11);
  CHECK(taken.size() < 30);
  for (std::size_t i = 1; i < taken.size(); ++i)
    CHECK(taken[i] - taken[i - 1] >= std::max<std::uint64_t>(10, taken[i - 1] / 4));
  const auto kept = journal.snapshots();
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].at == taken.back());
  CHECK(kept[1].at == taken[taken.size() - 2]);
  journal.take_snapshot(state);
  const std::uint64_t size = journal.size();
  journal.take_snapshot(state);
  CHECK(journal.size() == size);  // nothing came since
}

// Goal: a snapshot that was changed, cut, swapped or put in is found and does no harm. Method: each done by SQL; the
// start comes to the same state from an earlier one or from none, and `verify` names the record.
TEST_CASE("an unfit snapshot is left out and told of") {
  Folder folder;
  const std::vector<Record> story = long_story();
  write_story(folder.file("j"), story, 15);
  const State live = replay(story);
  std::uint64_t newest = 0, older = 0;
  {
    Journal journal(folder.file("j"));
    REQUIRE(journal.snapshots().size() == 2);
    newest = journal.snapshots()[0].at;
    older = journal.snapshots()[1].at;
  }
  const auto [sql, snapshot, found] = GENERATE_COPY(table<std::string, std::uint64_t, std::uint64_t>({
      {fmt::format("UPDATE snapshot SET state = zeroblob(length(state)) WHERE seq = {}", newest), older, newest},
      {fmt::format("UPDATE snapshot SET state = substr(state, 1, length(state) - 1) WHERE seq = {}", newest), older,
       newest},
      {fmt::format("UPDATE snapshot SET state = (SELECT state FROM snapshot WHERE seq = {}) WHERE seq = {}", older,
                   newest),
       older, newest},
      {"UPDATE snapshot SET state = x''", 0, older},
      {fmt::format("UPDATE snapshot SET seq = seq - 1 WHERE seq = {}", older), newest, older - 1},
  }));
  CAPTURE(sql);
  tamper(folder.file("j"), sql);
  Journal journal(folder.file("j"));
  const Journal::Restored restored = journal.restore();
  CHECK(restored.snapshot == snapshot);
  CHECK(restored.state.canonical() == live.canonical());
  const Verdict verdict = verify(journal);
  REQUIRE_FALSE(verdict.damage.empty());
  CHECK(verdict.damage.front().at == found);
  CHECK(verdict.state_hash == live.hash());
  CHECK(verdict.state_hash_of_start == live.hash());
  journal.append({testing::alarm(1)});  // it goes on
}

// Goal: what a snapshot says must be what the records give. Method: one of another state, named by a record of the
// chain as a faulty program would write it; and records cut off behind a snapshot, which the chain alone cannot show.
TEST_CASE("verify finds a snapshot of another state, and records that were cut off") {
  Folder folder;
  const std::vector<Record> story = long_story();
  write_story(folder.file("j"), story, 15);
  {
    Journal journal(folder.file("j"));
    State other = replay(story);
    other.alarms += 1;
    journal.take_snapshot(other);
    const Verdict verdict = verify(journal);
    REQUIRE(verdict.damage.size() == 2);
    CHECK(verdict.damage.front().at == journal.size());
    CHECK(verdict.damage.front().what.find("not the state at that place") != std::string::npos);
    CHECK(verdict.state_hash != verdict.state_hash_of_start);
  }
  tamper(folder.file("j"), "DELETE FROM record WHERE seq > 20");
  Journal cut(folder.file("j"));
  CHECK(cut.size() == 20);
  CHECK(cut.broken_at() == 21u);
  CHECK_THROWS_WITH(cut.require_whole(), Catch::Contains("record 21 is missing"));
  const Verdict verdict = verify(cut);
  REQUIRE(verdict.damage.size() == 1);
  CHECK(verdict.damage.front().at == 21);
}

// Goal: who can recompute the chain can write what no engine would have; it is named, not run into. Method: records
// that the tables forbid, that name what is not there, or hold events that are none.
TEST_CASE("a record that cannot follow those before it is named") {
  const auto [what, spoil] = GENERATE(table<std::string, void (*)(Record&)>({
      {"no record began", [](Record& r) { r.mutable_command()->set_id("never intended"); }},
      {"was never proposed", [](Record& r) { r.mutable_measured()->set_experiment(7); }},
      {"in state “new”", [](Record& r) { r.mutable_campaign()->set_event(2); }},
      {"event 99", [](Record& r) { r.mutable_campaign()->set_event(99); }},
  }));
  CAPTURE(what);
  Folder folder;
  Record opened, foreign;
  opened.mutable_opened()->set_campaign("c");
  spoil(foreign);
  Journal journal(folder.file("j"));
  journal.append({opened, foreign});
  CHECK_FALSE(journal.broken_at());
  const Verdict verdict = verify(journal);
  REQUIRE(verdict.damage.size() == 1);
  CHECK(verdict.damage[0].at == 2);
  CHECK_THAT(verdict.damage[0].what, Catch::Contains(what));
  CHECK_THROWS_WITH(journal.restore(), Catch::Contains("record 2 cannot follow") && Catch::Contains(what));
}

// Goal: a snapshot of another version of the program is no damage, and is not used. Method: named with another version.
TEST_CASE("a snapshot of another version is not used") {
  Folder folder;
  const std::vector<Record> story = long_story();
  const std::string bytes = snapshot_of(replay(story));
  {
    Journal journal(folder.file("j"));
    journal.append(story);
    Record named;
    named.mutable_snapshot()->set_version(kStateVersion + 1);
    named.mutable_snapshot()->set_sha256(sha256(bytes));
    journal.append({named});
  }
  tamper(folder.file("j"), fmt::format("INSERT INTO snapshot VALUES ({}, x'{}')", story.size() + 1, hex(bytes)));
  Journal journal(folder.file("j"));
  const Journal::Restored restored = journal.restore();
  CHECK(restored.snapshot == 0);
  CHECK(restored.unfit.empty());
  CHECK(restored.state.canonical() == replay(story).canonical());
  const Verdict verdict = verify(journal);
  CHECK(verdict.damage.empty());
  CHECK(verdict.snapshots_of_other_version == 1);
}

}  // namespace athanor
