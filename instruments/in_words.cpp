#include "instruments/in_words.h"

#include <fmt/format.h>

#include "core/quantity.h"
#include "core/utf8.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

constexpr std::size_t kLongestWords = 400;  // bytes of what somebody else wrote

/// Without quotes: most of them begin with something that is quoted.
std::string cut(const std::string& text) {
  if (text.size() <= kLongestWords) return text;
  return fmt::format("{}… ({} bytes)", shortened(text, kLongestWords), text.size());
}

std::string in_words(const wire::Command& command) {
  std::string text = fmt::format("Command {}: {} {}", command.id(), command.instrument(), command.capability());
  if (command.with_size() > 0) text += ", " + listed(command.with());
  if (!command.sample().empty()) text += fmt::format(", sample {}", command.sample());
  if (!command.place().empty()) text += fmt::format(", place {}", command.place());
  if (command.has_approval()) text += fmt::format(", approved by {}", command.approval().who());
  return text;
}

}  // namespace

std::string listed(const google::protobuf::RepeatedPtrField<wire::Value>& values) {
  std::string text;
  for (const wire::Value& value : values)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", value.name(), readable(value));
  return text;
}

std::string in_words(const wire::ToDriver& message) {
  const std::string version =
      message.version() == kProtocolVersion ? "" : fmt::format(" (of version {})", message.version());
  switch (message.body_case()) {
    case wire::ToDriver::kHello:
      return fmt::format("Hello from {}{}{}", message.hello().controller(),
                         message.hello().only_if_free() ? ", only if free" : "", version);
    case wire::ToDriver::kCommand:
      return in_words(message.command()) + version;
    case wire::ToDriver::kQuestion: {
      std::string ids;
      for (const std::string& id : message.question().ids()) ids += " " + id;
      return "Question:" + ids + version;
    }
    case wire::ToDriver::kCancel:
      return fmt::format("Cancel {}{}", message.cancel().id(), version);
    case wire::ToDriver::kStop:
      return fmt::format("Stop {}{}", message.stop().id(), version);
    case wire::ToDriver::kHeartbeat:
      return "Heartbeat" + version;
    case wire::ToDriver::kVisit:
      return "Visit" + version;
    case wire::ToDriver::BODY_NOT_SET:
      break;
  }
  return "a message without a body" + version;
}

std::string in_words(const wire::Outcome& outcome) {
  if (outcome.done()) {
    return fmt::format("done in {} s{}{}", pretty_number(outcome.took_s()), outcome.results_size() > 0 ? ": " : "",
                       listed(outcome.results()));
  }
  return fmt::format("{}{}: {}", wire::FaultKind_Name(outcome.fault()), outcome.not_begun() ? ", not begun" : "",
                     cut(outcome.message()));
}

std::string in_words(const wire::CommandState& state) {
  const std::string standing = wire::CommandState::Standing_Name(state.standing());
  return fmt::format("{} is {}{}", state.id(), standing, state.has_outcome() ? ", " + in_words(state.outcome()) : "");
}

std::string in_words(const wire::FromDriver& message) {
  switch (message.body_case()) {
    case wire::FromDriver::kWelcome:
      return fmt::format("Welcome of {}, boot {}: {} instruments", message.driver(), message.boot(),
                         message.welcome().instruments_size());
    case wire::FromDriver::kAccepted:
      return fmt::format("Accepted {}, {} s expected", message.accepted().id(),
                         pretty_number(message.accepted().expected_s()));
    case wire::FromDriver::kProgress:
      return fmt::format("Progress of {}: {} {}", message.progress().id(), pretty_number(message.progress().fraction()),
                         message.progress().note());
    case wire::FromDriver::kOutcome:
      return fmt::format("Outcome of {}: {}", message.outcome().id(), in_words(message.outcome()));
    case wire::FromDriver::kAnswer: {
      std::string text = "Answer:";
      for (const wire::CommandState& state : message.answer().states()) text += " " + in_words(state) + ";";
      return text;
    }
    case wire::FromDriver::kStopped: {
      std::string text = fmt::format("Stopped {}, safe:", message.stopped().id());
      for (const std::string& instrument : message.stopped().instruments()) text += " " + instrument;
      return text;
    }
    case wire::FromDriver::kHeartbeat:
      return "Heartbeat";
    case wire::FromDriver::kTelemetry:
      return fmt::format("Telemetry of {}: {}", message.telemetry().instrument(), listed(message.telemetry().values()));
    case wire::FromDriver::kRefused:
      return fmt::format("Refused {}: {}", message.refused().id(), cut(message.refused().why()));
    case wire::FromDriver::BODY_NOT_SET:
      break;
  }
  return "a message without a body";
}

}  // namespace athanor
