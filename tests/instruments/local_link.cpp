// Goal: the in-process link is deterministic, jumps from event to event, and stores arrays on its way. Method:
// transcripts of two runs; the clock watched; a camera and a store in memory.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/random.h"
#include "instruments/driver_link.h"
#include "tests/instruments/array_rig.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using rig::at;

namespace {

/// `count` drivers with two heaters each, and the link to them.
struct Laboratory {
  explicit Laboratory(int count, std::set<std::string> watched = {}) {
    for (int i = 0; i < count; ++i) {
      ledgers.push_back(std::make_unique<Ledger>(""));
      std::vector<std::unique_ptr<Instrument>> instruments;
      for (int j = 0; j < 2; ++j)
        instruments.push_back(rig::heater("heater-" + std::to_string(i) + std::to_string(j), device));
      drivers.push_back(std::make_unique<Driver>("driver-" + std::to_string(i), "boot", std::move(instruments),
                                                 *ledgers.back(), Driver::Options{}, clock.now()));
    }
    std::vector<Driver*> all;
    for (auto& driver : drivers) all.push_back(driver.get());
    link = make_local_link(all, clock, std::move(watched));
  }
  void start(const std::string& id, int driver, int heater, double duration_s) {
    const std::string name = "heater-" + std::to_string(driver) + std::to_string(heater);
    link->send("driver-" + std::to_string(driver), rig::say(rig::heat(id, name, 80, duration_s)));
  }

  rig::Device device;
  ManualClock clock{rig::kStart};
  std::vector<std::unique_ptr<Ledger>> ledgers;
  std::vector<std::unique_ptr<Driver>> drivers;
  std::unique_ptr<DriverLink> link;
};

std::string transcript(std::uint64_t seed) {
  Laboratory lab(5);
  RandomStream chance(seed, "transcript");
  std::string all;
  for (int i = 0; i < 300; ++i) {
    if (chance.below(2) == 0) {
      lab.start(std::to_string(i), static_cast<int>(chance.below(5)), static_cast<int>(chance.below(2)),
                1 + static_cast<double>(chance.below(30)));
    }
    const DriverArrivals arrived = lab.link->receive(lab.clock.now() + from_seconds(7), -1);
    all += to_string(lab.clock.now());
    for (const DriverMessage& each : arrived.messages) all += each.message.DebugString();
  }
  return all;
}

}  // namespace

TEST_CASE("every driver's link comes up first, with its welcome") {
  // Goal: the engine starts from what the drivers say. Method: the first arrivals, in the order of the drivers.
  Laboratory lab(3);
  const DriverArrivals first = lab.link->receive(kNever, -1);
  REQUIRE(first.changes.size() == 3);
  REQUIRE(first.messages.size() == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(first.changes[i].up);
    CHECK(first.changes[i].driver == "driver-" + std::to_string(i));
    CHECK(first.messages[i].message.driver() == first.changes[i].driver);
    CHECK(first.messages[i].message.welcome().instruments_size() == 2);
  }
  CHECK(lab.clock.now() == rig::kStart);
}

TEST_CASE("the clock jumps to what happens next and never beyond what was asked for") {
  // Goal: virtual time. Method: two commands of known length; `until` before, between and after.
  Laboratory lab(2);
  lab.link->receive(kNever, -1);
  lab.start("a", 0, 0, 100);
  lab.start("b", 1, 0, 100);
  DriverArrivals arrived = lab.link->receive(at(1), -1);
  CHECK(arrived.messages.size() == 2);  // accepted, at once
  CHECK(lab.clock.now() == at(0));
  arrived = lab.link->receive(at(1), -1);
  CHECK(arrived.empty());
  CHECK(lab.clock.now() == at(1));
  arrived = lab.link->receive(kNever, -1);
  CHECK(lab.clock.now() == at(50));
  REQUIRE(arrived.messages.size() == 2);  // at one moment, in the order of the drivers
  CHECK(arrived.messages[0].message.progress().id() == "a");
  CHECK(arrived.messages[1].message.progress().id() == "b");
  arrived = lab.link->receive(kNever, -1);
  CHECK(lab.clock.now() == at(100));
  CHECK(arrived.messages[1].message.outcome().done());
}

TEST_CASE("a readable descriptor ends the waiting and leaves the clock alone") {
  // Goal: planner and Ctrl-C get through. Method: a pipe, with something under way and with nothing.
  Laboratory lab(1);
  lab.link->receive(kNever, -1);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], "x", 1) == 1);
  CHECK(lab.link->receive(kNever, ends[0]).empty());
  lab.start("a", 0, 0, 100);
  CHECK(lab.link->receive(kNever, ends[0]).messages.size() == 1);
  CHECK(lab.link->receive(kNever, ends[0]).empty());
  CHECK(lab.clock.now() == at(0));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("two runs of one seed give the same transcript, two seeds do not") {
  // Goal: bit-for-bit reproducible. Method: every message of 300 turns over five drivers, as text.
  CHECK(transcript(1) == transcript(1));
  CHECK(transcript(1) != transcript(2));
}

