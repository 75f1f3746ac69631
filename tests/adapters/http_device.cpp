#include "tests/adapters/http_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/check.h"

namespace athanor::rig {

HttpDevice::HttpDevice(Script script) : script_(std::move(script)) {
  ATHANOR_CHECK(pipe2(wake_, O_CLOEXEC) == 0, "no pipe");
  listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  ATHANOR_CHECK(bind(listening_, reinterpret_cast<sockaddr*>(&here), size) == 0 && listen(listening_, 16) == 0 &&
                    getsockname(listening_, reinterpret_cast<sockaddr*>(&here), &size) == 0,
                "no socket");
  address_ = fmt::format("http://127.0.0.1:{}", ntohs(here.sin_port));
  thread_ = std::thread([this] { live(); });
}

HttpDevice::~HttpDevice() {
  ATHANOR_CHECK(write(wake_[1], "x", 1) == 1, "a pipe is full");
  thread_.join();
  for (const int fd : {listening_, wake_[0], wake_[1]}) close(fd);
}

std::vector<HttpDevice::Request> HttpDevice::heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}

std::vector<std::string> HttpDevice::lines() const {
  std::vector<std::string> lines;
  for (const Request& request : heard()) lines.push_back(request.method + " " + request.path);
  return lines;
}

void HttpDevice::live() {
  std::vector<Line> lines;
  for (;;) {
    std::vector<pollfd> waits = {{wake_[0], POLLIN, 0}, {listening_, POLLIN, 0}};
    for (const Line& line : lines) waits.push_back({line.fd, POLLIN, 0});
    poll(waits.data(), waits.size(), -1);
    if (waits[0].revents != 0) break;
    for (std::size_t i = 2; i < waits.size(); ++i) {
      if (waits[i].revents == 0 || hear(lines[i - 2])) continue;
      close(lines[i - 2].fd);
      lines[i - 2].fd = -1;
    }
    std::erase_if(lines, [](const Line& line) { return line.fd < 0; });
    if (waits[1].revents != 0) lines.push_back({accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC), ""});
  }
  for (const Line& line : lines) close(line.fd);
}

bool HttpDevice::hear(Line& line) {
  char bytes[8192];
  const ssize_t count = read(line.fd, bytes, sizeof bytes);
  if (count <= 0) return false;
  line.heard.append(bytes, static_cast<std::size_t>(count));
  for (std::size_t head = 0; (head = line.heard.find("\r\n\r\n")) != std::string::npos;) {
    Request request;
    request.headers = line.heard.substr(0, head + 2);
    const std::size_t first = request.headers.find(' '), second = request.headers.find(' ', first + 1);
    request.method = request.headers.substr(0, first);
    request.path = request.headers.substr(first + 1, second - first - 1);
    std::size_t length = 0;
    const char* kLength = "content-length:";
    for (std::size_t at = request.headers.find("\r\n"); at != std::string::npos;
         at = request.headers.find("\r\n", at + 2)) {
      if (strncasecmp(request.headers.c_str() + at + 2, kLength, 15) == 0)
        length = std::stoul(request.headers.substr(at + 17));
    }
    if (line.heard.size() < head + 4 + length) return true;  // the rest is still to come
    request.body = line.heard.substr(head + 4, length);
    line.heard.erase(0, head + 4 + length);
    const Answer answer = script_(request);
    {
      const std::lock_guard lock(mutex_);
      heard_.push_back(request);
    }
    if (answer.hang_up) return false;
    if (answer.silent) continue;
    const std::string text = fmt::format("HTTP/1.1 {} So\r\n{}Content-Length: {}\r\n\r\n{}", answer.status,
                                         answer.headers, answer.body.size(), answer.body);
    if (send(line.fd, text.data(), text.size(), MSG_NOSIGNAL) < 0) return false;
  }
  return true;
}

}  // namespace athanor::rig
