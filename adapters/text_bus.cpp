// Devices that are spoken to in lines of text, over TCP or a serial line: SCPI (IEEE 488.2), MT-SICS, and makers' own.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "adapters/line.h"
#include "core/error.h"

namespace athanor {
namespace {

constexpr int kMostErrors = 30;  // read from a device's queue before it is given up

struct Settings {
  LineSettings line;
  std::string error_question;  ///< empty: the device has no queue of errors
  Pattern no_error;            ///< its answer when there is none
};

class TextBus final : public Bus {
 public:
  TextBus(const std::string& address, const Settings& settings) : settings_(settings), line_(address, settings.line) {}

  std::optional<Fault> connect(bool greeted) override { return line_.open(!greeted); }
  bool is_gone() override { return line_.is_gone(); }
  void interrupt() override { line_.interrupt(); }
  void resume() override { line_.resume(); }

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    const std::string text = raw(step.at(verb));
    nlohmann::json answer;
    if (verb != "listen") {
      if (const auto fault = line_.write(text)) return *fault;
    }
    if (verb != "send") {
      auto said = line_.read(text, timeout_of(step, settings_.line.timeout_s));
      if (!said) return said.fault();
      answer = said.value();
    }
    return answer;
  }

  /// Empties the device's queue of errors.
  Outcome<std::string> reports() override {
    std::string errors;
    if (settings_.error_question.empty()) return errors;
    for (int i = 0; i < kMostErrors; ++i) {
      if (const auto fault = line_.write(settings_.error_question)) return *fault;
      const auto said = line_.read(settings_.error_question, settings_.line.timeout_s);
      if (!said) return said.fault();
      if (matches(settings_.no_error, said.value())) break;
      errors += (errors.empty() ? "" : ", ") + quote(said.value());
    }
    return errors;
  }

 private:
  const Settings& settings_;
  Line line_;
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

  std::unique_ptr<Bus> bus_to(const std::string& address) const override {
    require_line_address(address, "a device that is spoken to in lines of text");
    return std::make_unique<TextBus>(address, settings_);
  }

 private:
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
    if (const Node starts = reader.optional("answer_starts")) line.answer_starts = starts.text().value_or("");
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