TEST_CASE("readings of watched instruments come once a second of the virtual clock") {
  // Goal: interlocks work on a virtual clock, and cost nothing where there are none. Method: one of four heaters is
  // watched while another one works.
  Laboratory lab(2, {"heater-10"});
  lab.start("a", 0, 0, 10);
  std::vector<Time> heard;
  for (bool done = false; !done;) {
    for (const DriverMessage& each : lab.link->receive(kNever, -1).messages) {
      done = done || each.message.has_outcome();
      if (!each.message.has_telemetry()) continue;
      CHECK(each.message.telemetry().instrument() == "heater-10");
      heard.push_back(lab.clock.now());
    }
  }
  REQUIRE(heard.size() == 11);
  for (std::size_t i = 0; i < heard.size(); ++i) CHECK(heard[i] == at(static_cast<double>(i)));
}

namespace {

/// A camera behind a driver with a small window, a link, and a store that outlives both.
struct Studio {
  static constexpr std::size_t kWindow = 64 << 10, kFrame = 4 * 8 * 2;
  explicit Studio(rig::MemoryStore* store) {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(rig::camera("camera-1", device));
    driver = std::make_unique<Driver>("eyes", "boot", std::move(instruments), ledger, Driver::Options{0, kWindow},
                                      clock.now());
    link = make_local_link({driver.get()}, clock, {}, store);
  }
  wire::Outcome film(const std::string& id, double frames) {
    link->send("eyes", rig::say(rig::film(id, frames)));
    for (;;) {
      for (const DriverMessage& each : link->receive(kNever, -1).messages) {
        if (each.message.has_outcome()) return each.message.outcome();
      }
    }
  }

  rig::Camera device;
  Ledger ledger{""};
  ManualClock clock{rig::kStart};
  std::unique_ptr<Driver> driver;
  std::unique_ptr<DriverLink> link;
};

}  // namespace

TEST_CASE("an array is stored in virtual time, and its outcome says where", "[arrays]") {
  // Goal: as over sockets. Method: ten windows of frames, compared byte by byte; the clock stands, the store takes all.
  rig::MemoryStore store;
  Studio studio(&store);
  constexpr std::uint64_t kFrames = 10 * Studio::kWindow / Studio::kFrame;
  const wire::Outcome outcome = studio.film("film-1", static_cast<double>(kFrames));
  REQUIRE(outcome.done());
  const wire::Array& image = outcome.results(1).array();
  CHECK(image.rows() == kFrames);
  CHECK(image.file() == "memory");
  CHECK(image.dataset() == "/image");
  CHECK(image.sha256() == rig::sha256_of(rig::kSeed, kFrames * Studio::kFrame));
  CHECK(store.of({"camera-1", "film-1", "image"}).bytes == rig::bytes_of(rig::kSeed, 0, kFrames * Studio::kFrame));
  CHECK(studio.clock.now() == rig::kStart);
  CHECK(studio.driver->arrays()->room() == Studio::kWindow);

  SECTION("asked again, the ledger's answer says so, too") {
    CHECK(studio.film("film-1", static_cast<double>(kFrames)).results(1).array().dataset() == "/image");
    studio.link->send("eyes", rig::ask({"film-1"}));
    const auto said = studio.link->receive(kNever, -1).messages;
    REQUIRE(said.size() == 1);
    CHECK(said[0].message.answer().states(0).outcome().results(1).array().dataset() == "/image");
    CHECK(studio.device.starts["film-1"] == 1);
  }
  SECTION("with a store that lost it, the outcome is a fault") {
    rig::MemoryStore empty;
    studio.link = make_local_link({studio.driver.get()}, studio.clock, {}, &empty);
    const wire::Outcome lost = studio.film("film-1", static_cast<double>(kFrames));
    CHECK(lost.fault() == wire::DEVICE);
    CHECK(lost.message() == "its outcome names the array “image”, which is not in the data store");
  }
}

TEST_CASE("without a store in virtual time, arrays are refused before anything begins", "[arrays]") {
  Studio studio(nullptr);
  const wire::Outcome outcome = studio.film("film-1", 3);
  CHECK(outcome.fault() == wire::LIMIT);
  CHECK(outcome.not_begun());
  CHECK(studio.device.starts.empty());
}

TEST_CASE("a full disk ends a run in virtual time, and the next link goes on", "[arrays]") {
  // Goal: nobody can make room while a virtual clock stands. Method: a store that is full in the middle of an array.
  rig::MemoryStore store;
  Studio studio(&store);
  constexpr std::uint64_t kFrames = 10 * Studio::kWindow / Studio::kFrame;
  store.fill_up_at(5 * Studio::kWindow);
  CHECK_THROWS_AS(studio.film("film-1", static_cast<double>(kFrames)), EnvironmentError);
  store.set_full(false);
  store.crash();
  studio.link = make_local_link({studio.driver.get()}, studio.clock, {}, &store);
  const wire::Outcome outcome = studio.film("film-1", static_cast<double>(kFrames));
  REQUIRE(outcome.done());
  CHECK(store.of({"camera-1", "film-1", "image"}).bytes == rig::bytes_of(rig::kSeed, 0, kFrames * Studio::kFrame));
  CHECK(studio.device.starts["film-1"] == 1);
}
