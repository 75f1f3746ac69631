// Feature definitions and a server for the tests: a channel that answers from memory.
#pragma once

#include <fstream>
#include <iterator>
#include <string>

#include "core/error.h"

namespace athanor::sila2 {

inline std::string peer_feature(const std::string& name) {
  std::ifstream file(std::string(ATHANOR_SOURCE_DIR) + "/tests/peers/sila2/" + name + ".sila.xml");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A feature around `content`, with the namespace under a prefix of its own.
inline std::string feature_with(const std::string& content) {
  return "<s:Feature xmlns:s='http://www.sila-standard.org' Originator='org.example' Category='tests' "
         "FeatureVersion='1.3' "
         "SiLA2Version='1.0'>\n<s:Identifier>Thing</s:Identifier>\n" +
         content + "</s:Feature>";
}

/// A command Do with one parameter of the type.
inline std::string command_with(const std::string& type, const std::string& more = "") {
  return feature_with(
      "<Command><Identifier>Do</Identifier><Observable>No</Observable><Parameter><Identifier>Given</"
      "Identifier><DataType>" +
      type + "</DataType></Parameter></Command>" + more);
}

inline std::string constrained(const std::string& basic, const std::string& constraints) {
  return "<Constrained><DataType><Basic>" + basic + "</Basic></DataType><Constraints>" + constraints +
         "</Constraints></Constrained>";
}

}  // namespace athanor::sila2
