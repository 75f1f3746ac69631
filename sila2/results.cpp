#include "sila2/results.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <cmath>
#include <optional>
#include <utility>

#include "instruments/messages.h"
#include "sila2/lists.h"

namespace athanor::sila2 {
namespace {

namespace pb = google::protobuf;

Fault missing(const Leaf& leaf) {
  return {Fault::Kind::kDevice, fmt::format("the server gave no “{}”", leaf.field.name())};
}

Outcome<wire::Value> one_in(const pb::Message& answer, const Leaf& leaf) {
  const auto value = take(leaf, answer);
  if (!value) return missing(leaf);
  if (!value->has_number() || std::isfinite(value->number())) return *value;
  return Fault{Fault::Kind::kDevice,
               fmt::format("the server gave {} as “{}”, which is no number", value->number(), leaf.field.name())};
}

Outcome<Results::Array> binary_in(const pb::Message& answer, const Leaf& leaf) {
  const pb::Message* binary = find_part(leaf.path, answer);
  if (binary == nullptr) return missing(leaf);
  const pb::Reflection& reflection = *binary->GetReflection();
  const pb::FieldDescriptor& value = field_of(*binary, "value");
  const pb::FieldDescriptor& transfer = field_of(*binary, "binaryTransferUUID");
  Results::Array array{leaf.field.name(), {}, {}};
  if (reflection.HasField(*binary, &value)) {
    const std::string bytes = reflection.GetString(*binary, &value);
    array.rows = SharedBytes::of(std::vector<char>(bytes.begin(), bytes.end()));
    return array;
  }
  array.transfer = reflection.GetString(*binary, &transfer);
  if (array.transfer.empty()) return missing(leaf);
  return array;
}

}  // namespace

Outcome<Results> results_in(const pb::Message& answer, const std::vector<Leaf>& leaves) {
  Results results;
  for (const Leaf& leaf : leaves) {
    if (leaf.form == Leaf::Form::kOne) {
      const auto value = one_in(answer, leaf);
      if (!value) return value.fault();
      results.values.push_back(value.value());
    } else if (leaf.form == Leaf::Form::kList) {
      const auto text = take_list(leaf, answer);
      if (!text) return text.fault();
      results.values.push_back(text_value(leaf.field.name(), text.value()));
    } else if (leaf.type.kind == DataType::Kind::kBinary) {
      const auto array = binary_in(answer, leaf);
      if (!array) return array.fault();
      results.arrays.push_back(array.value());
    } else {
      const auto numbers = take_numbers(leaf, answer);
      if (!numbers) return numbers.fault();
      results.arrays.push_back({leaf.field.name(), numbers.value(), {}});
    }
  }
  return results;
}

}  // namespace athanor::sila2
