#include "bench/own_process.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace athanor {

nlohmann::json in_process(const std::string& arguments) {
  const std::string command = std::filesystem::read_symlink("/proc/self/exe").string() + " " + arguments;
  FILE* pipe = popen(command.c_str(), "r");
  std::string said;
  for (int c = pipe == nullptr ? EOF : std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
  if (pipe == nullptr || pclose(pipe) != 0) throw EnvironmentError("“" + command + "” failed");
  return nlohmann::json::parse(said);
}

}  // namespace athanor
