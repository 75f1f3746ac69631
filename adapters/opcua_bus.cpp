// OPC UA servers: variables by name, methods with their arguments by name, through the client in opcua_client.h.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "adapters/interrupt.h"
#include "adapters/opcua_client.h"
#include "core/error.h"
#include "core/table.h"

namespace athanor {
namespace {

using nlohmann::json;

constexpr double kOvertime = 5;  // seconds that the client may be late with the news of a timeout

struct Settings {
  double timeout_s = 5;
  json connect;  ///< what the client is told of the server, but for its address
};

// ── The bus ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class OpcuaBus final : public Bus {
 public:
  OpcuaBus(std::string address, const Settings& settings) : address_(std::move(address)), settings_(settings) {}

  std::optional<Fault> connect(bool) override {
    if (!client_) {
      auto client = std::make_unique<OpcuaClient>(interrupt_);
      if (const auto fault = client->ready()) return fault;
      client_ = std::move(client);
    }
    json server = settings_.connect;
    server["url"] = address_;
    server["timeout"] = settings_.timeout_s;
    // The client's own bound is twice the timeout: for the connection, and for what is looked up in it.
    const auto done = ask({{"connect", std::move(server)}}, 2 * settings_.timeout_s);
    return done ? std::nullopt : std::optional(done.fault());
  }

  bool is_gone() override {
    const auto answer = ask({{"alive", true}}, settings_.timeout_s);
    return !answer || answer.value() != true;
  }

  Outcome<json> exchange(const std::string& verb, const json& step) override {
    const double timeout_s = timeout_of(step, settings_.timeout_s);
    json request = {{"timeout", timeout_s}, {verb, step.at(verb)}};
    if (verb == "read" && step.at(verb).is_string()) request[verb] = json::array({step.at(verb)});
    if (verb == "call") request["arguments"] = step.value("arguments", json::object());
    return ask(std::move(request), timeout_s);
  }

  void interrupt() override { interrupt_.set(); }
  void resume() override { interrupt_.clear(); }

 private:
  /// A client that ended, or says nothing any more, is not asked again: the next connection has a new one.
  Outcome<json> ask(json request, double timeout_s) {
    if (!client_) return Fault{Fault::Kind::kLink, fmt::format("the server at {} is not connected", address_)};
    if (interrupt_.is_set()) return Fault{Fault::Kind::kInterrupted, "broken off"};
    auto answer = client_->ask(std::move(request), timeout_s + kOvertime);
    if (client_->is_broken()) client_.reset();
    return answer;
  }

  std::string address_;
  const Settings& settings_;
  Interrupt interrupt_;
  std::unique_ptr<OpcuaClient> client_;
};

// ── The adapter ──────────────────────────────────────────────────────────────────────────────────────────────────────

class OpcuaAdapter final : public Adapter {
 public:
  explicit OpcuaAdapter(Settings settings) : settings_(std::move(settings)) {}

  const std::vector<Verb>& verbs() const override {
    static const std::vector<Verb> verbs = {{.name = "read", .beside = {"timeout"}, .harmless = true},
                                            {.name = "write", .answers = false, .beside = {"timeout"}},
                                            {.name = "call", .beside = {"arguments", "timeout"}}};
    return verbs;
  }

  void check(const std::string& verb, const json& step, const Node& node) const override {
    const json& what = step.at(verb);
    check_timeout(step, node);
    if (verb == "call") {
      known("methods", what, node);
      if (step.contains("arguments") && !step.at("arguments").is_object())
        node.error("expected the arguments by name, such as arguments: {Target: “{temperature in degC}”}");
    } else if (verb == "write") {
      if (!what.is_object() || what.size() != 1)
        return node.error(
            "expected one node and its value, such as write: {target: “{temperature in degC}”}; several are several "
            "steps, since their order matters");
      const json* place = known("nodes", what.begin().key(), node);
      if (place != nullptr) check_type(what.begin().key(), place->value("type", ""), what.begin().value(), node);
    } else {
      if (what.is_array() && what.empty()) node.error("an empty list; expected the name of a node");
      for (const json& name : what.is_array() ? what : json::array({what})) known("nodes", name, node);
    }
  }

  std::unique_ptr<Bus> bus_to(const std::string& address, Lines&) const override {
    if (!address.starts_with("opc.tcp://") || address.size() == std::strlen("opc.tcp://"))
      throw InputError(fmt::format("“{}” is no address of an OPC UA server; expected “opc.tcp://HOST:PORT”", address));
    return std::make_unique<OpcuaBus>(address, settings_);
  }

 private:
  const json* known(const char* which, const json& name, const Node& node) const {
    const json& all = settings_.connect.at(which);
    const std::string text = raw(name);
    if (const auto found = all.find(text); found != all.end()) return &*found;
    std::vector<std::string> names;
    for (const auto& [one, place] : all.items()) names.push_back(one);
    node.error(fmt::format("there is no “{}” among the profile's {}{}", text, which, suggest_name(text, names)));
    return nullptr;
  }

