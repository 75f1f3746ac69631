// athanor replay and athanor export: what a journal tells.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "athanor/arrays.h"
#include "athanor/commands.h"
#include "athanor/progress.h"
#include "controller/export.h"
#include "controller/report.h"
#include "controller/session.h"
#include "controller/verify.h"
#include "data_store/array_reader.h"

namespace athanor {
namespace {

std::string chain_of(const Journal& journal) {
  return journal.broken_at() ? fmt::format("broken at record {}", *journal.broken_at()) : "ok";
}

// The same of all of them would fill the screen, and is in --json.
constexpr std::size_t kMostLostShown = 20;

nlohmann::json verdict_json(const Verdict& verdict, const std::string& chain, const std::string& folder) {
  nlohmann::json out = {{"events", verdict.events},
                        {"state_hash", verdict.state_hash},
                        {"state_hash_of_start", verdict.state_hash_of_start},
                        {"chain", chain},
                        {"snapshots",
                         {{"named", verdict.snapshots_named},
                          {"compared", verdict.snapshots_compared},
                          {"of_other_version", verdict.snapshots_of_other_version},
                          {"kept", verdict.snapshots_kept}}},
                        {"arrays",
                         {{"named", verdict.arrays_named},
                          {"whole", verdict.arrays_named - verdict.lost.size()},
                          {"lost", nlohmann::json::array()}}},
                        {"sound", verdict.sound()},
                        {"damage", nlohmann::json::array()}};
  if (verdict.arrays_named > 0) out["arrays"]["folder"] = folder;
  for (const Verdict::Damage& found : verdict.damage)
    out["damage"].push_back({{"record", found.at}, {"what", found.what}});
  for (const auto& [named, why] : verdict.lost) {
    const auto& [name, stored] = named.array;
    out["arrays"]["lost"].push_back({{"record", named.record},
                                     {"experiment", named.experiment},
                                     {"instrument", name.instrument},
                                     {"command", name.command},
                                     {"result", name.result},
                                     {"file", stored.file},
                                     {"dataset", stored.dataset},
                                     {"why", why}});
  }
  return out;
}

void print_arrays(const Verdict& verdict, Journal& journal, const std::string& folder) {
  if (verdict.arrays_named == 0) return;
  fmt::print("arrays      {} named by records, {} of them read and whole, in “{}”\n", verdict.arrays_named,
             verdict.arrays_named - verdict.lost.size(), folder);
  if (verdict.lost.empty()) return;
  const Campaign campaign = campaign_of(journal);
  for (std::size_t i = 0; i < std::min(verdict.lost.size(), kMostLostShown); ++i) {
    const auto& [array, why] = verdict.lost[i];
    fmt::print("LOST        {} (record {}): {}\n", describe(array, campaign), array.record, printable(why));
  }
  if (verdict.lost.size() > kMostLostShown)
    fmt::print("            and {} more, which --json names\n", verdict.lost.size() - kMostLostShown);
}

void print_verdict(const Verdict& verdict, Journal& journal, const std::string& folder) {
  fmt::print("chain       {}\n", verdict.broken_at ? fmt::format("broken at record {}", *verdict.broken_at)
                                                   : fmt::format("whole: each of {} records fits", verdict.events));
  fmt::print("snapshots   {} named by records, {} of them compared with the state at their place",
             verdict.snapshots_named, verdict.snapshots_compared);
  if (verdict.snapshots_of_other_version > 0)
    fmt::print(" ({} are of another version of the program, and not used)", verdict.snapshots_of_other_version);
  fmt::print("; {} kept, held against their names\n", verdict.snapshots_kept);
  fmt::print("state hash  {} from all records\n            {} as a start comes to it\n", verdict.state_hash,
             verdict.state_hash_of_start);
  print_arrays(verdict, journal, folder);
  for (const Verdict::Damage& found : verdict.damage) fmt::print("DAMAGE      {}\n", found.what);
  if (!verdict.damage.empty()) {
    fmt::print("“{}” is not sound from record {} on; docs/durability.md tells what to do\n", journal.file(),
               verdict.damage.front().at);
  } else if (!verdict.lost.empty()) {
    fmt::print(
        "“{}” is sound, and {} of its arrays are not: put their files back into “{}” from a copy, or name another "
        "folder with --data; docs/data.md tells more\n",
        journal.file(), verdict.lost.size(), folder);
  } else {
    fmt::print("“{}” is sound\n", journal.file());
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

int verify_journal(const std::string& file, const std::string& data, bool json) {
  try {
    Journal journal(file, Journal::Mode::kRead);
    const std::string folder = data.empty() ? data_folder(file) : data;
    const ArrayReader reader(folder, journal.size() > 0 ? journal.record(1).opened().campaign() : "");
    const Verdict verdict =
        verify(journal, [&](std::span<const ArrayReference> arrays) { return reader.read(arrays); });
    if (json) {
      fmt::print("{}\n", verdict_json(verdict, chain_of(journal), folder).dump());
    } else {
      print_verdict(verdict, journal, folder);
    }
    return verdict.sound() ? 0 : 1;
  } catch (const EnvironmentError& error) {  // what cannot be read is not sound
    print_error(error.what());
    return 1;
  }
}

int export_journal(const std::string& file, const std::string& data, const std::string& format) {
  Journal journal(file, Journal::Mode::kRead);
  journal.require_whole();
  const Campaign campaign = campaign_of(journal);
  ArrayFolder folder{data.empty() ? data_folder(file) : data, {}};
  for (const auto& [named, why] : look_for_arrays(journal, folder.path, campaign.name))
    folder.missing[named.array.name] = why;
  History history;
  journal.each([&](const Record& record) { history.read(record); });
  if (format == "csv") fmt::print("{}", export_csv(campaign, history, folder));
  if (format == "json") fmt::print("{}\n", export_json(campaign, history, folder).dump(2));
  if (format == "html") fmt::print("{}", render_report(export_json(campaign, history, folder)));
  if (!folder.missing.empty()) {
    tell(fmt::format(
        "athanor: {} arrays of “{}” are not in “{}”, or not as they were: of each, “missing” says why. Put the "
        "folder back from a copy, or name another one with --data\n",
        folder.missing.size(), file, folder.path));
  }
  return 0;
}

}  // namespace athanor
