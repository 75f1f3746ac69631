#include "adapters/line.h"

#include <fmt/format.h>
#include <termios.h>

#include <algorithm>
#include <utility>  // before Boost.Asio 1.74, which forgets it
//
#define BOOST_ASIO_DISABLE_FENCED_BLOCK  // one thread runs it, and locks order all else; TSan knows no fences
#include <boost/asio.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "adapters/answer.h"
#include "adapters/connect.h"
#include "adapters/interrupt.h"
#include "core/clock.h"
#include "core/quantity.h"

namespace athanor {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t kLongest = 1 << 20;  // bytes of an answer
constexpr double kQuiet = 0.1;             // seconds without a byte: a serial line has said all that it had to say
constexpr double kTalkative = 10;          // seconds, after which one that is never quiet is listened to nevertheless

using Error = boost::system::error_code;

}  // namespace

class Line::Port {
 public:
  Port(std::string address, const SerialSettings& serial)
      : address_(std::move(address)), serial_settings_(serial), socket_(io_), serial_(io_) {}

  /// device  its address among those at the line, for messages.
  void speak_by(const LineSettings& settings, const std::string& device) {
    settings_ = &settings;
    device_ = device;
  }
  bool is_open() const { return socket_.is_open() || serial_.is_open(); }

  std::optional<Fault> open(bool greeted, bool shared) {
    const double late_s = std::exchange(late_s_, 0);
    close();
    const std::string why = serial_address(address_) ? open_serial() : open_socket();
    if (!why.empty()) return lost(fmt::format("cannot be reached: {}", why));
    // A connection of its own brings nothing of an earlier one; that to a server of serial ports may.
    if (late_s > 0 && (shared || (serial_.is_open() && !greeted))) {
      hear_out(late_s);
    } else if (serial_.is_open()) {
      hear_out(kQuiet);
    }
    return std::nullopt;
  }

  bool is_gone() { return socket_.is_open() && hung_up(socket_.native_handle()); }

  std::optional<Fault> write(const std::string& text) {
    discard();
    const std::string whole = text + settings_->ends;
    const Error error = timed(settings_->timeout_s, [&](auto handler) {
      if (serial_.is_open()) {
        asio::async_write(serial_, asio::buffer(whole), handler);
      } else {
        asio::async_write(socket_, asio::buffer(whole), handler);
      }
    });
    if (error) return lost(fmt::format("took nothing: {}", error.message()));
    return std::nullopt;
  }

  Outcome<std::string> read(const std::string& asked, double timeout_s) {
    const Error error = timed(timeout_s, [&](auto handler) {
      auto buffer = asio::dynamic_buffer(heard_, kLongest);
      if (serial_.is_open()) {
        asio::async_read_until(serial_, buffer, settings_->answer_ends, handler);
      } else {
        asio::async_read_until(socket_, buffer, settings_->answer_ends, handler);
      }
    });
    const std::size_t end = heard_.find(settings_->answer_ends);
    if (error || end == std::string::npos) return lost(why_no_answer(asked, timeout_s, error));
    std::string answer = heard_.substr(0, end);
    heard_.erase(0, end + settings_->answer_ends.size());
    if (!answer.starts_with(settings_->answer_starts)) {
      return lost(fmt::format("answered {} with {}, which does not begin with {}", quote(asked), quote(answer),
                              quote(settings_->answer_starts)));
    }
    answer.erase(0, settings_->answer_starts.size());
    return answer;
  }

  void interrupt() {
    interrupt_.set();
    asio::post(io_, [this] {
      if (interrupt_.is_set()) cancel();
    });
  }
  void resume() { interrupt_.clear(); }

 private:
  void cancel() {
    Error ignored;
    socket_.cancel(ignored);
    serial_.cancel(ignored);
  }

  void close() {
    Error ignored;
    socket_.close(ignored);
    serial_.close(ignored);
    heard_.clear();
  }

  Fault lost(const std::string& what) {
    late_s_ = std::max(kQuiet, settings_->timeout_s);
    close();
    if (interrupt_.is_set()) return {Fault::Kind::kInterrupted, "broken off"};
    return {Fault::Kind::kLink, fmt::format("the device at {} {}", device_, what)};
  }

  std::string why_no_answer(const std::string& asked, double timeout_s, const Error& error) const {
    const std::string so_far = heard_.empty() ? "nothing" : quote(heard_);
    if (error == asio::error::timed_out)
      return fmt::format("gave no whole answer to {} within {} s, but {}", quote(asked), pretty_number(timeout_s),
                         so_far);
    if (error == asio::error::not_found)
      return fmt::format("answered {} with more than {} bytes and no end: {}", quote(asked), kLongest, so_far);
    return fmt::format("broke off its answer to {} after {}: {}", quote(asked), so_far, error.message());
  }

