// athanor replay and athanor export: what a journal tells.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "athanor/commands.h"
#include "athanor/progress.h"
#include "controller/export.h"
#include "controller/report.h"
#include "controller/session.h"

namespace athanor {
int replay_journal(const std::string& file, bool json) {
  Journal journal(file, Journal::Mode::kRead);
  const Journal::Contents contents = journal.read();
  const State state = replay(contents.records);
  const std::string chain = contents.broken_at ? fmt::format("broken at record {}", *contents.broken_at) : "ok";
  if (json) {
    fmt::print(
        "{}\n",
        nlohmann::json{{"events", contents.records.size()}, {"state_hash", state.hash()}, {"chain", chain}}.dump());
  } else {
    fmt::print("campaign    {}, {}\n", state.campaign, to_string(state.status));
    fmt::print("experiments {} measured, {} failed, {} abandoned, {} under way\n", state.measured, state.failed,
               state.abandoned, state.live.size());
    fmt::print("time        {} of laboratory time\n", describe_duration(state.lab_time()));
    fmt::print("events      {}\nstate hash  {}\nchain       {}\n", contents.records.size(), state.hash(), chain);
  }
  return contents.broken_at ? 3 : 0;
}

int export_journal(const std::string& file, const std::string& format) {
  Journal journal(file, Journal::Mode::kRead);
  const std::vector<Record> records = journal.records();
  const Campaign campaign = campaign_of(records);
  if (format == "csv") fmt::print("{}", export_csv(campaign, records));
  if (format == "json") fmt::print("{}\n", export_json(campaign, records).dump(2));
  if (format == "html") fmt::print("{}", render_report(export_json(campaign, records)));
  return 0;
}

}  // namespace athanor
