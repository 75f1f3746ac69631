#include "instruments/data_server.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/clock.h"
#include "core/give_way.h"
#include "instruments/address.h"

namespace athanor {

namespace {

constexpr int kMessagesPerTurn = 100;
constexpr int kParcelsPerTurn = 8;             // before the controller is heard again
constexpr double kTryAgain = 0.01;             // seconds, where the queue to the controller is full
constexpr int kStrangersPerSecond = 20;        // messages of others than the collector; the rest is dropped
constexpr std::size_t kLargestMessage = 4096;  // towards a driver; there are no large ones

}  // namespace

DataServer::DataServer(ArrayWindow& window, const std::string& address, unsigned port,
                       const std::optional<LinkKeys>& keys, const DriverLog& log)
    : window_(window),
      keys_(keys),
      log_(
          [log](const std::string& source, const std::string& what) { log(source + ", at the data socket: " + what); }),
      router_(context_, ZmqSocket::Kind::kRouter, kLargestMessage) {
  router_.watch_ends();
  if (keys_) {
    gate_ = std::make_unique<ZmqGate>(context_, keys_->allowed, log_);
    router_.guard(keys_->own.secret);
  }
  router_.bind(data_bind_address(address, port));
  place_ = data_place(router_.bound_to());
  thread_ = std::thread([this] { serve(); });
}

DataServer::~DataServer() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify();
  thread_.join();
}

void DataServer::admit(const std::string& ticket) {
  {
    const std::lock_guard lock(mutex_);
    ticket_ = ticket;
  }
  wake_.notify();
}

void DataServer::serve() {
  give_way();  // commands come first
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
    }
    look_at_ticket();
    const double now = monotonic_seconds();
    if (gate_) gate_->answer(now);
    for (const ZmqEnd& end : router_.ends()) {
      if (!end.spoke && end.why != ZmqEnd::Why::kNotAllowed)
        log_.note(end.peer.host, "it connected and left without a message that could be understood", now);
    }
    log_.catch_up(now);
    hear_all();
    const bool more = send_all();
    ZmqWait waits[] = {{&router_, -1, false, false},
                       {nullptr, wake_.fd(), false, false},
                       {nullptr, window_.socket_wake().fd(), false, false},
                       {gate_ ? &gate_->socket() : nullptr, -1, false, false}};
    const double due = log_.due() - monotonic_seconds();
    wait_for_any(waits, unsent_ ? kTryAgain : more ? 0 : due > 1e6 ? -1 : std::max(0.0, due));
    wake_.clear();
    window_.socket_wake().clear();
  }
}

/// The controller that collected is not the one in charge any more.
void DataServer::look_at_ticket() {
  std::string ticket;
  {
    const std::lock_guard lock(mutex_);
    ticket = ticket_;
  }
  if (collector_.empty() || shown_ == ticket) return;
  collector_.clear();
  unsent_.reset();
  window_.leave();
}

void DataServer::hear_all() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    ZmqPeer peer;
    const auto frames = router_.receive(&peer);
    if (!frames) return;
    hear(*frames, peer);
  }
}

void DataServer::hear(const Frames& frames, const ZmqPeer& peer) {
  const std::string& from = frames.front();
  const double now = monotonic_seconds();
  if (now - second_began_ >= 1) {
    second_began_ = now;
    strangers_ = 0;
  }
  wire::DataToDriver said;
  const bool understood = frames.size() == 2 && said.ParseFromString(frames[1]) && said.version() == kProtocolVersion &&
                          said.body_case() != wire::DataToDriver::BODY_NOT_SET;
  const bool allowed = !keys_ || keys_->allowed.name_of(peer.key);
  if (understood && allowed && said.has_collect() && shows_ticket(said.collect().ticket())) {  // heard in any flood
    collector_ = from;
    unsent_.reset();
    return window_.collect();
  }
  if (understood && allowed && from == collector_)
    return said.has_heartbeat() ? answer_heartbeat(from) : window_.hear(said);
  if (++strangers_ > kStrangersPerSecond) {
    return log_.note(peer.host,
                     fmt::format("it says more than {} messages a second and does not collect; the rest is dropped",
                                 kStrangersPerSecond),
                     now);
  }
  if (!understood) {
    log_.note(peer.host, "a message that could not be understood was dropped", now);
    return refuse(from, fmt::format("a message of {} frames that is none of the data socket of protocol version {}",
                                    frames.size() - 1, kProtocolVersion));
  }
  if (!allowed) return refuse(from, "your key was revoked on the machine of this driver; nothing is done for it");
  if (!said.has_collect()) return refuse(from, "say Collect first, with the ticket of your Welcome");
  log_.note(peer.host, "it shows no ticket of the controller in charge, and gets nothing", now);
  refuse(from, "this is not the ticket of the controller in charge; say Hello on the control socket");
}

bool DataServer::shows_ticket(const std::string& ticket) {
  const std::lock_guard lock(mutex_);
  if (ticket_.empty() || ticket != ticket_) return false;
  shown_ = ticket;
  return true;
}

void DataServer::answer_heartbeat(const std::string& to) {
  wire::DataFromDriver answer;
  answer.set_version(kProtocolVersion);
  answer.mutable_heartbeat();
  router_.send({to, answer.SerializeAsString()});
}

void DataServer::refuse(const std::string& to, const std::string& why) {
  wire::DataFromDriver answer;
  answer.set_version(kProtocolVersion);
  answer.mutable_refused()->set_why(why);
  router_.send({to, answer.SerializeAsString()});
}

/// Whether there may be more.
bool DataServer::send_all() {
  for (int i = 0; i < kParcelsPerTurn; ++i) {
    if (collector_.empty()) return false;
    if (!unsent_) unsent_ = window_.next();
    if (!unsent_) return false;
    const Frames frames = {collector_, unsent_->header.SerializeAsString()};
    const auto sent = unsent_->header.has_chunk() ? router_.offer(frames, unsent_->bytes) : router_.offer(frames);
    if (sent == ZmqSocket::Sent::kFull) return false;
    unsent_.reset();
    if (sent == ZmqSocket::Sent::kSent) continue;
    collector_.clear();
    window_.leave();
  }
  return true;
}

}  // namespace athanor
