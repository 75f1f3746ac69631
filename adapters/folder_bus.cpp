// Devices whose program takes its orders from files in a folder, and leaves its results there.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/quantity.h"
#include "core/table.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

constexpr double kLookEvery = 0.2;                             // seconds; shared folders tell nobody of new files
constexpr std::uintmax_t kLargest = std::uintmax_t{64} << 20;  // bytes of a result

struct Settings {
  double timeout_s = 600;
  double settle_s = 1;  ///< a file that has not grown for so long is whole
};

/// A name in the folder and nothing else: what separates folders becomes a hyphen.
std::string plain_name(std::string name) {
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

/// Columns by their names. throws InputError.
nlohmann::json columns_of(const std::string& file) {
  const Table table = read_csv(file);
  nlohmann::json columns = nlohmann::json::object();
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    nlohmann::json& column = columns[table.columns[c]] = nlohmann::json::array();
    for (const auto& row : table.rows) column.push_back(row[c]);
  }
  return columns;
}

class FolderBus final : public Bus {
 public:
  FolderBus(std::string folder, const Settings& settings) : folder_(std::move(folder)), settings_(settings) {}

  /// What is there already is of earlier days.
  std::optional<Fault> connect() override {
    std::error_code error;
    if (!fs::is_directory(folder_, error))
      return Fault{Fault::Kind::kLink, fmt::format("{} is no folder that can be looked into", folder_.string())};
    if (!connected_) pass_over();
    connected_ = true;
    return std::nullopt;
  }

  void interrupt() override {
    {
      const std::lock_guard lock(mutex_);
      interrupted_ = true;
    }
    changed_.notify_all();
  }
  void resume() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = false;
  }

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    const std::string name = plain_name(raw(step.at(verb)));
    if (verb == "drop") {
      pass_over();
      return drop(name, step.contains("content") ? step.at("content") : nlohmann::json(""));
    }
    const double timeout_s = timeout_of(step, settings_.timeout_s);
    return collect(name, timeout_s);
  }

 private:
  struct Seen {
    std::uintmax_t size = 0;
    double since = 0;  ///< monotonic seconds
  };

  void pass_over() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error)) taken_.insert(entry.path().filename());
  }

  /// Appears under its name when it is whole.
  Outcome<nlohmann::json> drop(const std::string& name, const nlohmann::json& content) {
    const fs::path file = folder_ / name, unfinished = folder_ / ("." + name + ".part");
    std::ofstream out(unfinished, std::ios::binary);
    out << (content.is_string() ? content.get<std::string>() : content.dump(2) + "\n");
    out.close();
    std::error_code error;
    if (out) fs::rename(unfinished, file, error);
    if (!out || error)
      return Fault{Fault::Kind::kLink, fmt::format("the file {} cannot be written: {}", file.string(),
                                                   error ? error.message() : "disk full, or not permitted")};
    taken_.insert(name);
    return nlohmann::json();
  }

  Outcome<nlohmann::json> collect(const std::string& pattern, double timeout_s) {
    const double end = monotonic_seconds() + timeout_s;
    std::map<std::string, Seen> growing;
    for (;;) {
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(folder_, error)) {
        const std::string name = entry.path().filename();
        if (taken_.contains(name) || name.starts_with('.') || fnmatch(pattern.c_str(), name.c_str(), 0) != 0) continue;
        std::error_code gone;
        const std::uintmax_t size = entry.file_size(gone);
        if (gone) continue;
        const double now = monotonic_seconds();
        const auto [seen, fresh] = growing.try_emplace(name, Seen{size, now});
        if (seen->second.size != size) seen->second = {size, now};
        if (size == 0 || now - seen->second.since < settings_.settle_s) continue;
        taken_.insert(name);
        return parsed(entry.path(), size);
      }
      if (monotonic_seconds() >= end) {
        return Fault{Fault::Kind::kDeadline, fmt::format("no new file “{}” came into {} within {} s", pattern,
                                                         folder_.string(), pretty_number(timeout_s))};
      }
      std::unique_lock lock(mutex_);
      const auto pause = std::chrono::duration<double>(std::min(kLookEvery, settings_.settle_s / 2 + 0.01));
      if (changed_.wait_for(lock, pause, [this] { return interrupted_; }))
        return Fault{Fault::Kind::kInterrupted, "broken off"};
    }
  }

  static Outcome<nlohmann::json> parsed(const fs::path& file, std::uintmax_t size) {
    if (size > kLargest)
      return Fault{Fault::Kind::kDevice,
                   fmt::format("{} has {} bytes; results may have {}", file.string(), size, kLargest)};
    if (file.extension() == ".csv") {
      try {
        return columns_of(file);
      } catch (const std::exception& error) {
        return Fault{Fault::Kind::kDevice, error.what()};
      }
    }
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return Fault{Fault::Kind::kLink, fmt::format("{} cannot be read", file.string())};
    if (file.extension() != ".json") return nlohmann::json(text.str());
    nlohmann::json answer = nlohmann::json::parse(text.str(), nullptr, false);
    if (answer.is_discarded())
      return Fault{Fault::Kind::kDevice, fmt::format("{} is no JSON: {}", file.string(), quote(text.str()))};
    return answer;
  }

  fs::path folder_;
  const Settings& settings_;
  bool connected_ = false;
  std::set<std::string> taken_;  ///< names that are no new results
  std::mutex mutex_;
  std::condition_variable changed_;
  bool interrupted_ = false;
};

class FolderAdapter final : public Adapter {
 public:
  explicit FolderAdapter(Settings settings) : settings_(settings) {}

  const std::vector<Verb>& verbs() const override {
    static const std::vector<Verb> verbs = {{"drop", false, {"content"}, false}, {"collect", true, {"timeout"}, true}};
    return verbs;
  }

  void check(const std::string& verb, const nlohmann::json& step, const Node& node) const override {
    const nlohmann::json& name = step.at(verb);
    if (!name.is_string() || name.get<std::string>().empty() || name.get<std::string>().starts_with('.'))
      node.error(fmt::format("{} is no name of a file; expected one such as “{{sample}}.csv”", name.dump()));
    check_timeout(step, node);
  }

  std::unique_ptr<Bus> bus_to(const std::string& address) const override {
    if (address.empty()) throw InputError("the folder is not named; expected its path");
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
    reader.finish();
  }
  return std::make_unique<FolderAdapter>(settings);
}

}  // namespace athanor
