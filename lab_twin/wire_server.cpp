// Simulated devices on real sockets and serial lines, with what may be wrong with a line.
#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <map>
#include <utility>  // before Boost.Asio 1.74, which forgets it
//
#include <boost/asio.hpp>
#include <memory>
#include <optional>
#include <type_traits>

#include "core/error.h"
#include "lab_twin/blueprint.h"
#include "lab_twin/twin.h"
#include "lab_twin/wire_rtu.h"
#include "lab_twin/wire_serial.h"
#include "lab_twin/wire_station.h"

namespace athanor {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kLongest = 1 << 16;  // bytes that nobody could make a message of
constexpr auto kTick = std::chrono::milliseconds(200);
// Of serial lines. A telegram is written as a whole: a longer pause than the protocol's 3.5 bytes ends one as well.
constexpr auto kSilence = std::chrono::milliseconds(50);
constexpr auto kSomebody = std::chrono::milliseconds(10);  // between looks whether the other end was opened

/// Where devices listen: one that takes all that is said there for its own, or several that know their units.
struct Port {
  Port(asio::io_context& io, const ScaledClock& lab_clock) : clock(lab_clock), acceptor(io) {}

  bool is_in_use() const { return serial ? serial->is_in_use() : *connections > 0; }

  const ScaledClock& clock;
  std::map<std::optional<int>, std::unique_ptr<WireStation>> devices;  // by unit
  bool rtu = false;                                                    // spoken there
  tcp::acceptor acceptor;
  std::shared_ptr<int> connections = std::make_shared<int>(0);
  std::optional<SerialEnd> serial;  // instead of the acceptor
};

void stand_at_line(Port& port);

/// One connection over TCP, or a serial line from one break to the next. Kept alive by what it waits for.
template <class Stream>
class Connection : public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(Stream stream, Port& port)
      : stream_(std::move(stream)), timer_(stream_.get_executor()), quiet_(stream_.get_executor()), port_(port) {
    ++*open_;
  }
  ~Connection() { --*open_; }

  void listen() {
    auto self = this->shared_from_this();
    stream_.async_read_some(asio::buffer(bytes_), [self](const error_code& error, std::size_t count) {
      if (error) return self->lost();
      self->heard_.append(self->bytes_.data(), count);
      self->answer(false);
      if (self->heard_.size() > kLongest) return self->close();  // and with it the connection ends
      if (self->stream_.is_open()) self->listen();
    });
  }

 private:
  static constexpr bool kSerial = std::is_same_v<Stream, asio::posix::stream_descriptor>;

  /// Over a serial line: nobody has the other end open, and somebody may again.
  void lost() {
    heard_.clear();
    if (kSerial) after(kSomebody, [](Connection& self) { self.listen(); });
  }

  /// Unless the line breaks, or something else is to be done `after` a while, meanwhile.
  template <class Action>
  void after(std::chrono::milliseconds wait, Action action) {
    auto self = this->shared_from_this();
    quiet_.expires_after(wait);
    quiet_.async_wait([self, action](const error_code& error) {
      if (!error && self->stream_.is_open()) action(*self);
    });
  }

  void answer(bool silent) {
    const auto only = port_.devices.find(std::nullopt);
    if (only != port_.devices.end() && !port_.rtu) {
      answer_by(*only->second, heard_);
    } else {
      const auto next = [&] { return port_.rtu ? next_rtu_message(heard_, silent) : next_modbus_message(heard_); };
      for (auto message = next(); message && stream_.is_open(); message = next()) {
        const auto meant = only != port_.devices.end() ? only : port_.devices.find(message->unit);
        if (meant != port_.devices.end()) answer_by(*meant->second, message->bytes);
      }
    }
    if (!sending_) send_next();
    if (port_.rtu && !heard_.empty() && stream_.is_open()) after(kSilence, [](Connection& self) { self.answer(true); });
  }

  void answer_by(WireStation& station, std::string& heard) {
    WireStation::Said said = station.hear(heard, port_.clock.now());
    for (WireAnswer& answer : said.answers) waiting_.push_back(std::move(answer));
    if (said.breaks) close();
  }

  void send_next() {
    sending_ = !waiting_.empty();
    if (!sending_) return;
    auto self = this->shared_from_this();
    timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(waiting_.front().late_s)));
    timer_.async_wait([self](const error_code&) {
      const auto sent = [self](const error_code& error, std::size_t) {
        self->waiting_.pop_front();
        if (!error) self->send_next();
      };
      if (kSerial && !self->port_.is_in_use()) return sent({}, 0);  // nobody hears it
      asio::async_write(self->stream_, asio::buffer(self->waiting_.front().bytes), sent);
    });
  }

  /// As of a device that lost its power: over TCP a reset; a serial line goes as an adapter that is unplugged, and is
  /// plugged in again.
  void close() {
    if (!stream_.is_open()) return;
    error_code ignored;
    if constexpr (kSerial) {
      quiet_.cancel();
      stream_.close(ignored);
      stand_at_line(port_);
    } else {
      stream_.set_option(asio::socket_base::linger(true, 0), ignored);
      stream_.close(ignored);
    }
  }

  Stream stream_;
  asio::steady_timer timer_;
  asio::steady_timer quiet_;
  Port& port_;
  std::shared_ptr<int> open_ = port_.connections;  // which outlives the port when all ends
  std::array<char, 4096> bytes_{};
  std::string heard_;
  std::deque<WireAnswer> waiting_;
  bool sending_ = false;
};

