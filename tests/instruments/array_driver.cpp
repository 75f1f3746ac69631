// Goal: an outcome that names an array says that the array is stored, whatever goes wrong. Method: a camera behind a
// driver, the two ends of the data path without a socket, a store in memory.
#include <catch2/catch.hpp>

#include "core/error.h"
#include "instruments/array_pipe.h"
#include "instruments/description.h"
#include "tests/instruments/array_rig.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Matchers::Contains;

namespace {

constexpr std::size_t kWindow = 64 << 10, kRow = 4 * 8 * 2;
const ArrayName kImage{"camera-1", "film-1", "image"};

struct Site {
  rig::Camera device;
  rig::MemoryStore store;
  Ledger ledger{""};
  std::unique_ptr<Driver> driver = start("b1");
  std::optional<ArrayPipe> pipe;

  std::unique_ptr<Driver> start(const std::string& boot) {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(rig::camera("camera-1", device));
    return std::make_unique<Driver>("eyes", boot, std::move(instruments), ledger, Driver::Options{0, kWindow},
                                    rig::at(0));
  }
  /// A controller that takes arrays says Hello, and collects.
  void connect() {
    driver->receive(rig::hello_for_arrays(), rig::at(0));
    pipe.emplace(*driver->arrays(), store);
  }
  void pump() {
    if (pipe) pipe->pump();
  }
  std::vector<wire::FromDriver> advance(double after_s = 1) { return driver->advance(rig::at(after_s)); }
  /// Turns of driver and data path until it has an outcome; none after many.
  std::optional<wire::Outcome> run_to_end(const std::string& id) {
    for (int i = 0; i < 1000; ++i) {
      const auto said = advance();
      if (const auto* outcome = rig::outcome_in(said, id)) return *outcome;
      pump();
    }
    return std::nullopt;
  }
};

}  // namespace

TEST_CASE("an array of more than the window holds arrives whole, and the outcome names it", "[arrays]") {
  Site site;
  site.connect();
  const std::uint64_t frames = 10 * kWindow / kRow;
  REQUIRE(rig::accepted_in(site.driver->receive(rig::say(rig::film("film-1", static_cast<double>(frames))), rig::at(0)),
                           "film-1"));
  const auto outcome = site.run_to_end("film-1");
  REQUIRE(outcome);
  CHECK(outcome->done());
  REQUIRE(outcome->results_size() == 2);
  CHECK(outcome->results(0).number() == 0.25);
  const wire::Value& image = outcome->results(1);
  CHECK(image.name() == "image");
  CHECK(image.unit() == "count");
  CHECK(image.array().rows() == frames);
  CHECK(from_wire(image.array().type(), "") == ArrayType{ElementType::kUint16, {4, 8}, ""});
  CHECK(image.array().sha256() == rig::sha256_of(rig::kSeed, frames * kRow));
  CHECK(site.store.of(kImage).bytes == rig::bytes_of(rig::kSeed, 0, frames * kRow));
  CHECK(site.device.starts["film-1"] == 1);
}

TEST_CASE("without a controller that collects, the window fills, and neither more is made nor the command ended",
          "[arrays]") {
  Site site;
  site.driver->receive(rig::hello_for_arrays(), rig::at(0));
  site.driver->receive(rig::say(rig::film("film-1", 1e6)), rig::at(0));
  for (int i = 0; i < 100; ++i) site.advance(i);
  CHECK(site.device.given == kWindow / kRow);
  CHECK(site.driver->arrays()->room() < kRow);
  CHECK(site.driver->wakes_at() == kNever);
  CHECK(rig::state_of(*site.driver, "film-1", rig::at(100)).standing() == wire::CommandState::RUNNING);
  // A cancel gives all of it back, and the next one finds room.
  const auto ended = site.driver->receive(rig::cancel("film-1"), rig::at(101));
  REQUIRE(rig::outcome_in(ended, "film-1"));
  CHECK(rig::outcome_in(ended, "film-1")->fault() == wire::INTERRUPTED);
  CHECK(site.driver->arrays()->room() == kWindow);
}

TEST_CASE("an array of no rows is one", "[arrays]") {
  Site site;
  site.connect();
  site.driver->receive(rig::say(rig::film("film-1", 0)), rig::at(0));
  const auto outcome = site.run_to_end("film-1");
  REQUIRE(outcome);
  CHECK(outcome->results(1).array().rows() == 0);
  CHECK(outcome->results(1).array().sha256() == rig::sha256_of(rig::kSeed, 0));
  CHECK(site.store.find(kImage));
}

TEST_CASE("the outcome waits for the store; meanwhile the command runs, and can be cancelled", "[arrays]") {
  Site site;
  site.driver->receive(rig::hello_for_arrays(), rig::at(0));
  site.driver->receive(rig::say(rig::film("film-1", 3)), rig::at(0));
  for (int i = 0; i < 10; ++i) CHECK(rig::outcome_in(site.advance(i), "film-1") == nullptr);
  CHECK(rig::state_of(*site.driver, "film-1", rig::at(10)).standing() == wire::CommandState::RUNNING);
  CHECK(rig::accepted_in(site.driver->receive(rig::say(rig::film("film-1", 3)), rig::at(10)), "film-1"));
  const auto refused = site.driver->receive(rig::say(rig::film("film-2", 3)), rig::at(10));
  REQUIRE(rig::outcome_in(refused, "film-2"));
  CHECK_THAT(rig::outcome_in(refused, "film-2")->message(), Contains("busy"));
  SECTION("a controller comes") {
    site.connect();
    const auto outcome = site.run_to_end("film-1");
    REQUIRE(outcome);
    CHECK(outcome->done());
    CHECK(site.device.starts["film-1"] == 1);
  }
  SECTION("it is cancelled") {
    const auto ended = site.driver->receive(rig::cancel("film-1"), rig::at(11));
    REQUIRE(rig::outcome_in(ended, "film-1"));
    CHECK_FALSE(rig::outcome_in(ended, "film-1")->done());
    CHECK_FALSE(rig::outcome_in(ended, "film-1")->not_begun());
    CHECK_THAT(rig::outcome_in(ended, "film-1")->message(), Contains("being stored"));
  }
}

