#include "tests/adapters/modbus_device.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/check.h"
#include "tests/adapters/rig.h"

namespace athanor::rig {

ModbusDevice::ModbusDevice(bool serial) : registers_(modbus_mapping_new(16, 16, 2048, 64)) {
  if (serial) {
    char name[256];
    termios raw{};
    cfmakeraw(&raw);
    ATHANOR_CHECK(openpty(&line_, &keep_open_, name, &raw, nullptr) == 0, "no pseudo-terminal");
    address = std::string("serial:") + name;
    context_ = modbus_new_rtu(name, 9600, 'N', 8, 1);
    modbus_set_slave(context_, 1);
    modbus_set_socket(context_, line_);
  } else {
    context_ = modbus_new_tcp("127.0.0.1", 0);
    listening_ = modbus_tcp_listen(context_, 4);
    sockaddr_in here{};
    socklen_t size = sizeof here;
    ATHANOR_CHECK(listening_ >= 0 && getsockname(listening_, reinterpret_cast<sockaddr*>(&here), &size) == 0,
                  "no socket");
    address = fmt::format("tcp://127.0.0.1:{}", ntohs(here.sin_port));
  }
  modbus_set_indication_timeout(context_, 0, 20000);
  thread_ = std::thread([this] { live(); });
}

ModbusDevice::~ModbusDevice() {
  quit_ = true;
  thread_.join();
  modbus_close(context_);
  modbus_free(context_);
  modbus_mapping_free(registers_);
  for (const int fd : {listening_, keep_open_}) {
    if (fd >= 0) close(fd);
  }
}

void ModbusDevice::hold(int place, const std::vector<std::uint16_t>& words) {
  const std::lock_guard lock(mutex_);
  std::copy(words.begin(), words.end(), registers_->tab_registers + place);
}

std::uint16_t ModbusDevice::held(int place) {
  const std::lock_guard lock(mutex_);
  return registers_->tab_registers[place];
}

bool ModbusDevice::coil(int place) {
  const std::lock_guard lock(mutex_);
  return registers_->tab_bits[place] != 0;
}

std::vector<ModbusDevice::Written> ModbusDevice::written() {
  const std::lock_guard lock(mutex_);
  return written_;
}

std::set<int> ModbusDevice::units() {
  const std::lock_guard lock(mutex_);
  return units_;
}

void ModbusDevice::live() {
  while (!quit_) {
    if (listening_ >= 0 && modbus_get_socket(context_) < 0) {
      pollfd waited{listening_, POLLIN, 0};
      if (poll(&waited, 1, 20) <= 0) continue;
      modbus_tcp_accept(context_, &listening_);
    }
    std::uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    const int size = modbus_receive(context_, request);
    if (size < 0 && errno == ETIMEDOUT) continue;
    if (size < 0 && listening_ >= 0) {
      modbus_close(context_);
      modbus_set_socket(context_, -1);
    }
    if (size > 0) answer(request, size);
  }
}

void ModbusDevice::answer(const std::uint8_t* request, int size) {
  ++heard;
  while (paused && !quit_) idle(0.001);
  if (garbled.exchange(false)) {
    constexpr std::uint8_t kNoise[] = {1, 0x83, 2, 0, 0};
    ATHANOR_CHECK(write(line_, kNoise, sizeof kNoise) == sizeof kNoise, "no pseudo-terminal");
    return;
  }
  if (silent_for > 0) {
    --silent_for;
    return;
  }
  if (const int code = exception.exchange(0); code != 0) {
    modbus_reply_exception(context_, request, static_cast<unsigned>(code));
    return;
  }
  if (const double late = late_s.exchange(0); late > 0) idle(late);
  const std::lock_guard lock(mutex_);
  const std::uint8_t* said = request + modbus_get_header_length(context_);
  units_.insert(said[-1]);
  const auto word = [&](int at) { return static_cast<std::uint16_t>(said[at] << 8 | said[at + 1]); };
  if (said[0] == MODBUS_FC_WRITE_SINGLE_REGISTER) written_.push_back({word(1), {word(3)}});
  if (said[0] == MODBUS_FC_WRITE_MULTIPLE_REGISTERS) {
    Written written{word(1), {}};
    for (int i = 0; i < word(3); ++i) written.words.push_back(word(6 + 2 * i));
    written_.push_back(std::move(written));
  }
  modbus_reply(context_, request, size, registers_);
}

}  // namespace athanor::rig
