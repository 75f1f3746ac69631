// The arrays of a campaign, beside its journal: where they are, and what is said of those that are not.
#pragma once

#include <string>
#include <vector>

#include "controller/export.h"
#include "controller/journal.h"

namespace athanor {

/// Where the arrays of a journal are, unless a person says another folder: “focus.data” of “focus.journal”.
std::string data_folder(const std::string& journal_file);

/// Says of every array whether it is in `folder` as the journal names it; reads none of them.
ArrayFolder look_into(const std::string& folder, const std::string& campaign);

/// What a person is to know before the campaign goes on: a sentence a file that is not as it was. Costs some 0.1 ms an
/// array, and a walk through the journal.
std::vector<std::string> lost_arrays(Journal& journal, const ArrayFolder& arrays);

}  // namespace athanor
