// athanor instrument check: whether a driver keeps the promises of the driver protocol.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "athanor/instrument.h"
#include "athanor/laboratory.h"
#include "core/document.h"
#include "core/signals.h"
#include "instruments/conformance.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

using nlohmann::json;
using Verdict = PromiseReport::Verdict;

/// A folder for the socket, the ledger and the log of a driver that is started here.
class Workplace {
 public:
  Workplace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "athanor-check-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw EnvironmentError(
          fmt::format("no folder can be made in {}", std::filesystem::temp_directory_path().string()));
    folder_ = pattern;
  }
  ~Workplace() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  std::string operator/(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

constexpr int kNotAllTried = 4;  // the exit status where nothing is broken
constexpr double kDeadMan = 5;   // seconds, of a driver that is started and understands it: its own may be a minute

/// What a file is, that stands for a driver.
enum class Kind {
  kScript,   ///< Python
  kTwin,     ///< a lab file: a simulated laboratory
  kLab,      ///< a lab file of devices with profiles
  kProfile,  ///< one device's profile
  kProgram
};

/// How each is started: it serves at the address, keeps its ledger in the file, and ends at SIGTERM.
std::vector<std::string> start_words(Kind kind) {
  switch (kind) {
    case Kind::kScript:
      return {"python3", "{file}", "--address", "{address}", "--ledger", "{ledger}"};
    case Kind::kTwin:
      return {"{athanor}", "twin",      "{file}",    "--driver", "{driver}", "--folder",
              "{folder}",  "--address", "{address}", "--speed",  "{speed}"};
    case Kind::kLab:
      return {"{athanor}", "driver",    "run",       "{file}",   "--driver",
              "{driver}",  "--address", "{address}", "--ledger", "{ledger}"};
    case Kind::kProfile:
      return {"{athanor}", "driver", "run", "{file}", "--at", "{at}", "--address", "{address}", "--ledger", "{ledger}"};
    case Kind::kProgram:
      break;
  }
  return {"{file}", "--address", "{address}", "--ledger", "{ledger}"};
}

Kind kind_of(const std::string& file) {
  if (std::filesystem::is_directory(file)) throw InputError({file}, "this is a folder; give the driver's file in it");
  if (file.ends_with(".py")) return Kind::kScript;
  if (!file.ends_with(".yaml") && !file.ends_with(".yml")) return Kind::kProgram;
  const auto document = Document::load(file);
  for (const auto& [key, node] : document->root().entries()) {
    if (key == "profile") return Kind::kProfile;
  }
  return load_lab(file).twin ? Kind::kTwin : Kind::kLab;
}

std::vector<std::string> start_command(const ConformanceCheckOptions& options, Kind kind, const std::string& driver,
                                       const Workplace& workplace) {
  const std::pair<const char*, std::string> meant[] = {
      {"{file}", std::filesystem::absolute(options.target).string()},
      {"{address}", "ipc://" + (workplace / "driver.sock")},
      {"{ledger}", workplace / "ledger.db"},
      {"{folder}", workplace / "twin"},
      {"{athanor}", std::filesystem::read_symlink("/proc/self/exe").string()},
      {"{driver}", driver},
      {"{speed}", options.speed},
      {"{at}", options.at},
  };
  std::vector<std::string> words = start_words(kind);
  for (std::string& word : words) {
    for (const auto& [name, value] : meant) {
      if (word == name) word = value;
    }
  }
  if (kind == Kind::kTwin) return words;  // whose drivers have none
  const bool understands = kind != Kind::kProgram || options.dead_man_s;
  if (understands) words.insert(words.end(), {"--dead-man", fmt::format("{}", options.dead_man_s.value_or(kDeadMan))});
  return words;
}

const char* verdict_word(Verdict verdict) {
  static constexpr const char* kWords[] = {"holds", "broken", "not tried", "n/a"};
  return kWords[static_cast<int>(verdict)];
}

void print_promise(const PromiseReport& one) {
  fmt::print("{:9} {:24} {}\n", one.verdict == Verdict::kBroken ? "BROKEN" : verdict_word(one.verdict), one.name,
             one.verdict == Verdict::kBroken ? one.promised + ": it is not so" : printable(one.detail));
  if (one.verdict == Verdict::kBroken) {
    fmt::print("{:34} {}\n", "", printable(one.detail));
    for (const std::string& line : one.talk) fmt::print("{:34} | {}\n", "", printable(line));
  }
  std::fflush(stdout);
}

json report_json(const ConformanceReport& report) {
  json all = json::array();
  for (const PromiseReport& one : report.promises) {
    all.push_back({{"name", one.name},
                   {"promise", one.promised},
                   {"tried", one.tried},
                   {"verdict", verdict_word(one.verdict)},
                   {"detail", one.detail},
                   {"messages", one.talk},
                   {"took_s", one.took_s}});
  }
  return {{"driver", report.driver},       {"boot", report.boot},     {"address", report.address},
          {"commanded", report.commanded}, {"holds", report.holds()}, {"broken_off", report.broken_off},
          {"promises", std::move(all)}};
}

void print_sum(const ConformanceReport& report) {
  int counts[4] = {};
  for (const PromiseReport& one : report.promises) ++counts[static_cast<int>(one.verdict)];
  fmt::print("driver {}: {} promises hold, {} broken, {} could not be tried, {} do not apply\n", report.driver,
             counts[0], counts[1], counts[2], counts[3]);
  fmt::print("commanded: {}\n",
             report.commanded.empty() ? "nothing" : fmt::format("{}", fmt::join(report.commanded, ", ")));
}

int list_promises(bool as_json) {
  json all = json::array();
  for (const PromiseReport& one : promises()) {
    if (!as_json) fmt::print("{:24} {}. Tried: {}\n", one.name, one.promised, one.tried);
    all.push_back({{"name", one.name}, {"promise", one.promised}, {"tried", one.tried}});
  }
  if (as_json) fmt::print("{}\n", all.dump());
  return 0;
}

/// "temperature=80 degC", where what begins with a number is one.
driver::v1::Value read_value(const std::string& text) {
  const auto [name, value] = parse_setting(text, "--with", "temperature=80 degC");
  char* end = nullptr;
  std::strtod(value.c_str(), &end);
  if (end == value.c_str()) return text_value(name, value);
  const Quantity quantity = parse_quantity(value);
  return number_value(name, quantity.value, quantity.unit.text());
}

/// The drivers that a file stands for: those of a laboratory, or one without a name.
std::vector<std::string> drivers_of(const ConformanceCheckOptions& options, Kind kind) {
  if (kind == Kind::kProfile && options.at.empty())
    throw InputError({options.target},
                     "this is a device's profile: say where the device is, such as --at tcp://10.0.0.5:5025");
  if (kind != Kind::kTwin && kind != Kind::kLab) return {""};
  const Lab lab = load_lab(options.target);
  if (kind == Kind::kTwin) describe_twin(lab);  // every mistake of the file
  std::vector<std::string> known, chosen;
  for (const LabDriver& driver : lab.drivers) {
    const auto is_served = [&](const LabInstrument& each) {
      return each.driver == driver.name && !each.profile.empty();
    };
    if (kind == Kind::kLab && std::none_of(lab.instruments.begin(), lab.instruments.end(), is_served)) continue;
    known.push_back(driver.name);
    if (options.driver.empty() || options.driver == driver.name) chosen.push_back(driver.name);
  }
  if (known.empty())
    throw InputError(
        {options.target},
        "a laboratory with neither a “twin:” nor profiles cannot be started; give a driver's address instead");
  if (chosen.empty())
    throw InputError(fmt::format("the laboratory has no driver “{}” that can be started{}", options.driver,
                                 suggest_name(options.driver, known)));
  return chosen;
}

}  // namespace

