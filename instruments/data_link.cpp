#include "instruments/data_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/error.h"
#include "core/give_way.h"
#include "instruments/address.h"
#include "instruments/array_window.h"
#include "instruments/heartbeat.h"
#include "instruments/stored_arrays.h"

namespace athanor {

namespace {

constexpr double kCommitEvery = 0.2;                           // seconds
constexpr std::size_t kCommitAfter = std::size_t{32} << 20;    // bytes: half a driver's window
constexpr double kOpenAgain = 0.25, kOpenAgainAfterWrong = 5;  // seconds
constexpr double kDiskAgain = 1, kTicketAgain = 1;             // seconds
constexpr int kRefusalsInARow = 5;                             // before a person is told
constexpr int kParcelsPerTurn = 16;                            // of one driver before the others are heard
constexpr int kReceiveQueueOfData = 16;                        // messages: all that a driver can force upon us
constexpr std::size_t kLargest = ArrayWindow::kChunk + 4096;   // of a frame, with what encryption adds

}  // namespace

// ── From the controller's thread ─────────────────────────────────────────────────────────────────────────────────────

DataLink::DataLink(ArrayStore& store, Options options, const Wake& controller)
    : store_(store),
      options_(std::move(options)),
      controller_(controller),
      log_([this](const std::string& driver, const std::string& what) { tell(driver, what); }) {
  for (const Endpoint& endpoint : options_.endpoints) {
    Peer& peer = *peers_.emplace_back(std::make_unique<Peer>());
    peer.at = endpoint;
    if (endpoint.key.empty()) continue;
    ATHANOR_CHECK(options_.keys.has_value(), "an endpoint with a key and a data link without");
    peer.key = options_.keys->allowed.key_of(endpoint.key);
  }
  thread_ = std::thread([this] { serve(); });
}

DataLink::~DataLink() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify();
  thread_.join();
}

void DataLink::meet(const wire::FromDriver& message) {
  if (!message.has_welcome()) return;
  {
    const std::lock_guard lock(mutex_);
    welcomes_.push_back(message);
  }
  wake_.notify();
}

void DataLink::verify(wire::FromDriver message,
                      const std::function<std::string(const std::string& id)>& instrument_of) {
  Question question{std::move(message), {}};
  each_with_arrays(question.message, [&](const wire::Outcome& outcome) {
    question.instruments[outcome.id()] = instrument_of(outcome.id());
  });
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(question));
  }
  wake_.notify();
}

std::vector<wire::FromDriver> DataLink::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(told_, {});
}

// ── In the data thread ───────────────────────────────────────────────────────────────────────────────────────────────

void DataLink::serve() {
  give_way();  // commands come first
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
    }
    take_orders();
    try {
      for (auto& peer : peers_) hear(*peer);
      commit_if_due();
      answer_questions();
    } catch (const EnvironmentError& error) {
      on_full_disk(error.what());
    }
    for (auto& peer : peers_) tend(*peer);
    log_.catch_up(monotonic_seconds());
    wait();
  }
}

void DataLink::take_orders() {
  std::vector<wire::FromDriver> welcomes;
  {
    const std::lock_guard lock(mutex_);
    welcomes = std::exchange(welcomes_, {});
    std::move(asked_.begin(), asked_.end(), std::back_inserter(questions_));
    asked_.clear();
  }
  for (const wire::FromDriver& message : welcomes) {
    const auto found = std::find_if(peers_.begin(), peers_.end(),
                                    [&](const auto& peer) { return peer->at.driver == message.driver(); });
    const wire::Welcome& welcome = message.welcome();
    if (found == peers_.end() || (*found)->ticket == welcome.data_ticket()) continue;
    Peer& peer = **found;
    hang_up(peer);
    peer.ticket = welcome.data_ticket();
    peer.answers = welcome.data_heartbeats();
    peer.address.clear();
    if (welcome.data().empty()) continue;
    if (const auto address = data_address(peer.at.address, welcome.data())) {
      peer.address = *address;
    } else {
      tell(peer.at.driver, fmt::format("the driver at {} says that its data socket is at “{}”, which is neither a port "
                                       "nor the end of a file's name; its arrays cannot be taken",
                                       peer.at.address, welcome.data()));
    }
  }
}

