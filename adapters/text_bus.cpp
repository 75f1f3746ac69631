// Devices that are spoken to in lines of text, over TCP or a serial line: SCPI (IEEE 488.2), MT-SICS, and makers' own.
#include <fmt/format.h>

#include <atomic>
#include <utility>  // before Boost.Asio 1.74, which forgets it
//
#include <boost/asio.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/answer.h"
#include "adapters/bus.h"
#include "core/error.h"
#include "core/quantity.h"

namespace athanor {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t kLongest = 1 << 20;  // bytes of an answer
constexpr int kMostErrors = 30;            // read from a device's queue before it is given up
constexpr double kQuiet = 0.1;             // seconds without a byte: a serial line has said all that it had to say

struct Settings {
  std::string ends = "\n";         ///< of what is sent
  std::string answer_ends = "\n";  ///< of what comes back
  std::string answer_starts;       ///< taken off in front
  double timeout_s = 1;
  std::string error_question;  ///< asked after each exchange; empty: the device has no queue of errors
  Pattern no_error;            ///< its answer when there is none
  unsigned baud = 9600, data_bits = 8;
  std::string parity = "none", stop_bits = "1", flow = "none";
};

// ── The line ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// TCP or serial, with a time for everything.
class Line {
 public:
  Line(std::string address, const Settings& settings)
      : address_(std::move(address)), settings_(settings), socket_(io_), port_(io_) {}

  std::optional<Fault> open() {
    close();
    boost::system::error_code error;
    if (address_.starts_with("serial:")) {
      error = open_port();
    } else {
      error = open_socket();
    }
    if (error) return lost(fmt::format("cannot be reached: {}", error.message()));
    if (is_serial()) hear_out();
    return std::nullopt;
  }

  std::optional<Fault> write(const std::string& text) {
    discard();
    const auto error = timed(settings_.timeout_s, [&](auto handler) {
      if (is_serial()) {
        asio::async_write(port_, asio::buffer(text), handler);
      } else {
        asio::async_write(socket_, asio::buffer(text), handler);
      }
    });
    if (error) return lost(fmt::format("took nothing: {}", error.message()));
    return std::nullopt;
  }

  /// Up to the end of an answer, without it. asked: for messages.
  Outcome<std::string> read(const std::string& asked, double timeout_s) {
    const auto error = timed(timeout_s, [&](auto handler) {
      auto buffer = asio::dynamic_buffer(heard_, kLongest);
      if (is_serial()) {
        asio::async_read_until(port_, buffer, settings_.answer_ends, handler);
      } else {
        asio::async_read_until(socket_, buffer, settings_.answer_ends, handler);
      }
    });
    const std::size_t end = heard_.find(settings_.answer_ends);
    if (error || end == std::string::npos) {
      const std::string so_far = heard_.empty() ? "nothing" : quote(heard_);
      if (error == asio::error::timed_out)
        return lost(fmt::format("gave no whole answer to {} within {} s, but {}", quote(asked),
                                pretty_number(timeout_s), so_far));
      if (error == asio::error::not_found)
        return lost(fmt::format("answered {} with more than {} bytes and no end: {}", quote(asked), kLongest, so_far));
      return lost(fmt::format("broke off its answer to {} after {}: {}", quote(asked), so_far, error.message()));
    }
    std::string answer = heard_.substr(0, end);
    heard_.erase(0, end + settings_.answer_ends.size());
    if (answer.starts_with(settings_.answer_starts)) answer.erase(0, settings_.answer_starts.size());
    return answer;
  }

  void interrupt() {
    interrupted_ = true;
    asio::post(io_, [this] {
      if (interrupted_) cancel();
    });
  }
  void resume() { interrupted_ = false; }

 private:
  bool is_serial() const { return port_.is_open(); }

  void cancel() {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    port_.cancel(ignored);
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    port_.close(ignored);
    heard_.clear();
  }

  Fault lost(const std::string& what) {
    close();
    if (interrupted_) return {Fault::Kind::kInterrupted, "broken off"};
    return {Fault::Kind::kLink, fmt::format("the device at {} {}", address_, what)};
  }

  /// Begins `operation` and waits for its end. timed_out if that took too long.
  template <class Operation>
  boost::system::error_code timed(double timeout_s, const Operation& operation) {
    if (interrupted_) return asio::error::operation_aborted;
    std::optional<boost::system::error_code> ended;
    operation([&](const boost::system::error_code& error, auto&&...) { ended = error; });
    const auto bound =
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(timeout_s));
    asio::steady_timer timer(io_, bound);
    bool too_long = false;
    timer.async_wait([&](const boost::system::error_code& error) {
      if (error || ended) return;
      too_long = true;
      cancel();
    });
    io_.restart();
    while (!ended && io_.run_one() > 0) {
    }
    timer.cancel();
    io_.run();  // the timer's own end
    return too_long ? boost::system::error_code(asio::error::timed_out) : *ended;
  }