  /// Where the profile says the type, a value of another one is found before anything runs. A number with a format is a
  /// text here.
  static void check_type(const std::string& name, const std::string& type, const json& value, const Node& node) {
    if (type.empty()) return;
    const bool text = type == "String" || type == "LocalizedText";
    const bool good = text                ? value.is_string()
                      : type == "Boolean" ? value.is_boolean() || value.is_number()
                                          : value.is_number() || parse_number(raw(value));
    if (!good) node.error(fmt::format("{} is no {}, which the node “{}” is", value.dump(), type, name));
  }

  Settings settings_;
};

// ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const std::vector<std::string> kTypes = {"Boolean", "SByte",  "Byte",  "Int16",  "UInt16", "Int32",        "UInt32",
                                         "Int64",   "UInt64", "Float", "Double", "String", "LocalizedText"};

/// “s=Furnace.Target”, “p=Furnace/Target”, “ns=2;i=5”, “nsu=http://example.org/furnace;s=Target”.
json read_id(const Node& node) {
  static const Pattern pattern = compile_pattern(
      R"(^(ns=\d{1,5};|nsu=.+;)?(i=\d{1,10}|s=.+|p=[^/]+(/[^/]+)*|g=[0-9A-Fa-f-]{36}|b=[A-Za-z0-9+/=]+)$)");
  const std::string id = node.text().value_or("");
  if (node && !matches(pattern, id))
    node.error(
        fmt::format("“{}” is no node id; expected one such as “s=Furnace.Target”, “p=Furnace/Target”, “ns=2;i=5” or "
                    "“nsu=http://example.org/furnace;s=Target”",
                    id));
  return id;
}

std::string place_of(const Node& node) {
  const Place place = node.place();
  return fmt::format("{}:{}", std::filesystem::path(place.file).filename().string(), place.line);
}

json read_node(const Node& node, const std::string& name) {
  json read = {{"place", place_of(node)}};
  if (node.kind() == Node::Kind::kScalar) {
    read["id"] = read_id(node);
    return read;
  }
  MapReader reader(node, fmt::format("the node “{}”", name));
  read["id"] = read_id(reader.required("id"));
  if (const Node type = reader.optional("type")) read["type"] = type.one_of(kTypes).value_or("");
  reader.finish();
  return read;
}

json read_method(const Node& node, const std::string& name) {
  json read = {{"place", place_of(node)}};
  MapReader reader(node, fmt::format("the method “{}”", name));
  read["object"] = read_id(reader.required("object"));
  read["id"] = read_id(reader.required("id"));
  reader.finish();
  return read;
}

/// The whole path, since the client runs in a folder of its own.
std::string read_file(MapReader& reader, const std::string& key) {
  const Node node = reader.required(key);
  const std::string file = std::filesystem::absolute(node.path().value_or("")).string();
  if (node && access(file.c_str(), R_OK) != 0)
    node.error(fmt::format("{} cannot be read: {}", file, std::strerror(errno)));
  return file;
}

json read_security(const Node& node) {
  MapReader reader(node, "how the connection is secured");
  json read;
  for (const char* file : {"certificate", "private_key", "server_certificate"}) read[file] = read_file(reader, file);
  if (const Node mode = reader.optional("mode")) read["mode"] = mode.one_of({"sign", "sign_and_encrypt"}).value_or("");
  if (const Node policy = reader.optional("policy")) {
    read["policy"] =
        policy.one_of({"Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"}).value_or("Basic256Sha256");
  }
  reader.finish();
  return read;
}

json read_user(const Node& node, bool secured) {
  MapReader reader(node, "the server's user");
  json read = {{"name", reader.required("name").text().value_or("")},
               {"password_file", read_file(reader, "password_file")}};
  reader.finish();
  if (!secured) node.error("a password over an open line; say under “security” by which certificates it is encrypted");
  return read;
}

}  // namespace

std::unique_ptr<Adapter> make_opcua_adapter(const Node& node) {
  Settings settings;
  MapReader reader(node, "how the server is spoken to");
  settings.timeout_s = read_time(reader, "timeout", settings.timeout_s, 3600);
  json& connect = settings.connect = {{"nodes", json::object()}, {"methods", json::object()}};
  if (const Node uri = reader.optional("namespace")) connect["namespace"] = uri.text().value_or("");
  if (const Node nodes = reader.optional("nodes")) {
    for (const auto& [name, named] : nodes.entries()) connect["nodes"][name] = read_node(named, name);
  }
  if (const Node methods = reader.optional("methods")) {
    for (const auto& [name, named] : methods.entries()) connect["methods"][name] = read_method(named, name);
  }
  if (const Node security = reader.optional("security")) connect["security"] = read_security(security);
  if (const Node user = reader.optional("user")) connect["user"] = read_user(user, connect.contains("security"));
  reader.finish();
  return std::make_unique<OpcuaAdapter>(std::move(settings));
}

}  // namespace athanor