int check_instrument(const ConformanceCheckOptions& options) {
  if (options.list) return list_promises(options.json);
  if (options.target.empty())
    throw InputError(
        "what is to be tried? Give a driver's address, or a file that is one (a .py, a lab.yaml, a program)");
  ConformanceOptions trial;
  trial.capability = options.capability;
  trial.only = options.only;
  trial.long_run = options.long_run;
  trial.simulated = options.simulated;
  for (const std::string& text : options.with) trial.with.push_back(read_value(text));
  StopSignals stop;
  trial.stop_fd = stop.wake().fd();
  if (!options.json) trial.tell = print_promise;
  // Whoever reads JSON is told, too.
  trial.announce = [out = options.json ? stderr : stdout](const std::vector<std::string>& lines) {
    for (const std::string& line : lines) fmt::print(out, "{}\n", printable(line));
    std::fflush(out);
  };

  std::vector<ConformanceReport> reports;
  const bool runs = is_address(options.target);
  if (!runs && !std::filesystem::exists(options.target))
    throw InputError(
        fmt::format("“{}” is neither a file nor an address (“tcp://HOST:PORT”, “ipc://FILE”)", options.target));
  const Kind kind = runs ? Kind::kProgram : kind_of(options.target);
  if (!options.at.empty() && kind != Kind::kProfile)
    throw InputError("--at says where the device of a profile is, and this is no profile");
  if (!options.with.empty() && options.capability.empty())
    throw InputError("--with gives parameters to the capability of choice: say which with --capability");
  if (options.dead_man_s && (runs || kind == Kind::kTwin))
    throw InputError(
        "--dead-man is for a driver that the trial starts; one that runs has its own, and a twin's have none");
  for (const std::string& driver : runs ? std::vector<std::string>{""} : drivers_of(options, kind)) {
    const Workplace workplace;
    trial.nonce = random_digits(16);
    trial.at = {"", options.target, options.driver_key};
    if (!options.driver_key.empty()) trial.keys = keys_of(options.key);
    if (!runs) {
      trial.command = start_command(options, kind, driver, workplace);
      trial.at = {"", "ipc://" + (workplace / "driver.sock"), ""};
      trial.log_file = workplace / "driver.log";
      if (kind == Kind::kTwin) {
        trial.simulated = true;
        trial.speed = parse_speed(options.speed).times;
      }
    }
    reports.push_back(try_driver(trial));
    if (!options.json) print_sum(reports.back());
    if (reports.back().broken_off) break;
  }
  bool hold = true, broken = false, broken_off = false;
  json all = json::array();
  for (const ConformanceReport& report : reports) {
    hold = hold && report.holds();
    broken = broken || report.broken();
    broken_off = broken_off || report.broken_off;
    all.push_back(report_json(report));
  }
  // What others wrote, and what was cut off of it, may be no UTF-8.
  if (options.json) fmt::print("{}\n", all.dump(-1, ' ', false, json::error_handler_t::replace));
  return broken_off ? 130 : broken ? 1 : hold ? 0 : kNotAllTried;
}

}  // namespace athanor
