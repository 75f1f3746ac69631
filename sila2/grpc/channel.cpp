// gRPC, and nothing else of Athanor's: the library that sila2/channel.cpp loads when it is needed.
#include <grpc/support/log.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <set>

#include "sila2/channel.h"

namespace athanor::sila2 {
namespace {

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return "";
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

gpr_timespec after(double s) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(static_cast<std::int64_t>(s * 1e6), GPR_TIMESPAN));
}

Channel::Status status_of(const grpc::Status& status) {
  using Code = Channel::Code;
  const auto code = [&] {
    switch (status.error_code()) {
      case grpc::StatusCode::OK:
        return Code::kOk;
      case grpc::StatusCode::ABORTED:
        return Code::kAborted;
      case grpc::StatusCode::UNIMPLEMENTED:
        return Code::kUnimplemented;
      case grpc::StatusCode::UNAVAILABLE:
        return Code::kUnavailable;
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return Code::kDeadline;
      case grpc::StatusCode::CANCELLED:
        return Code::kInterrupted;
      default:
        return Code::kOther;
    }
  }();
  return {code, status.error_message()};
}

class GrpcChannel final : public Channel {
 public:
  explicit GrpcChannel(const Address& address) : channel_(make(address)), stub_(channel_) {}

  Status connect(double within_s) override {
    const gpr_timespec end = after(within_s);
    for (;;) {
      if (is_interrupted()) return {Code::kInterrupted, ""};
      const grpc_connectivity_state state = channel_->GetState(true);
      if (state == GRPC_CHANNEL_READY) return {};
      if (gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), end) >= 0) return {Code::kUnavailable, "no connection"};
      channel_->WaitForStateChange(
          state, std::min(after(kLook), end, [](gpr_timespec a, gpr_timespec b) { return gpr_time_cmp(a, b) < 0; }));
    }
  }

  std::vector<Answer> call(const std::vector<Request>& requests) override {
    struct UnderWay {
      UnderWay(GrpcChannel& channel, const Request& request) : call(channel, request) {}
      Call call;
      std::unique_ptr<grpc::GenericClientAsyncResponseReader> rpc = nullptr;
      grpc::ByteBuffer reply = {};
      grpc::Status status = {};
    };
    grpc::CompletionQueue queue;
    std::list<UnderWay> all;
    for (const Request& request : requests) {
      UnderWay& one = all.emplace_back(*this, request);
      if (one.call.refused) continue;
      one.rpc = stub_.PrepareUnaryCall(&one.call.context, request.method, buffer_of(request.bytes), &queue);
      one.rpc->StartCall();
      one.rpc->Finish(&one.reply, &one.status, &one);
    }
    for (const UnderWay& one : all) {
      if (one.rpc) next(queue);  // whichever has ended
    }
    std::vector<Answer> answers;
    for (const UnderWay& one : all) {
      Answer& answer = answers.emplace_back();
      answer.status = one.rpc ? status_of(one.status) : Status{Code::kInterrupted, ""};
      if (answer.status) answer.bytes = bytes_of(one.reply);
    }
    return answers;
  }

  Status stream(const Request& request, const Each& each) override {
    grpc::CompletionQueue queue;
    Call call(*this, request);
    if (call.refused) return {Code::kInterrupted, ""};
    const auto rpc = stub_.PrepareCall(&call.context, request.method, &queue);
    bool enough = false;
    rpc->StartCall(this);
    bool going = next(queue);
    if (going) {
      rpc->WriteLast(buffer_of(request.bytes), grpc::WriteOptions(), this);
      going = next(queue);
    }
    grpc::ByteBuffer reply;
    while (going) {
      rpc->Read(&reply, this);
      going = next(queue);
      if (going && !enough && !each(bytes_of(reply))) {
        enough = true;
        call.context.TryCancel();
      }
    }
    grpc::Status status;
    rpc->Finish(&status, this);
    next(queue);
    return enough ? Status{} : status_of(status);
  }

  void interrupt() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    for (grpc::ClientContext* context : under_way_) context->TryCancel();
  }

  void resume() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = false;
  }

 private:
  static constexpr double kLook = 0.2;  // seconds until a wait for the connection looks whether it is to be broken off

  /// A call that `interrupt` can reach.
  struct Call {
    Call(GrpcChannel& channel, const Request& request) : owner(channel) {
      context.set_deadline(after(request.within_s));
      for (const auto& [name, value] : request.headers) context.AddMetadata(name, value);
      const std::lock_guard lock(owner.mutex_);
      refused = owner.interrupted_;
      owner.under_way_.insert(&context);
    }
    ~Call() {
      const std::lock_guard lock(owner.mutex_);
      owner.under_way_.erase(&context);
    }
    GrpcChannel& owner;
    grpc::ClientContext context;
    bool refused = false;
  };

  static std::shared_ptr<grpc::Channel> make(const Address& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // a command is never sent twice
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
    arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, 16 << 20);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // devices are in the laboratory's own network
    if (!address.certificate_name.empty()) arguments.SetSslTargetNameOverride(address.certificate_name);
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = address.root_certificate;
    return grpc::CreateCustomChannel(
        address.target, address.secure ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials(), arguments);
  }

  static bool next(grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  }

  bool is_interrupted() {
    const std::lock_guard lock(mutex_);
    return interrupted_;
  }

  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  std::mutex mutex_;  // for all that follows
  std::set<grpc::ClientContext*> under_way_;
  bool interrupted_ = false;
};

}  // namespace
}  // namespace athanor::sila2

extern "C" athanor::sila2::Channel* athanor_open_grpc_channel(const athanor::sila2::Address& address) {
  gpr_set_log_function([](gpr_log_func_args*) {});  // what it has to say to people comes with each call that failed
  return new athanor::sila2::GrpcChannel(address);
}
