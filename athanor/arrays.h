// The arrays of a campaign, beside its journal: where they are, and which are not as they were.
#pragma once

#include <string>
#include <vector>

#include "controller/journal.h"
#include "controller/named_arrays.h"

namespace athanor {

/// Where the arrays of a journal are, unless a person says another folder: “focus.data” of “focus.journal”.
std::string data_folder(const std::string& journal_file);

/// Looks in `folder` for every array that the journal names, and gives those that are not there as it names them; reads
/// none of them. Costs some 40 µs an array, and a walk through the journal.
std::vector<LostArray> look_for_arrays(Journal& journal, const std::string& folder, const std::string& campaign);

/// The same before a campaign goes on and after it went: leaves out the files that were found whole before and that
/// nobody has written to since. Which those are is kept in the folder.
std::vector<LostArray> look_for_changed_arrays(Journal& journal, const std::string& folder,
                                               const std::string& campaign);

}  // namespace athanor
