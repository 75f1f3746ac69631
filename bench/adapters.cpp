// What an adapter costs over the library that it stands on: one question and its answer, by the bare library, by the
// adapter, and as a whole command of an instrument, against a device in a process of its own that answers at once.
#include <curl/curl.h>
#include <fmt/format.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "adapters/device.h"
#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "core/check.h"
#include "core/clock.h"

namespace {

using namespace athanor;

// ── Devices ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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

[[noreturn]] void serve_registers(modbus_t* context, int listening) {
  modbus_mapping_t* registers = modbus_mapping_new(0, 0, 16, 0);
  for (;;) {
    modbus_tcp_accept(context, &listening);
    std::uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    for (int size = 0; (size = modbus_receive(context, request)) >= 0;) modbus_reply(context, request, size, registers);
    modbus_close(context);
  }
}

class DeviceProcess {
 public:
  explicit DeviceProcess(const std::function<void()>& live) : pid_(fork()) {
    if (pid_ == 0) live();
  }
  ~DeviceProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

// ── Measuring ────────────────────────────────────────────────────────────────────────────────────────────────────────

void measure(const std::string& way, const std::string& how, int times, const std::function<void()>& once) {
  std::vector<double> took_us;
  for (int i = 0; i < times / 10; ++i) once();  // connections, caches
  for (int i = 0; i < times; ++i) {
    const double began = monotonic_seconds();
    once();
    took_us.push_back((monotonic_seconds() - began) * 1e6);
  }
  std::sort(took_us.begin(), took_us.end());
  fmt::print("{}\n", nlohmann::json{{"way", way},
                                    {"how", how},
                                    {"p50_us", took_us[took_us.size() / 2]},
                                    {"p99_us", took_us[took_us.size() * 99 / 100]}}
                         .dump());
  std::fflush(stdout);
}

/// By the adapter's bus, and as a command "look" of an instrument.
void measure_adapter(const std::string& way, const std::string& text, const std::string& address,
                     const std::string& verb, const nlohmann::json& step, int times) {
  const Profile profile = parse_profile(text, way);
  {
    Lines lines;
    const auto bus = profile.adapter->bus_to(address, lines);
    ATHANOR_CHECK(!bus->connect(false), "no connection");
    measure(way, "adapter", times, [&] { ATHANOR_CHECK(bus->exchange(verb, step).ok(), "no answer"); });
  }
  const ScaledClock clock(SystemClock().now(), 1);
  Lines lines;
  const auto device = make_device(profile, "device-1", address, lines, clock);
  int id = 0;
  measure(way, "command", times, [&] {
    wire::Command command;
    command.set_id(fmt::format("k{}", ++id));
    command.set_capability("look");
    ATHANOR_CHECK(device->start(command, clock.now()).ok(), "not begun");
    for (bool done = false; !done;) {
      pollfd waited{device->wake_fd(), POLLIN, 0};
      poll(&waited, 1, -1);
      for (const wire::FromDriver& report : device->poll(clock.now())) {
        ATHANOR_CHECK(!report.has_outcome() || report.outcome().done(), report.outcome().message());
        done = done || report.has_outcome();
      }
    }
  });
}

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
  measure("text over TCP", "bare socket", times, [&] {
    char bytes[64];
    ATHANOR_CHECK(send(fd, "READ?\n", 6, MSG_NOSIGNAL) == 6 && read(fd, bytes, sizeof bytes) == 5, "no answer");
  });
  close(fd);
  measure_adapter("text over TCP",
                  "profile: meter\ntext: {}\nsafe: nothing\n"
                  "capabilities: {look: {gives: {v: {}}, do: [{ask: 'READ?', take: {v: all}}]}}\n",
                  fmt::format("tcp://127.0.0.1:{}", port), "ask", {{"ask", "READ?"}}, times);
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
  measure("Modbus TCP", "bare libmodbus", times, [&] {
    std::uint16_t words[2];
    ATHANOR_CHECK(modbus_read_registers(context, 2, 2, words) == 2, "no answer");
  });
  modbus_close(context);
  modbus_free(context);
  measure_adapter("Modbus TCP",
                  "profile: meter\nmodbus: {registers: {v: {holding: 2, type: float32}}}\nsafe: nothing\n"
                  "capabilities: {look: {gives: {v: {}}, do: [{read: v, take: {v: v}}]}}\n",
                  fmt::format("tcp://127.0.0.1:{}", port), "read", {{"read", "v"}}, times);
  modbus_free(server);
}

std::size_t drop(const char*, std::size_t size, std::size_t count, void*) {
  return size * count;
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
  measure("HTTP", "bare libcurl", times, [&] { ATHANOR_CHECK(curl_easy_perform(easy) == CURLE_OK, "no answer"); });
  curl_easy_cleanup(easy);
  measure_adapter("HTTP",
                  "profile: meter\nhttp: {}\nsafe: nothing\n"
                  "capabilities: {look: {gives: {v: {}}, do: [{get: /v, take: {v: /v}}]}}\n",
                  url, "get", {{"get", "/v"}}, times);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What an adapter costs over its bare library: one question and its answer.");
  int times = 5000;
  app.add_option("--times", times, "How often each is done")->check(CLI::Range(100, 1'000'000));
  CLI11_PARSE(app, argc, argv);
  measure_text(times);
  measure_modbus(times);
  measure_http(times);
  return 0;
}
