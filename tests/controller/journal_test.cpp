#include "controller/journal.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "controller/session.h"
#include "controller/verify.h"
#include "core/error.h"
#include "fixture.h"
#include "journals.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;
using testing::alarm;
using testing::all;
using testing::Folder;

}  // namespace

// Goal: what was appended is read back, in order, after reopening. Method: several commits of several records.
TEST_CASE("a journal gives back what was appended") {
  Folder folder;
  for (int open = 0; open < 3; ++open) {
    Journal journal(folder.file("j"));
    CHECK(all(journal).size() == static_cast<std::size_t>(4 * open));
    journal.append({alarm(4 * open), alarm(4 * open + 1)});
    journal.append({});
    journal.append({alarm(4 * open + 2), alarm(4 * open + 3)});
  }
  Journal journal(folder.file("j"));
  const auto records = all(journal);
  REQUIRE(records.size() == 12);
  for (int i = 0; i < 12; ++i)
    CHECK(records[static_cast<std::size_t>(i)].SerializeAsString() == alarm(i).SerializeAsString());
}

// Goal: a changed, missing, swapped or added line is found, and where. Method: each done to a copy by SQL.
TEST_CASE("the chain finds every tampering") {
  Folder folder;
  {
    Journal journal(folder.file("j"));
    for (int i = 0; i < 6; ++i) journal.append({alarm(i)});
  }
  const auto [sql, broken_at] = GENERATE(table<std::string, std::uint64_t>({
      {"UPDATE record SET body = (SELECT body FROM record WHERE seq = 1) WHERE seq = 3", 3},
      {"DELETE FROM record WHERE seq = 2", 2},
      {"UPDATE record SET seq = CASE seq WHEN 4 THEN -5 ELSE -4 END WHERE seq IN (4, 5); UPDATE record SET seq = -seq "
       "WHERE seq < 0",
       4},
      {"UPDATE record SET chain = zeroblob(32) WHERE seq = 6", 6},
      {"INSERT INTO record SELECT 7, body, chain FROM record WHERE seq = 6", 7},
  }));
  testing::tamper(folder.file("j"), sql);
  Journal journal(folder.file("j"));
  CHECK(journal.broken_at() == broken_at);
  CHECK(journal.size() == broken_at - 1);
  CHECK(journal.restore().state.alarms == broken_at - 1);
  CHECK_THROWS_WITH(journal.require_whole(),
                    Catch::Contains("damaged") && Catch::Contains("record " + std::to_string(broken_at)));
}

// Goal: two controllers never share a journal. Method: opened twice.
TEST_CASE("a journal in use cannot be opened") {
  Folder folder;
  Journal journal(folder.file("j"));
  journal.append({alarm(1)});
  CHECK_THROWS_WITH(Journal(folder.file("j")), Catch::Contains("in use"));
}

// Goal: other files are not mistaken for journals, nor harmed. Method: text, an empty path, another database.
TEST_CASE("what is not a journal is refused") {
  Folder folder;
  const std::string text(5000, 'x');
  std::ofstream(folder.file("text")) << text;
  CHECK_THROWS_AS(Journal(folder.file("text")), EnvironmentError);
  std::ifstream back(folder.file("text"));
  CHECK(std::string(std::istreambuf_iterator<char>(back), {}) == text);
  {
    Database other(folder.file("other"), Database::Sync::kFull, true);
    other.execute("CREATE TABLE t (a)");
  }
  CHECK_THROWS_WITH(Journal(folder.file("other")), Catch::Contains("not an Athanor journal"));
  CHECK_THROWS_WITH(Journal(folder.file("none"), Journal::Mode::kRead), Catch::Contains("there is no journal"));
  CHECK_FALSE(fs::exists(folder.file("none")));
  CHECK_THROWS_AS(Journal(folder.file("no/such/folder/j")), EnvironmentError);
}

// Goal: no record goes where the next run would not find it. Method: the file renamed, and put back.
TEST_CASE("a journal that is not under its name any more takes no records") {
  Folder folder;
  Journal journal(folder.file("j"));
  fs::rename(folder.file("j"), folder.file("away"));
  CHECK_THROWS_WITH(journal.append({alarm(1)}), Catch::Contains("was removed or renamed"));
  fs::rename(folder.file("away"), folder.file("j"));
  journal.append({alarm(1)});
  CHECK(journal.size() == 1);
}

