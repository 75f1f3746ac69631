// The campaign's report: one HTML page that needs nothing else, drawn from the exported document.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace athanor {

/// The page for `exported` (export_json), charts and all, as UTF-8 text of some 0.7 MB. It asks no network for
/// anything, and no text of the campaign can become markup or script in it: the data stands in a JSON block without
/// “<”, is put on the page as text only, and the page's content security policy admits one script, its own, by hash.
std::string render_report(const nlohmann::json& exported);

}  // namespace athanor