void accept(Port& port) {
  port.acceptor.async_accept([&port](const error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Connection<tcp::socket>>(std::move(socket), port)->listen();
    }
    accept(port);
  });
}

void stand_at_line(Port& port) {
  asio::posix::stream_descriptor line(port.acceptor.get_executor(), port.serial->open());
  std::make_shared<Connection<asio::posix::stream_descriptor>>(std::move(line), port)->listen();
}

/// device  the first there, for messages.
void listen_at(Port& port, const std::string& address, const std::string& device) {
  const std::string scheme = "tcp://";
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with(scheme) || colon <= scheme.size())
    throw InputError(
        fmt::format("“{}” of instrument {} is no place where a simulated device can be; expected “tcp://HOST:PORT”, "
                    "“serial:/PATH” or, from the lab file's folder, “serial:./PATH”",
                    address, device));
  tcp::resolver resolver(port.acceptor.get_executor());
  error_code error;
  const auto found = resolver.resolve(address.substr(scheme.size(), colon - scheme.size()), address.substr(colon + 1),
                                      tcp::resolver::passive, error);
  if (!error) {
    const tcp::endpoint endpoint = *found.begin();
    port.acceptor.open(endpoint.protocol());
    port.acceptor.set_option(asio::socket_base::reuse_address(true));
    port.acceptor.bind(endpoint, error);
  }
  if (!error) port.acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw EnvironmentError(fmt::format("the simulated {} cannot listen at {}: {}", device, address, error.message()));
  accept(port);
}

/// Where the lines of the whole laboratory are.
std::vector<std::string> serial_links(const Blueprint& blueprint) {
  std::vector<std::string> links;
  for (const PlannedDevice& planned : blueprint.devices) {
    if (const auto path = serial_path(planned.at)) links.push_back(*path);
  }
  return links;
}

}  // namespace

void serve_wire(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, const std::string& driver,
                const ScaledClock& clock, int stop_fd, double linger_s, const std::set<std::string>& without) {
  Blueprint blueprint = read_blueprint(lab);
  require_driver(lab, driver);
  const auto world = open_world(lab, blueprint, folder, seed);
  std::vector<std::string> places;
  for (const LabPlaces& some : lab.places) {
    for (long i = 1; i <= some.count; ++i) places.push_back(fmt::format("{}-{}", some.name, i));
  }
  asio::io_context io;
  std::map<std::string, Port> ports;
  for (const PlannedDevice& planned : blueprint.devices) {
    if (planned.driver != driver || without.contains(planned.description.id())) continue;
    const std::string at = planned.at.substr(0, planned.at.find('#')), id = planned.description.id();
    const std::optional<int> unit = unit_of(planned);
    const auto [found, is_new] = ports.try_emplace(at, io, clock);
    Port& port = found->second;
    auto& devices = port.devices;
    if (!devices.empty() && (devices.contains(unit) || !unit || devices.contains(std::nullopt)))
      throw InputError(
          fmt::format("several simulated devices are at {}, {} among them; give each its own unit behind "
                      "“#”, or an address of its own",
                      at, id));
    devices.emplace(unit, std::make_unique<WireStation>(planned, world, places, clock.now()));
    port.rtu = speaks_rtu(planned.wire, planned.at);
    if (!is_new) continue;
    if (const auto path = serial_path(at)) {
      port.serial.emplace(*path, serial_links(blueprint));
      stand_at_line(port);
    } else {
      listen_at(port, at, id);
    }
  }
  asio::posix::stream_descriptor stop(io, stop_fd);
  stop.async_wait(asio::posix::stream_descriptor::wait_read, [&](const error_code&) { io.stop(); });
  // Jobs end by themselves, also while nobody asks.
  asio::steady_timer tick(io);
  double alone_s = 0;
  const std::function<void(const error_code&)> on_tick = [&](const error_code&) {
    bool connected = false;
    for (const auto& [at, port] : ports) {
      for (const auto& [unit, station] : port.devices) station->go_on(clock.now());
      connected = connected || port.is_in_use();
    }
    alone_s = connected ? 0 : alone_s + std::chrono::duration<double>(kTick).count();
    if (linger_s > 0 && alone_s > linger_s) return io.stop();
    tick.expires_after(kTick);
    tick.async_wait(on_tick);
  };
  on_tick({});
  io.run();
  stop.release();
}

}  // namespace athanor