  /// Begins `operation` and waits for its end. timed_out if that took too long.
  template <class Operation>
  Error timed(double timeout_s, const Operation& operation) {
    if (interrupt_.is_set()) return asio::error::operation_aborted;
    std::optional<Error> ended;
    operation([&](const Error& error, auto&&...) { ended = error; });
    const auto bound =
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(timeout_s));
    asio::steady_timer timer(io_, bound);
    bool too_long = false;
    timer.async_wait([&](const Error& error) {
      if (error || ended) return;
      too_long = true;
      cancel();
    });
    io_.restart();
    while (!ended && io_.run_one() > 0) {
    }
    timer.cancel();
    io_.run();  // the timer's own end
    return too_long ? Error(asio::error::timed_out) : *ended;
  }

  /// Why it cannot be opened.
  std::string open_socket() {
    Descriptor made;
    if (const auto fault = connect_tcp(*tcp_address(address_), settings_->timeout_s, interrupt_, made))
      return fault->message;
    sockaddr_storage here{};
    socklen_t size = sizeof here;
    getsockname(made.get(), reinterpret_cast<sockaddr*>(&here), &size);
    Error error;
    socket_.assign(here.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), made.get(), error);
    if (error) return error.message();
    made.release();
    return "";
  }

  std::string open_serial() {
    using asio::serial_port;
    const SerialSettings& serial = serial_settings_;
    const auto parity = serial.parity == "even"  ? serial_port::parity::even
                        : serial.parity == "odd" ? serial_port::parity::odd
                                                 : serial_port::parity::none;
    const auto stop = serial.stop_bits == "2"     ? serial_port::stop_bits::two
                      : serial.stop_bits == "1.5" ? serial_port::stop_bits::onepointfive
                                                  : serial_port::stop_bits::one;
    const auto flow = serial.flow == "hardware"   ? serial_port::flow_control::hardware
                      : serial.flow == "software" ? serial_port::flow_control::software
                                                  : serial_port::flow_control::none;
    Error error;
    serial_.open(*serial_address(address_), error);
    if (!error) serial_.set_option(serial_port::baud_rate(serial.baud), error);
    if (!error) serial_.set_option(serial_port::character_size(serial.data_bits), error);
    if (!error) serial_.set_option(serial_port::parity(parity), error);
    if (!error) serial_.set_option(serial_port::stop_bits(stop), error);
    if (!error) serial_.set_option(serial_port::flow_control(flow), error);
    return error ? error.message() : claim_port(serial_.native_handle());
  }

  void hear_out(double quiet_s) {
    char bytes[512];
    const double end = monotonic_seconds() + kTalkative;
    while (monotonic_seconds() < end) {
      const Error error = timed(quiet_s, [&](auto handler) {
        if (serial_.is_open()) {
          serial_.async_read_some(asio::buffer(bytes), handler);
        } else {
          socket_.async_read_some(asio::buffer(bytes), handler);
        }
      });
      if (error) return;
    }
  }

  /// What came unasked since the last answer is not the next one.
  void discard() {
    heard_.clear();
    if (serial_.is_open()) {
      tcflush(serial_.native_handle(), TCIFLUSH);
      return;
    }
    Error error;
    while (socket_.available(error) > 0 && !error) {
      std::string unasked(socket_.available(error), '\0');
      socket_.read_some(asio::buffer(unasked), error);
    }
  }

  const std::string address_;
  const SerialSettings serial_settings_;
  const LineSettings* settings_ = nullptr;  ///< by which is spoken now
  std::string device_;                      ///< and to which
  asio::io_context io_;
  tcp::socket socket_;
  asio::serial_port serial_;
  std::string heard_;  ///< read and not given yet
  double late_s_ = 0;  ///< for so long the answer to who was not answered in time may be on its way still
  Interrupt interrupt_;
};

Line::Line(const std::string& address, const SerialSettings& serial)
    : SharedLine(address, serial), port_(std::make_unique<Port>(address, serial)) {}
Line::~Line() = default;

void Line::speak_by(const LineSettings& settings) {
  port_->speak_by(settings, device());
}
bool Line::is_open() const {
  return port_->is_open();
}
std::optional<Fault> Line::open(bool greeted, bool shared) {
  return port_->open(greeted, shared);
}
bool Line::is_gone() const {
  return port_->is_gone();
}
std::optional<Fault> Line::write(const std::string& text) {
  return port_->write(text);
}
Outcome<std::string> Line::read(const std::string& asked, double timeout_s) {
  return port_->read(asked, timeout_s);
}
void Line::break_off() {
  port_->interrupt();
}
void Line::go_on() {
  port_->resume();
}

}  // namespace athanor
