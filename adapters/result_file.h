// A file in which a vendor's program leaves its results.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/outcome.h"
#include "core/table.h"

namespace athanor {

/// What `file` holds: a `.csv` as columns by name, a `.json` as JSON, all else as a text. A fault of the link where it
/// cannot be read, of the device where it is not what its name says, with the way out.
Outcome<nlohmann::json> read_result(const std::string& file, const CsvFormat& csv);

}  // namespace athanor
