// The controller's way to its drivers' data sockets: a thread of its own takes in what they send, gives it to the data
// store, and lets them send no faster than the disk takes it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/array.h"
#include "core/wake.h"
#include "instruments/array_intake.h"
#include "instruments/driver_link.h"
#include "instruments/quiet_log.h"
#include "instruments/zmq_socket.h"

namespace athanor {

class DataLink {
 public:
  struct Options {
    std::vector<Endpoint> endpoints;
    std::optional<LinkKeys> keys;  ///< needed where an endpoint names one
    /// Whether an array that a driver opens is of a command of ours. Called in the data thread.
    std::function<bool(const std::string& driver, const wire::Open& open)> expects;
    std::size_t in_flight = std::size_t{32} << 20;  ///< bytes from all drivers that the store does not have yet;
                                                    ///< a part for each endpoint, of 2 MiB at least
  };

  /// store: used by the data thread alone from now on. controller: woken when `take` has something.
  DataLink(ArrayStore& store, Options options, const Wake& controller);
  ~DataLink();
  DataLink(const DataLink&) = delete;
  DataLink& operator=(const DataLink&) = delete;

  /// Told of every message from drivers. A Welcome says where the data socket is.
  void meet(const wire::FromDriver& message);
  /// Has what a message says is stored looked up (look_up_arrays): `take` gives it back. Never waits.
  /// instrument_of: by a command's id.
  void verify(wire::FromDriver message, const std::function<std::string(const std::string& id)>& instrument_of);
  /// What was looked up, and what a person is to be told, as a Refused of the driver whom it concerns.
  std::vector<wire::FromDriver> take();

 private:
  struct Peer {
    Endpoint at;
    std::string key;              ///< of the driver, Z85; empty: the link is plain
    std::string address, ticket;  ///< of its data socket; empty: it has none
    std::unique_ptr<ZmqSocket> socket;
    std::optional<ArrayIntake> intake;
    std::vector<wire::DataToDriver> unsaid;  ///< until the connection stands
    bool answers = false;                    ///< it answers heartbeats
    double open_at = 0;                      ///< monotonic seconds, as the next ones; not before
    double heard_at = 0;                     ///< the last word of this connection, or its beginning
    bool spoke = false;                      ///< anything came over it
    std::optional<double> asked_at;          ///< a heartbeat went out then, and nothing was heard since
    int refusals = 0;                        ///< in a row
  };
  struct Question {
    wire::FromDriver message;
    std::map<std::string, std::string> instruments;  ///< by the command's id
  };

  void serve();
  void take_orders();
  void hear(Peer& peer);
  bool hear_one(Peer& peer);
  void tend(Peer& peer);
  void feel_pulse(Peer& peer);
  static double pulse_due(const Peer& peer);
  void say(Peer& peer);
  void hang_up(Peer& peer);
  void on_refusal(Peer& peer, const std::string& why);
  void commit_if_due();
  void answer_questions();
  void on_written();
  void on_full_disk(const std::string& why);
  void tell(const std::string& driver, const std::string& what);
  double due() const;
  void wait();

  ArrayStore& store_;
  Options options_;
  const Wake& controller_;
  QuietLog log_;
  ZmqContext context_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::vector<Question> questions_;
  std::size_t uncommitted_ = 0;  ///< bytes
  double commit_at_ = 0;         ///< monotonic seconds; where something is uncommitted
  double stalled_until_ = 0;     ///< the disk was full, and is tried again then
  bool stalled_ = false;         ///< a person was told

  std::mutex mutex_;  // guards the next ones
  std::vector<wire::FromDriver> welcomes_, told_;
  std::vector<Question> asked_;
  bool ending_ = false;

  Wake wake_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace athanor
