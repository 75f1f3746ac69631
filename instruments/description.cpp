#include "instruments/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/digest.h"
#include "core/error.h"
#include "core/quantity.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

/// Collects what is wrong in one capability.
class Inspection {
 public:
  Inspection(std::string where, std::vector<std::string>& found) : where_(std::move(where)), found_(found) {}

  void says(const std::string& what) { found_.push_back(fmt::format("{}: {}", where_, what)); }

  void fields(const google::protobuf::RepeatedPtrField<wire::Field>& fields, const char* what) {
    std::set<std::string> names;
    for (const wire::Field& field : fields) {
      if (field.name().empty()) says(fmt::format("a {} has no name", what));
      if (!names.insert(field.name()).second) says(fmt::format("{} “{}” is described twice", what, field.name()));
      if (field.is_text()) {
        if (field.has_low() || field.has_high() || !field.unit().empty() || !field.levels().empty()) {
          says(fmt::format("{} “{}” is a text and cannot have a unit, limits or levels", what, field.name()));
        }
        continue;
      }
      if (!field.choices().empty())
        says(fmt::format("{} “{}” is a number and cannot have choices", what, field.name()));
      try {
        Unit::parse(field.unit());
      } catch (const InputError& error) {
        says(fmt::format("{} “{}”: {}", what, field.name(), error.what()));
      }
      const double low = field.has_low() ? field.low() : 0, high = field.has_high() ? field.high() : low;
      if (!std::isfinite(low) || !std::isfinite(high))
        says(fmt::format("{} “{}” has a limit that is no number", what, field.name()));
      if (!std::all_of(field.levels().begin(), field.levels().end(),
                       [](double level) { return std::isfinite(level); }) ||
          !std::is_sorted(field.levels().begin(), field.levels().end())) {
        says(fmt::format("{} “{}” has levels that are no numbers, or not ascending", what, field.name()));
      }
      if (field.flat_after() == 1) says(fmt::format("{} “{}” is flat after a single reading", what, field.name()));
      if (field.has_low() && low > high) {
        says(fmt::format("{} “{}” has limits the wrong way round: {} … {}", what, field.name(), low, high));
      }
    }
  }

  void duration(const wire::Capability& capability) {
    if (!(capability.usual_duration_s() >= 0) || std::isinf(capability.usual_duration_s())) {
      says(fmt::format("a usual duration of {} s; expected a number that is not negative",
                       capability.usual_duration_s()));
    }
    if (capability.duration_parameter().empty()) return;
    const wire::Field* field = find_parameter(capability, capability.duration_parameter());
    if (field == nullptr) {
      says(fmt::format("lasts as long as “{}” says, which is no parameter of it", capability.duration_parameter()));
    } else if (field->is_text() || !is_time(field->unit())) {
      says(fmt::format("lasts as long as “{}” says, which is no time", field->name()));
    }
  }

  // It is carried out whenever the controller doubts the instrument, by itself.
  void self_test(const wire::Capability& capability) {
    if (!capability.self_test()) return;
    if (!capability.repeatable()) says("a self-test must be repeatable");
    if (capability.risk() != wire::SAFE) says("a self-test must be harmless, of the risk class “safe”");
    for (const wire::Field& field : capability.parameters()) {
      if (!field.may_be_missing()) says(fmt::format("a self-test cannot need parameter “{}”", field.name()));
    }
  }

  void stock(const wire::StockUse& use, const wire::Capability& capability) {
    const wire::Field* reagent = find_parameter(capability, use.reagent());
    const wire::Field* amount = find_parameter(capability, use.amount());
    if (reagent == nullptr || !reagent->is_text()) {
      says(fmt::format("takes the stock that “{}” names, which is no text parameter of it", use.reagent()));
    }
    if (amount == nullptr || amount->is_text()) {
      says(fmt::format("takes as much as “{}” says, which is no number parameter of it", use.amount()));
    }
  }

 private:
  static bool is_time(const std::string& unit) {
    try {
      return Unit::parse(unit).convertible_to(Unit::parse("s"));
    } catch (const InputError&) {
      return true;  // no unit at all: said already
    }
  }

  std::string where_;
  std::vector<std::string>& found_;
};

}  // namespace

std::vector<std::string> mistakes_in(const wire::Instrument& instrument) {
  std::vector<std::string> found;
  if (instrument.id().empty()) found.push_back("an instrument has no id");
  std::set<std::string> names;
  for (const wire::Capability& capability : instrument.capabilities()) {
    Inspection inspection(fmt::format("“{}” of instrument “{}”", capability.name(), instrument.id()), found);
    if (capability.name().empty()) inspection.says("a capability needs a name");
    if (!names.insert(capability.name()).second) inspection.says("described twice");
    inspection.fields(capability.parameters(), "parameter");
    inspection.fields(capability.results(), "result");
    inspection.duration(capability);
    inspection.self_test(capability);
    for (const wire::StockUse& use : capability.uses()) inspection.stock(use, capability);
  }
  return found;
}

const wire::Capability* find_capability(const wire::Instrument& instrument, const std::string& name) {
  for (const wire::Capability& capability : instrument.capabilities()) {
    if (capability.name() == name) return &capability;
  }
  return nullptr;
}

const wire::Field* find_parameter(const wire::Capability& capability, const std::string& name) {
  for (const wire::Field& field : capability.parameters()) {
    if (field.name() == name) return &field;
  }
  return nullptr;
}

const wire::Value* find_value(const wire::Command& command, const std::string& name) {
  for (const wire::Value& value : command.with()) {
    if (value.name() == name) return &value;
  }
  return nullptr;
}

double expected_seconds(const wire::Capability& capability, const wire::Command& command) {
  const double usual = capability.usual_duration_s();
  if (capability.duration_parameter().empty()) return usual;
  const wire::Value* value = find_value(command, capability.duration_parameter());
  if (value == nullptr || value->kind_case() != wire::Value::kNumber) return usual;
  return usual + Unit::parse(value->unit()).convert(value->number(), Unit::parse("s"));
}

std::string approval_digest(const driver::v1::Command& command) {
  driver::v1::Command bound;
  bound.set_capability(command.capability());
  *bound.mutable_with() = command.with();
  bound.set_sample(command.sample());
  bound.set_place(command.place());
  return hex(sha256(bound.SerializeAsString()));
}

std::string readable(const wire::Value& value) {
  switch (value.kind_case()) {
    case wire::Value::kNumber:
      return value.unit().empty() ? format_number(value.number())
                                  : fmt::format("{} {}", format_number(value.number()), value.unit());
    case wire::Value::kText:
      return fmt::format("“{}”", value.text());
    case wire::Value::KIND_NOT_SET:
      break;
  }
  return "nothing";
}

}  // namespace athanor
