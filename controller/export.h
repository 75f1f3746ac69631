// A campaign's journal as one document for people and other programs: what the report draws and `athanor export`
// prints.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "controller/campaign.h"
#include "controller/history.h"
#include "controller/named_arrays.h"

namespace athanor {

/// What was found where a campaign's arrays are looked for.
struct ArrayFolder {
  std::string path;                          ///< empty: nobody looked
  std::map<ArrayName, std::string> missing;  ///< why, of those that are not there as they were
};

/// The whole campaign as one JSON document. docs/export.md lists its keys.
///
/// campaign  read from the text in the Opened record (or a later Revised one).
/// history   of all records in the journal's order; an unfinished journal gives what is known so far.
/// Times are seconds of laboratory time since the Opened record (`…_s`) and ISO 8601 in UTC (`started`, `ended`); what
/// has not happened has no key. Numbers of parameters and objectives are in their own units. An experiment without a
/// key `predicted` was chosen without a model.
nlohmann::json export_json(const Campaign& campaign, const History& history, const ArrayFolder& arrays = {});

/// One row an experiment, RFC 4180 with a header: number, state, started, ended (ISO 8601, UTC), each parameter
/// ("temperature (degC)"), each objective and what else outcome constraints speak of, measured ("yield (%)") and
/// predicted ("yield predicted mean (%)", "… sd (%)"), the outcome constraints that it violates (where the campaign has
/// any), why it was chosen, why it failed or was abandoned; what it counts as, what was measured whatever a person said
/// of it since, and who said it last and why; where any command made one, its arrays, where
/// they are, and why not, if they are not. Then one row for each that a person added, in the state "added". What is
/// not known is an empty cell.
std::string export_csv(const Campaign& campaign, const History& history, const ArrayFolder& arrays = {});

}  // namespace athanor
