#include "instruments/turned_away.h"

#include <fmt/format.h>

namespace athanor {

std::string why_turned_away(ZmqEnd::Why why, const Endpoint& at, const std::optional<LinkKeys>& keys) {
  switch (why) {
    case ZmqEnd::Why::kLost:
      return "";
    case ZmqEnd::Why::kNotAllowed:
      return fmt::format(
          "the driver at {0} does not allow our key “{1}” ({2}), or not any more; on its machine: athanor keys allow "
          "\"{1} {2}\". One that was revoked there is never allowed again: make a new one here (athanor keys new NAME)",
          at.address, keys ? keys->own.name : "", keys ? keys->own.key : "");
    case ZmqEnd::Why::kOtherMechanism:
      if (at.key.empty())
        return fmt::format(
            "the driver at {} talks to keys that it allows only, and no key is named for it; add “key: NAME” beside "
            "its endpoint in the lab file, or give --driver-key NAME with its address (docs/security.md)",
            at.address);
      return fmt::format(
          "the driver at {} speaks without encryption, and the key “{}” is expected there: it was started without its "
          "key, or is another program. Nothing is said to it",
          at.address, at.key);
    case ZmqEnd::Why::kBroken:
    case ZmqEnd::Why::kUnfinished:
      if (at.key.empty())
        return fmt::format(
            "the driver at {} breaks off every handshake: it talks to keys that it allows only, or is another program. "
            "If it has one, add “key: NAME” beside its endpoint in the lab file, or give --driver-key NAME with its "
            "address (docs/security.md)",
            at.address);
      return fmt::format(
          "the driver at {} breaks off every handshake: it does not hold the key that is allowed here as “{}”, speaks "
          "without encryption, or is another program. Nothing is said to it. Compare “athanor keys list” on both "
          "machines",
          at.address, at.key);
  }
  return "";
}

}  // namespace athanor
