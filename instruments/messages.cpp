#include "instruments/messages.h"

#include <fmt/format.h>
#include <google/protobuf/message.h>

#include <utility>
#include <vector>

#include "core/check.h"
#include "core/utf8.h"
#include "instruments/driver.h"

namespace athanor {

wire::Value number_value(std::string name, double number, std::string unit) {
  wire::Value value;
  value.set_name(std::move(name));
  value.set_number(number);
  value.set_unit(std::move(unit));
  return value;
}

wire::Value text_value(std::string name, std::string text) {
  wire::Value value;
  value.set_name(std::move(name));
  value.set_text(std::move(text));
  return value;
}

bool is_another_ledger(const std::string& one, const std::string& other) {
  return !one.empty() && !other.empty() && one != other;
}

wire::ToDriver to_driver() {
  wire::ToDriver message;
  message.set_version(kProtocolVersion);
  return message;
}

wire::ToDriver to_driver(const wire::Command& command) {
  wire::ToDriver message = to_driver();
  *message.mutable_command() = command;
  return message;
}

wire::FaultKind to_wire(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kDevice:
      return wire::DEVICE;
    case Fault::Kind::kSample:
      return wire::SAMPLE;
    case Fault::Kind::kLimit:
      return wire::LIMIT;
    case Fault::Kind::kStock:
      return wire::STOCK;
    case Fault::Kind::kLink:
      return wire::LINK;
    case Fault::Kind::kDeadline:
      return wire::DEADLINE;
    case Fault::Kind::kInterrupted:
      return wire::INTERRUPTED;
  }
  ATHANOR_CHECK(false, "a fault of no kind");
}

Fault::Kind from_wire(wire::FaultKind kind) {
  switch (kind) {
    case wire::SAMPLE:
      return Fault::Kind::kSample;
    case wire::LIMIT:
      return Fault::Kind::kLimit;
    case wire::STOCK:
      return Fault::Kind::kStock;
    case wire::LINK:
      return Fault::Kind::kLink;
    case wire::DEADLINE:
      return Fault::Kind::kDeadline;
    case wire::INTERRUPTED:
      return Fault::Kind::kInterrupted;
    default:
      return Fault::Kind::kDevice;  // a kind that a newer driver knows and this program does not
  }
}

wire::Outcome failed_outcome(const std::string& id, const Fault& fault, double took_s) {
  wire::Outcome outcome;
  outcome.set_id(id);
  outcome.set_done(false);
  outcome.set_fault(to_wire(fault.kind));
  outcome.set_message(fault.message);
  outcome.set_took_s(took_s);
  return outcome;
}

namespace {

/// Every text in it, as UTF-8.
void mend(google::protobuf::Message& message) {
  const google::protobuf::Reflection& all = *message.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  all.ListFields(message, &fields);
  for (const auto* field : fields) {
    const bool text = field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING;
    if (!text && field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const int count = field->is_repeated() ? all.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (!text) {
        mend(field->is_repeated() ? *all.MutableRepeatedMessage(&message, field, i)
                                  : *all.MutableMessage(&message, field));
        continue;
      }
      const std::string was =
          field->is_repeated() ? all.GetRepeatedString(message, field, i) : all.GetString(message, field);
      if (!bad_byte(was)) continue;
      if (field->is_repeated()) {
        all.SetRepeatedString(&message, field, i, as_utf8(was));
      } else {
        all.SetString(&message, field, as_utf8(was));
      }
    }
  }
}

}  // namespace

std::string fit_to_be_sent(const std::string& said) {
  const std::string text = as_utf8(said);
  return text.size() <= kLongestMessage ? text : fmt::format("{}…", shortened(text, kLongestMessage));
}

wire::Outcome fit_to_be_sent(wire::Outcome outcome) {
  mend(outcome);
  std::size_t bytes = 0;
  for (const wire::Value& result : outcome.results()) bytes += result.text().size();
  if (bytes > kLongestTexts) {
    outcome = failed_outcome(
        outcome.id(),
        {Fault::Kind::kDevice, fmt::format("the texts among its results have {} bytes together; expected {} at most. "
                                           "Large results are arrays (docs/data.md)",
                                           bytes, kLongestTexts)},
        outcome.took_s());
  }
  outcome.set_message(fit_to_be_sent(outcome.message()));
  return outcome;
}

wire::FromDriver fit_to_be_sent(wire::FromDriver message) {
  mend(message);
  if (message.has_progress()) message.mutable_progress()->set_note(fit_to_be_sent(message.progress().note()));
  if (message.has_refused()) message.mutable_refused()->set_why(fit_to_be_sent(message.refused().why()));
  return message;
}

}  // namespace athanor
