#include "sila2/messages.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "core/check.h"
#include "core/error.h"
#include "proto/sila2.pb.h"

namespace athanor::sila2 {
namespace {

namespace pb = google::protobuf;

/// Fills in one message: a field for each element, numbered in order, and inside it the messages of its structures.
void add_elements(pb::DescriptorProto& message, const std::vector<Element>& elements, const std::string& scope,
                  const std::string& package) {
  for (const Element& element : elements) {
    pb::FieldDescriptorProto& field = *message.add_field();
    field.set_name(element.identifier);
    field.set_number(message.field_size());
    const bool list = element.type.kind == DataType::Kind::kList;
    field.set_label(list ? pb::FieldDescriptorProto::LABEL_REPEATED : pb::FieldDescriptorProto::LABEL_OPTIONAL);
    field.set_type(pb::FieldDescriptorProto::TYPE_MESSAGE);
    const DataType& type = list ? element.type.item.front() : element.type;
    if (type.kind == DataType::Kind::kStructure) {
      const std::string name = element.identifier + "_Struct";
      field.set_type_name(fmt::format("{}.{}", scope, name));
      pb::DescriptorProto& nested = *message.add_nested_type();
      nested.set_name(name);
      add_elements(nested, type.elements, fmt::format("{}.{}", scope, name), package);
    } else if (type.kind == DataType::Kind::kDefined) {
      field.set_type_name(fmt::format(".{}.DataType_{}", package, type.defined));
    } else if (type.kind == DataType::Kind::kList) {
      throw InputError(fmt::format("“{}” is a list of lists, which SiLA 2 does not know", element.identifier));
    } else {
      field.set_type_name(fmt::format(".sila2.org.silastandard.{}", to_string(type.kind)));
    }
  }
}

/// Counts the messages within a message before any of them is made.
class Counter {
 public:
  /// False: the bytes are no message, or hold too many.
  bool count(const pb::Descriptor& type, pb::io::CodedInputStream& bytes, int depth = 0) {
    while (const std::uint32_t tag = bytes.ReadTag()) {
      const pb::FieldDescriptor* field = type.FindFieldByNumber(pb::internal::WireFormatLite::GetTagFieldNumber(tag));
      const bool part =
          field != nullptr && field->message_type() != nullptr &&
          pb::internal::WireFormatLite::GetTagWireType(tag) == pb::internal::WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
      if (!part) {
        if (!pb::internal::WireFormatLite::SkipField(&bytes, tag)) return false;
        continue;
      }
      const pb::Descriptor& inner = *field->message_type();
      parts += 1 + static_cast<std::size_t>(inner.field_count()) / 8;  // a wide message takes more room
      std::uint32_t length = 0;
      if (parts > kMostParts || depth == kDeepest || !bytes.ReadVarint32(&length)) return false;
      const auto limit = bytes.PushLimit(static_cast<int>(length));
      if (!count(inner, bytes, depth + 1) || bytes.BytesUntilLimit() != 0) return false;
      bytes.PopLimit(limit);
    }
    return true;
  }

  std::size_t parts = 0;

 private:
  static constexpr int kDeepest = 64;
};

class Errors final : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    if (first.empty()) first = fmt::format("{}: {}", element, message);
  }
  std::string first;
};

}  // namespace

pb::FileDescriptorProto describe_messages(const Feature& feature) {
  pb::FileDescriptorProto file;
  const std::string package = feature.package();
  file.set_name(package + ".proto");
  file.set_package(package);
  file.set_syntax("proto3");
  file.add_dependency(::sila2::org::silastandard::SiLAError::descriptor()->file()->name());
  const auto add = [&](const std::string& name, const std::vector<Element>& elements) {
    pb::DescriptorProto& message = *file.add_message_type();
    message.set_name(name);
    add_elements(message, elements, fmt::format(".{}.{}", package, name), package);
  };
  for (const Element& type : feature.types) add("DataType_" + type.identifier, {type});
  for (const Command& command : feature.commands) {
    add(command.identifier + "_Parameters", command.parameters);
    add(command.identifier + "_Responses", command.responses);
  }
  for (const Property& property : feature.properties) {
    const std::string call = (property.observable ? "Subscribe_" : "Get_") + property.identifier;
    add(call + "_Parameters", {});
    add(call + "_Responses", {{property.identifier, property.type}});
  }
  DataType texts;
  texts.kind = DataType::Kind::kList;
  texts.item = {DataType{}};
  for (const Element& one : feature.metadata) {
    const std::string call = "Get_FCPAffectedByMetadata_" + one.identifier;
    add(call + "_Parameters", {});
    add(call + "_Responses", {{"AffectedCalls", texts}});
    add("Metadata_" + one.identifier, {one});
  }
  return file;
}

std::optional<std::string> read_answer(const std::string& bytes, pb::Message& message) {
  pb::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
  Counter counter;
  const bool good = counter.count(*message.GetDescriptor(), stream);
  if (counter.parts > kMostParts) return fmt::format("holds more than {} values, which is the most", kMostParts);
  if (good && message.ParseFromString(bytes)) return std::nullopt;
  return "is not what the feature defines";
}

std::vector<std::string> texts_in(const pb::Message& message) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->field(0);
  const pb::Reflection& reflection = *message.GetReflection();
  const auto text = [](const pb::Message& part) {
    return part.GetReflection()->GetString(part, part.GetDescriptor()->field(0));
  };
  if (!field->is_repeated()) return {text(reflection.GetMessage(message, field))};
  std::vector<std::string> texts;
  for (int i = 0; i < reflection.FieldSize(message, field); ++i)
    texts.push_back(text(reflection.GetRepeatedMessage(message, field, i)));
  return texts;
}

struct Messages::Impl {
  pb::DescriptorPool pool{pb::DescriptorPool::generated_pool()};
  pb::DynamicMessageFactory factory{&pool};
  std::string package;
};

Messages::Messages(const Feature& feature) : impl_(std::make_unique<Impl>()) {
  ::sila2::org::silastandard::SiLAError::descriptor();  // the basic types are in the generated pool from now on
  impl_->package = feature.package();
  Errors errors;
  if (impl_->pool.BuildFileCollectingErrors(describe_messages(feature), &errors) == nullptr)
    throw InputError(
        fmt::format("feature {} cannot be said in Protocol Buffers: {}", feature.full_identifier(), errors.first));
}

Messages::~Messages() = default;

std::unique_ptr<pb::Message> Messages::make(const std::string& name) const {
  const pb::Descriptor* type = impl_->pool.FindMessageTypeByName(fmt::format("{}.{}", impl_->package, name));
  ATHANOR_CHECK(type != nullptr, fmt::format("the feature has no message “{}”", name));
  return std::unique_ptr<pb::Message>(impl_->factory.GetPrototype(type)->New());
}

}  // namespace athanor::sila2