  boost::system::error_code open_socket() {
    const std::string rest = address_.substr(std::string("tcp://").size());
    const std::size_t colon = rest.rfind(':');
    boost::system::error_code error;
    tcp::resolver resolver(io_);
    std::string host = rest.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto found = resolver.resolve(host, rest.substr(colon + 1), error);
    if (error) return error;
    error = timed(settings_.timeout_s, [&](auto handler) { asio::async_connect(socket_, found, handler); });
    if (!error) socket_.set_option(tcp::no_delay(true), error);
    return error;
  }

  boost::system::error_code open_port() {
    boost::system::error_code error;
    port_.open(address_.substr(std::string("serial:").size()), error);
    if (error) return error;
    using asio::serial_port;
    port_.set_option(serial_port::baud_rate(settings_.baud), error);
    if (!error) port_.set_option(serial_port::character_size(settings_.data_bits), error);
    const auto parity = settings_.parity == "even"  ? serial_port::parity::even
                        : settings_.parity == "odd" ? serial_port::parity::odd
                                                    : serial_port::parity::none;
    if (!error) port_.set_option(serial_port::parity(parity), error);
    const auto stop = settings_.stop_bits == "2"     ? serial_port::stop_bits::two
                      : settings_.stop_bits == "1.5" ? serial_port::stop_bits::onepointfive
                                                     : serial_port::stop_bits::one;
    if (!error) port_.set_option(serial_port::stop_bits(stop), error);
    const auto flow = settings_.flow == "hardware"   ? serial_port::flow_control::hardware
                      : settings_.flow == "software" ? serial_port::flow_control::software
                                                     : serial_port::flow_control::none;
    if (!error) port_.set_option(serial_port::flow_control(flow), error);
    return error;
  }

  /// A serial line keeps what nobody read. Whatever still comes is let go by, until it is quiet.
  void hear_out() {
    char byte = 0;
    for (std::size_t i = 0; i < kLongest; ++i) {
      const auto error = timed(kQuiet, [&](auto handler) { asio::async_read(port_, asio::buffer(&byte, 1), handler); });
      if (error) return;
    }
  }

  /// What came unasked since the last answer is not the next one.
  void discard() {
    heard_.clear();
    boost::system::error_code error;
    if (is_serial()) return;
    while (socket_.available(error) > 0 && !error) {
      std::string unasked(socket_.available(error), '\0');
      socket_.read_some(asio::buffer(unasked), error);
    }
  }

  std::string address_;
  const Settings& settings_;
  asio::io_context io_;
  tcp::socket socket_;
  asio::serial_port port_;
  std::string heard_;  ///< read and not given yet
  std::atomic<bool> interrupted_ = false;
};

// ── The bus ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class TextBus final : public Bus {
 public:
  TextBus(const std::string& address, const Settings& settings) : settings_(settings), line_(address, settings) {}

  std::optional<Fault> connect() override { return line_.open(); }
  void interrupt() override { line_.interrupt(); }
  void resume() override { line_.resume(); }

  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) override {
    const std::string text = raw(step.at(verb));
    const double timeout_s = timeout_of(step, settings_.timeout_s);
    nlohmann::json answer;
    if (verb != "listen") {
      if (const auto fault = line_.write(text + settings_.ends)) return *fault;
    }
    if (verb != "send") {
      auto said = line_.read(text, timeout_s);
      if (!said) return said.fault();
      answer = said.value();
    }
    if (const auto fault = reported_errors(text)) return *fault;
    return answer;
  }

 private:
  /// Empties the device's queue of errors: they are of what was just said.
  std::optional<Fault> reported_errors(const std::string& text) {
    if (settings_.error_question.empty()) return std::nullopt;
    std::string errors;
    for (int i = 0; i < kMostErrors; ++i) {
      if (const auto fault = line_.write(settings_.error_question + settings_.ends)) return fault;
      const auto said = line_.read(settings_.error_question, settings_.timeout_s);
      if (!said) return said.fault();
      if (matches(settings_.no_error, said.value())) break;
      errors += (errors.empty() ? "" : ", ") + quote(said.value());
    }
    if (errors.empty()) return std::nullopt;
    return Fault{Fault::Kind::kDevice, fmt::format("after {} the device reports {}", quote(text), errors)};
  }

  const Settings& settings_;
  Line line_;
};

