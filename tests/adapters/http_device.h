// A device with an HTTP interface, for tests: one thread, connections kept open as HTTP/1.1 does.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace athanor::rig {

class HttpDevice {
 public:
  struct Request {
    std::string method, path, body, headers;
  };
  struct Answer {
    int status = 200;
    std::string body = "";
    std::string headers = "";  ///< whole lines
    bool hang_up = false;      ///< instead of an answer
    bool silent = false;       ///< no answer, and the connection stays
  };
  using Script = std::function<Answer(const Request&)>;

  explicit HttpDevice(Script script);
  ~HttpDevice();
  std::string address() const { return address_; }
  std::vector<Request> heard() const;
  /// "POST /runs", in their order.
  std::vector<std::string> lines() const;

 private:
  struct Line {
    int fd = -1;
    std::string heard;
  };
  void live();
  bool hear(Line& line);  // false: it is over

  Script script_;
  std::string address_;
  int listening_ = -1, wake_[2] = {-1, -1};
  mutable std::mutex mutex_;
  std::vector<Request> heard_;
  std::thread thread_;
};

}  // namespace athanor::rig
