#include "instruments/zmq_gate.h"

#include <fmt/format.h>

#include "instruments/zmq_curve.h"

namespace athanor {

namespace {

enum Question : std::size_t { kVersion, kId, kDomain, kAddress, kIdentity, kMechanism, kKey, kFrames };

}  // namespace

ZmqGate::ZmqGate(ZmqContext& context, AllowList& allowed, QuietLog& log)
    : allowed_(allowed), log_(log), socket_(context, ZmqSocket::Kind::kReply) {
  socket_.bind("inproc://zeromq.zap.01");
}

void ZmqGate::answer(double now) {
  while (const auto question = socket_.receive()) {
    const bool enters = may_enter(*question, now);
    const std::string id = question->size() > kId ? question->at(kId) : "";
    const std::string key = enters ? curve_text(question->at(kKey)) : "";
    socket_.send({"1.0", id, enters ? "200" : "400", enters ? "welcome" : "no such key is allowed", key, ""});
  }
}

bool ZmqGate::may_enter(const Frames& question, double now) {
  if (question.size() != kFrames || question[kMechanism] != "CURVE") return false;  // never from a guarded socket
  const std::string key = curve_text(question[kKey]);
  if (allowed_.name_of(key)) return true;
  log_.note(
      question[kAddress].empty() ? "this machine" : question[kAddress],
      fmt::format("turned away: its key {} is not allowed here. If it may command this driver: athanor keys allow "
                  "\"NAME {}\"",
                  key, key),
      now);
  return false;
}

}  // namespace athanor
