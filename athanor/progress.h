// What a person sees while a campaign runs: a block that is redrawn on a terminal, plain lines elsewhere.
#pragma once

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "controller/campaign.h"
#include "controller/state.h"

namespace athanor {

class Progress {
 public:
  /// Writes to `out`; a block that is redrawn in place where `out` is a terminal.
  Progress(const Campaign& campaign, std::FILE* out);
  /// What `records` brought; now: laboratory time.
  void show(const State& state, const std::vector<Record>& records, Time now);
  /// What an instrument's sensors show, until the next such message.
  void note(const wire::Telemetry& telemetry);
  /// The block goes, and two lines stay: what was done, and the best in full.
  void finish(const State& state);
  /// A line of its own, above the block.
  void say(const std::string& line);

 private:
  void say_record(const State& state, const Record& record);
  void draw(const State& state, Time now);
  void erase();
  void put(const std::string& text);
  std::vector<std::string> block(const State& state, Time now) const;
  std::string best_line(const State& state) const;

  const Campaign& campaign_;
  std::FILE* out_;
  bool terminal_;
  std::map<std::string, std::string> readings_;  ///< instrument → "80.2 degC"
  std::size_t drawn_ = 0;                        ///< lines of the block on the screen
  double drawn_at_ = 0;                          ///< monotonic seconds
};

/// "temperature 82.4 degC, ligand XPhos"
std::string describe_point(const std::vector<wire::Value>& at);
/// "3 d 4 h", "12 min", "8.2 s"
std::string describe_duration(Duration duration);

}  // namespace athanor
