// Why an encrypted link did not come about, in words.
#pragma once

#include <optional>
#include <string>

#include "instruments/driver_link.h"
#include "instruments/zmq_socket.h"

namespace athanor {

/// What the end of a connection to the driver at `at` says about it, with the way out; empty where it says nothing (it
/// was closed). keys: what this end was given.
std::string why_turned_away(ZmqEnd::Why why, const Endpoint& at, const std::optional<LinkKeys>& keys);

}  // namespace athanor
