// The manner of MT-SICS (Mettler-Toledo's standard interface command set) for any simulated device: a command, then its
// answer with a letter that says how it went. docs/twin.md has the commands.
#include <fmt/format.h>

#include <map>

#include "core/quantity.h"
#include "core/table.h"
#include "lab_twin/wire_device.h"
#include "lab_twin/wire_text.h"

namespace athanor {
namespace {

class Sics final : public WireLanguage {
 public:
  explicit Sics(WireDevice& device) : device_(device) {}

  std::vector<std::string> hear(std::string& heard, Time now) override {
    std::vector<std::string> answers;
    while (const auto line = next_line(heard)) answers.push_back(obey(parts_of(*line, ' '), now) + "\r\n");
    return answers;
  }

  std::string spoiled(std::string answer) const override { return garbled(std::move(answer)); }

 private:
  std::string obey(const std::vector<std::string>& words, Time now) {
    if (words.empty()) return "ES";
    const std::string command = upper(words[0]);
    if (command == "@") {
      device_.abort(now);
      return fmt::format("I4 A \"{}\"", device_.description().id());
    }
    if (command == "I4") return fmt::format("I4 A \"{}\"", device_.description().id());
    if (command == "C") {
      device_.abort(now);
      return "C A";
    }
    if (command == "Q") return status(now);
    if (command == "R" && words.size() == 2) return result(words[1], now);
    if (command == "SI") return reading(words.size() > 1 ? words[1] : "", now);
    for (const wire::Capability& capability : device_.description().capabilities()) {
      if (upper(capability.name()) == command) return begin(capability, words, now);
    }
    return "ES";
  }

  /// CAPABILITY "label" "sample" "place" and the parameters in their order.
  std::string begin(const wire::Capability& capability, const std::vector<std::string>& words, Time now) {
    const std::string name = upper(capability.name());
    constexpr std::size_t kBefore = 4;
    if (words.size() < kBefore || words.size() > kBefore + static_cast<std::size_t>(capability.parameters_size()))
      return "EL";
    std::map<std::string, WireDevice::Value> with;
    for (std::size_t i = kBefore; i < words.size(); ++i) {
      const wire::Field& field = capability.parameters(static_cast<int>(i - kBefore));
      if (field.is_text()) {
        with[field.name()] = unquoted(words[i]);
      } else if (const auto number = parse_number(words[i])) {
        with[field.name()] = *number;
      } else {
        return name + " L";
      }
    }
    const auto fault =
        device_.begin(capability.name(), with, unquoted(words[1]), unquoted(words[2]), unquoted(words[3]), now);
    if (!fault) return name + " B";
    if (fault->kind == Fault::Kind::kLimit) return name + " L";
    return fmt::format("{} I {}", name, reason(*fault));
  }

  std::string status(Time now) {
    switch (device_.state(now)) {
      case WireDevice::State::kIdle:
        return "Q I";
      case WireDevice::State::kRunning:
        return fmt::format("Q B \"{}\" {:.1f} s", device_.label(), device_.seconds_left(now));
      case WireDevice::State::kDone:
        return fmt::format("Q A \"{}\"", device_.label());
      case WireDevice::State::kFailed:
        break;
    }
    return fmt::format("Q E \"{}\" {}", device_.label(), reason(device_.fault()));
  }

  static std::string reason(const Fault& fault) {
    const char* kind = fault.kind == Fault::Kind::kSample  ? "SAMPLE"
                       : fault.kind == Fault::Kind::kStock ? "STOCK"
                                                           : "DEVICE";
    return fmt::format("{} \"{}\"", kind, fault.message);
  }

  std::string result(const std::string& name, Time now) {
    device_.state(now);
    const auto value = device_.result(name);
    if (!value) return "R I";
    const auto* number = std::get_if<double>(&*value);
    return number != nullptr ? "R A " + format_number(*number)
                             : fmt::format("R A \"{}\"", std::get<std::string>(*value));
  }

  std::string reading(const std::string& name, Time now) {
    for (const wire::Value& one : device_.readings(now)) {
      if (name.empty() || one.name() == name) return fmt::format("S S {} {}", format_number(one.number()), one.unit());
    }
    return "S I";
  }

  WireDevice& device_;
};

}  // namespace

std::unique_ptr<WireLanguage> speak_sics(WireDevice& device) {
  return std::make_unique<Sics>(device);
}

}  // namespace athanor
