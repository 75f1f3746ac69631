#include "instruments/description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/digest.h"
#include "core/document.h"
#include "core/error.h"
#include "core/quantity.h"
#include "core/utf8.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

/// "an array of 12 rows of 512 × 512 uint16 in count, DATASET in FILE".
std::string in_words(const wire::Array& array, const std::string& unit) {
  return fmt::format("an array of {} rows of {}{}", array.rows(), row_in_words(from_wire(array.type(), unit)),
                     array.file().empty() ? "" : fmt::format(", {} in {}", array.dataset(), array.file()));
}

/// Collects what is wrong in one capability.
class Inspection {
 public:
  /// where: empty where the reader knows it.
  Inspection(std::string where, std::vector<std::string>& found) : where_(std::move(where)), found_(found) {}

  void says(const std::string& what) { found_.push_back(where_.empty() ? what : fmt::format("{}: {}", where_, what)); }

  void text(const std::string& said) {
    if (bad_byte(said)) says(fmt::format("“{}” is not UTF-8", as_utf8(said)));
  }

  void fields(const google::protobuf::RepeatedPtrField<wire::Field>& fields, const char* what) {
    std::set<std::string> names;
    for (const wire::Field& one : fields) {
      field(one, what);
      if (!names.insert(one.name()).second) says(fmt::format("{} “{}” is described twice", what, one.name()));
    }
  }

  void field(const wire::Field& field, const std::string& what) {
    if (field.name().empty()) says(fmt::format("a {} has no name", what));
    text(field.name());
    text(field.unit());
    for (const std::string& choice : field.choices()) text(choice);
    if (field.is_text()) {
      if (field.has_low() || field.has_high() || !field.unit().empty() || !field.levels().empty()) {
        says(fmt::format("{} “{}” is a text and cannot have a unit, limits or levels", what, field.name()));
      }
      return;
    }
    if (!field.choices().empty()) says(fmt::format("{} “{}” is a number and cannot have choices", what, field.name()));
    try {
      Unit::parse(field.unit());
    } catch (const InputError& error) {
      says(fmt::format("{} “{}”: {}", what, field.name(), error.what()));
    }
    if (field.has_array()) array(field, what);
    const double low = field.has_low() ? field.low() : 0, high = field.has_high() ? field.high() : low;
    if (!std::isfinite(low) || !std::isfinite(high))
      says(fmt::format("{} “{}” has a limit that is no number", what, field.name()));
    if (!std::all_of(field.levels().begin(), field.levels().end(), [](double level) { return std::isfinite(level); }) ||
        !std::is_sorted(field.levels().begin(), field.levels().end())) {
      says(fmt::format("{} “{}” has levels that are no numbers, or not ascending", what, field.name()));
    }
    if (field.flat_after() == 1) says(fmt::format("{} “{}” is flat after a single reading", what, field.name()));
    if (field.has_low() && low > high) {
      says(fmt::format("{} “{}” has limits the wrong way round: {} … {}", what, field.name(), low, high));
    }
  }

  void array(const wire::Field& field, const std::string& what) {
    if (what != "result") says(fmt::format("{} “{}” is an array, which only results can be", what, field.name()));
    if (field.has_low() || field.has_high() || field.has_saturates_low() || field.has_saturates_high() ||
        !field.levels().empty() || field.flat_after() > 0) {
      says(fmt::format("{} “{}” is an array and cannot have limits or levels", what, field.name()));
    }
    if (!wire::ArrayType::Element_IsValid(field.array().element()))
      return says(fmt::format("{} “{}” is an array of elements of an unknown type ({})", what, field.name(),
                              static_cast<int>(field.array().element())));
    try {
      rows_ += row_bytes(from_wire(field.array(), ""));
      if (rows_ > kLargestRow)
        says(fmt::format("with {} “{}”, a row of each of its arrays has {} bytes; {} MiB is the most", what,
                         field.name(), rows_, kLargestRow >> 20));
    } catch (const InputError& error) {
      says(fmt::format("{} “{}”: {}", what, field.name(), error.what()));
    }
  }

