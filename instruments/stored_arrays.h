// What drivers say of stored arrays, held against the store: for every link, before the controller hears of it.
#pragma once

#include <functional>
#include <string>

#include "core/array.h"
#include "proto/driver.pb.h"

namespace athanor {

/// Whether the message names an array that is said to be stored.
bool names_arrays(const driver::v1::FromDriver& message);

/// Calls `see` with every outcome in `message` that names an array.
void each_with_arrays(const driver::v1::FromDriver& message,
                      const std::function<void(const driver::v1::Outcome&)>& see);

/// Looks up every array that `message` says is stored, and fills in its file and dataset. An outcome that names one
/// which is not there, or is another one, becomes a fault of the device.
/// instrument_of: by a command's id. throws EnvironmentError if the store cannot be read.
void look_up_arrays(ArrayStore& store, driver::v1::FromDriver& message,
                    const std::function<std::string(const std::string& id)>& instrument_of);

}  // namespace athanor
