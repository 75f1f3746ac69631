// An instrument that is spoken to by a profile: the adapter's line in a thread of its own, behind the contract that
// never blocks.
#pragma once

#include <memory>
#include <string>

#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "core/clock.h"
#include "instruments/instrument.h"

namespace athanor {

/// `profile`, `lines` (on which devices at one line share it) and `clock` must outlive it. A command is begun when the
/// device answers; what a fault or a cancel breaks off is brought to the safe state before its outcome is told. After a
/// restart the device cannot tell what became of a command. throws InputError if `address` is none of the profile's
/// adapter.
std::unique_ptr<Instrument> make_device(const Profile& profile, const std::string& id, const std::string& address,
                                        Lines& lines, const ScaledClock& clock);

}  // namespace athanor
