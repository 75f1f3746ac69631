// Devices whose program takes its orders from files in a folder, and leaves its results there.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "adapters/folder_watch.h"
#include "adapters/interrupt.h"
#include "adapters/result_file.h"
#include "adapters/wiring.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/quantity.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr long kLastHeader = 1000;
constexpr double kLookEvery = 0.2;     // seconds; of shared folders nobody tells what happens elsewhere
constexpr std::size_t kMostNamed = 5;  // of files that came instead

struct Settings {
  double timeout_s = 600;
  double settle_s = 1;  ///< a file that has not grown for so long is whole
  CsvFormat csv;
};

/// A text in the name of a file stays in the folder: what separates folders becomes a hyphen.
std::string in_a_name(const std::string& text) {
  std::string name = text;
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

/// The same in a pattern, where it stands for itself alone.
std::string in_a_pattern(const std::string& text) {
  std::string name;
  for (const char c : in_a_name(text)) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) name += '\\';
    name += c;
  }
  return name;
}

class FolderBus final : public Bus {
 public:
  FolderBus(std::string folder, const Settings& settings) : folder_(std::move(folder)), settings_(settings) {}

  /// What is there already is of earlier days.
  std::optional<Fault> connect(bool) override {
    if (connected_) return std::nullopt;
    const auto found = files();
    if (!found) return found.fault();
    known_ = found.value();
    connected_ = true;
    return std::nullopt;
  }

  void interrupt() override { interrupt_.set(); }
  void resume() override { interrupt_.clear(); }

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    const std::string name = raw(step.at(verb));
    if (verb == "drop") return drop(name, step.contains("content") ? step.at("content") : nlohmann::json(""));
    return collect(name, timeout_of(step, settings_.timeout_s));
  }

 private:
  /// By which a file that was written anew is told from the old one.
  struct Stamp {
    std::uintmax_t size = 0;
    fs::file_time_type written;
    bool operator==(const Stamp&) const = default;
  };
  struct Seen {
    Stamp stamp;
    double since = 0;  ///< monotonic seconds
  };
  using Files = std::map<std::string, Stamp>;
  struct Watching {
    Watching(FolderWatch& watch, const std::string& folder) : watch_(watch) { watch_.begin(folder); }
    ~Watching() { watch_.end(); }
    FolderWatch& watch_;
  };

  /// The files of the folder that match, by name. Others are not looked at, which takes its time on a shared folder
  /// with all that lies there of earlier days.
  Outcome<Files> files(const std::string& pattern = "*") const {
    Files found;
    std::error_code error;
    fs::directory_iterator entry(folder_, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      std::error_code gone, unknown;
      if (fnmatch(pattern.c_str(), entry->path().filename().c_str(), 0) != 0 || !entry->is_regular_file(gone)) continue;
      const Stamp stamp{entry->file_size(gone), entry->last_write_time(unknown)};
      if (!gone && !unknown) found[entry->path().filename()] = stamp;
    }
    if (error)
      return Fault{Fault::Kind::kLink,
                   fmt::format("the folder {} cannot be looked into: {}", folder_.string(), error.message())};
    return found;
  }

  /// Appears under its name when it is whole. What lies in the folder by then is no answer to it.
  Outcome<nlohmann::json> drop(const std::string& name, const nlohmann::json& content) {
    auto found = files();
    if (!found) return found.fault();
    known_ = found.value();
    const fs::path file = folder_ / name, unfinished = folder_ / ("." + name + ".part");
    errno = 0;
    std::ofstream out(unfinished, std::ios::binary);
    out << (content.is_string() ? content.get<std::string>() : content.dump(2) + "\n");
    out.close();
    std::error_code error(out ? 0 : errno, std::generic_category());
    Stamp stamp;
    if (out) {
      stamp = {fs::file_size(unfinished, error), fs::last_write_time(unfinished, error)};
      fs::rename(unfinished, file, error);
    }
    if (!out || error) {
      std::error_code ignored;
      fs::remove(unfinished, ignored);
      return Fault{Fault::Kind::kLink, fmt::format("the file {} cannot be written: {}", file.string(),
                                                   error ? error.message() : "the folder takes nothing")};
    }
    known_[name] = stamp;
    return nlohmann::json();
  }

  /// The first by name, if several have come.
  Outcome<nlohmann::json> collect(const std::string& pattern, double timeout_s) {
    const double end = monotonic_seconds() + timeout_s;
    const Watching watching(watch_, folder_.string());
    std::map<std::string, Seen> growing;
    for (;;) {
      const auto found = files(pattern);
      if (!found) return found.fault();
      double look_again = monotonic_seconds() + kLookEvery;
      for (const auto& [name, stamp] : found.value()) {
        const auto known = known_.find(name);
        if (known != known_.end() && known->second == stamp) continue;
        if (name.starts_with('.')) continue;
        const double now = monotonic_seconds();
        Seen& seen = growing.try_emplace(name, Seen{stamp, now}).first->second;
        if (seen.stamp != stamp) seen = {stamp, now};
        if (stamp.size == 0) continue;
        if (const double whole = seen.since + settings_.settle_s; now < whole) {
          look_again = std::min(look_again, whole);
          continue;
        }
        known_[name] = stamp;
        return read_result(folder_ / name, settings_.csv);
      }
      const double now = monotonic_seconds();
      if (now >= end) {
        const auto all = files();
        return Fault{Fault::Kind::kDeadline,
                     fmt::format("no new file “{}” came into {} within {} s{}{}", pattern, folder_.string(),
                                 pretty_number(timeout_s), all ? what_came(all.value(), growing) : "",
                                 what_is_no_file(pattern))};
      }
      if (interrupt_.is_set()) return kBrokenOff;
      watch_.wait(std::min(look_again, end) - now, pattern, interrupt_);
    }
  }

  /// Of what was waited for in vain: a name that is not the one, or a file that was never whole.
  std::string what_came(const Files& found, const std::map<std::string, Seen>& growing) const {
    std::vector<std::string> came;
    std::size_t more = 0;
    for (const auto& [name, stamp] : found) {
      const auto known = known_.find(name);
      if ((known != known_.end() && known->second == stamp) || name.starts_with('.')) continue;
      if (came.size() == kMostNamed) {
        ++more;
        continue;
      }
      const char* state = !growing.contains(name) ? "" : stamp.size == 0 ? ", which is empty" : ", which still grows";
      came.push_back(quote(name) + state);
    }
    if (came.empty()) return "; nothing else came";
    return fmt::format("; what came is {}{}", fmt::join(came, ", "),
                       more == 0 ? "" : fmt::format(" and {} more", more));
  }

  /// Of what has a name that was waited for.
  std::string what_is_no_file(const std::string& pattern) const {
    std::error_code error, unknown;
    fs::directory_iterator entry(folder_, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename();
      if (fnmatch(pattern.c_str(), name.c_str(), 0) == 0 && !entry->is_regular_file(unknown))
        return fmt::format("; {} is there, and is no file, but a folder, a pipe or a link to nothing", quote(name));
    }
    return "";
  }

  fs::path folder_;
  const Settings& settings_;
  bool connected_ = false;
  Files known_;  ///< no new results, as long as they stay like that
  FolderWatch watch_;
  Interrupt interrupt_;
};

