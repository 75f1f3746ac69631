// Who may enter a driver's socket: answers ZeroMQ's questions about keys (ZAP, ZeroMQ RFC 27) from the allow-list.
#pragma once

#include "instruments/allow_list.h"
#include "instruments/quiet_log.h"
#include "instruments/zmq_socket.h"

namespace athanor {

/// One for a context, made before its guarded sockets are bound. What it lets in bears its public key on every message
/// (ZmqPeer::key): whether that is still allowed is the receiver's question, each time.
class ZmqGate {
 public:
  ZmqGate(ZmqContext& context, AllowList& allowed, QuietLog& log);
  /// To be waited on.
  ZmqSocket& socket() { return socket_; }
  /// Answers what was asked. now: monotonic seconds.
  void answer(double now);

 private:
  bool may_enter(const Frames& question, double now);

  AllowList& allowed_;
  QuietLog& log_;
  ZmqSocket socket_;
};

}  // namespace athanor
