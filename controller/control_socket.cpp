#include "controller/control_socket.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"
#include "instruments/address_lock.h"
#include "instruments/zmq_socket.h"

namespace athanor {
namespace {

constexpr double kLookEvery = 0.05;  // seconds, while it is waited for a connection or an answer

class ControlSocket final : public ControlLink {
 public:
  ControlSocket(const std::string& address, const Wake& wake)
      : controller_(wake), lock_(address), router_(context_, ZmqSocket::Kind::kRouter) {
    const mode_t before = umask(077);  // the socket's file is nobody else's from its first moment
    try {
      router_.bind(address);
    } catch (...) {
      umask(before);
      throw;
    }
    umask(before);
    thread_ = std::thread([this] { serve(); });
  }

  ~ControlSocket() override {
    leaving_ = true;
    mine_.notify();
    thread_.join();
  }

  std::vector<RequestMade> take() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(requests_, {});
  }

  void answer(const AnswerRequest& answer) override {
    {
      const std::lock_guard lock(mutex_);
      answers_.push_back(answer);
    }
    mine_.notify();
  }

 private:
  void serve() {
    while (!leaving_) {
      ZmqWait waits[] = {{&router_, -1, false, false}, {nullptr, mine_.fd(), false, false}};
      wait_for_any(waits, -1);
      mine_.clear();
      send_answers();
      while (const auto frames = router_.receive()) hear(*frames);
    }
    send_answers();
  }

  void hear(const Frames& frames) {
    RequestMade made;
    made.id = ++count_;
    const bool understood = frames.size() == 2 && made.request.ParseFromString(frames[1]);
    if (!understood || made.request.version() != kControlVersion ||
        made.request.body_case() == control::v1::Request::BODY_NOT_SET) {
      return tell(frames.front(),
                  refusal(understood ? fmt::format("the request is of version {}, and this controller understands "
                                                   "version {}; use the program that runs the campaign",
                                                   made.request.version(), kControlVersion)
                                     : "this is no request that the controller understands"));
    }
    const std::lock_guard lock(mutex_);
    askers_[made.id] = frames.front();
    requests_.push_back(std::move(made));
    controller_.notify();
  }

  void send_answers() {
    std::vector<AnswerRequest> answers;
    {
      const std::lock_guard lock(mutex_);
      answers = std::exchange(answers_, {});
    }
    for (const AnswerRequest& answer : answers) {
      const auto asker = askers_.extract(answer.id);
      if (asker) tell(asker.mapped(), answer.reply);
    }
  }

  static control::v1::Reply refusal(const std::string& why) {
    control::v1::Reply reply;
    reply.set_refused(true);
    reply.set_text(why);
    return reply;
  }

  /// Whoever asked and left misses the answer; what was ordered stands in the journal.
  void tell(const std::string& asker, control::v1::Reply reply) {
    reply.set_version(kControlVersion);
    router_.send({asker, reply.SerializeAsString()});
  }

  const Wake& controller_;
  Wake mine_;
  AddressLock lock_;  // released when the socket is gone
  ZmqContext context_;
  ZmqSocket router_;
  std::map<std::uint64_t, std::string> askers_;  ///< request → routing id; the thread's alone
  std::uint64_t count_ = 0;
  std::mutex mutex_;
  std::vector<RequestMade> requests_;
  std::vector<AnswerRequest> answers_;
  std::atomic<bool> leaving_ = false;
  std::thread thread_;
};

}  // namespace

std::string control_address(const std::string& journal) {
  return "ipc://" + journal + ".control";
}

std::unique_ptr<ControlLink> make_control_socket(const std::string& address, const Wake& wake) {
  return std::make_unique<ControlSocket>(address, wake);
}

control::v1::Reply ask_controller(const std::string& address, control::v1::Request request, double seconds) {
  request.set_version(kControlVersion);
  ZmqContext context;
  ZmqSocket dealer(context, ZmqSocket::Kind::kDealer);
  dealer.connect(address);
  bool sent = false;
  for (double waited = 0; waited < seconds; waited += kLookEvery) {
    if (!sent) sent = dealer.send({request.SerializeAsString()});
    ZmqWait waits[] = {{&dealer, -1, !sent, false}};
    wait_for_any(waits, kLookEvery);
    while (const auto frames = dealer.receive()) {
      control::v1::Reply reply;
      if (frames->size() == 1 && reply.ParseFromString(frames->front())) return reply;
    }
    if (!sent && waited >= 1) {
      throw NobodyListens(
          fmt::format("no controller listens at “{}”; is “athanor run” running with that journal?", address));
    }
  }
  throw EnvironmentError(fmt::format(
      "the controller at “{}” did not answer within {} s; whether it took the request, its journal will tell", address,
      seconds));
}

}  // namespace athanor
