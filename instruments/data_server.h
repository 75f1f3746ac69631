// A driver's data socket: a thread of its own hands the arrays of its window to the controller, so that commands are
// answered as quickly as without.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/wake.h"
#include "instruments/array_window.h"
#include "instruments/driver_link.h"
#include "instruments/quiet_log.h"
#include "instruments/zmq_gate.h"
#include "instruments/zmq_socket.h"

namespace athanor {

class DataServer {
 public:
  /// Binds beside the control socket at `address` (data_bind_address) and serves until the end. log: called in that
  /// thread. throws as serve_driver does.
  DataServer(ArrayWindow& window, const std::string& address, unsigned port, const std::optional<LinkKeys>& keys,
             const DriverLog& log);
  ~DataServer();
  DataServer(const DataServer&) = delete;
  DataServer& operator=(const DataServer&) = delete;

  /// What a Welcome says of it (data_place).
  const std::string& place() const { return place_; }
  /// Whoever shows this ticket collects from now on, and nobody else; empty: nobody.
  void admit(const std::string& ticket);

 private:
  void serve();
  void hear_all();
  void hear(const Frames& frames, const ZmqPeer& peer);
  bool shows_ticket(const std::string& ticket);
  void answer_heartbeat(const std::string& to);
  void refuse(const std::string& to, const std::string& why);
  bool send_all();
  void look_at_ticket();

  ArrayWindow& window_;
  std::optional<LinkKeys> keys_;
  QuietLog log_;
  ZmqContext context_;
  std::unique_ptr<ZmqGate> gate_;
  ZmqSocket router_;
  std::string place_;
  std::string collector_;  ///< its routing id; empty: none
  std::string shown_;      ///< the ticket that it showed
  std::optional<ArrayWindow::Parcel> unsent_;
  double second_began_ = 0;
  int strangers_ = 0;  ///< messages of others in this second

  std::mutex mutex_;
  std::string ticket_;  ///< guarded by it
  bool ending_ = false;
  Wake wake_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace athanor
