// The process of a driver that is written with the kit: all that its main() has to say.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "instruments/instrument.h"

namespace athanor {

/// Reads the command line (--address, --ledger, --dead-man, --key, --data-port; --help explains them), serves the
/// instruments as the driver `name` until SIGTERM, a hang-up or Ctrl-C, and makes them safe then.
/// Gives the exit status: 0 ended, all safe; 1 ended, and an instrument is not safe yet; 2 a mistake in the command
/// line; 3 the surroundings failed (address, ledger, keys, disk). Mistakes are told on standard error.
int driver_main(int argc, char** argv, const std::string& name, std::vector<std::unique_ptr<Instrument>> instruments);

/// The same of one instrument.
int driver_main(int argc, char** argv, const std::string& name, std::unique_ptr<Instrument> instrument);

}  // namespace athanor
