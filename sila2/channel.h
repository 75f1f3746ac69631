// The line to a SiLA 2 server: calls of remote procedures by name, requests and answers as bytes. gRPC's part is in a
// library of its own (grpc/channel.cpp), loaded when the first server is spoken to: linked in, it would cost every
// short command 6 ms.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace athanor::sila2 {

struct Address {
  std::string target;            ///< "HOST:PORT"
  bool secure = true;            ///< TLS, as SiLA 2 demands
  std::string root_certificate;  ///< PEM, not a file's name; empty: the system's
  std::string certificate_name;  ///< the server's name in its certificate, where that is not the host's
};

/// "sila2://HOST:PORT", or "sila2-insecure://HOST:PORT" without TLS, on this machine only. throws InputError.
Address parse_address(const std::string& text);
/// Whether `text` is meant to be one.
bool is_address(const std::string& text);

class Channel {
 public:
  enum class Code {
    kOk,
    kAborted,        ///< the server answered with an error; `text` is Base64 of a SiLAError
    kUnimplemented,  ///< the server does not know the procedure
    kUnavailable,    ///< no connection, or it was lost
    kDeadline,
    kInterrupted,
    kOther
  };
  struct Status {
    Code code = Code::kOk;
    std::string text;
    explicit operator bool() const { return code == Code::kOk; }
  };
  /// False: that was enough.
  using Each = std::function<bool(const std::string& bytes)>;

  /// Names and values; of a name that ends in “-bin” the value is any bytes.
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Request {
    std::string method;  ///< "/sila2.org.silastandard.core.silaservice.v1.SiLAService/GetFeatureDefinition"
    std::string bytes;
    double within_s = 0;
    Headers headers = {};
  };
  struct Answer {
    Status status;
    std::string bytes;
  };

  virtual ~Channel() = default;

  // All block; none repeats a call by itself. From several threads at once.

  /// Waits for a connection. Where this fails, the server heard nothing.
  virtual Status connect(double within_s) = 0;
  /// All at once: the answers, in the order of the requests, take the time of the slowest.
  virtual std::vector<Answer> call(const std::vector<Request>& requests) = 0;
  virtual Status stream(const Request& request, const Each& each) = 0;

  /// From any thread: what blocks comes back as kInterrupted, and so does what is begun until `resume`.
  virtual void interrupt() = 0;
  virtual void resume() = 0;
};

/// Connects nothing yet. throws EnvironmentError if gRPC's library cannot be loaded.
std::unique_ptr<Channel> open_channel(const Address& address);

}  // namespace athanor::sila2