class FolderAdapter final : public Adapter {
 public:
  explicit FolderAdapter(Settings settings) : settings_(settings) {}

  const std::vector<Verb>& verbs() const override {
    static const std::vector<Verb> verbs = {{.name = "drop",
                                             .answers = false,
                                             .beside = {"content"},
                                             .filling = {.as_written = true, .escaped = in_a_name}},
                                            {.name = "collect",
                                             .beside = {"timeout"},
                                             .harmless = true,
                                             .filling = {.as_written = true, .escaped = in_a_pattern}}};
    return verbs;
  }

  void check(const std::string& verb, const nlohmann::json& step, const Node& node) const override {
    const nlohmann::json& name = step.at(verb);
    const std::string text = name.is_string() ? name.get<std::string>() : "";
    if (text.empty() || text.starts_with('.') || text.find('/') != std::string::npos)
      node.error(fmt::format("“{}” is no name of a file in the folder; expected one such as “{{sample}}.csv”",
                             node.text().value_or(name.dump())));
    check_timeout(step, node);
  }

  std::unique_ptr<Bus> bus_to(const std::string& address, Lines&) const override {
    require_folder(address);
    return std::make_unique<FolderBus>(address, settings_);
  }

 private:
  Settings settings_;
};

}  // namespace

std::unique_ptr<Adapter> make_folder_adapter(const Node& node) {
  Settings settings;
  if (node.kind() != Node::Kind::kNull) {
    MapReader reader(node, "the folder");
    settings.timeout_s = read_time(reader, "timeout", settings.timeout_s, 1e6);
    settings.settle_s = read_time(reader, "settle", settings.settle_s, 3600);
    if (const Node separator = reader.optional("separator"))
      settings.csv.separator = separator.one_of({",", ";", "\t", "|"}).value_or(",").front();
    if (const Node header = reader.optional("header")) {
      const long line = header.integer().value_or(1);
      if (line < 1 || line > kLastHeader)
        header.error(
            fmt::format("line {}; the header of a .csv stands in one of the lines 1 to {}", line, kLastHeader));
      settings.csv.header_line = static_cast<std::size_t>(std::max(line, 1L));
    }
    reader.finish();
  }
  return std::make_unique<FolderAdapter>(settings);
}

}  // namespace athanor
