// What a SiLA 2 server offers, as capabilities and readings: each command, each property.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/driver.pb.h"
#include "sila2/fields.h"
#include "sila2/server.h"

namespace athanor::sila2 {

struct Offer {
  driver::v1::Capability description;
  const Known* known = nullptr;
  std::string call;       ///< "Shake", "Get_Temperature", "Subscribe_Temperature"
  bool property = false;  ///< asks only
  bool observable = false;
  std::vector<Leaf> parameters, results;
};

/// A property that is a number or a truth value (1 or 0), for telemetry.
struct ReadingOffer {
  const Known* known = nullptr;
  std::string call;
  bool observable = false;
  Leaf leaf;
};

struct Offers {
  std::vector<Offer> capabilities;
  std::vector<ReadingOffer> readings;
  std::vector<std::string> notes;  ///< what is not offered and why, and in which units lists are, a sentence each
  const Known* cancel = nullptr;   ///< the standard's CancelController, where the server has it
};

/// `features` must outlive it. Capabilities are called "heater.heat" after Heater and Heat, properties
/// "heater.get_power". What a command does nobody knows but its server: it counts as guarded and not to be repeated;
/// properties are safe.
Offers offers_of(const std::vector<Known>& features);

/// Puts what `command`, which the description allows, gives into the call's message. Gives why it cannot be.
std::optional<std::string> fill(const Offer& offer, const driver::v1::Command& command,
                                google::protobuf::Message& request);

/// “a, b, and 3 more”.
std::string listed(const std::vector<std::string>& names);

}  // namespace athanor::sila2
