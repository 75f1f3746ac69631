#include "controller/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/read_space.h"

namespace athanor {
namespace {

std::string latest_text(Journal& journal) {
  const std::uint64_t revised = journal.last(Record::kRevised);
  return revised > 0 ? journal.record(revised).revised().campaign_text() : journal.record(1).opened().campaign_text();
}

// The space, where the campaign file leaves it to the columns of its candidates or some of it to a table of
// descriptors: these may change, or go.
std::string space_of_files(const Campaign& campaign) {
  const auto entries = campaign.file->root().entries();
  const bool stated =
      std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.first == "space"; });
  const auto& parameters = campaign.problem.space.parameters();
  const bool described = std::any_of(parameters.begin(), parameters.end(), [](const Parameter& p) {
    return p.categorical() && !std::get<Choices>(p.kind).descriptors.empty();
  });
  return stated && !described ? "" : write_parameters(parameters);
}

State begin(Journal& journal, const Campaign& campaign, const Lab& lab, const Identity& identity, Time now) {
  Record record;
  record.set_time_us(now.time_since_epoch().count());
  auto& opened = *record.mutable_opened();
  opened.set_format(2);
  opened.set_campaign(campaign.name);
  opened.set_nonce(identity.nonce);
  opened.set_seed(identity.seed.value_or(0));
  opened.set_campaign_text(campaign.file->text());
  opened.set_campaign_folder(campaign.file->folder());
  opened.set_space(space_of_files(campaign));
  opened.set_lab_text(lab.file->text());
  opened.set_lab_folder(lab.file->folder());
  journal.append({record});
  State state;
  state.apply(record);
  return state;
}

}  // namespace

Campaign campaign_of(Journal& journal) {
  if (journal.last(Record::kOpened) == 0) throw InputError("the journal is empty: nothing was begun in it");
  const Record first = journal.record(1);
  return parse_recorded_campaign(latest_text(journal), first.opened().space(), first.opened().campaign_folder());
}

State open_campaign(Journal& journal, State state, const Campaign& campaign, const Lab& lab, const Identity& identity,
                    Time now) {
  journal.require_whole();
  if (journal.size() == 0) return begin(journal, campaign, lab, identity, now);
  if (state.campaign != campaign.name) {
    throw InputError(fmt::format(
        "journal “{}” belongs to campaign “{}”, and “{}” is campaign “{}”; name another file with --journal",
        journal.file(), state.campaign, campaign.file->name(), campaign.name));
  }
  if (identity.seed && *identity.seed != state.seed) {
    throw InputError(
        fmt::format("journal “{}” was begun with --seed {}, not {}; leave --seed out to go on with it, or begin "
                    "another with --journal",
                    journal.file(), state.seed, *identity.seed));
  }
  const std::string before = latest_text(journal);
  const bool revised_text = before != campaign.file->text();
  const std::string space = journal.record(1).opened().space();
  if (revised_text &&
      parse_recorded_campaign(before, space, campaign.file->folder()).definition() != campaign.definition()) {
    throw InputError(fmt::format(
        "the space, objectives, procedure (with its “on_fault”) or clean-up of “{}” are not those of journal “{}” any "
        "more; only “planner”, “stop” "
        "and “lab” may change while a journal goes on. Undo the change, or begin another journal with --journal",
        campaign.file->name(), journal.file()));
  }
  if (space_of_files(campaign) != space) {
    throw InputError(fmt::format(
        "the candidates or descriptors of “{}” are not those with which journal “{}” was begun: their columns, the "
        "values in them or the order of either have changed. Put the file back, or begin another journal with "
        "--journal",
        campaign.file->name(), journal.file()));
  }
  if (!revised_text) return state;
  Record revised;
  revised.set_time_us(std::max(now, state.last).time_since_epoch().count());
  revised.mutable_revised()->set_campaign_text(campaign.file->text());
  journal.append({revised});
  state.apply(revised);
  return state;
}

void raise_alarm(Journal& journal, State& state, const std::string& about, const std::string& text, Time now) {
  Record record;
  record.set_time_us(std::max(now, state.last).time_since_epoch().count());
  record.mutable_alarm()->set_about(about);
  record.mutable_alarm()->set_text(text);
  journal.append({record});
  state.apply(record);
}

}  // namespace athanor
