// Whether HDF5 can read a file, asked where its answer may be a crash.
#pragma once

#include <optional>
#include <string>

#include "data_store/redo_file.h"

namespace athanor {

/// What is wrong with a campaign's file of arrays, in words; nothing: it opens, and every dataset in it does. Changes
/// nothing. A process of its own looks, since HDF5 dies of some damaged files, or never ends (of bits flipped in what
/// is not the arrays themselves, 1 in 300).
std::optional<std::string> damage_in(const std::string& path, const std::string& campaign, const RedoFile::Open& open);

}  // namespace athanor
