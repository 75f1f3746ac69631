// A whole file as text.
#pragma once

#include <cstdint>
#include <string>

namespace athanor {

/// The bytes of `file`. throws EnvironmentError that names the file and why it cannot be read: not there, not an
/// ordinary file, larger than `most_bytes` (0: any size).
std::string read_text_file(const std::string& file, std::uintmax_t most_bytes = 0);

/// What `path`, a file or a folder with its names, holds is on the disk when it returns. throws EnvironmentError.
void sync_to_disk(const std::string& path);

/// Syncs the finished file `from` to the disk and gives it the name `to`, which is then there whole or not at all, also
/// after a power cut. throws EnvironmentError.
void put_in_place(const std::string& from, const std::string& to);

}  // namespace athanor