  /// What does not go together.
  void parts(const wire::Capability& capability) {
    duration(capability);
    self_test(capability);
    for (const wire::StockUse& use : capability.uses()) stock(use, capability);
  }

 private:
  void duration(const wire::Capability& capability) {
    if (!(capability.usual_duration_s() >= 0) || std::isinf(capability.usual_duration_s())) {
      says(fmt::format("a usual duration of {} s; expected a number that is not negative",
                       capability.usual_duration_s()));
    }
    if (capability.duration_parameter().empty()) return;
    const wire::Field* field = find_parameter(capability, capability.duration_parameter());
    if (field == nullptr) {
      std::vector<std::string> names;
      for (const wire::Field& one : capability.parameters()) names.push_back(one.name());
      says(fmt::format("lasts as long as “{}” says, which is no parameter of it{}", capability.duration_parameter(),
                       suggest_name(capability.duration_parameter(), names)));
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

  static bool is_time(const std::string& unit) {
    try {
      return Unit::parse(unit).convertible_to(Unit::parse("s"));
    } catch (const InputError&) {
      return true;  // no unit at all: said already
    }
  }

  std::string where_;
  std::vector<std::string>& found_;
  std::uint64_t rows_ = 0;  ///< bytes of one row of each array
};

}  // namespace

std::string shortened(const std::string& text) {
  constexpr std::size_t kShown = 40;
  return text.size() <= kLongestName ? text : as_utf8(text.substr(0, kShown)) + "…";
}

namespace {

std::string beyond_bounds(const wire::Field& field) {
  const auto too_long = [](const std::string& text, std::size_t most) {
    return text.size() > most
               ? fmt::format("“{}” has {} bytes; expected {} at most", shortened(text), text.size(), most)
               : std::string();
  };
  const auto choices = static_cast<std::size_t>(std::max(field.choices_size(), field.levels_size()));
  if (choices > kMostChoices)
    return fmt::format("“{}” has {} choices or levels; expected {} at most", shortened(field.name()), choices,
                       kMostChoices);
  std::string why = too_long(field.name(), kLongestName);
  if (why.empty()) why = too_long(field.unit(), kLongestName);
  for (const std::string& choice : field.choices()) {
    if (why.empty()) why = too_long(choice, kLongestChoice);
  }
  return why;
}

std::string beyond_bounds(const wire::Capability& capability) {
  for (const std::string& name : {capability.name(), capability.duration_parameter()}) {
    if (name.size() > kLongestName)
      return fmt::format("the name “{}” has {} bytes; expected {} at most", shortened(name), name.size(), kLongestName);
  }
  for (const auto* fields : {&capability.parameters(), &capability.results()}) {
    const auto count = static_cast<std::size_t>(fields->size());
    if (count > kMostFields)
      return fmt::format("“{}” has {} parameters or results; expected {} at most", capability.name(), count,
                         kMostFields);
    for (const wire::Field& field : *fields) {
      if (const std::string why = beyond_bounds(field); !why.empty())
        return fmt::format("“{}”: {}", capability.name(), why);
    }
  }
  if (capability.uses_size() > capability.parameters_size())
    return fmt::format("“{}” uses {} stocks with {} parameters", capability.name(), capability.uses_size(),
                       capability.parameters_size());
  return "";
}

}  // namespace

std::string beyond_bounds(const wire::Instrument& instrument) {
  for (const std::string& name : {instrument.id(), instrument.kind()}) {
    if (name.size() > kLongestName)
      return fmt::format("the name “{}” of an instrument has {} bytes; expected {} at most", shortened(name),
                         name.size(), kLongestName);
  }
  const auto count = static_cast<std::size_t>(instrument.capabilities_size());
  if (count > kMostCapabilities)
    return fmt::format("instrument “{}” has {} capabilities; expected {} at most", instrument.id(), count,
                       kMostCapabilities);
  for (const wire::Capability& capability : instrument.capabilities()) {
    if (const std::string why = beyond_bounds(capability); !why.empty())
      return fmt::format("instrument “{}”: {}", instrument.id(), why);
  }
  return "";
}

std::string beyond_bounds(const wire::Welcome& welcome) {
  const auto count = static_cast<std::size_t>(welcome.instruments_size());
  if (count > kMostInstruments) return fmt::format("{} instruments; expected {} at most", count, kMostInstruments);
  if (welcome.ledger().size() > kLongestName)
    return fmt::format("the name of its ledger has {} bytes; expected {} at most", welcome.ledger().size(),
                       kLongestName);
  for (const wire::Instrument& instrument : welcome.instruments()) {
    if (const std::string why = beyond_bounds(instrument); !why.empty()) return why;
  }
  return "";
}

std::vector<std::string> mistakes_in(const wire::Field& field, const std::string& what) {
  if (std::string why = beyond_bounds(field); !why.empty()) return {std::move(why)};
  std::vector<std::string> found;
  Inspection("", found).field(field, what);
  return found;
}

std::vector<std::string> mistakes_between_parts(const wire::Capability& capability) {
  if (std::string why = beyond_bounds(capability); !why.empty()) return {std::move(why)};
  std::vector<std::string> found;
  Inspection("", found).parts(capability);
  return found;
}

std::vector<std::string> mistakes_in(const wire::Instrument& instrument) {
  if (std::string why = beyond_bounds(instrument); !why.empty()) return {std::move(why)};
  std::vector<std::string> found;
  for (const std::string& said : {instrument.id(), instrument.kind()}) {
    if (bad_byte(said)) found.push_back(fmt::format("“{}” of an instrument is not UTF-8", as_utf8(said)));
  }
  if (instrument.id().empty()) found.push_back("an instrument has no id");
  std::set<std::string> names;
  for (const wire::Capability& capability : instrument.capabilities()) {
    Inspection inspection(fmt::format("“{}” of instrument “{}”", as_utf8(capability.name()), as_utf8(instrument.id())),
                          found);
    if (capability.name().empty()) inspection.says("a capability needs a name");
    if (!names.insert(capability.name()).second) inspection.says("described twice");
    inspection.text(capability.name());
    inspection.fields(capability.parameters(), "parameter");
    inspection.fields(capability.results(), "result");
    inspection.parts(capability);
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

const wire::Field* find_result(const wire::Capability& capability, const std::string& name) {
  for (const wire::Field& field : capability.results()) {
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

ArrayType from_wire(const wire::ArrayType& type, const std::string& unit) {
  // A type that a newer driver knows and this program does not is found by mistakes_in.
  const auto element =
      wire::ArrayType::Element_IsValid(type.element()) ? static_cast<ElementType>(type.element()) : ElementType::kUint8;
  return {element, {type.row_shape().begin(), type.row_shape().end()}, unit};
}

std::string row_in_words(const ArrayType& type) {
  return fmt::format("{}{}{}{}", fmt::join(type.row_shape, " × "), type.row_shape.empty() ? "" : " ",
                     to_string(type.element), type.unit.empty() ? "" : " in " + type.unit);
}

wire::ArrayType to_wire(const ArrayType& type) {
  wire::ArrayType described;
  described.set_element(static_cast<wire::ArrayType::Element>(type.element));
  described.mutable_row_shape()->Assign(type.row_shape.begin(), type.row_shape.end());
  return described;
}

bool makes_arrays(const wire::Capability& capability) {
  return std::any_of(capability.results().begin(), capability.results().end(),
                     [](const wire::Field& field) { return field.has_array(); });
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
    case wire::Value::kArray:
      return in_words(value.array(), value.unit());
    case wire::Value::KIND_NOT_SET:
      break;
  }
  return "nothing";
}

}  // namespace athanor
