// A process of its own for what HDF5 may not survive.
#pragma once

#include <cstddef>
#include <functional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/array.h"

namespace athanor {

/// Looks at one of many things, by its number; an EnvironmentError is a finding, too. A look that takes long calls
/// `goes_on` again and again.
using Look = std::function<Finding(std::size_t number, const std::function<void()>& goes_on)>;

/// Looks at `count` things, numbered from 0, one after another, and gives what each look found. All this is done in a
/// process of its own, since HDF5 dies of some damaged files, or never ends: that is the finding then, and a new
/// process goes on with the next. `name` begins the sentence, as in “focus.h5: /camera-1/7/image”. throws
/// EnvironmentError if there can be no process.
std::vector<Finding> sheltered(std::size_t count, const std::function<std::string(std::size_t number)>& name,
                               const Look& look);

/// No process is made while a thread holds this. What a thread has locked at that moment would stay locked in the new
/// process for ever: the C library opens its own locks there, others do not (AddressSanitizer's, for one).
[[nodiscard]] std::shared_lock<std::shared_mutex> no_new_process();

}  // namespace athanor
