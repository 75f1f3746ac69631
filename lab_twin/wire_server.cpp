// Simulated devices on real sockets, with what may be wrong with a line.
#include <fmt/format.h>

#include <chrono>
#include <deque>
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

/// One device and its way to the world: where it listens, what it speaks, and how bad its line is.
struct Station {
  Station(asio::io_context& io, PlannedDevice planned, std::shared_ptr<World> world, std::vector<std::string> places,
          const ScaledClock& lab_clock)
      : manners(planned.wire),
        clock(lab_clock),
        acceptor(io),
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
  tcp::acceptor acceptor;
  RandomStream mishaps;
  WireDevice device;
  std::unique_ptr<WireLanguage> language;
  std::shared_ptr<int> connections = std::make_shared<int>(0);
};

/// One connection. Kept alive by what it waits for.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Station& station)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), station_(station) {
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
    for (std::string& said : station_.language->hear(heard_, station_.clock.now())) {
      const WireManners& manners = station_.manners;
      double roll = station_.mishaps.uniform();
      const auto happens = [&](double share) { return std::exchange(roll, roll - share) < share && roll < 0; };
      double late_s = 0;
      if (happens(manners.resets)) return close();
      if (happens(manners.restarts)) {
        station_.restart();
        return close();
      }
      if (happens(manners.no_answer)) continue;
      if (happens(manners.garbled)) {
        said = station_.language->spoiled(std::move(said));
      } else if (happens(manners.truncated)) {
        said.resize(said.size() / 2);
      } else if (happens(manners.late)) {
        late_s = manners.late_by_s;
      }
      waiting_.push_back({std::move(said), late_s});
    }
    if (!sending_) send_next();
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
  Station& station_;
  std::shared_ptr<int> open_ = station_.connections;  // which outlives the station when all ends
  std::array<char, 4096> bytes_{};
  std::string heard_;
  std::deque<Answer> waiting_;
  bool sending_ = false;
};

void accept(Station& station) {
  station.acceptor.async_accept([&station](const error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Connection>(std::move(socket), station)->listen();
    }
    accept(station);
  });
}

void open(Station& station, const std::string& address) {
  const std::string scheme = "tcp://";
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with(scheme) || colon <= scheme.size())
    throw InputError(
        fmt::format("“{}” of instrument {} is no place where a simulated device can listen; expected “tcp://HOST:PORT”",
                    address, station.device.description().id()));
  tcp::resolver resolver(station.acceptor.get_executor());
  error_code error;
  const auto found = resolver.resolve(address.substr(scheme.size(), colon - scheme.size()), address.substr(colon + 1),
                                      tcp::resolver::passive, error);
  if (!error) {
    const tcp::endpoint endpoint = *found.begin();
    station.acceptor.open(endpoint.protocol());
    station.acceptor.set_option(asio::socket_base::reuse_address(true));
    station.acceptor.bind(endpoint, error);
  }
  if (!error) station.acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    throw EnvironmentError(fmt::format("the simulated {} cannot listen at {}: {}", station.device.description().id(),
                                       address, error.message()));
  accept(station);
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
  std::vector<std::unique_ptr<Station>> stations;
  for (PlannedDevice& planned : blueprint.devices) {
    if (planned.driver != driver) continue;
    const std::string at = planned.at;
    stations.push_back(std::make_unique<Station>(io, std::move(planned), world, places, clock));
    open(*stations.back(), at);
  }
  asio::posix::stream_descriptor stop(io, stop_fd);
  stop.async_wait(asio::posix::stream_descriptor::wait_read, [&](const error_code&) { io.stop(); });
  // Jobs end by themselves, also while nobody asks.
  asio::steady_timer tick(io);
  double alone_s = 0;
  const std::function<void(const error_code&)> on_tick = [&](const error_code&) {
    bool connected = false;
    for (const auto& station : stations) {
      station->device.state(clock.now());
      connected = connected || *station->connections > 0;
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
