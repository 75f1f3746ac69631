// What a journal's records tell, gathered by experiment: the life of each with its commands, for exports and reports.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/observed.h"
#include "controller/tables.h"
#include "core/clock.h"
#include "proto/journal.pb.h"

namespace athanor {

struct CommandLife {
  driver::v1::Command command;
  std::uint32_t step = 0, attempt = 1;
  CommandState state = CommandState::kIntended;
  Time start{};  ///< when it was last accepted; when it was intended until then
  std::optional<Time> end;
  std::string why;                             ///< it did not end well
  std::vector<driver::v1::Value> arrays = {};  ///< that it made, and where they are
};

/// What a person said of an experiment.
struct Word {
  Time time{};
  std::vector<driver::v1::Value> at;  ///< of one that was done elsewhere
  Correction told;
};

struct ExperimentLife {
  journal::v1::Proposed proposed;
  ExperimentState state = ExperimentState::kProposed;
  Time proposed_at{};
  std::optional<Time> started, ended;
  std::string place;
  std::string why;  ///< it failed or was abandoned
  std::vector<driver::v1::Value> measured;
  std::vector<journal::v1::Flag> flags;  ///< of these
  std::vector<Word> corrections;         ///< the newest counts
  std::vector<CommandLife> commands;
};
Counted what_counts(const ExperimentLife& life);

struct Happening {
  Time time{};
  std::string about, text;
};

struct KnownInstrument {
  std::string driver, kind;
};

/// Unlike State, which is what the engine must know now, it forgets nothing that a reader wants to see afterwards.
/// Reads leniently: an export of an odd journal is better than none, and the journal's own reader is the one that
/// refuses.
struct History {
  bool empty = true;  ///< no record was read
  Time opened{}, last{};
  std::uint64_t seed = 0;
  CampaignState status = CampaignState::kNew;
  std::string why;                                      ///< it stopped or finished
  std::map<std::uint64_t, ExperimentLife> experiments;  ///< by number
  std::map<std::uint64_t, std::vector<Word>> added;     ///< those done elsewhere, by number; the newest counts
  std::map<std::string, KnownInstrument> instruments;   ///< by id
  std::vector<Happening> alarms;
  std::vector<Happening> notes;  ///< the planner's, people's, and of instruments that came back
  /// How long an experiment could have begun, the campaign ran, and the planner was still thinking. Time without a
  /// controller does not count.
  Duration planning_wait{0};

  History() = default;
  /// Of records in memory. What is kept in a journal is shown to `read` one by one: `journal.each(...)`.
  History(const std::vector<journal::v1::Record>& records);
  void read(const journal::v1::Record& record);

 private:
  void wait_for_planner(const journal::v1::Record& record, Time time);
  void end(std::uint64_t number, ExperimentState state, Time time, const std::string& reason = {});
  void move_campaign(CampaignEvent event, const std::string& reason);
  void move(const journal::v1::CommandMoved& moved, Time time);

  bool asking_ = false;       // a question to the planner is open
  std::int64_t waiting_ = 0;  // so many experiments could begin, had it been answered …
  std::int64_t allowed_ = 0;  // … if the campaign's limit allows as many
  std::map<std::string, std::pair<std::uint64_t, std::size_t>> command_at_;  // id → experiment, index in its commands
};

}  // namespace athanor
