// The Protocol Buffers messages of a feature, made at run time from its definition (SiLA 2, part B).
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sila2/feature.h"

namespace google::protobuf {
class FileDescriptorProto;
}

namespace athanor::sila2 {

/// The feature as a .proto file would say it.
google::protobuf::FileDescriptorProto describe_messages(const Feature& feature);

/// A message holds so many others at most: what a server sends costs the driver a hundred bytes for each, though it may
/// have sent two.
constexpr std::size_t kMostParts = 2'000'000;

/// Reads a server's answer into `message`; why it cannot be: "is not what the feature defines".
std::optional<std::string> read_answer(const std::string& bytes, google::protobuf::Message& message);

/// The text, or the list of texts, under the message's first field.
std::vector<std::string> texts_in(const google::protobuf::Message& message);

/// Makes messages of one feature. Everything it made dies before it.
class Messages {
 public:
  /// throws InputError naming what Protocol Buffers cannot say.
  explicit Messages(const Feature& feature);
  ~Messages();

  /// An empty message: "Shake_Parameters", "Get_Temperature_Responses". A name that is not there is a bug.
  std::unique_ptr<google::protobuf::Message> make(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace athanor::sila2
