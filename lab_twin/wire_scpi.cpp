// SCPI (IEEE 488.2) for any simulated device; docs/twin.md has the commands.
#include <fmt/format.h>

#include <deque>
#include <map>

#include "core/quantity.h"
#include "core/table.h"
#include "instruments/description.h"
#include "lab_twin/wire_device.h"
#include "lab_twin/wire_text.h"

namespace athanor {
namespace {

constexpr std::size_t kQueue = 20;  // errors; then the last becomes “queue overflow”

const char* kind_name(Fault::Kind kind) {
  return kind == Fault::Kind::kSample ? "SAMPLE" : kind == Fault::Kind::kStock ? "STOCK" : "DEVICE";
}

class Scpi final : public WireLanguage {
 public:
  explicit Scpi(WireDevice& device) : device_(device) {}

  std::vector<std::string> hear(std::string& heard, Time now) override {
    std::vector<std::string> answers;
    while (const auto line = next_line(heard)) {
      std::string together;
      for (const std::string& message : parts_of(*line, ';')) {
        if (message.empty()) continue;
        const auto answer = obey(message, now);
        if (answer) together += (together.empty() ? "" : ";") + *answer;
      }
      if (!together.empty()) answers.push_back(together + "\n");
    }
    return answers;
  }

  std::string spoiled(std::string answer) const override { return garbled(std::move(answer)); }

 private:
  std::optional<std::string> obey(const std::string& message, Time now) {
    const std::size_t blank = message.find(' ');
    const std::string header = upper(message.substr(0, blank));
    const std::string argument = blank == std::string::npos ? "" : parts_of(message.substr(blank), '\n').front();
    if (header == "*IDN?")
      return fmt::format("Athanor,{},{},1", device_.description().kind(), device_.description().id());
    if (header == "*OPC?") return "1";
    if (header == "SYST:ERR?") return next_error();
    if (header == "STAT?") return status(now);
    if (header == "*CLS") {
      errors_.clear();
    } else if (header == "*RST" || header == "ABOR") {
      device_.abort(now);
      settings_.clear();
    } else if (header.starts_with("CONF:")) {
      settings_[header.substr(5)] = argument;
    } else if (header.starts_with("INIT:")) {
      begin(header.substr(5), unquoted(argument), now);
    } else if (header.starts_with("FETC:") && header.ends_with('?')) {
      return fetched(header.substr(5, header.size() - 6), now);
    } else if (header.starts_with("MEAS:") && header.ends_with('?')) {
      return measured(header.substr(5, header.size() - 6), now);
    } else {
      say_error(-113, "Undefined header; " + header);
    }
    return std::nullopt;
  }

  void begin(const std::string& name, const std::string& label, Time now) {
    failed_.reset();
    for (const wire::Capability& capability : device_.description().capabilities()) {
      if (upper(capability.name()) != name) continue;
      std::map<std::string, WireDevice::Value> with;
      for (const wire::Field& field : capability.parameters()) {
        const auto setting = settings_.find(upper(field.name()));
        if (setting == settings_.end()) continue;
        if (field.is_text()) {
          with[field.name()] = unquoted(setting->second);
        } else if (const auto number = parse_number(setting->second)) {
          with[field.name()] = *number;
        } else {
          return say_error(-120, "Numeric data error; " + setting->second);
        }
      }
      const std::string sample = unquoted(settings_["SAMP"]), place = unquoted(settings_["PLAC"]);
      settings_.clear();  // each job is configured anew
      const auto fault = device_.begin(capability.name(), with, label, sample, place, now);
      if (!fault) return;
      failed_ = {label, *fault};
      if (fault->kind == Fault::Kind::kLimit) say_error(-222, "Data out of range; " + fault->message);
      return;
    }
    say_error(-113, "Undefined header; INIT:" + name);
  }

  std::string status(Time now) {
    if (failed_) return failure(failed_->first, failed_->second);
    switch (device_.state(now)) {
      case WireDevice::State::kIdle:
        return "IDLE";
      case WireDevice::State::kRunning:
        return fmt::format("RUN,\"{}\",{:.1f}", device_.label(), device_.seconds_left(now));
      case WireDevice::State::kDone:
        return fmt::format("DONE,\"{}\"", device_.label());
      case WireDevice::State::kFailed:
        break;
    }
    return failure(device_.label(), device_.fault());
  }

  static std::string failure(const std::string& label, const Fault& fault) {
    return fmt::format("FAIL,\"{}\",{},\"{}\"", label, kind_name(fault.kind), fault.message);
  }

  std::optional<std::string> fetched(const std::string& name, Time now) {
    device_.state(now);
    for (const wire::Capability& capability : device_.description().capabilities()) {
      for (const wire::Field& field : capability.results()) {
        const auto value = upper(field.name()) == name ? device_.result(field.name()) : std::nullopt;
        if (!value) continue;
        if (const auto* number = std::get_if<double>(&*value)) return format_number(*number);
        return "\"" + std::get<std::string>(*value) + "\"";
      }
    }
    say_error(-230, "Data corrupt or stale; " + name);
    return std::nullopt;
  }

  std::optional<std::string> measured(const std::string& name, Time now) {
    for (const wire::Value& reading : device_.readings(now)) {
      if (upper(reading.name()) == name) return format_number(reading.number());
    }
    say_error(-113, "Undefined header; MEAS:" + name);
    return std::nullopt;
  }

  void say_error(int number, const std::string& text) {
    if (errors_.size() == kQueue) errors_.back() = "-350,\"Queue overflow\"";
    if (errors_.size() < kQueue) errors_.push_back(fmt::format("{},\"{}\"", number, text));
  }

  std::string next_error() {
    if (errors_.empty()) return "0,\"No error\"";
    const std::string error = errors_.front();
    errors_.pop_front();
    return error;
  }

  WireDevice& device_;
  std::map<std::string, std::string> settings_;  ///< of the next job
  std::deque<std::string> errors_;
  std::optional<std::pair<std::string, Fault>> failed_;  ///< the job that was asked for last was not begun
};

}  // namespace

std::unique_ptr<WireLanguage> speak_scpi(WireDevice& device) {
  return std::make_unique<Scpi>(device);
}

}  // namespace athanor