// Goal: a full disk is an error that names it, and what was acknowledged stays. Method: a limit on the size of files
// that this process may write, as a full disk would set it.
TEST_CASE("a full disk loses nothing that was acknowledged") {
  Folder folder;
  Record large = alarm(0);
  large.mutable_alarm()->set_text(std::string(20000, 'y'));
  int pipe_ends[2];
  REQUIRE(pipe(pipe_ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);  // then a write past the limit fails as on a full disk
    const rlimit limit{400000, 400000};
    setrlimit(RLIMIT_FSIZE, &limit);
    try {
      Journal journal(folder.file("j"));
      for (;;) {
        journal.append({large});
        if (write(pipe_ends[1], "x", 1) != 1) _exit(1);
      }
    } catch (const EnvironmentError&) {
      _exit(42);
    }
  }
  close(pipe_ends[1]);
  std::size_t acknowledged = 0;
  char byte = 0;
  while (read(pipe_ends[0], &byte, 1) == 1) ++acknowledged;
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
  CHECK(acknowledged > 5);
  Journal journal(folder.file("j"));
  CHECK(all(journal).size() == acknowledged);
  journal.append({large});  // and with room again, it goes on
}

// Goal: a killed writer loses nothing acknowledged. Method: a child appends and acknowledges over a pipe until it is
// killed.
TEST_CASE("a killed writer loses nothing that was acknowledged") {
  Folder folder;
  for (int round = 0; round < 5; ++round) {
    const std::string file = folder.file("j" + std::to_string(round));
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
      Journal journal(file);
      for (int i = 0;; ++i) {
        journal.append({alarm(i)});
        if (write(pipe_ends[1], "x", 1) != 1) _exit(1);
      }
    }
    close(pipe_ends[1]);
    std::size_t acknowledged = 0;
    char byte = 0;
    while (acknowledged < static_cast<std::size_t>(20 + 37 * round) && read(pipe_ends[0], &byte, 1) == 1)
      ++acknowledged;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(pipe_ends[0], &byte, 1) == 1) ++acknowledged;
    close(pipe_ends[0]);
    Journal journal(file);
    const auto records = all(journal);
    CHECK(records.size() >= acknowledged);
    CHECK(records.size() <= acknowledged + 1);
  }
}

// Goal: a journal goes on only with its own campaign. Method: another name, seed, space; a changed budget.
TEST_CASE("a journal belongs to one campaign") {
  Folder folder;
  const Lab lab = parse_lab(testing::kLab, "lab.yaml", ".");
  const std::string text = testing::kCampaign;
  const auto open = [&](std::string changed, std::optional<std::uint64_t> seed = std::nullopt) {
    Journal journal(folder.file("j"));
    return open_campaign(journal, journal.restore().state, parse_campaign(changed, "c.yaml", "."), lab, {seed, "n"},
                         Time{});
  };
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    return changed.replace(changed.find(from), from.size(), to);
  };
  CHECK(open(text, 7).seed == 7);
  CHECK(open(text).seed == 7);
  CHECK_THROWS_WITH(open(with("small", "other")), Catch::Contains("belongs to campaign"));
  CHECK_THROWS_WITH(open(text, 8), Catch::Contains("begun with --seed 7"));
  CHECK_THROWS_WITH(open(with("110 degC", "120 degC")), Catch::Contains("not those of journal"));
  open(with("experiments: 3", "experiments: 9"));
  Journal journal(folder.file("j"));
  const auto records = all(journal);
  REQUIRE(records.size() == 2);
  CHECK(records[1].has_revised());
  CHECK(campaign_of(journal).stop.experiments == 9u);
}

