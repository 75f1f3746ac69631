#include "adapters/modbus_line.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "adapters/connect.h"

namespace athanor {
void ModbusLine::speak_to(int unit, double timeout_s) {
  unit_ = unit;
  timeout_s_ = timeout_s;
  if (context_) set_up();
}

void ModbusLine::set_up() {
  const auto whole = static_cast<std::uint32_t>(timeout_s_);
  modbus_set_response_timeout(context_.get(), whole, static_cast<std::uint32_t>((timeout_s_ - whole) * 1e6));
  modbus_set_slave(context_.get(), unit_);
}

std::optional<Fault> ModbusLine::open(bool greeted, bool shared) {
  close();
  if (interrupt_.is_set()) return kBrokenOff;
  const auto port = serial_address(address());
  if (port) {
    if (const std::string why = open_serial(*port); !why.empty()) return unreachable(why);
  } else if (const auto fault = open_socket()) {
    return fault;
  }
  set_up();
  modbus_flush(context_.get());
  // Answers over TCP are numbered. Over a serial line, one that comes late is let go by.
  if (late_ && port && (shared || !greeted) && !hear_out()) {
    close();
    return kBrokenOff;
  }
  late_ = false;
  return std::nullopt;
}

/// Why it cannot be opened, or nothing.
std::string ModbusLine::open_serial(const std::string& port) {
  const char parity = serial().parity == "even" ? 'E' : serial().parity == "odd" ? 'O' : 'N';
  context_.reset(
      modbus_new_rtu(port.c_str(), static_cast<int>(serial().baud), parity, 8, serial().stop_bits == "2" ? 2 : 1));
  if (!context_ || modbus_connect(context_.get()) != 0) return modbus_strerror(errno);
  return claim_port(modbus_get_socket(context_.get()));
}

/// Connected here, where it can be broken off; the library would not let go before its timeout, or the resolver's.
std::optional<Fault> ModbusLine::open_socket() {
  const auto parts = tcp_address(address());
  Descriptor socket;
  if (const auto fault = connect_tcp(*parts, timeout_s_, interrupt_, socket))
    return fault->kind == Fault::Kind::kInterrupted ? *fault : unreachable(fault->message);
  context_.reset(modbus_new_tcp_pi(parts->host.c_str(), parts->port.c_str()));
  if (!context_) return unreachable(modbus_strerror(errno));
  const std::lock_guard lock(mutex_);
  socket_ = socket.release();
  modbus_set_socket(context_.get(), socket_);
  return std::nullopt;
}

/// Until a serial line has been quiet for as long as an answer may take. False if that was broken off.
bool ModbusLine::hear_out() {
  for (;;) {
    pollfd waits[] = {{modbus_get_socket(context_.get()), POLLIN, 0}, {interrupt_.fd(), POLLIN, 0}};
    const int ready = poll(waits, std::size(waits), static_cast<int>(timeout_s_ * 1000));
    if (interrupt_.is_set()) return false;
    if (ready == 0) return true;
    modbus_flush(context_.get());
  }
}

bool ModbusLine::is_gone() const {
  return socket_ >= 0 && hung_up(socket_);
}

/// What waits for an answer over TCP sees the end of the connection. On a serial line the answer that is due must be
/// waited for, since the next telegram would run into it; but nothing more is asked.
void ModbusLine::break_off() {
  interrupt_.set();
  const std::lock_guard lock(mutex_);
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

Fault ModbusLine::lost(const std::string& what) {
  late_ = true;
  close();
  if (interrupt_.is_set()) return kBrokenOff;
  return {Fault::Kind::kLink, fmt::format("the device at {} {}", device(), what)};
}

void ModbusLine::close() {
  {
    const std::lock_guard lock(mutex_);  // its number may be another file's at once
    socket_ = -1;
  }
  context_.reset();
}

}  // namespace athanor
