// What the tests of SiLA 2 servers share: a server that answers from memory.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "features.h"
#include "proto/sila2.pb.h"
#include "sila2/channel.h"

namespace athanor::sila2 {

namespace sila = ::sila2::org::silastandard;

constexpr const char* kService = "/sila2.org.silastandard.core.silaservice.v1.SiLAService/";

/// A message with `part` under this field, of 1 to 15.
inline std::string in_field(int field, const std::string& part) {
  std::string bytes(1, static_cast<char>(field << 3 | 2));
  for (std::size_t left = part.size();; left >>= 7) {
    bytes += static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) return bytes + part;
  }
}
inline std::string in_field_1(const std::string& part) {
  return in_field(1, part);
}

inline std::string text(const std::string& value) {
  sila::String string;
  string.set_value(value);
  return in_field_1(string.SerializeAsString());
}

inline Channel::Status aborted(const google::protobuf::Message& error) {
  const std::string bytes = error.SerializeAsString();
  static const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string base64;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned three = 0;
    for (std::size_t j = i; j < i + 3; ++j)
      three = three << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) base64 += i + j <= bytes.size() ? digits[three >> (18 - 6 * j) & 63] : '=';
  }
  return {Channel::Code::kAborted, base64};
}

inline Channel::Status framework_error(sila::FrameworkError::ErrorType type) {
  sila::SiLAError error;
  error.mutable_frameworkerror()->set_errortype(type);
  return aborted(error);
}

/// Says of each call what the test has laid ready for it, in order; and counts.
struct Script {
  struct Answer {
    Channel::Status status;
    std::vector<std::string> messages;
  };
  /// What the next call of that name gives: messages, and then its end.
  void say(const std::string& call, std::vector<std::string> messages, Channel::Status status = {}) {
    Answer answer;
    answer.messages = std::move(messages);
    answer.status = std::move(status);
    const std::lock_guard lock(mutex);
    answers[call].push_back(std::move(answer));
  }
  Answer next(const Channel::Request& request) {
    const std::string call = request.method.substr(request.method.rfind('/') + 1);
    const std::lock_guard lock(mutex);
    heard[call].push_back(request);
    ++asked[call];
    auto& ready = answers[call];
    if (ready.empty()) return {{Channel::Code::kUnimplemented, ""}, {}};
    Answer answer = std::move(ready.front());
    ready.pop_front();
    return answer;
  }
  int times(const std::string& call) {
    const std::lock_guard lock(mutex);
    return asked[call];
  }
  std::string feature, uuid = "device-1";
  std::map<std::string, std::deque<Answer>> answers;  ///< by call, of Thing or of the standard's services
  std::map<std::string, int> asked;
  std::map<std::string, std::vector<Channel::Request>> heard;
  std::vector<std::size_t> at_once;  ///< how many calls were made at a time
  std::mutex mutex;                  // a device speaks from two threads
};

class ScriptedChannel final : public Channel {
 public:
  explicit ScriptedChannel(Script& script) : script_(script) {}
  Status connect(double) override { return {}; }
  std::vector<Answer> call(const std::vector<Request>& requests) override {
    script_.at_once.push_back(requests.size());
    std::vector<Answer> answers;
    for (const Request& request : requests) {
      Answer& answer = answers.emplace_back();
      answer.status = call_one(request, answer.bytes);
    }
    return answers;
  }
  Status stream(const Request& request, const Each& each) override {
    const Script::Answer answer = script_.next(request);
    for (const std::string& bytes : answer.messages) {
      if (!each(bytes)) return {};
    }
    return answer.status;
  }
  void interrupt() override {}
  void resume() override {}

 private:
  Status call_one(const Request& request, std::string& answer) {
    const std::string& method = request.method;
    if (method == kService + std::string("Get_ServerUUID")) return answer = text(script_.uuid), Status{};
    if (method == kService + std::string("Get_ServerType")) return answer = text("Thing"), Status{};
    if (method == kService + std::string("Get_ImplementedFeatures"))
      return answer = text("org.example/tests/Thing/v1"), Status{};
    if (method == kService + std::string("GetFeatureDefinition")) {
      if (script_.feature.empty()) return {Code::kOther, "no such feature"};
      return answer = text(script_.feature), Status{};
    }
    return stream(request, [&](const std::string& bytes) {
      answer = bytes;
      return true;
    });
  }

  Script& script_;
};

inline std::string info(sila::ExecutionInfo::CommandStatus status, double progress) {
  sila::ExecutionInfo info;
  info.set_commandstatus(status);
  info.mutable_progressinfo()->set_value(progress);
  return info.SerializeAsString();
}

inline std::string confirmation() {
  sila::CommandConfirmation confirmed;
  confirmed.mutable_commandexecutionuuid()->set_value("execution-1");
  return confirmed.SerializeAsString();
}

inline std::string number(double value) {
  sila::Real real;
  real.set_value(value);
  return in_field_1(real.SerializeAsString());
}

inline const std::string kObservable = feature_with(
    "<Command><Identifier>Run</Identifier><Observable>Yes</Observable><Response><Identifier>Yield</"
    "Identifier><DataType>"
    "<Basic>Real</Basic></DataType></Response></Command>"
    "<Command><Identifier>Halt</Identifier><Observable>No</Observable></Command>");

}  // namespace athanor::sila2
