// SiLA 2, a property and a command of a server that answers at once, both unary calls. Bare: the same call by gRPC's
// generic stub. A command that acts is entered in the file of executions first, as in a driver.
#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <unistd.h>

#include <map>
#include <string>

#include "bench/adapters/way.h"
#include "core/check.h"
#include "instruments/messages.h"
#include "proto/sila2.pb.h"
#include "sila2/device.h"
#include "sila2/session.h"

namespace athanor {
namespace {

namespace sila = ::sila2::org::silastandard;

const std::string kService = "/sila2.org.silastandard.core.silaservice.v1.SiLAService/";
const std::string kMeter = "/sila2.org.example.bench.meter.v1.Meter/";
constexpr const char* kFeature =
    "<Feature xmlns='http://www.sila-standard.org' Originator='org.example' Category='bench' FeatureVersion='1.0' "
    "SiLA2Version='1.0'><Identifier>Meter</Identifier><DisplayName>Meter</DisplayName><Description>Measures what is "
    "under it.</Description><Command><Identifier>Look</Identifier><DisplayName>Look</DisplayName><Description>Measures "
    "now.</Description><Observable>No</Observable><Response><Identifier>V</Identifier><DisplayName>V</DisplayName>"
    "<Description>What was found.</Description><DataType><Basic>Real</Basic></DataType></Response></Command><Property>"
    "<Identifier>V</Identifier><DisplayName>V</DisplayName><Description>What was found last.</Description><Observable>"
    "No</Observable><DataType><Basic>Real</Basic></DataType></Property></Feature>";

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

/// A message with `part` under field 1.
std::string in_field_1(const google::protobuf::Message& part) {
  sila::Binary wrapped;  // its value, bytes under field 1, is laid out like any message there
  wrapped.set_value(part.SerializeAsString());
  return wrapped.SerializeAsString();
}

std::string text(const std::string& value) {
  sila::String string;
  string.set_value(value);
  return in_field_1(string);
}

std::string number(double value) {
  sila::Real real;
  real.set_value(value);
  return in_field_1(real);
}

// ── The server ───────────────────────────────────────────────────────────────────────────────────────────────────────

class Answering final : public grpc::ServerGenericBidiReactor {
 public:
  Answering(const std::string& bytes, int takes_ms) : answer_(buffer_of(bytes)), takes_ms_(takes_ms) {
    StartRead(&request_);
  }
  void OnReadDone(bool) override {
    poll(nullptr, 0, takes_ms_);
    StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request_, answer_;
  int takes_ms_;
};

class Meter final : public grpc::CallbackGenericService {
 public:
  explicit Meter(int takes_ms) : takes_ms_(takes_ms) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Answering(answers_.at(context->method()), takes_ms_);
  }

 private:
  const std::map<std::string, std::string> answers_ = {
      {kService + "Get_ServerUUID", text("5e55aa58-5a5f-4c5c-9d55-0a5a5f5e5d5c")},
      {kService + "Get_ServerType", text("Meter")},
      {kService + "Get_ImplementedFeatures", text("org.example/bench/Meter/v1")},
      {kService + "GetFeatureDefinition", text(kFeature)},
      {kMeter + "Get_V", number(1.25)},
      {kMeter + "Look", number(1.25)}};
  int takes_ms_;
};

[[noreturn]] void serve(int told, int takes_ms) {
  Meter meter(takes_ms);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&meter);
  const auto server = builder.BuildAndStart();
  ATHANOR_CHECK(server != nullptr && write(told, &port, sizeof port) == sizeof port, "no server");
  for (;;) pause();
}

// ── The bare call ────────────────────────────────────────────────────────────────────────────────────────────────────

class Bare {
 public:
  explicit Bare(const std::string& target) : stub_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())) {}

  void call(const std::string& method) {
    grpc::ClientContext context;
    const auto rpc = stub_.PrepareUnaryCall(&context, method, buffer_of(""), &queue_);
    grpc::ByteBuffer reply;
    grpc::Status status;
    rpc->StartCall();
    rpc->Finish(&reply, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue_.Next(&tag, &ok);
    grpc::Slice slice;
    sila::Binary answer;
    ATHANOR_CHECK(status.ok() && reply.DumpToSingleSlice(&slice).ok() &&
                      answer.ParseFromArray(slice.begin(), static_cast<int>(slice.size())),
                  "no answer");
  }

 private:
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
};

}  // namespace

void measure_sila2(int times, int takes_ms) {
  int port_told[2];
  ATHANOR_CHECK(pipe(port_told) == 0, "no pipe");
  const DeviceProcess device([&] { serve(port_told[1], takes_ms); });
  int port = 0;
  ATHANOR_CHECK(read(port_told[0], &port, sizeof port) == sizeof port, "no server");
  close(port_told[0]);
  close(port_told[1]);
  const std::string target = fmt::format("127.0.0.1:{}", port), address = "sila2-insecure://" + target;

  const TemporaryFolder folder;
  sila2::Executions executions((folder.path / "executions").string());
  const sila2::Profile profile;
  const ScaledClock clock(SystemClock().now(), 1);
  Bare bare(target);
  sila2::Session session(
      std::make_unique<sila2::Server>(sila2::open_channel(sila2::parse_address(address)), 5, address), profile,
      "device-1", executions);
  const sila2::Device ours = sila2::make_device(profile, "device-2", address, executions, clock);
  const sila2::Session::Conduct conduct = {.wait = [](double) { return true; }};
  int last = 0;
  for (const auto& [way, method, capability] : {std::tuple("SiLA 2, a property", "Get_V", "meter.get_v"),
                                                std::tuple("SiLA 2, a command", "Look", "meter.look")}) {
    const auto in_session = [&, name = std::string(capability)] {
      wire::Command command;
      command.set_id(fmt::format("s{}", ++last));
      command.set_capability(name);
      bool acted = false;
      const auto found = session.carry_out(command, false, conduct, acted);
      ATHANOR_CHECK(found.ok(), found.fault().message);
    };
    measure(way, times,
            {timed("bare gRPC", [&, call = kMeter + method] { bare.call(call); }), timed("adapter", in_session),
             timed("command", [&, name = std::string(capability)] {
               carry_out(*ours.instrument, clock, name, fmt::format("k{}", ++last));
             })});
  }
}

}  // namespace athanor
