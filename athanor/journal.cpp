// athanor replay and athanor export: what a journal tells.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "athanor/commands.h"
#include "athanor/progress.h"
#include "controller/export.h"
#include "controller/report.h"
#include "controller/session.h"
#include "controller/verify.h"

namespace athanor {
namespace {

std::string chain_of(const Journal& journal) {
  return journal.broken_at() ? fmt::format("broken at record {}", *journal.broken_at()) : "ok";
}

nlohmann::json verdict_json(const Verdict& verdict, const std::string& chain) {
  nlohmann::json out = {{"events", verdict.events},
                        {"state_hash", verdict.state_hash},
                        {"state_hash_of_start", verdict.state_hash_of_start},
                        {"chain", chain},
                        {"snapshots",
                         {{"named", verdict.snapshots_named},
                          {"compared", verdict.snapshots_compared},
                          {"of_other_version", verdict.snapshots_of_other_version},
                          {"kept", verdict.snapshots_kept}}},
                        {"sound", verdict.damage.empty()},
                        {"damage", nlohmann::json::array()}};
  for (const Verdict::Damage& found : verdict.damage)
    out["damage"].push_back({{"record", found.at}, {"what", found.what}});
  return out;
}

void print_verdict(const Verdict& verdict, const std::string& file) {
  fmt::print("chain       {}\n", verdict.broken_at ? fmt::format("broken at record {}", *verdict.broken_at)
                                                   : fmt::format("whole: each of {} records fits", verdict.events));
  fmt::print("snapshots   {} named by records, {} of them compared with the state at their place",
             verdict.snapshots_named, verdict.snapshots_compared);
  if (verdict.snapshots_of_other_version > 0)
    fmt::print(" ({} are of another version of the program, and not used)", verdict.snapshots_of_other_version);
  fmt::print("; {} kept, held against their names\n", verdict.snapshots_kept);
  fmt::print("state hash  {} from all records\n            {} as a start comes to it\n", verdict.state_hash,
             verdict.state_hash_of_start);
  for (const Verdict::Damage& found : verdict.damage) fmt::print("DAMAGE      {}\n", found.what);
  if (verdict.damage.empty()) {
    fmt::print("“{}” is sound\n", file);
  } else {
    fmt::print("“{}” is not sound from record {} on; docs/durability.md tells what to do\n", file,
               verdict.damage.front().at);
  }
}

}  // namespace

int replay_journal(const std::string& file, bool json) {
  Journal journal(file, Journal::Mode::kRead);
  const State state = journal.restore().state;
  const std::string chain = chain_of(journal);
  if (json) {
    fmt::print("{}\n",
               nlohmann::json{{"events", journal.size()}, {"state_hash", state.hash()}, {"chain", chain}}.dump());
  } else {
    fmt::print("campaign    {}, {}\n", state.campaign, to_string(state.status));
    fmt::print("experiments {} measured, {} failed, {} abandoned, {} under way\n", state.measured, state.failed,
               state.abandoned, state.live.size());
    fmt::print("time        {} of laboratory time\n", describe_duration(state.lab_time()));
    fmt::print("events      {}\nstate hash  {}\nchain       {}\n", journal.size(), state.hash(), chain);
  }
  return journal.broken_at() ? 3 : 0;
}

int verify_journal(const std::string& file, bool json) {
  try {
    Journal journal(file, Journal::Mode::kRead);
    const Verdict verdict = verify(journal);
    if (json) {
      fmt::print("{}\n", verdict_json(verdict, chain_of(journal)).dump());
    } else {
      print_verdict(verdict, file);
    }
    return verdict.damage.empty() ? 0 : 1;
  } catch (const EnvironmentError& error) {  // what cannot be read is not sound
    print_error(error.what());
    return 1;
  }
}

int export_journal(const std::string& file, const std::string& format) {
  Journal journal(file, Journal::Mode::kRead);
  journal.require_whole();
  const Campaign campaign = campaign_of(journal);
  History history;
  journal.each([&](const Record& record) { history.read(record); });
  if (format == "csv") fmt::print("{}", export_csv(campaign, history));
  if (format == "json") fmt::print("{}\n", export_json(campaign, history).dump(2));
  if (format == "html") fmt::print("{}", render_report(export_json(campaign, history)));
  return 0;
}

}  // namespace athanor
