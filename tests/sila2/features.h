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

/// A command Do, observable or not, that gives these: <Response>…</Response>.
inline std::string command_giving(const std::string& responses, const std::string& more = "",
                                  const std::string& observable = "No") {
  return feature_with("<Command><Identifier>Do</Identifier><Observable>" + observable + "</Observable>" + responses +
                      "</Command>" + more);
}

/// <Element><Identifier>…: what a Response, a Parameter, an Element and a Property begin with.
inline std::string named(const std::string& what, const std::string& identifier, const std::string& type) {
  return "<" + what + "><Identifier>" + identifier + "</Identifier><DataType>" + type + "</DataType></" + what + ">";
}

inline std::string list_of(const std::string& type, const std::string& constraints = "") {
  const std::string list = "<List><DataType>" + type + "</DataType></List>";
  if (constraints.empty()) return list;
  return "<Constrained><DataType>" + list + "</DataType><Constraints>" + constraints + "</Constraints></Constrained>";
}

inline std::string constrained(const std::string& basic, const std::string& constraints) {
  return "<Constrained><DataType><Basic>" + basic + "</Basic></DataType><Constraints>" + constraints +
         "</Constraints></Constrained>";
}

}  // namespace athanor::sila2