// Goal: a journal of a campaign with descriptors can be read without their table, and goes on only with the same one.
// Method: the table removed, then put back with another number.
TEST_CASE("a journal keeps the descriptors of its choices") {
  Folder folder;
  const Lab lab = parse_lab(testing::kLab, "lab.yaml", ".");
  std::string text = testing::kCampaign;
  const std::string list = "choices: [XPhos, SPhos]";
  text.replace(text.find(list), list.size(), "descriptors: ligands.csv");
  const auto write = [&](const std::string& csv) { std::ofstream(folder.file("ligands.csv")) << csv; };
  const auto open = [&](const std::string& changed) {
    Journal journal(folder.file("j"));
    return open_campaign(journal, journal.restore().state, parse_campaign(changed, "c.yaml", folder.path.string()), lab,
                         {7, "n"}, Time{});
  };
  write("ligand,cone\nXPhos,256\nSPhos,240\n");
  open(text);
  std::filesystem::remove(folder.file("ligands.csv"));
  {
    Journal journal(folder.file("j"));
    const Campaign campaign = campaign_of(journal);
    REQUIRE(campaign.problem.space.size() == 2);
    CHECK(campaign.steps.size() == 3);
    const auto& choices = std::get<Choices>(campaign.problem.space[1].kind);
    CHECK(choices.names == std::vector<std::string>{"XPhos", "SPhos"});
    CHECK(choices.descriptors == std::vector<std::vector<double>>{{1}, {0}});
  }
  write("ligand,cone\nXPhos,256\nSPhos,260\n");
  CHECK_THROWS_WITH(open(text), Catch::Contains("candidates or descriptors"));
  write("ligand,cone\nXPhos,256\nSPhos,240\n");
  std::string longer = text;
  open(longer.replace(longer.find("experiments: 3"), 14, "experiments: 9"));
  std::string warmer = text;
  CHECK_THROWS_WITH(open(warmer.replace(warmer.find("110 degC"), 8, "120 degC")), Catch::Contains("not those of"));
}

// Goal: a journal in use is copied as it stands, and goes on. Method: copied after every commit, snapshots between;
// each copy is whole, gives the state of its time, and goes on by itself.
TEST_CASE("a journal in use is backed up") {
  Folder folder;
  Journal journal(folder.file("j"), Journal::Mode::kOpenOrCreate, Database::Sync::kFull, /*snapshot_every=*/5);
  State state;
  for (int i = 0; i < 12; ++i) {
    journal.append({alarm(2 * i), alarm(2 * i + 1)});
    state.apply(alarm(2 * i));
    state.apply(alarm(2 * i + 1));
    journal.offer(state);
    const std::string copy = folder.file("copy" + std::to_string(i));
    journal.back_up(copy);
    const std::uint64_t then = journal.size();
    journal.append({alarm(100)});
    state.apply(alarm(100));
    Journal back(copy);
    CHECK(back.size() == then);
    CHECK(verify(back).damage.empty());
    CHECK(back.restore().state.alarms == state.alarms - 1);
    back.append({alarm(7)});
  }
  CHECK(verify(journal).damage.empty());
}

// Goal: a backup harms nothing, and is whole or not there. Method: onto an existing file, a dangling link, a folder
// that is not there; on a disk that is full (a limit on the size of files) after every so many bytes.
TEST_CASE("a backup that fails leaves nothing") {
  Folder folder;
  Journal journal(folder.file("j"));
  for (int i = 0; i < 300; ++i) journal.append({alarm(i)});
  std::ofstream(folder.file("there")) << "precious";
  CHECK_THROWS_WITH(journal.back_up(folder.file("there")), Catch::Contains("is there already"));
  CHECK(fs::file_size(folder.file("there")) == 8);
  fs::create_symlink("nowhere", folder.file("dangling"));
  CHECK_THROWS_WITH(journal.back_up(folder.file("dangling")), Catch::Contains("is there already"));
  CHECK_THROWS_AS(journal.back_up(folder.file("no/such/folder/k")), EnvironmentError);
  for (rlim_t limit = 0; limit < 50'000; limit += 7000) {
    CAPTURE(limit);
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit few{limit, limit};
      setrlimit(RLIMIT_FSIZE, &few);
      try {
        journal.back_up(folder.file("k"));
      } catch (const EnvironmentError&) {
        _exit(42);
      }
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    CHECK((done || (WIFEXITED(status) && WEXITSTATUS(status) == 42)));
    CHECK(fs::exists(folder.file("k")) == done);
    CHECK_FALSE(fs::exists(folder.file("k.part")));
    if (!done) continue;
    Journal copy(folder.file("k"), Journal::Mode::kRead);
    CHECK(all(copy).size() == 300);
    fs::remove(folder.file("k"));
  }
}

}  // namespace athanor