// ── The adapter ──────────────────────────────────────────────────────────────────────────────────────────────────────

class TextAdapter final : public Adapter {
 public:
  TextAdapter(Settings settings, std::string unsafe) : settings_(std::move(settings)), unsafe_(std::move(unsafe)) {}

  const std::vector<Verb>& verbs() const override {
    static const std::vector<Verb> verbs = {{"send", false, {}, false},
                                            {"ask", true, {"timeout"}, true},
                                            {"do", true, {"timeout"}, false},
                                            {"listen", true, {"timeout"}, true}};
    return verbs;
  }

  void check(const std::string& verb, const nlohmann::json& step, const Node& node) const override {
    if (step.at(verb).is_structured()) node.error(fmt::format("“{}” is followed by one text", verb));
    check_timeout(step, node);
  }

  std::string unsafe_in_texts() const override { return unsafe_; }

  std::unique_ptr<Bus> bus_to(const std::string& address) const override {
    const bool serial = address.starts_with("serial:/");
    const std::size_t colon = address.rfind(':');
    const bool tcp = address.starts_with("tcp://") && colon > std::string("tcp://").size() &&
                     address.find_first_not_of("0123456789", colon + 1) == std::string::npos &&
                     colon + 1 < address.size();
    if (!serial && !tcp)
      throw InputError(
          fmt::format("“{}” is no address of a device that is spoken to in lines of text; expected "
                      "“tcp://HOST:PORT” or “serial:/dev/ttyUSB0”",
                      address));
    return std::make_unique<TextBus>(address, settings_);
  }

 private:
  Settings settings_;
  std::string unsafe_;
};

void read_serial(const Node& node, Settings& settings) {
  MapReader reader(node, "the serial line");
  if (const Node baud = reader.optional("baud")) {
    const long rate = baud.integer().value_or(9600);
    if (rate < 50 || rate > 4'000'000) baud.error(fmt::format("{} baud; expected 50 to 4000000", rate));
    settings.baud = static_cast<unsigned>(rate);
  }
  if (const Node bits = reader.optional("data_bits")) settings.data_bits = bits.one_of({"7", "8"}) == "7" ? 7 : 8;
  if (const Node parity = reader.optional("parity"))
    settings.parity = parity.one_of({"none", "even", "odd"}).value_or("none");
  if (const Node stop = reader.optional("stop_bits")) settings.stop_bits = stop.one_of({"1", "1.5", "2"}).value_or("1");
  if (const Node flow = reader.optional("flow"))
    settings.flow = flow.one_of({"none", "software", "hardware"}).value_or("none");
  reader.finish();
}

void read_errors(const Node& node, Settings& settings) {
  if (node.kind() == Node::Kind::kScalar) {
    if (node.one_of({"none"})) settings.error_question.clear();
    return;
  }
  MapReader reader(node, "the queue of errors");
  settings.error_question = reader.required("ask").text().value_or("");
  settings.no_error = read_pattern(reader.required("none"));
  reader.finish();
}

std::unique_ptr<Adapter> read_adapter(const Node& node, Settings settings, std::string unsafe) {
  if (node.kind() != Node::Kind::kNull) {
    MapReader reader(node, "how the device is spoken to");
    if (const Node ends = reader.optional("ends")) settings.ends = settings.answer_ends = ends.text().value_or("\n");
    if (const Node ends = reader.optional("answer_ends")) settings.answer_ends = ends.text().value_or("\n");
    if (const Node starts = reader.optional("answer_starts")) settings.answer_starts = starts.text().value_or("");
    if (settings.answer_ends.empty())
      node.error("answers must end with something, or nobody knows when they are whole");
    settings.timeout_s = read_time(reader, "timeout", settings.timeout_s, 60);
    if (const Node errors = reader.optional("errors")) read_errors(errors, settings);
    if (const Node serial = reader.optional("serial")) read_serial(serial, settings);
    reader.finish();
  }
  return std::make_unique<TextAdapter>(std::move(settings), std::move(unsafe));
}

}  // namespace

std::unique_ptr<Adapter> make_text_adapter(const Node& node) {
  return read_adapter(node, {}, "");
}

std::unique_ptr<Adapter> make_scpi_adapter(const Node& node) {
  Settings settings;
  settings.error_question = "SYST:ERR?";
  settings.no_error = compile_pattern(R"(^\s*[+-]?0\s*(,|$))");
  return read_adapter(node, std::move(settings), ";\"'");  // which end a command or a text in SCPI
}

}  // namespace athanor
