// A command by hand, on its way and to its end.
#pragma once

#include "athanor/instrument.h"

namespace athanor {

/// Sends `command` to the driver of `offer` under its one id, shows its progress, asks about it whenever the link was
/// lost, and cancels it at Ctrl-C (the second one leaves it to itself). Prints its end, and gives the exit status: 0 it
/// was carried out, 1 it was not or nobody knows, 3 nothing was begun, or it goes on by itself since somebody else is
/// in charge now or our key is not allowed any more, 130 left.
int carry_out(const Offer& offer, const std::optional<LinkKeys>& keys, const wire::Command& command,
              const InstrumentOptions& options);

/// Prints how it stands and which of its results are not to be believed, and gives the exit status: 0 if it was carried
/// out, 4 if it still runs, otherwise 1. capability: what it carried out, as the laboratory describes it; null: nobody
/// describes it.
int tell_standing(const wire::CommandState& state, const std::string& instrument, const wire::Capability* capability,
                  const InstrumentOptions& options);

}  // namespace athanor
