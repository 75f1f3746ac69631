// Beginning a campaign's journal, or going on with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controller/campaign.h"
#include "controller/journal.h"
#include "controller/state.h"

namespace athanor {

struct Identity {
  std::optional<std::uint64_t>
      seed;           ///< as the user asked; none: 0 for a new journal, the journal's own for an old one
  std::string nonce;  ///< for a new journal: makes its command ids unlike any other's
};

/// The state from which `campaign` goes on: `state`, which the journal's records give (Journal::restore), or, for an
/// empty journal, a new campaign's, whose first record is then written. throws InputError if the journal belongs to
/// another campaign, to another definition of this one (space, objectives, procedure), or was begun with another seed;
/// EnvironmentError if it is damaged.
State open_campaign(Journal& journal, State state, const Campaign& campaign, const Lab& lab, const Identity& identity,
                    Time now);

/// Writes down what a person is to know of before the campaign goes on.
void raise_alarm(Journal& journal, State& state, const std::string& about, const std::string& text, Time now);

/// The campaign as the journal's first record (and its latest revision) tells it. A candidates' file that has gone is
/// left out: what was done needs none. throws InputError if the journal is empty.
Campaign campaign_of(Journal& journal);

}  // namespace athanor
