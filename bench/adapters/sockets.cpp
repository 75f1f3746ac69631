// Text over TCP, Modbus TCP and HTTP, over the socket itself, libmodbus and libcurl.
#include <curl/curl.h>
#include <fmt/format.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/adapters/way.h"
#include "core/check.h"

namespace athanor {
namespace {

int listen_somewhere(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  ATHANOR_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&here), size) == 0 && listen(fd, 16) == 0 &&
                    getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size) == 0,
                "no socket");
  port = ntohs(here.sin_port);
  return fd;
}

void without_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Answers whatever ends with `ends` by `answer`, over as many connections as come.
[[noreturn]] void answer_all(int listening, const std::string& ends, const std::string& answer) {
  std::vector<pollfd> waits = {{listening, POLLIN, 0}};
  std::vector<std::string> heard = {""};
  for (;;) {
    poll(waits.data(), waits.size(), -1);
    for (std::size_t i = waits.size(); i-- > 1;) {
      if (waits[i].revents == 0) continue;
      char bytes[4096];
      const ssize_t count = read(waits[i].fd, bytes, sizeof bytes);
      if (count <= 0) {
        close(waits[i].fd);
        waits.erase(waits.begin() + static_cast<long>(i));
        heard.erase(heard.begin() + static_cast<long>(i));
        continue;
      }
      heard[i].append(bytes, static_cast<std::size_t>(count));
      if (!heard[i].ends_with(ends)) continue;
      heard[i].clear();
      send(waits[i].fd, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    if (waits[0].revents == 0) continue;
    waits.push_back({accept(listening, nullptr, nullptr), POLLIN, 0});
    without_delay(waits.back().fd);
    heard.emplace_back();
  }
}

/// A process for each connection, which ends with it.
[[noreturn]] void serve_registers(modbus_t* context, int listening) {
  signal(SIGCHLD, SIG_IGN);
  modbus_mapping_t* registers = modbus_mapping_new(0, 0, 16, 0);
  for (;;) {
    modbus_tcp_accept(context, &listening);
    if (fork() != 0) {
      close(modbus_get_socket(context));  // modbus_close would end the connection for the other, too
      continue;
    }
    std::uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    for (int size = 0; (size = modbus_receive(context, request)) >= 0;) modbus_reply(context, request, size, registers);
    _exit(0);
  }
}

std::size_t drop(const char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

}  // namespace

void measure_text(int times) {
  int port = 0;
  const int listening = listen_somewhere(port);
  const DeviceProcess device([&] { answer_all(listening, "\n", "1.25\n"); });
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in there{};
  there.sin_family = AF_INET;
  there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  there.sin_port = htons(static_cast<std::uint16_t>(port));
  ATHANOR_CHECK(connect(fd, reinterpret_cast<sockaddr*>(&there), sizeof there) == 0, "no connection");
  without_delay(fd);
  const auto bare = [fd] {
    char bytes[64];
    ATHANOR_CHECK(send(fd, "READ?\n", 6, MSG_NOSIGNAL) == 6 && read(fd, bytes, sizeof bytes) == 5, "no answer");
  };
  OurSide ours(
      "profile: meter\ntext: {}\nsafe: nothing\n"
      "capabilities: {look: {gives: {v: {}}, do: [{ask: 'READ?', take: {v: all}}]}}\n",
      fmt::format("tcp://127.0.0.1:{}", port));
  measure("text over TCP", times,
          {timed("bare socket", bare), ours.adapter({{"ask", {{"ask", "READ?"}}}}), ours.whole()});
  close(fd);
  close(listening);
}

void measure_modbus(int times) {
  modbus_t* server = modbus_new_tcp("127.0.0.1", 0);
  const int listening = modbus_tcp_listen(server, 4);
  sockaddr_in here{};
  socklen_t size = sizeof here;
  ATHANOR_CHECK(getsockname(listening, reinterpret_cast<sockaddr*>(&here), &size) == 0, "no socket");
  const int port = ntohs(here.sin_port);
  const DeviceProcess device([&] { serve_registers(server, listening); });
  modbus_t* context = modbus_new_tcp("127.0.0.1", port);
  ATHANOR_CHECK(modbus_connect(context) == 0, "no connection");
  const auto bare = [context] {
    std::uint16_t words[2];
    ATHANOR_CHECK(modbus_read_registers(context, 2, 2, words) == 2, "no answer");
  };
  {
    OurSide ours(
        "profile: meter\nmodbus: {registers: {v: {holding: 2, type: float32}}}\nsafe: nothing\n"
        "capabilities: {look: {gives: {v: {}}, do: [{read: v, take: {v: v}}]}}\n",
        fmt::format("tcp://127.0.0.1:{}", port));
    measure("Modbus TCP", times,
            {timed("bare libmodbus", bare), ours.adapter({{"read", {{"read", "v"}}}}), ours.whole()});
  }
  modbus_close(context);
  modbus_free(context);
  modbus_free(server);
  close(listening);
}

void measure_http(int times) {
  int port = 0;
  const int listening = listen_somewhere(port);
  const DeviceProcess device(
      [&] { answer_all(listening, "\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"v\":1.25}"); });
  const std::string url = fmt::format("http://127.0.0.1:{}", port);
  CURL* easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, (url + "/v").c_str());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
  const auto bare = [easy] { ATHANOR_CHECK(curl_easy_perform(easy) == CURLE_OK, "no answer"); };
  OurSide ours(
      "profile: meter\nhttp: {}\nsafe: nothing\n"
      "capabilities: {look: {gives: {v: {}}, do: [{get: /v, take: {v: /v}}]}}\n",
      url);
  measure("HTTP", times, {timed("bare libcurl", bare), ours.adapter({{"get", {{"get", "/v"}}}}), ours.whole()});
  curl_easy_cleanup(easy);
  close(listening);
}

}  // namespace athanor
