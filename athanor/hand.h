// A command by hand, on its way and to its end.
#pragma once

#include "athanor/instrument.h"

namespace athanor {

/// Sends `command` to that driver under its one id, shows its progress, asks about it whenever the link was lost, and
/// cancels it at Ctrl-C (the second one leaves it to itself). Prints its end, and gives the exit status: 0 it was
/// carried out, 1 it was not or nobody knows, 3 nothing was begun or somebody else is in charge now, 130 left.
int carry_out(const Looked& driver, const std::optional<LinkKeys>& keys, const wire::Command& command,
              const InstrumentOptions& options);

/// Prints how it stands, and gives the exit status: 0 if it was carried out.
int tell_standing(const wire::CommandState& state, const InstrumentOptions& options);

}  // namespace athanor
