// The Protocol Buffers messages of a feature, made at run time from its definition (SiLA 2, part B).
#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>

#include "sila2/feature.h"

namespace google::protobuf {
class FileDescriptorProto;
}

namespace athanor::sila2 {

/// The feature as a .proto file would say it.
google::protobuf::FileDescriptorProto describe_messages(const Feature& feature);

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
