// A SiLA 2 server: what it offers, asked of itself, and calls with their errors in words.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/outcome.h"
#include "proto/sila2.pb.h"
#include "sila2/channel.h"
#include "sila2/feature.h"
#include "sila2/messages.h"

namespace athanor::sila2 {

/// A feature of the server with its messages.
struct Known {
  Feature feature;
  std::string definition;  ///< as the server gave it
  std::unique_ptr<Messages> messages;
};

/// Metadata that is sent along with calls.
struct Tag {
  std::string header, bytes;
  std::set<std::string> affected;  ///< identifiers of features, commands and properties, in lower case
  /// call: "Shake", "Shake_Result", "Get_Temperature".
  bool affects(const Feature& feature, const std::string& call) const;
};

/// Belongs to its device, whose threads call at once.
class Server {
 public:
  /// Why a call gave nothing, and whether the server may have begun something.
  struct Failure {
    Fault fault;
    bool begun = true;
    bool link = false;        ///< the way to the server was lost, or no answer came in time
    bool forgotten = false;   ///< the server does not know that command's execution
    bool unfinished = false;  ///< the execution goes on: it has no result yet
  };
  using Ended = std::optional<Failure>;
  using Info = ::sila2::org::silastandard::ExecutionInfo;

  /// `address` is for people.
  Server(std::unique_ptr<Channel> channel, double timeout_s, std::string address);

  /// The features that the server has, but for those by which it is administered itself.
  /// throws EnvironmentError if it does not answer, InputError for definitions that cannot be read.
  std::vector<Known> discover();
  /// What kind of device it is, in its own words; known after `discover`.
  const std::string& type() const { return type_; }

  /// That there is a connection, and at its other end the server that was discovered, which defines these features as
  /// it did then, before anything is said: what fails here was certainly not begun.
  Ended connect(const std::vector<const Known*>& meant = {});
  /// `call`: "Shake", "Shake_Result", "Get_Temperature". within_s: 0: the server's usual.
  Ended call(const Feature& feature, const std::string& call, const google::protobuf::Message& request,
             google::protobuf::Message& answer, double within_s = 0);
  /// The first of an observable property's values.
  Ended first(const Feature& feature, const std::string& call, const google::protobuf::Message& request,
              google::protobuf::Message& answer);
  /// What the server tells of an execution, until `each` has heard enough; kDeadline after `within_s`.
  Ended follow(const Feature& feature, const std::string& command, const std::string& uuid, double within_s,
               const std::function<bool(const Info&)>& each);

  // What is too large for one message the server keeps under a UUID (binaries.cpp).

  Ended size_of_binary(const std::string& uuid, std::uint64_t& bytes);
  /// `length` bytes from byte `offset` on: all of them, or a failure.
  Ended part_of_binary(const std::string& uuid, std::uint64_t offset, std::uint32_t length, std::string& bytes);
  /// It is not wanted any more. A server that does not listen forgets it by itself.
  void forget_binary(const std::string& uuid);

  /// From now on, with the calls that it affects. Before other threads call.
  void send_along(std::vector<Tag> tags) { tags_ = std::move(tags); }

  void interrupt() { channel_->interrupt(); }
  void resume() { channel_->resume(); }

 private:
  /// A question to the one feature that every server has, and its answer.
  struct Question {
    std::string call;
    std::unique_ptr<google::protobuf::Message> request, answer;
    double within_s = 0;
    Ended failed = {};
    std::vector<std::string> texts() const;  ///< of the answer
  };
  Question about(const std::string& property);
  Question definition_of(const std::string& feature);
  void ask(std::vector<Question>& questions);             ///< all at once
  std::vector<std::string> answer_to(Question question);  ///< throws EnvironmentError where there is none
  Ended understood(const Feature& feature, const std::string& call, const Channel::Answer& said,
                   google::protobuf::Message& answer) const;
  Ended failure(const Channel::Status& status, const std::string& what) const;
  Ended binary_failure(const Channel::Status& status) const;
  Channel::Request request_of(const Feature& feature, const std::string& call, const google::protobuf::Message& request,
                              double within_s) const;
  std::unique_ptr<Channel> channel_;
  double timeout_s_;
  std::string address_;
  Feature service_;  ///< the one feature that is needed before any definition is known
  Messages messages_;
  std::string uuid_, type_;
  std::vector<Tag> tags_;
};

}  // namespace athanor::sila2
