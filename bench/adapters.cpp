// What an adapter costs over the library that it stands on: one question and its answer, by the bare library, by the
// adapter, and as a whole command of an instrument, against a device in a process of its own that answers at once.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/adapters/way.h"

int main(int argc, char** argv) {
  using namespace athanor;
  CLI::App app("What an adapter costs over its bare library: one question and its answer.");
  int times = 5000, sila2_takes_ms = 0;
  std::string python;
  std::vector<std::string> only;
  app.add_option("--times", times, "How often each is done")->check(CLI::Range(100, 1'000'000));
  app.add_option("--opcua", python, "OPC UA too, by this Python, which has asyncua: build/test-peers-venv/bin/python")
      ->check(CLI::ExistingFile);
  app.add_option("--sila2-takes", sila2_takes_ms, "How long the SiLA 2 server takes for each answer, in ms")
      ->check(CLI::Range(0, 1000));
  const std::vector<std::pair<std::string, std::function<void()>>> ways = {
      {"text", [&] { measure_text(times); }},
      {"modbus", [&] { measure_modbus(times); }},
      {"http", [&] { measure_http(times); }},
      {"program", [&] { measure_program(times); }},
      {"folder", [&] { measure_folder(times); }},
      {"opcua", [&] { python.empty() ? void() : measure_opcua(times, python); }},
      {"sila2", [&] { measure_sila2(times, sila2_takes_ms); }}};  // the last: way.h says why
  std::vector<std::string> names;
  for (const auto& [name, way] : ways) names.push_back(name);
  app.add_option("--only", only, "These alone")->check(CLI::IsMember(names));
  CLI11_PARSE(app, argc, argv);
  for (const auto& [name, way] : ways) {
    if (only.empty() || std::find(only.begin(), only.end(), name) != only.end()) way();
  }
  return 0;
}