void DataLink::hear(Peer& peer) {
  if (!peer.socket) return;
  // Whoever talks to a driver on the control link tells a person that its key was revoked.
  const bool revoked = !peer.key.empty() && !options_.keys->allowed.name_of(peer.key);
  if (revoked || !peer.socket->ends().empty()) return hang_up(peer);
  for (int i = 0; i < kParcelsPerTurn && peer.socket && hear_one(peer);) ++i;
  if (peer.socket) feel_pulse(peer);
  if (peer.socket) say(peer);
}

/// A connection may stand and be deaf: its other end lost its power, or something forged came over it. Heartbeats of
/// our own find that out. Not ZeroMQ's: version 4.3 ends the process where one is due over a connection that ended with
/// more in it than was read. Silence is judged after what came was heard, however long this thread was away.
void DataLink::feel_pulse(Peer& peer) {
  const double now = monotonic_seconds();
  if (now < pulse_due(peer)) return;
  if (peer.asked_at) {
    if (peer.spoke) {
      log_.note(peer.at.driver,
                fmt::format("the data socket of the driver at {} did not answer for {} s; the connection is made anew",
                            peer.address, kSilence),
                now);
    }
    return hang_up(peer);
  }
  peer.asked_at = now;
  wire::DataToDriver heartbeat;
  heartbeat.set_version(kProtocolVersion);
  heartbeat.mutable_heartbeat();
  peer.unsaid.push_back(std::move(heartbeat));
}

/// When a heartbeat is due, or, after one, a word.
double DataLink::pulse_due(const Peer& peer) {
  if (!peer.socket || !peer.answers) return HUGE_VAL;
  return peer.asked_at ? *peer.asked_at + kSilence : peer.heard_at + kHeartbeatEvery;
}

bool DataLink::hear_one(Peer& peer) {
  const auto frames = peer.socket->receive_shared();
  if (!frames) return false;
  peer.heard_at = monotonic_seconds();
  peer.asked_at.reset();
  peer.spoke = true;
  wire::DataFromDriver message;
  const bool understood =
      frames->size() <= 2 &&
      message.ParseFromArray(frames->front().bytes().data(), static_cast<int>(frames->front().size())) &&
      message.has_chunk() == (frames->size() == 2);
  const auto bytes = frames->size() > 1 ? frames->back().bytes() : std::span<const std::byte>();
  if (understood && message.has_refused()) {
    on_refusal(peer, message.refused().why());
    return false;
  }
  peer.refusals = 0;
  ArrayIntake::Said said;
  if (understood) {
    said = peer.intake->hear(message, bytes);
  } else {
    said.wrong = "a message that could not be understood";
  }
  if (!said.wrong.empty()) {
    log_.note(peer.at.driver,
              fmt::format("the data socket of the driver at {} does not keep to the protocol: {}. The connection is "
                          "ended, and tried again",
                          peer.address, said.wrong),
              monotonic_seconds());
    hang_up(peer);
    peer.open_at = monotonic_seconds() + kOpenAgainAfterWrong;
    return false;
  }
  if (!bytes.empty()) {
    if (uncommitted_ == 0) commit_at_ = monotonic_seconds() + kCommitEvery;
    uncommitted_ += bytes.size();
  }
  if (std::any_of(said.answers.begin(), said.answers.end(), [](const auto& answer) { return answer.has_stored(); }))
    on_written();
  std::move(said.answers.begin(), said.answers.end(), std::back_inserter(peer.unsaid));
  return uncommitted_ < kCommitAfter;
}

/// A driver that was started anew does not know the ticket until its Welcome has told us the next one.
void DataLink::on_refusal(Peer& peer, const std::string& why) {
  hang_up(peer);
  peer.open_at = monotonic_seconds() + kTicketAgain;
  if (++peer.refusals < kRefusalsInARow) return;
  log_.note(peer.at.driver, fmt::format("the data socket at {} refuses: {}", peer.address, why), monotonic_seconds());
}

void DataLink::say(Peer& peer) {
  std::size_t said = 0;
  while (said < peer.unsaid.size() && peer.socket->send({peer.unsaid[said].SerializeAsString()})) ++said;
  peer.unsaid.erase(peer.unsaid.begin(), peer.unsaid.begin() + static_cast<std::ptrdiff_t>(said));
}

void DataLink::hang_up(Peer& peer) {
  peer.socket.reset();
  peer.intake.reset();
  peer.unsaid.clear();
  peer.open_at = monotonic_seconds() + kOpenAgain;
}

