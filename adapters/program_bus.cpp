// Devices that a vendor's program, or a script, speaks for: one process a command, JSON in and out.
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "adapters/interrupt.h"
#include "adapters/process.h"
#include "adapters/wiring.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/quantity.h"

namespace athanor {
namespace {

constexpr std::size_t kLongest = std::size_t{16} << 20;  // bytes that a program may say
constexpr double kLongestPoll = 3600;                    // seconds

struct Settings {
  double timeout_s = 60;
  double grace_s = 2;  ///< from being asked to end to being killed
};

/// What it said: JSON as a whole, or its last line if that is, or a text.
nlohmann::json said(const std::string& text) {
  if (auto whole = as_json(text)) return *std::move(whole);
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return nullptr;
  const std::size_t begin = text.rfind('\n', end);
  if (auto last = as_json(std::string_view(text).substr(begin == std::string::npos ? 0 : begin + 1)))
    return *std::move(last);
  return text;
}

class ProgramBus final : public Bus {
 public:
  ProgramBus(std::string folder, const Settings& settings) : folder_(std::move(folder)), settings_(settings) {}

  std::optional<Fault> connect(bool) override {
    struct stat found {};
    if (stat(folder_.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return std::nullopt;
    return Fault{Fault::Kind::kLink, fmt::format("{} is no folder; programs run in it", folder_)};
  }

  void interrupt() override { interrupt_.set(); }
  void resume() override { interrupt_.clear(); }

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    std::vector<std::string> words;
    for (const nlohmann::json& word : step.at(verb)) words.push_back(raw(word));
    const double timeout_s = timeout_of(step, settings_.timeout_s);
    Process process(words, folder_);
    started_ = process.start_error() == 0;
    if (!started_) {
      process.reap();
      return Fault{Fault::Kind::kDevice, fmt::format("the program {} cannot be started in {}: {}", words.front(),
                                                     folder_, std::strerror(process.start_error()))};
    }
    const std::string input = step.contains("input") ? step.at("input").dump() + "\n" : "";
    return listen(process, words.front(), input, timeout_s);
  }

  bool was_unheard() const override { return !started_; }

 private:
  Outcome<nlohmann::json> listen(Process& process, const std::string& name, const std::string& input,
                                 double timeout_s) {
    std::string out, errors;
    std::size_t given = 0;
    if (input.empty()) process.in.write.close();
    double end = monotonic_seconds() + timeout_s;
    bool too_long = false, stopped = false;
    for (bool running = true; running;) {
      pollfd waits[] = {{process.ended(), POLLIN, 0},
                        {process.out.read.get(), POLLIN, 0},
                        {process.errors.read.get(), POLLIN, 0},
                        {process.in.write.get(), POLLOUT, 0},
                        {stopped ? -1 : interrupt_.fd(), POLLIN, 0}};
      const double left = std::clamp(end - monotonic_seconds(), 0.0, kLongestPoll);
      const int ready = poll(waits, std::size(waits), static_cast<int>(std::ceil(left * 1000)));
      if (ready < 0 && errno != EINTR) break;
      if (waits[1].revents != 0) take_some(process.out.read, out);
      if (waits[2].revents != 0) take_some(process.errors.read, errors);
      if (waits[3].revents != 0) give(process.in.write, input, given);
      running = (waits[0].revents & POLLIN) == 0;
      const bool late = monotonic_seconds() >= end;
      if (!running || (!late && (stopped || !interrupt_.is_set()))) continue;
      if (stopped) {
        process.kill();
        end = HUGE_VAL;
      } else {
        too_long = late;
        stopped = true;
        process.ask_to_end();
        end = monotonic_seconds() + settings_.grace_s;
      }
    }
    const std::string badly = process.reap();
    while (take_some(process.out.read, out)) {
    }
    while (take_some(process.errors.read, errors)) {
    }
    if (too_long)
      return Fault{Fault::Kind::kDeadline,
                   fmt::format("the program {} took longer than {} s and was ended", name, pretty_number(timeout_s))};
    if (stopped) return Fault{Fault::Kind::kInterrupted, "broken off"};
    if (!badly.empty()) {
      const std::string& last = errors.empty() ? out : errors;
      return Fault{Fault::Kind::kDevice, fmt::format("the program {} {}; it said {}", name, badly,
                                                     last.empty() ? "nothing" : quote_last(last))};
    }
    if (out.size() >= kLongest)
      return Fault{Fault::Kind::kDevice, fmt::format("the program {} said more than {} bytes", name, kLongest)};
    return said(out);
  }

  /// True if there may be more at once.
  static bool take_some(Descriptor& from, std::string& into) {
    char bytes[65536];
    const ssize_t count = read(from.get(), bytes, sizeof bytes);
    if (count > 0 && into.size() < kLongest) into.append(bytes, static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) from.close();
    return count > 0;
  }

  static void give(Descriptor& to, const std::string& input, std::size_t& given) {
    const ssize_t count = write(to.get(), input.data() + given, input.size() - given);
    if (count > 0) given += static_cast<std::size_t>(count);
    if (given >= input.size() || (count < 0 && errno != EAGAIN && errno != EINTR)) to.close();
  }

  std::string folder_;
  const Settings& settings_;
  Interrupt interrupt_;
  bool started_ = false;  ///< the program of the last exchange
};

class ProgramAdapter final : public Adapter {
 public:
  explicit ProgramAdapter(Settings settings) : settings_(settings) {}

  const std::vector<Verb>& verbs() const override {
    static const Filling written = {.as_written = true};
    static const std::vector<Verb> verbs = {
        {.name = "run", .beside = {"input", "timeout"}, .filling = written},
        {.name = "query", .beside = {"input", "timeout"}, .harmless = true, .filling = written}};
    return verbs;
  }

  void check(const std::string& verb, const nlohmann::json& step, const Node& node) const override {
    const nlohmann::json& words = step.at(verb);
    const bool good = words.is_array() && !words.empty() &&
                      std::none_of(words.begin(), words.end(), [](const auto& word) { return word.is_structured(); });
    if (!good) node.error("expected the program and its arguments as a list, such as [python3, weigh.py, “{sample}”]");
    check_timeout(step, node);
  }

  std::unique_ptr<Bus> bus_to(const std::string& address, Lines&) const override {
    require_folder(address);
    return std::make_unique<ProgramBus>(address, settings_);
  }

 private:
  Settings settings_;
};

}  // namespace

std::unique_ptr<Adapter> make_program_adapter(const Node& node) {
  Settings settings;
  if (node.kind() != Node::Kind::kNull) {
    MapReader reader(node, "how the programs are run");
    settings.timeout_s = read_time(reader, "timeout", settings.timeout_s, 1e6);
    settings.grace_s = read_time(reader, "grace", settings.grace_s, 60);
    reader.finish();
  }
  return std::make_unique<ProgramAdapter>(settings);
}

}  // namespace athanor
