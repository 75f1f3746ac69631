#include "adapters/opcua_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "adapters/answer.h"
#include "core/clock.h"
#include "core/quantity.h"

namespace athanor {

using nlohmann::json;

namespace {

constexpr const char* kProgram = "athanor-opcua";
constexpr double kLongestPoll = 3600;                    // seconds
constexpr double kStart = 60;                            // seconds that Python may take to start on a busy machine
constexpr std::size_t kLongest = std::size_t{16} << 20;  // bytes of an answer
constexpr std::size_t kMostErrors = 4096;                // bytes of its errors that are kept

bool take(Descriptor& from, std::string& into) {
  char bytes[65536];
  const ssize_t count = read(from.get(), bytes, sizeof bytes);
  if (count > 0) into.append(bytes, static_cast<std::size_t>(count));
  if (count == 0) from.close();
  return count > 0;
}

}  // namespace

OpcuaClient::OpcuaClient(const Interrupt& interrupt) : process_({kProgram}, "/"), interrupt_(interrupt) {}

std::optional<Fault> OpcuaClient::ready() {
  if (const int error = process_.start_error(); error != 0) {
    return broken(
        fmt::format("“{}” cannot be started ({}); install it with pip install \"PATH/TO/athanor/python[opcua]\" "
                    "in a virtual environment (docs/profiles.md), and let PATH name the folder in which it then is",
                    kProgram, std::strerror(error)));
  }
  const auto hello = line(kStart);
  return hello ? std::nullopt : std::optional(hello.fault());
}

Outcome<json> OpcuaClient::ask(json request, double timeout_s) {
  request["id"] = ++last_id_;
  if (const auto fault = say(request.dump() + "\n", timeout_s)) return *fault;
  for (;;) {
    const auto heard = line(timeout_s);
    if (!heard) return heard.fault();
    const json& answer = heard.value();
    if (answer.value("id", 0) != last_id_) continue;  // of what was given up
    if (!answer.contains("fault")) return answer.at("answer");
    const std::string kind = answer.at("fault");
    return Fault{kind == "link"    ? Fault::Kind::kLink
                 : kind == "limit" ? Fault::Kind::kLimit
                                   : Fault::Kind::kDevice,
                 answer.at("message")};
  }
}

std::optional<Fault> OpcuaClient::say(const std::string& text, double timeout_s) {
  std::size_t given = 0;
  const double end = monotonic_seconds() + timeout_s;
  while (given < text.size()) {
    const ssize_t count = write(process_.in.write.get(), text.data() + given, text.size() - given);
    if (count > 0) {
      given += static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      return ended();
    } else if (auto fault = wait(end, timeout_s)) {
      // Half a line would make nonsense of the next one.
      if (given > 0) broken_ = true;
      return fault;
    }
  }
  return std::nullopt;
}

Outcome<json> OpcuaClient::line(double timeout_s) {
  const double end = monotonic_seconds() + timeout_s;
  for (;;) {
    if (const std::size_t stop = heard_.find('\n'); stop != std::string::npos) {
      auto said = as_json(std::string_view(heard_).substr(0, stop));
      heard_.erase(0, stop + 1);
      if (said && said->is_object()) return *std::move(said);
      return broken(fmt::format("“{}” on this machine is another program", kProgram));
    }
    if (heard_.size() > kLongest) return broken(fmt::format("said more than {} bytes at once", kLongest));
    if (const auto fault = wait(end, timeout_s)) return *fault;
  }
}

/// Until there is something new, and takes what the program says.
std::optional<Fault> OpcuaClient::wait(double end, double timeout_s) {
  pollfd waits[] = {{process_.out.read.get(), POLLIN, 0},
                    {process_.errors.read.get(), POLLIN, 0},
                    {process_.ended(), POLLIN, 0},
                    {interrupt_.fd(), POLLIN, 0}};
  const double left = std::clamp(end - monotonic_seconds(), 0.0, kLongestPoll);
  if (poll(waits, std::size(waits), static_cast<int>(std::ceil(left * 1000))) < 0) return std::nullopt;  // a signal
  if (waits[3].revents != 0) return Fault{Fault::Kind::kInterrupted, "broken off"};
  if (waits[1].revents != 0) {
    take(process_.errors.read, errors_);
    if (errors_.size() > kMostErrors) errors_.erase(0, errors_.size() - kMostErrors);
  }
  if (waits[0].revents != 0 && take(process_.out.read, heard_)) return std::nullopt;
  if ((waits[2].revents & POLLIN) != 0) return ended();
  if (monotonic_seconds() < end) return std::nullopt;
  return broken(fmt::format("said nothing for {} s", pretty_number(timeout_s)));
}

Fault OpcuaClient::ended() {
  const std::string how = process_.reap();
  while (take(process_.errors.read, errors_)) {
  }
  return broken(
      fmt::format("{}; it said {}", how.empty() ? "ended" : how, quote_last(errors_.empty() ? heard_ : errors_)));
}

Fault OpcuaClient::broken(const std::string& what) {
  broken_ = true;
  return {Fault::Kind::kLink, fmt::format("the OPC UA client {}", what)};
}

}  // namespace athanor
