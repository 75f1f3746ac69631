// What tests of large arrays over real sockets share: a served camera, a controller with both links, a store that is
// held up.
#pragma once

#include <catch2/catch.hpp>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "instruments/data_link.h"
#include "instruments/stored_arrays.h"
#include "tests/instruments/array_rig.h"
#include "tests/instruments/zmq_rig.h"

namespace athanor::rig {

constexpr double kArrayPatience = 300;  // seconds of wall time; reached only when something is wrong
constexpr std::uint64_t kRow = 512 * 512 * 2;

/// A driver with one camera in a thread of its own.
class ServedCamera {
 public:
  ServedCamera(const std::string& name, const std::string& address, const ScaledClock& clock,
               const std::optional<LinkKeys>& keys = {}, unsigned data_port = 0) {
    device.row_shape = {512, 512};
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(camera("camera-" + name, device));
    driver_ = std::make_unique<Driver>(name, "boot-1", std::move(instruments), ledger_, Driver::Options{}, clock.now());
    thread_ = std::thread([this, address, &clock, keys, data_port] {
      const DriverLog log = [this](const std::string& line) {
        const std::lock_guard lock(mutex_);
        log_ += line + "\n";
      };
      serve_driver(*driver_, address, clock, stop_.fd(), {.keys = keys, .log = log, .data_port = data_port});
    });
  }
  ~ServedCamera() {
    stop_.notify();
    thread_.join();
  }
  std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  std::size_t held() { return driver_->arrays()->held(); }
  Camera device;

 private:
  Ledger ledger_{""};
  std::unique_ptr<Driver> driver_;
  Wake stop_;
  std::mutex mutex_;
  std::string log_;
  std::thread thread_;
};

/// A controller: both links, and what it heard.
struct ArrayController {
  ArrayController(const std::vector<Endpoint>& endpoints, const ScaledClock& lab_clock, ArrayStore& store,
                  const std::optional<LinkKeys>& keys = {})
      : clock(lab_clock),
        link(make_zmq_link(endpoints, "test", clock, 5, keys, false, true)),
        data(store, {endpoints, keys, [](const std::string&, const wire::Open&) { return true; }}, wake) {}

  /// The first of what was not awaited yet that is `wanted`.
  wire::FromDriver await(const std::function<bool(const wire::FromDriver&)>& wanted) {
    for (const double start = monotonic_seconds(); monotonic_seconds() - start < kArrayPatience; listen()) {
      for (; next_ < heard_.size();) {
        const wire::FromDriver& message = heard_[next_++];
        if (message.has_refused()) told += message.refused().why() + "\n";
        if (wanted(message)) return message;
      }
    }
    FAIL("waited in vain; told: " << told);
    return {};
  }
  void await_up(const std::string& driver) {
    await([&](const auto& message) { return message.has_welcome() && message.driver() == driver; });
  }
  void film(const std::string& driver, const std::string& id, double frames) {
    instruments[id] = "camera-" + driver;
    link->send(driver, rig::say(rig::film(id, frames, "camera-" + driver)));
  }
  wire::Outcome outcome(const std::string& id) {
    return await([&](const auto& message) { return message.outcome().id() == id; }).outcome();
  }

  /// What arrives within a second.
  void listen() {
    const DriverArrivals arrived = link->receive(clock.now() + from_seconds(1), wake.fd());
    wake.clear();
    for (wire::FromDriver& message : data.take()) heard_.push_back(std::move(message));
    for (const DriverMessage& each : arrived.messages) {
      wire::FromDriver met = each.message;
      if (met.has_welcome() && !data_at.empty()) met.mutable_welcome()->set_data(data_at);
      data.meet(met);
      if (names_arrays(each.message)) {
        data.verify(each.message, [&](const std::string& id) { return instruments.at(id); });
      } else {
        heard_.push_back(each.message);
      }
    }
  }

  const ScaledClock& clock;
  Wake wake;
  std::unique_ptr<DriverLink> link;
  DataLink data;
  std::map<std::string, std::string> instruments;
  std::string data_at;  ///< where data sockets are taken to be, whatever a Welcome says; empty: where it says
  std::string told;

 private:
  std::vector<wire::FromDriver> heard_;
  std::size_t next_ = 0;
};

inline void check_whole(MemoryStore& store, const wire::Outcome& outcome, const std::string& instrument,
                        std::uint64_t frames) {
  CAPTURE(outcome.ShortDebugString());
  REQUIRE(outcome.done());
  REQUIRE(outcome.results_size() == 2);
  const wire::Array& image = outcome.results(1).array();
  CHECK(image.rows() == frames);
  CHECK(image.file() == "memory");
  CHECK(image.sha256() == sha256_of(kSeed, frames * kRow));
  CHECK(store.of({instrument, outcome.id(), "image"}).bytes.size() == frames * kRow);
}

/// A store that takes nothing more in once it has so many bytes, until it is let go.
class HeldStore final : public ArrayStore {
 public:
  HeldStore(MemoryStore& store, std::uint64_t at) : store_(store), at_(at) {}
  ~HeldStore() override { let_go(); }
  void let_go() {
    const std::lock_guard lock(mutex_);
    at_ = UINT64_MAX;
    freed_.notify_all();
  }

  std::uint64_t begin(const ArrayName& name, const ArrayType& type) override { return store_.begin(name, type); }
  void append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return store_.appended() < at_; });
    store_.append(name, offset, bytes);
  }
  std::vector<std::pair<ArrayName, std::uint64_t>> commit() override { return store_.commit(); }
  StoredArray finish(const ArrayName& name, const std::string& hash) override { return store_.finish(name, hash); }
  void abandon(const ArrayName& name) override { store_.abandon(name); }
  std::optional<StoredArray> find(const ArrayName& name) override { return store_.find(name); }

 private:
  MemoryStore& store_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t at_;
};

}  // namespace athanor::rig
