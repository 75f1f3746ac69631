// A bare socket at one driver: says anything, hears everything, and keeps both in words. For looking at a driver and
// for trying one out, which needs what no link would send.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "instruments/driver_link.h"
#include "instruments/zmq_socket.h"
#include "proto/driver.pb.h"

namespace athanor {

namespace wire = driver::v1;

/// Thrown where a person broke off what a probe waits for.
struct BrokenOff {};

class Probe {
 public:
  /// keys      needed where `at` names a driver's key.
  /// stop_fd   readable once a person wants an end; −1: never.
  /// throws InputError, EnvironmentError as ZmqSocket does, and InputError for an address off this machine without a
  /// key.
  explicit Probe(Endpoint at, std::optional<LinkKeys> keys = {}, int stop_fd = -1);

  const std::string& address() const { return at_.address; }
  /// Why there is no link, where its end said so (why_turned_away); empty: nothing is known.
  const std::string& trouble() const { return trouble_; }
  /// Since the last message over this connection, or its beginning, seconds.
  double silent_for() const;
  /// A new connection, with a new routing id, and nothing left of what the old one was told.
  void connect_anew();

  /// With this program's version where it names none. False if there was nowhere to send it for `kConnectSeconds`.
  bool say(wire::ToDriver message);
  bool hello(const std::string& controller);
  /// Frames as they are. what: in words.
  bool send(const Frames& frames, const std::string& what);

  using Wanted = std::function<bool(const wire::FromDriver&)>;
  /// The next message that is wanted; none within `seconds`. Others that arrive meanwhile are dropped (`said` has
  /// them).
  std::optional<wire::FromDriver> await(const Wanted& wanted, double seconds);
  /// All that arrives within `seconds`.
  std::vector<wire::FromDriver> listen(double seconds);

  /// From now on nobody breaks it off.
  void ignore_stop() { stop_fd_ = -1; }

  /// While it waits, it says once a second that it is there, as a controller must.
  bool keeps_alive = true;
  /// What its Hello says.
  bool takes_arrays = false;
  /// Every message that arrives, and frames that are none; before `await` looks at them.
  std::function<void(const wire::FromDriver*)> on_arrival;

  /// What was said on both sides since `forget_talk`, a line each; heartbeats left out.
  const std::deque<std::string>& talk() const { return talk_; }
  void forget_talk() { talk_.clear(); }

 private:
  void note(const char* arrow, const std::string& words);
  void look_at_ends();
  /// Waits for more until monotonic time `until`; false once that has come.
  bool wait(double until);

  Endpoint at_;
  std::optional<LinkKeys> keys_;
  int stop_fd_;
  ZmqContext context_;
  std::optional<ZmqSocket> socket_;
  double said_at_ = 0, heard_at_ = 0, began_ = 0;  ///< monotonic seconds
  bool said_hello_ = false;
  std::string trouble_;
  std::deque<std::string> talk_;
};

}  // namespace athanor