void DataLink::tend(Peer& peer) {
  const double now = monotonic_seconds();
  if (peer.socket || peer.address.empty() || now < peer.open_at || now < stalled_until_) return;
  peer.socket = std::make_unique<ZmqSocket>(context_, ZmqSocket::Kind::kDealer, kLargest, kReceiveQueueOfData);
  peer.socket->watch_ends();
  peer.heard_at = now;
  peer.asked_at.reset();
  peer.spoke = false;
  if (!peer.key.empty()) peer.socket->trust(options_.keys->own.secret, options_.keys->own.key, peer.key);
  try {
    peer.socket->connect(peer.address);
  } catch (const std::exception& error) {
    log_.note(peer.at.driver, fmt::format("its data socket cannot be reached: {}", error.what()), now);
    hang_up(peer);
    peer.open_at = now + kOpenAgainAfterWrong;
    return;
  }
  peer.intake.emplace(
      store_, options_.in_flight / peers_.size(),
      [this, driver = peer.at.driver](const wire::Open& open) { return options_.expects(driver, open); });
  peer.unsaid = peer.intake->begin(peer.ticket);
  say(peer);
}

// ── The disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void DataLink::commit_if_due() {
  if (uncommitted_ == 0 || (uncommitted_ < kCommitAfter && monotonic_seconds() < commit_at_)) return;
  for (const auto& [name, bytes] : store_.commit()) {
    for (auto& peer : peers_) {
      const auto answer = peer->intake ? peer->intake->durable(name, bytes) : std::nullopt;
      if (!answer) continue;
      peer->unsaid.push_back(*answer);
      say(*peer);
    }
  }
  uncommitted_ = 0;
  on_written();
}

void DataLink::on_written() {
  if (!std::exchange(stalled_, false)) return;
  for (const auto& peer : peers_) {
    if (!peer->address.empty()) return tell(peer->at.driver, "arrays are stored again");
  }
}

/// Nothing was acknowledged that is not on the disk, and the drivers have the rest: as after a broken link.
void DataLink::on_full_disk(const std::string& why) {
  stalled_until_ = monotonic_seconds() + kDiskAgain;
  uncommitted_ = 0;
  bool first = !std::exchange(stalled_, true);
  for (auto& peer : peers_) {
    hang_up(*peer);
    if (!first || peer->address.empty()) continue;
    first = false;
    tell(peer->at.driver,
         fmt::format("arrays cannot be stored now; nothing of them is lost, their commands wait, and it is "
                     "tried again every second: {}",
                     why));
  }
}

void DataLink::answer_questions() {
  if (questions_.empty() || monotonic_seconds() < stalled_until_) return;
  for (Question& question : questions_) {
    look_up_arrays(store_, question.message, [&](const std::string& id) { return question.instruments.at(id); });
  }
  {
    const std::lock_guard lock(mutex_);
    for (Question& question : questions_) told_.push_back(std::move(question.message));
  }
  questions_.clear();
  controller_.notify();
}

void DataLink::tell(const std::string& driver, const std::string& what) {
  wire::FromDriver message;
  message.set_version(kProtocolVersion);
  message.set_driver(driver);
  message.mutable_refused()->set_why(what);
  {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(message));
  }
  controller_.notify();
}

// ── Waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────

double DataLink::due() const {
  double next = log_.due();
  if (uncommitted_ > 0) next = std::min(next, uncommitted_ >= kCommitAfter ? 0 : commit_at_);
  if (!questions_.empty()) next = std::min(next, stalled_until_);
  for (const auto& peer : peers_) {
    if (!peer->socket && !peer->address.empty()) next = std::min(next, std::max(peer->open_at, stalled_until_));
    next = std::min(next, pulse_due(*peer));
  }
  return next;
}

void DataLink::wait() {
  std::vector<ZmqWait> waits = {{nullptr, wake_.fd(), false, false}};
  for (const auto& peer : peers_) {
    if (peer->socket) waits.push_back({peer->socket.get(), -1, !peer->unsaid.empty(), false});
  }
  const double next = due();
  wait_for_any(waits, next == HUGE_VAL ? -1 : std::max(0.0, next - monotonic_seconds()));
  wake_.clear();
}

}  // namespace athanor