TEST_CASE("a controller that takes no arrays is refused what makes one, and nothing else", "[arrays]") {
  Site site;
  site.driver->receive(rig::hello(), rig::at(0));
  const auto said = site.driver->receive(rig::say(rig::film("film-1", 3)), rig::at(0));
  const wire::Outcome* outcome = rig::outcome_in(said, "film-1");
  REQUIRE(outcome);
  CHECK(outcome->fault() == wire::LIMIT);
  CHECK(outcome->not_begun());
  CHECK_THAT(outcome->message(), Contains("takes none"));
  wire::Command look;
  look.set_id("look-1");
  look.set_instrument("camera-1");
  look.set_capability("look");
  CHECK(rig::accepted_in(site.driver->receive(rig::say(look), rig::at(0)), "look-1"));
}

TEST_CASE("what ends with a fault leaves an array that nobody names", "[arrays]") {
  Site site;
  site.connect();
  site.device.spoils = Fault{Fault::Kind::kDevice, "the shutter jams"};
  site.driver->receive(rig::say(rig::film("film-1", 3)), rig::at(0));
  site.pump();
  const auto outcome = site.run_to_end("film-1");
  REQUIRE(outcome);
  CHECK(outcome->message() == "the shutter jams");
  CHECK(outcome->results_size() == 0);
  site.pump();
  CHECK(site.store.of(kImage).abandoned);
  CHECK_FALSE(site.store.find(kImage));
}

TEST_CASE("an array that the store will never take ends its command with a fault of the device", "[arrays]") {
  Site site;
  site.connect();
  // Somebody else's bytes are there already.
  site.store.begin(kImage, {ElementType::kUint16, {4, 8}, "count"});
  SECTION("of another type") {
    const ArrayName other{"camera-1", "film-2", "image"};
    site.store.begin(other, {ElementType::kInt8, {}, ""});
    site.driver->receive(rig::say(rig::film("film-2", 3)), rig::at(0));
    const auto outcome = site.run_to_end("film-2");
    REQUIRE(outcome);
    CHECK(outcome->fault() == wire::DEVICE);
    CHECK_THAT(outcome->message(), Contains("image") && Contains("another type"));
  }
  SECTION("with another beginning, so that the hash is wrong") {
    site.store.append(kImage, 0, rig::bytes_of(rig::kSeed + 1, 0, kRow));
    site.store.commit();
    site.driver->receive(rig::say(rig::film("film-1", 3)), rig::at(0));
    const auto outcome = site.run_to_end("film-1");
    REQUIRE(outcome);
    CHECK(outcome->fault() == wire::DEVICE);
    CHECK_THAT(outcome->message(), Contains("hash"));
    CHECK(outcome->results_size() == 0);
  }
  SECTION("more of it than there is") {
    site.store.append(kImage, 0, rig::bytes_of(rig::kSeed, 0, 5 * kRow));
    site.store.commit();
    site.driver->receive(rig::say(rig::film("film-1", 3)), rig::at(0));
    const auto outcome = site.run_to_end("film-1");
    REQUIRE(outcome);
    CHECK(outcome->fault() == wire::DEVICE);
  }
  CHECK(site.driver->arrays()->room() == kWindow);
}

TEST_CASE("what the store has of an earlier start is hashed and not sent again", "[arrays]") {
  Site site;
  site.connect();
  const std::uint64_t frames = 4 * kWindow / kRow;
  site.store.begin(kImage, {ElementType::kUint16, {4, 8}, "count"});
  site.store.append(kImage, 0, rig::bytes_of(rig::kSeed, 0, frames / 2 * kRow));
  site.store.commit();
  const std::uint64_t before = site.store.appended();
  site.driver->receive(rig::say(rig::film("film-1", static_cast<double>(frames))), rig::at(0));
  const auto outcome = site.run_to_end("film-1");
  REQUIRE(outcome);
  CHECK(outcome->done());
  CHECK(outcome->results(1).array().sha256() == rig::sha256_of(rig::kSeed, frames * kRow));
  CHECK(site.store.appended() - before == frames / 2 * kRow);
}

TEST_CASE("descriptions of arrays are held against good sense", "[arrays]") {
  const auto mistakes = [](CapabilityBuilder offered) {
    wire::Instrument described;
    described.set_id("camera-1");
    *described.add_capabilities() = offered.description();
    const auto found = mistakes_in(described);
    return found.empty() ? "" : found.front();
  };
  CHECK(mistakes(capability("film").array("image", ElementType::kUint8, {8192, 8192})) == "");
  CHECK_THAT(mistakes(capability("film").array("image", ElementType::kUint16, {8192, 8192})), Contains("64 MiB"));
  CHECK_THAT(mistakes(capability("film")
                          .array("left", ElementType::kUint8, {8192, 8000})
                          .array("right", ElementType::kUint8, {8192, 8000})),
             Contains("64 MiB"));
  CHECK_THAT(mistakes(capability("film").array("image", ElementType::kUint8, {0})), Contains("0"));
  CHECK_THAT(mistakes(capability("film").array("image", ElementType::kUint8, {}, "nonsense")), Contains("nonsense"));
  CHECK_THAT(mistakes(capability("film").array("image", ElementType::kUint8).flat_after(3)), Contains("limits"));
}
