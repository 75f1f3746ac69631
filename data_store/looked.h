// What a look at a campaign's files found whole, kept beside them, so that the next one looks only at what may have
// changed.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace athanor {

/// What changes when anybody writes to the file at `path`, or puts another one in its place. Nothing: there is no such
/// file, or it is not at rest, since a log lies beside it.
std::optional<std::string> stamp_of(const std::filesystem::path& path);

/// Of each file by its name, what was looked for in it and its stamp. It is a cache: where it is gone, or from another
/// place, or damaged, everything is looked at again.
using Looked = std::map<std::string, std::string>;
Looked read_looked(const std::filesystem::path& folder);
/// throws EnvironmentError.
void write_looked(const std::filesystem::path& folder, const Looked& looked);

}  // namespace athanor
