// Devices that are spoken to in lines of text, over TCP or a serial line: SCPI (IEEE 488.2), MT-SICS, and makers' own.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/answer.h"
#include "adapters/interrupt.h"
#include "adapters/line.h"
#include "adapters/shared_line.h"
#include "core/error.h"

namespace athanor {
namespace {

constexpr int kMostErrors = 30;  // read from a device's queue before it is given up

constexpr const char* kAddress = "address";  // the device's own, among those at its line
const Variable kText{true, Unit(), false};
const Variable kNoAddress{.is_text = true,
                          .unit = Unit(),
                          .why_not =
                              "the profile has no address; write “address: …” among the settings of how the device is "
                              "spoken to, for an instrument whose “at” has none behind “#”"};

struct Settings {
  LineSettings line;
  std::optional<std::string> address;  ///< where the instrument's `at` says none; none: the device has none
  std::optional<Template> answer_starts;
  std::string error_question;  ///< empty: the device has no queue of errors
  Pattern no_error;            ///< its answer when there is none
};

class TextBus final : public SharedBus {
 public:
  TextBus(std::shared_ptr<Line> line, std::string address, Settings settings)
      : SharedBus(line, std::move(address)), settings_(std::move(settings)), line_(std::move(line)) {}

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    const std::string text = raw(step.at(verb));
    nlohmann::json answer;
    const Turn turn(*this);
    if (!turn) return kBrokenOff;
    if (const auto fault = be_connected()) return *fault;
    if (verb != "listen") {
      if (const auto fault = line_->write(text)) return *fault;
    }
    if (verb != "send") {
      auto said = line_->read(text, timeout_of(step, settings_.line.timeout_s));
      if (!said) return said.fault();
      answer = said.value();
    }
    return answer;
  }

  /// Empties the device's queue of errors.
  Outcome<std::string> reports() override {
    std::string errors;
    if (settings_.error_question.empty()) return errors;
    const Turn turn(*this);
    if (!turn) return kBrokenOff;
    if (const auto fault = be_connected()) return *fault;
    for (int i = 0; i < kMostErrors; ++i) {
      if (const auto fault = line_->write(settings_.error_question)) return *fault;
      const auto said = line_->read(settings_.error_question, settings_.line.timeout_s);
      if (!said) return said.fault();
      if (matches(settings_.no_error, said.value())) break;
      errors += (errors.empty() ? "" : ", ") + quote(said.value());
    }
    return errors;
  }

 private:
  void take_line() override { line_->speak_by(settings_.line); }

  const Settings settings_;
  const std::shared_ptr<Line> line_;
};

class TextAdapter final : public Adapter {
 public:
  TextAdapter(Settings settings, std::vector<std::string> unsafe)
      : settings_(std::move(settings)), unsafe_(std::move(unsafe)) {
    for (const std::string& ends : {settings_.line.ends, settings_.line.answer_ends}) {
      if (!ends.empty()) unsafe_.push_back(ends);
    }
  }

  const std::vector<Verb>& verbs() const override {
    static const Filling written = {.as_written = true};
    static const std::vector<Verb> verbs = {
        {.name = "send", .answers = false, .filling = written},
        {.name = "ask", .beside = {"timeout"}, .harmless = true, .filling = written},
        {.name = "do", .beside = {"timeout"}, .filling = written},
        {.name = "listen", .beside = {"timeout"}, .harmless = true, .filling = written}};
    return verbs;
  }

  void check(const std::string& verb, const nlohmann::json& step, const Node& node) const override {
    if (!step.at(verb).is_string()) node.error(fmt::format("“{}” is followed by one text", verb));
    check_timeout(step, node);
  }

  std::vector<std::string> unsafe_in_texts() const override { return unsafe_; }

  std::unique_ptr<Bus> bus_to(const std::string& address, Lines& lines) const override {
    const DeviceAddress parts = parse(address);
    if (parts.device && !settings_.address) {
      throw InputError(
          fmt::format("“{}” says which device at the line is meant, but its profile speaks to any; write "
                      "“address:” among its settings, and “{{address}}” into what is said",
                      address));
    }
    Settings settings = settings_;
    if (settings.answer_starts) settings.line.answer_starts = settings.answer_starts->fill(values(address));
    return std::make_unique<TextBus>(lines.line<Line>(parts, settings.line.serial), address, std::move(settings));
  }

  std::string whole_address(const std::string& address) const override {
    return settings_.address ? fmt::format("{}#{}", parse(address).line, device_at(address)) : address;
  }

  Variables variables() const override { return {{kAddress, settings_.address ? kText : kNoAddress}}; }
  Values values(const std::string& address) const override {
    if (!settings_.address) return {};
    return {{kAddress, device_at(address)}};
  }

 private:
  static DeviceAddress parse(const std::string& address) {
    return parse_device_address(address, "a device that is spoken to in lines of text");
  }
  std::string device_at(const std::string& address) const { return parse(address).device.value_or(*settings_.address); }

  Settings settings_;
  std::vector<std::string> unsafe_;
};

void read_errors(const Node& node, Settings& settings) {
  if (node.kind() == Node::Kind::kScalar) {
    if (node.one_of({"none"})) settings.error_question.clear();
    return;
  }
  MapReader reader(node, "the queue of errors");
  settings.error_question = reader.required("ask").text().value_or("");
  settings.no_error = read_pattern(reader.required("none"));
  reader.finish();
}

std::unique_ptr<Adapter> read_adapter(const Node& node, Settings settings, std::vector<std::string> unsafe) {
  if (node.kind() != Node::Kind::kNull) {
    MapReader reader(node, "how the device is spoken to");
    LineSettings& line = settings.line;
    if (const Node ends = reader.optional("ends")) line.ends = line.answer_ends = ends.text().value_or("\n");
    if (const Node ends = reader.optional("answer_ends")) line.answer_ends = ends.text().value_or("\n");
    if (const Node address = reader.optional(kAddress)) {
      settings.address = address.text().value_or("");
      if (node.document().text().find("{address}") == std::string::npos)
        address.error("the device has an address, and nothing is said with it; write “{address}” where it is said");
    }
    if (const Node starts = reader.optional("answer_starts")) {
      settings.answer_starts =
          Template::read(starts, starts.text().value_or(""), {{kAddress, settings.address ? kText : kNoAddress}});
    }
    if (line.answer_ends.empty()) node.error("answers must end with something, or nobody knows when they are whole");
    line.timeout_s = read_time(reader, "timeout", line.timeout_s, 60);
    if (const Node errors = reader.optional("errors")) read_errors(errors, settings);
    if (const Node serial = reader.optional("serial")) line.serial = read_serial(serial);
    reader.finish();
  }
  return std::make_unique<TextAdapter>(std::move(settings), std::move(unsafe));
}

}  // namespace

std::unique_ptr<Adapter> make_text_adapter(const Node& node) {
  return read_adapter(node, {}, {});
}

std::unique_ptr<Adapter> make_scpi_adapter(const Node& node) {
  Settings settings;
  settings.error_question = "SYST:ERR?";
  settings.no_error = compile_pattern(R"(^\s*[+-]?0\s*(,|$))");
  return read_adapter(node, std::move(settings), {";", "\"", "'"});  // which end a command or a text in SCPI
}

}  // namespace athanor
