// A SiLA 2 server as an instrument: a session with it in threads of their own, behind the contract that never blocks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "instruments/instrument.h"
#include "sila2/executions.h"
#include "sila2/profile.h"
#include "sila2/server.h"

namespace athanor::sila2 {

struct Device {
  std::unique_ptr<Instrument> instrument;
  std::vector<std::string> notes;  ///< what a person should know: what is not offered and why
};

/// Asks the server what it offers. `profile`, `executions` and `clock` must outlive the instrument. What a fault or a
/// cancel breaks off is brought to the safe state before its outcome is told. After a restart of the driver an
/// observable command is asked for by its execution's UUID. throws InputError, and EnvironmentError if the server does
/// not answer.
Device make_device(std::unique_ptr<Server> server, const Profile& profile, const std::string& id,
                   Executions& executions, const ScaledClock& clock);
/// The same of the server at `address`, over gRPC.
Device make_device(const Profile& profile, const std::string& id, const std::string& address, Executions& executions,
                   const ScaledClock& clock);

}  // namespace athanor::sila2
