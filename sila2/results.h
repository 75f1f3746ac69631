// What a server's answer holds, as results of a capability.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "core/outcome.h"
#include "instruments/shared_bytes.h"
#include "proto/driver.pb.h"
#include "sila2/fields.h"

namespace athanor::sila2 {

struct Results {
  struct Array {
    std::string result;
    SharedBytes rows;
    std::string transfer;  ///< not empty: of a Binary that has to be fetched, the UUID under which the server keeps it
  };
  std::vector<driver::v1::Value> values;
  std::vector<Array> arrays;
};

/// A fault of the device: something is missing, or is no number. Numbers in arrays may be any.
Outcome<Results> results_in(const google::protobuf::Message& answer, const std::vector<Leaf>& leaves);

}  // namespace athanor::sila2
