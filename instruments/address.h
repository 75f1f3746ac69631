// The addresses of links, "tcp://HOST:PORT" and "ipc://FILE", and what they have in common with those of devices.
#pragma once

#include <optional>
#include <string>

namespace athanor {

/// The file of an "ipc://" address; none for other addresses and for names outside the file system ("ipc://@name").
/// throws EnvironmentError if the path is longer than a socket's may be.
std::optional<std::string> ipc_path(const std::string& address);

/// Whether nothing that is said at `address` leaves this machine: ipc, and tcp at 127.0.0.0/8, ::1 or localhost. What
/// is not understood counts as leaving it.
bool stays_on_this_machine(const std::string& address);

/// One spelling for all the ways in which the same place can be written, for comparing: hosts in lower case, numbers
/// without leading zeros, every name of this machine “localhost”, a serial port by the file that a link leads to;
/// "tcp://127.0.0.1:0502#03" is "tcp://localhost:502#3". Names are not looked up.
std::string normal_address(const std::string& address);

/// Where a driver at `address` binds its data socket: over tcp a port of the same host (0: one that the system
/// chooses), over ipc the file beside.
std::string data_bind_address(const std::string& address, unsigned port);
/// How a driver says where its data socket is, that is bound to `bound`: "40123", ".data".
std::string data_place(const std::string& bound);
/// Where a controller finds that of the driver at `address`; none if `place` cannot be one.
std::optional<std::string> data_address(const std::string& address, const std::string& place);

/// throws InputError if the number of its port is none of TCP's.
void require_port(const std::string& address);

/// `address`. throws InputError, with the way out, if its port is none, or a link there would leave this machine
/// without a key. what: whose address it is.
const std::string& require_key(const std::string& address, bool has_key, const std::string& what);

}  // namespace athanor
