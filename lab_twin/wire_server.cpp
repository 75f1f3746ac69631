// Simulated devices on real sockets, with what may be wrong with a line.
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <deque>
#include <map>
#include <utility>  // before Boost.Asio 1.74, which forgets it
//
#include <boost/asio.hpp>
#include <memory>

#include "core/error.h"
#include "lab_twin/blueprint.h"
#include "lab_twin/twin.h"
#include "lab_twin/wire_device.h"

namespace athanor {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kLongest = 1 << 16;  // bytes that nobody could make a message of
constexpr auto kTick = std::chrono::milliseconds(200);

std::unique_ptr<WireLanguage> speak(const std::string& language, WireDevice& device) {
  if (language == "modbus") return speak_modbus(device);
  return language == "sics" ? speak_sics(device) : speak_scpi(device);
}

/// One device and its way to the world: what it speaks, and how bad its line is.
struct Station {
  Station(PlannedDevice planned, std::shared_ptr<World> world, std::vector<std::string> places,
          const ScaledClock& lab_clock)
      : manners(planned.wire),
        clock(lab_clock),
        mishaps(world->random().stream("wire " + planned.description.id(),
                                       static_cast<std::uint64_t>(lab_clock.now().time_since_epoch().count()))),
        device(
            std::make_unique<Device>(planned.description, planned.behaviours, planned.temper, world, lab_clock.now()),
            world, std::move(places)),
        language(speak(planned.wire.speaks, device)) {
    device.restart(clock.now());  // a device that was off knows nothing of what it did
  }

  void restart() {
    device.restart(clock.now());
    language = speak(manners.speaks, device);
  }

  WireManners manners;
  const ScaledClock& clock;
  RandomStream mishaps;
  WireDevice device;
  std::unique_ptr<WireLanguage> language;
};

/// Where devices listen: one that takes all that is said there for its own, or several that know their units.
struct Port {
  explicit Port(asio::io_context& io) : acceptor(io) {}

  tcp::acceptor acceptor;
  std::map<std::optional<int>, std::unique_ptr<Station>> devices;  // by unit
  std::shared_ptr<int> connections = std::make_shared<int>(0);
};

/// One connection. Kept alive by what it waits for.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Port& port) : socket_(std::move(socket)), timer_(socket_.get_executor()), port_(port) {
    ++*open_;
  }
  ~Connection() { --*open_; }

  void listen() {
    auto self = shared_from_this();
    socket_.async_read_some(asio::buffer(bytes_), [self](const error_code& error, std::size_t count) {
      if (error) return;
      self->heard_.append(self->bytes_.data(), count);
      self->answer();
      if (self->heard_.size() > kLongest) return;  // and with it the connection ends
      if (self->socket_.is_open()) self->listen();
    });
  }

 private:
  void answer() {
    if (const auto only = port_.devices.find(std::nullopt); only != port_.devices.end()) {
      answer_by(*only->second, heard_);
    } else {
      for (auto message = next_modbus_message(heard_); message && socket_.is_open();
           message = next_modbus_message(heard_)) {
        const auto meant = port_.devices.find(message->unit);
        if (meant != port_.devices.end()) answer_by(*meant->second, message->bytes);
      }
    }
    if (!sending_) send_next();
  }

  void answer_by(Station& station, std::string& heard) {
    for (std::string& said : station.language->hear(heard, station.clock.now())) {
      const WireManners& manners = station.manners;
      double roll = station.mishaps.uniform();
      const auto happens = [&](double share) { return std::exchange(roll, roll - share) < share && roll < 0; };
      double late_s = 0;
      if (happens(manners.resets)) return close();
      if (happens(manners.restarts)) {
        station.restart();
        return close();
      }
      if (happens(manners.no_answer)) continue;
      if (happens(manners.garbled)) {
        said = station.language->spoiled(std::move(said));
      } else if (happens(manners.truncated)) {
        said.resize(said.size() / 2);
      } else if (happens(manners.late)) {
        late_s = manners.late_by_s;
      }
      waiting_.push_back({std::move(said), late_s});
    }
  }

  void send_next() {
    sending_ = !waiting_.empty();
    if (!sending_) return;
    auto self = shared_from_this();
    timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(waiting_.front().late_s)));
    timer_.async_wait([self](const error_code&) {
      asio::async_write(self->socket_, asio::buffer(self->waiting_.front().text),
                        [self](const error_code& error, std::size_t) {
                          self->waiting_.pop_front();
                          if (!error) self->send_next();
                        });
    });
  }

  void close() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);  // a reset, as of a device that lost its power
    socket_.close(ignored);
  }

  struct Answer {
    std::string text;
    double late_s = 0;
  };
  tcp::socket socket_;
  asio::steady_timer timer_;
  Port& port_;
  std::shared_ptr<int> open_ = port_.connections;  // which outlives the port when all ends
  std::array<char, 4096> bytes_{};
  std::string heard_;
  std::deque<Answer> waiting_;
  bool sending_ = false;
};

