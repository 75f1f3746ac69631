// How deep a JSON text is nested, before it is read.
#pragma once

#include <string_view>

namespace athanor {

/// Brackets open at once, at most, outside of texts; of a text that is no JSON, some number. What walks a structure
/// calls itself at each level, and a stack has an end.
int json_nesting(std::string_view text);

}  // namespace athanor
