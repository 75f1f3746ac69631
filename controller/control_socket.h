// People's way to a running controller, from other processes on its machine: a socket beside the journal.
#pragma once

#include <memory>
#include <string>

#include "controller/runtime.h"
#include "core/error.h"

namespace athanor {

constexpr unsigned kControlVersion = 1;

/// There is no controller at an address.
class NobodyListens : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// Where the controller that holds `journal` listens: "ipc://JOURNAL.control".
std::string control_address(const std::string& journal);

/// Listens at `address` in a thread of its own and notifies `wake` of requests. What is no request is answered as
/// refused. Only the user who started it can connect. throws EnvironmentError if it cannot listen there.
std::unique_ptr<ControlLink> make_control_socket(const std::string& address, const Wake& wake);

/// Sends `request` and waits for the answer. throws NobodyListens, or EnvironmentError if nobody answers within
/// `seconds`: then it is not known whether the request was taken.
control::v1::Reply ask_controller(const std::string& address, control::v1::Request request, double seconds = 10);

}  // namespace athanor
