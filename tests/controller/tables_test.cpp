#include "controller/tables.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

namespace athanor {
namespace {

// A table as a person would write it on paper: a row a state, a word an event; “.” is ignored, “!” is a bug.
template <class State, class Event>
void compare(const TransitionTable<State, Event>& table, const std::vector<std::string>& paper) {
  REQUIRE(paper.size() == table.kStates);
  for (std::size_t s = 0; s < table.kStates; ++s) {
    std::istringstream words(paper[s]);
    for (std::size_t e = 0; e < table.kEvents; ++e) {
      std::string word;
      REQUIRE(words >> word);
      const Cell cell = table.at(static_cast<State>(s), static_cast<Event>(e));
      CAPTURE(s, e, word);
      if (word == ".") {
        CHECK(cell.kind == Cell::Kind::kIgnore);
        CHECK(next(table, static_cast<State>(s), static_cast<Event>(e)) == static_cast<State>(s));
      } else if (word == "!") {
        CHECK(cell.kind == Cell::Kind::kForbidden);
      } else {
        CHECK(cell.kind == Cell::Kind::kGo);
        CHECK(to_string(next(table, static_cast<State>(s), static_cast<Event>(e))) == word);
      }
    }
  }
}

// True if `body` aborts; what it says on the way is swallowed.
template <class Body>
bool aborts(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    std::freopen("/dev/null", "w", stderr);
    std::signal(SIGABRT, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

// Every forbidden cell of `table` must abort when it is entered.
template <class State, class Event>
void enter_forbidden_cells(const TransitionTable<State, Event>& table) {
  for (std::size_t s = 0; s < table.kStates; ++s) {
    for (std::size_t e = 0; e < table.kEvents; ++e) {
      if (table.cells[s][e].kind != Cell::Kind::kForbidden) continue;
      CAPTURE(s, e);
      CHECK(aborts([&] { next(table, static_cast<State>(s), static_cast<Event>(e)); }));
    }
  }
}

}  // namespace

// Goal: the transition tables are those of the design. Method: every cell against a table written by hand.
TEST_CASE("every cell of every transition table") {
  SECTION("campaign: start, ask stop, drained, complete, pause, resume") {
    compare(kCampaignTable, {
                                "running ! ! ! ! !",               // new
                                ". stopping ! finished paused .",  // running
                                "running . stopped finished . .",  // stopping
                                "running . ! ! . .",               // stopped
                                "running . ! ! . .",               // finished
                                ". stopping ! ! . running",        // paused
                            });
  }
  SECTION("hold: pause, resume, stop, abort, halt") {
    compare(kHoldTable, {
                            "paused . stopping aborting halted",  // free
                            ". free stopping aborting halted",    // paused
                            ". free . aborting halted",           // stopping
                            ". free . . halted",                  // aborting
                            ". free . . .",                       // halted
                        });
  }
  SECTION("experiment: approve, begin, measure, fail, abandon") {
    compare(kExperimentTable, {
                                  "approved ! ! ! abandoned",       // proposed
                                  ". running ! ! abandoned",        // approved
                                  "! ! measured failed abandoned",  // running
                                  "! ! ! ! !",                      // measured
                                  "! ! ! ! !",                      // failed
                                  "! ! ! ! !",                      // abandoned
                              });
  }
  SECTION("command: accept, send again, finish, fail, interrupt, doubt, vouch, settle") {
    compare(kCommandTable, {
                               "accepted . done failed interrupted doubtful ! !",  // intended
                               ". intended done failed interrupted doubtful ! !",  // accepted
                               ". ! . . . . ! !",                                  // done
                               ". ! . . . . done .",                               // failed
                               ". ! . . . . done .",                               // interrupted
                               ". ! . . . . done failed",                          // doubtful
                           });
  }
  SECTION("instrument: link up, link down, take, release") {
    compare(kInstrumentTable, {
                                  "idle . ! !",        // offline
                                  ". offline busy !",  // idle
                                  ". lost ! idle",     // busy
                                  "busy . ! offline",  // lost
                              });
  }
}

// Goal: a forbidden transition never goes unnoticed. Method: each is entered in a child process, which must abort.
TEST_CASE("every forbidden cell aborts") {
  enter_forbidden_cells(kCampaignTable);
  enter_forbidden_cells(kExperimentTable);
  enter_forbidden_cells(kCommandTable);
  enter_forbidden_cells(kInstrumentTable);
}

// Goal: recovery is the table of the design. Method: every row, for steps that may and may not be repeated.
TEST_CASE("every row of the recovery table") {
  for (const bool repeatable : {false, true}) {
    CHECK(recovery(Answer::kFinished, repeatable) == Recovery::kRecordOutcome);
    CHECK(recovery(Answer::kRunning, repeatable) == Recovery::kWait);
    CHECK(recovery(Answer::kNeverSeen, repeatable) == Recovery::kSendAgain);
    CHECK(recovery(Answer::kSilent, repeatable) == Recovery::kAlarm);
  }
  CHECK(recovery(Answer::kInterrupted, true) == Recovery::kRepeat);
  CHECK(recovery(Answer::kInterrupted, false) == Recovery::kDoubt);
}

}  // namespace athanor
