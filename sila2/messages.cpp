#include "sila2/messages.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

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
  return file;
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
