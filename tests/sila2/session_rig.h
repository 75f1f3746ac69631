// A session with a server that answers from memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scripted_server.h"
#include "sila2/session.h"

namespace athanor::sila2 {

constexpr const char* kHarmless = "profile: thing\nsila2: {}\nsafe: nothing\n";
inline const Channel::Status kLost{Channel::Code::kUnavailable, "gone"};

/// A session with a scripted server.
struct Rig {
  /// prepare: lays ready what the server is asked at the start.
  explicit Rig(
      const std::string& profile_text = kHarmless, const std::string& feature = kObservable,
      const std::function<void(Script&)>& prepare = [](Script&) {})
      : profile(read_profile(Document::parse(profile_text, "profile.yaml"))), executions("") {
    script.feature = feature;
    prepare(script);
    session = std::make_unique<Session>(
        std::make_unique<Server>(std::make_unique<ScriptedChannel>(script), 1, "sila2://thing:1"), profile, "thing-1",
        executions);
    command.set_id("c1");
    command.set_instrument("thing-1");
    command.set_capability("thing.run");
    conduct.wait = [this](double) { return ++waits < 100; };
    conduct.rows = [this](const std::string& result, const SharedBytes& rows) {
      const auto bytes = rows.bytes();
      arrays[result].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      largest = std::max(largest, bytes.size());
      return takes_rows;
    };
    conduct.progress = [this](double fraction, const std::string&) { fractions.push_back(fraction); };
  }
  Outcome<Session::Values> run(bool recalled = false) { return session->carry_out(command, recalled, conduct, acted); }

  Script script;
  Profile profile;
  Executions executions;
  std::unique_ptr<Session> session;
  wire::Command command;
  Session::Conduct conduct;
  std::vector<double> fractions;
  int waits = 0;
  bool acted = false;
  std::map<std::string, std::string> arrays;  ///< bytes by result
  std::size_t largest = 0;                    ///< bytes that were handed on at once
  bool takes_rows = true;
};

}  // namespace athanor::sila2
