#include "sila2/server.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "sila2/base64.h"

namespace athanor::sila2 {
namespace {

namespace sila = ::sila2::org::silastandard;

constexpr double kPrompt = 5;  // seconds for a connection, and for what a server has at hand
constexpr std::size_t kMostFeatures = 1000;
constexpr const char* kUntrusted =
    "its certificate is not trusted; name the one that it shows, or the one that signed it, as “root_certificate” in "
    "the profile";
constexpr const char* kOtherName =
    "its certificate is for another name; say that name as “certificate_name” in the profile";

/// The one feature that is needed before any definition is known; its calls take and give one text each, or a list of
/// them.
Feature service() {
  Feature feature{"org.silastandard", "core", "SiLAService", "1", {}, {}, {}, {}};
  const DataType text;
  DataType list;
  list.kind = DataType::Kind::kList;
  list.item = {text};
  feature.commands = {{"GetFeatureDefinition", false, {{"FeatureIdentifier", text}}, {{"FeatureDefinition", text}}}};
  feature.properties = {{"ImplementedFeatures", false, list}, {"ServerUUID", false, text}, {"ServerType", false, text}};
  return feature;
}

/// Features in core say how the server is named, locked and entered, which is no instrument's work. Some have metadata.
bool is_administration(const std::string& identifier) {
  return identifier.starts_with("org.silastandard/core/");
}
bool is_service(const std::string& identifier) {
  return identifier.starts_with("org.silastandard/core/SiLAService/");
}

std::string method(const Feature& feature, const std::string& call) {
  return fmt::format("/{}.{}/{}", feature.package(), feature.identifier, call);
}

/// Why there is no connection, in words, by what the library says of it; the library's own where it says something
/// else.
std::string why_unreachable(const std::string& text) {
  struct Reason {
    const char *says, *words;
  };
  static constexpr Reason kReasons[] = {
      {"Connection refused", "nobody listens there; is the server running?"},
      {"DNS resolution failed", "no machine of that name is known"},
      {"empty address list", "nothing can be made of the certificate under “root_certificate” in the profile"},
      {"CERTIFICATE_VERIFY_FAILED", kUntrusted},
      {"certificate verify failed", kUntrusted},
      {"Hostname Verification Check failed", kOtherName},
      {"is not in peer certificate", kOtherName},
      {"wrong version number",
       "what answers there knows no TLS, which SiLA 2 demands (on this machine only, “sila2-insecure://…” does "
       "without)"},
  };
  for (const Reason& reason : kReasons) {
    if (text.find(reason.says) != std::string::npos) return reason.words;
  }
  return fmt::format("does a SiLA 2 server answer there, and with TLS if the address says so? ({})", text);
}

std::string last_part(const std::string& identifier) {
  return identifier.substr(identifier.rfind('/') + 1);
}

}  // namespace

Server::Ended Server::failure(const Channel::Status& status, const std::string& what) const {
  using Code = Channel::Code;
  using Kind = Fault::Kind;
  Failure failed;
  const auto say = [&](Kind kind, const std::string& why) { failed.fault = {kind, fmt::format("{}: {}", what, why)}; };
  sila::SiLAError error;
  switch (status.code) {
    case Code::kOk:
      return std::nullopt;
    case Code::kInterrupted:
      say(Kind::kInterrupted, "broken off");
      return failed;
    case Code::kUnimplemented:
      failed.begun = false;
      say(Kind::kDevice, "the server does not know it (any more)");
      return failed;
    case Code::kUnavailable:
      failed.link = true;
      say(Kind::kLink, fmt::format("the server at {} cannot be reached: {}", address_, why_unreachable(status.text)));
      return failed;
    case Code::kDeadline:
      failed.link = true;
      say(Kind::kDeadline, fmt::format("the server at {} did not answer in time", address_));
      return failed;
    case Code::kAborted:
      if (const auto bytes = from_base64(status.text); bytes && error.ParseFromString(*bytes)) break;
      [[fallthrough]];
    case Code::kOther:
      say(Kind::kDevice, status.text);
      return failed;
  }
  switch (error.error_case()) {
    case sila::SiLAError::kValidationError:
      failed.begun = false;
      say(Kind::kLimit, fmt::format("the server refuses {}: {}", last_part(error.validationerror().parameter()),
                                    error.validationerror().message()));
      break;
    case sila::SiLAError::kDefinedExecutionError:
      say(Kind::kDevice, fmt::format("{}: {}", last_part(error.definedexecutionerror().erroridentifier()),
                                     error.definedexecutionerror().message()));
      break;
    case sila::SiLAError::kFrameworkError: {
      const auto type = error.frameworkerror().errortype();
      failed.begun = type == sila::FrameworkError::INVALID_COMMAND_EXECUTION_UUID ||
                     type == sila::FrameworkError::COMMAND_EXECUTION_NOT_FINISHED;
      failed.forgotten = type == sila::FrameworkError::INVALID_COMMAND_EXECUTION_UUID;
      failed.unfinished = type == sila::FrameworkError::COMMAND_EXECUTION_NOT_FINISHED;
      const std::string told =
          fmt::format("{}: {}", sila::FrameworkError::ErrorType_Name(type), error.frameworkerror().message());
      say(Kind::kDevice, failed.forgotten ? fmt::format("the server does not know the command any more, as after a "
                                                        "restart, and nobody knows how far it came ({})",
                                                        told)
                                          : told);
      break;
    }
    default:
      say(Kind::kDevice, error.undefinedexecutionerror().message());
  }
  return failed;
}

Server::Server(std::unique_ptr<Channel> channel, double timeout_s, std::string address)
    : channel_(std::move(channel)),
      timeout_s_(timeout_s),
      address_(std::move(address)),
      service_(service()),
      messages_(service_) {}

std::vector<std::string> Server::Question::texts() const {
  return texts_in(*answer);
}

Server::Question Server::about(const std::string& property) {
  const std::string call = "Get_" + property;
  return {call, messages_.make(call + "_Parameters"), messages_.make(call + "_Responses"), kPrompt};
}

Server::Question Server::definition_of(const std::string& feature) {
  const std::string call = "GetFeatureDefinition";
  Question question{call, messages_.make(call + "_Parameters"), messages_.make(call + "_Responses"), timeout_s_};
  google::protobuf::Message& request = *question.request;
  auto* text = request.GetReflection()->MutableMessage(&request, request.GetDescriptor()->field(0));
  text->GetReflection()->SetString(text, text->GetDescriptor()->field(0), feature);
  return question;
}

void Server::ask(std::vector<Question>& questions) {
  std::vector<Channel::Request> requests;
  for (const Question& question : questions)
    requests.push_back({method(service_, question.call), question.request->SerializeAsString(), question.within_s, {}});
  const std::vector<Channel::Answer> answers = channel_->call(requests);
  for (std::size_t i = 0; i < questions.size(); ++i)
    questions[i].failed = understood(service_, questions[i].call, answers[i], *questions[i].answer);
}

std::vector<std::string> Server::answer_to(Question question) {
  std::vector<Question> questions;
  questions.push_back(std::move(question));
  ask(questions);
  if (const auto& failed = questions.front().failed) throw EnvironmentError(failed->fault.message);
  return questions.front().texts();
}

Server::Ended Server::connect(const std::vector<const Known*>& meant) {
  std::vector<Question> questions;
  questions.push_back(about("ServerUUID"));
  for (const Known* known : meant) questions.push_back(definition_of(known->feature.full_identifier()));
  // A connection that was lost while nothing was said is found out by the first questions only; the second ones make it
  // anew.
  for (int i = 0; i < 2; ++i) {
    const bool connected(channel_->connect(kPrompt));
    ask(questions);  // without a connection, too: what comes of that says why there is none
    const auto lost = [](const Question& question) { return question.failed && question.failed->link; };
    if (std::none_of(questions.begin(), questions.end(), lost) || !connected) break;
  }
  const auto not_begun = [](Failure why) {
    why.begun = false;
    return why;
  };
  if (questions.front().failed) return not_begun(*questions.front().failed);
  const std::string uuid = questions.front().texts().front();
  if (uuid_.empty()) uuid_ = uuid;
  if (uuid_ != uuid)
    return not_begun({{Fault::Kind::kDevice, fmt::format("at {} answers another server, {} instead of {}; start the "
                                                         "driver anew if this is meant",
                                                         address_, uuid, uuid_)}});
  // By numbers alone a message says what is what: with its parameters in another order, a time would be a temperature.
  for (std::size_t i = 0; i < meant.size(); ++i) {
    const Question& definition = questions[i + 1];
    if (definition.failed) return not_begun(*definition.failed);
    if (definition.texts().front() != meant[i]->definition)
      return not_begun({{Fault::Kind::kDevice,
                         fmt::format("the server at {} defines its feature {} otherwise than when the driver started; "
                                     "start the driver anew",
                                     address_, meant[i]->feature.identifier)}});
  }
  return std::nullopt;
}

Server::Ended Server::call(const Feature& feature, const std::string& call, const google::protobuf::Message& request,
                           google::protobuf::Message& answer, double within_s) {
  const auto answers = channel_->call({request_of(feature, call, request, within_s > 0 ? within_s : timeout_s_)});
  return understood(feature, call, answers.front(), answer);
}

Server::Ended Server::understood(const Feature& feature, const std::string& call, const Channel::Answer& said,
                                 google::protobuf::Message& answer) const {
  const std::string what = fmt::format("{}.{}", feature.identifier, call);
  if (auto failed = failure(said.status, what)) return failed;
  const auto why = read_answer(said.bytes, answer);
  if (!why) return std::nullopt;
  return Failure{{Fault::Kind::kDevice, fmt::format("{}: the answer {}", what, *why)}};
}

Channel::Request Server::request_of(const Feature& feature, const std::string& call,
                                    const google::protobuf::Message& request, double within_s) const {
  Channel::Request made{method(feature, call), request.SerializeAsString(), within_s, {}};
  for (const Tag& tag : tags_) {
    if (tag.affects(feature, call)) made.headers.emplace_back(tag.header, tag.bytes);
  }
  return made;
}

Server::Ended Server::first(const Feature& feature, const std::string& call, const google::protobuf::Message& request,
                            google::protobuf::Message& answer) {
  bool heard = false;
  std::optional<std::string> why;
  const auto each = [&](const std::string& bytes) {
    heard = true;
    why = read_answer(bytes, answer);
    return false;
  };
  const auto status = channel_->stream(request_of(feature, call, request, kPrompt), each);
  const std::string what = fmt::format("{}.{}", feature.identifier, call);
  if (heard && !why) return std::nullopt;
  // A property that has had no value yet says nothing, and that is no matter of the link.
  if (auto failed = failure(status, what); failed && status.code != Channel::Code::kDeadline) return failed;
  return Failure{
      {Fault::Kind::kDevice, fmt::format("{}: {}", what, heard ? "the answer " + *why : "the server gave no value")}};
}

Server::Ended Server::follow(const Feature& feature, const std::string& command, const std::string& uuid,
                             double within_s, const std::function<bool(const Info&)>& each) {
  sila::CommandExecutionUUID execution;
  execution.set_value(uuid);
  const std::string call = command + "_Info";
  const auto status = channel_->stream(request_of(feature, call, execution, within_s), [&](const std::string& bytes) {
    Info info;
    return !info.ParseFromString(bytes) || each(info);
  });
  return failure(status, fmt::format("{}.{}", feature.identifier, call));
}

std::vector<Known> Server::discover() {
  if (const auto failed = connect()) throw EnvironmentError(failed->fault.message);
  const std::vector<std::string> identifiers = answer_to(about("ImplementedFeatures"));
  type_ = answer_to(about("ServerType")).front();
  if (identifiers.size() > kMostFeatures)
    throw InputError(
        fmt::format("the server names {} features; expected {} at most", identifiers.size(), kMostFeatures));
  std::vector<Known> features;
  for (const std::string& identifier : identifiers) {
    if (is_service(identifier)) continue;
    const std::string xml = answer_to(definition_of(identifier)).front();
    Known known{parse_feature(xml, identifier), xml, {}};
    if (known.feature.full_identifier() != identifier)
      throw InputError(fmt::format("the server calls a feature {}, whose definition says {}", identifier,
                                   known.feature.full_identifier()));
    if (is_administration(identifier) && known.feature.metadata.empty()) continue;
    known.messages = std::make_unique<Messages>(known.feature);
    features.push_back(std::move(known));
  }
  return features;
}

}  // namespace athanor::sila2