void accept(Port& port) {
  port.acceptor.async_accept([&port](const error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Connection>(std::move(socket), port)->listen();
    }
    accept(port);
  });
}

/// What is behind the “#” of an address at a line that several devices share; none where it is a device's own.
std::optional<int> unit_of(const PlannedDevice& device) {
  constexpr int kLastUnit = 247;
  const std::size_t hash = device.at.find('#');
  if (hash == std::string::npos) return std::nullopt;
  const char *begin = device.at.data() + hash + 1, *all = device.at.data() + device.at.size();
  int unit = -1;
  const auto [end, error] = std::from_chars(begin, all, unit);
  if (device.wire.speaks == "modbus" && error == std::errc() && end == all && unit >= 0 && unit <= kLastUnit)
    return unit;
  throw InputError(
      fmt::format("“{}” of instrument {}, which speaks {}: simulated devices share a line in Modbus alone, by "
                  "their units, 0 to {}; give it an address of its own",
                  device.at, device.description.id(), device.wire.speaks, kLastUnit));
}

/// device  the first there, for messages.
void open(Port& port, const std::string& address, const std::string& device) {
  const std::string scheme = "tcp://";
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with(scheme) || colon <= scheme.size())
    throw InputError(
        fmt::format("“{}” of instrument {} is no place where a simulated device can listen; expected “tcp://HOST:PORT”",
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

}  // namespace

void serve_wire(const Lab& lab, const std::string& folder, std::optional<std::uint64_t> seed, const std::string& driver,
                const ScaledClock& clock, int stop_fd, double linger_s) {
  Blueprint blueprint = read_blueprint(lab);
  require_driver(lab, driver);
  const auto world = open_world(lab, blueprint, folder, seed);
  std::vector<std::string> places;
  for (const LabPlaces& some : lab.places) {
    for (long i = 1; i <= some.count; ++i) places.push_back(fmt::format("{}-{}", some.name, i));
  }
  asio::io_context io;
  std::map<std::string, Port> ports;
  for (PlannedDevice& planned : blueprint.devices) {
    if (planned.driver != driver) continue;
    const std::string at = planned.at.substr(0, planned.at.find('#')), id = planned.description.id();
    const std::optional<int> unit = unit_of(planned);
    const auto [port, is_new] = ports.try_emplace(at, io);
    auto& devices = port->second.devices;
    if (!devices.empty() && (devices.contains(unit) || !unit || devices.contains(std::nullopt)))
      throw InputError(
          fmt::format("several simulated devices are at {}, {} among them; give each its own unit behind "
                      "“#”, or an address of its own",
                      at, id));
    devices.emplace(unit, std::make_unique<Station>(std::move(planned), world, places, clock));
    if (is_new) open(port->second, at, id);
  }
  asio::posix::stream_descriptor stop(io, stop_fd);
  stop.async_wait(asio::posix::stream_descriptor::wait_read, [&](const error_code&) { io.stop(); });
  // Jobs end by themselves, also while nobody asks.
  asio::steady_timer tick(io);
  double alone_s = 0;
  const std::function<void(const error_code&)> on_tick = [&](const error_code&) {
    bool connected = false;
    for (const auto& [at, port] : ports) {
      for (const auto& [unit, station] : port.devices) station->device.state(clock.now());
      connected = connected || *port.connections > 0;
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
