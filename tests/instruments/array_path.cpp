// Goal: whatever breaks between a window and a store, every array arrives whole, with bounded memory. Method: seeded
// chances for messages doubled and reordered, links cut at any message, stores that crash or are full, and controllers
// that read nothing for long; at the end, every byte is compared.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>

#include "core/error.h"
#include "core/random.h"
#include "instruments/messages.h"
#include "tests/instruments/array_rig.h"

using namespace athanor;

namespace {

constexpr std::size_t kWindow = 1 << 20, kShare = 2 << 20;
constexpr std::uint64_t kRow = 24;

wire::Capability two_arrays() {
  return capability("film")
      .array("left", ElementType::kFloat64, {3})
      .array("right", ElementType::kFloat64, {3})
      .description();
}

/// The two ends and what is on its way between them.
class Path {
 public:
  explicit Path(std::uint64_t seed, bool doubles) : chance_(seed, "path"), doubles_(doubles) {
    window_.open(command(), two_arrays());
    for (auto& length : lengths_) length = kRow * chance_.below(200'000);
  }

  void run() {
    connect();
    while (!settled_) {
      step();
      REQUIRE(window_.held() <= kWindow + (128 << 10));  // and what is gathered of each array
      if (!doubles_) REQUIRE(under_way() <= kShare);
      REQUIRE(++steps_ < 2'000'000);
    }
  }

  const ArrayWindow::Settled& settled() const { return *settled_; }
  rig::MemoryStore store;
  std::uint64_t length(int which) const { return lengths_[which]; }
  static ArrayName name(int which) { return {"camera-1", "film-1", which == 0 ? "left" : "right"}; }

 private:
  static wire::Command command() {
    wire::Command command;
    command.set_id("film-1");
    command.set_instrument("camera-1");
    return command;
  }

  bool once_in(std::uint64_t times) { return chance_.below(times) == 0; }

  void connect() {
    to_controller_.clear();
    to_driver_.clear();
    intake_.emplace(store, kShare, [](const wire::Open&) { return true; });
    window_.collect();
    for (const auto& message : intake_->begin("ticket")) {
      if (message.has_credit()) window_.hear(message);
    }
    connected_ = true;
  }

  void step() {
    if (!connected_) {
      if (once_in(20)) connect();
      return put();
    }
    try {
      switch (chance_.below(8)) {
        case 0:
          put();
          break;
        case 1:
          if (const auto grown = once_in(5) ? store.commit() : decltype(store.commit()){}; !grown.empty()) {
            for (const auto& [name, bytes] : grown) {
              if (const auto answer = intake_->durable(name, bytes)) to_driver_.push_back(*answer);
            }
          }
          break;
        case 2:
        case 3:
          if (auto parcel = window_.next()) send(to_controller_, std::move(*parcel));
          break;
        case 4:
        case 5:
          deliver_to_controller();
          break;
        case 6:
          deliver_to_driver();
          break;
        default:
          if (once_in(400)) break_something();
      }
    } catch (const EnvironmentError&) {
      store.set_full(false);
      cut();
    }
    if (!settled_) settled_ = window_.settled("film-1");
  }

  void put() {
    for (int which = 0; which < 2; ++which) {
      std::uint64_t& at = put_[which];
      const std::uint64_t left = (lengths_[which] - at) / kRow, room = window_.room() / kRow;
      const std::uint64_t rows = std::min({left, room, chance_.below(once_in(10) ? 20'000 : 50)});
      if (rows > 0) window_.put("film-1", name(which).result, SharedBytes::of(rig::bytes_of(which, at, rows * kRow)));
      at += rows * kRow;
    }
    if (put_[0] == lengths_[0] && put_[1] == lengths_[1]) window_.close("film-1");
  }

  template <class Message>
  void send(std::deque<Message>& queue, Message message) {
    if (doubles_ && once_in(10)) queue.push_back(message);
    queue.push_back(std::move(message));
    if (doubles_ && queue.size() > 1 && once_in(10)) std::swap(queue.back(), queue[queue.size() - 2]);
  }

  void deliver_to_controller() {
    if (to_controller_.empty()) return;
    const ArrayWindow::Parcel parcel = std::move(to_controller_.front());
    to_controller_.pop_front();
    const ArrayIntake::Said said = intake_->hear(parcel.header, parcel.bytes.bytes());
    REQUIRE(said.wrong == "");
    for (const auto& answer : said.answers) send(to_driver_, answer);
  }

  void deliver_to_driver() {
    if (to_driver_.empty()) return;
    window_.hear(to_driver_.front());
    to_driver_.pop_front();
  }

  void break_something() {
    switch (chance_.below(3)) {
      case 0:
        store.crash();
        break;
      case 1:
        store.set_full(true);  // found out by whoever calls next
        return;
      default:
        break;
    }
    cut();
  }

  void cut() {
    connected_ = false;
    to_controller_.clear();
    to_driver_.clear();
    window_.leave();
  }

  std::uint64_t under_way() const {
    std::uint64_t bytes = 0;
    for (const auto& parcel : to_controller_) bytes += parcel.bytes.size();
    return bytes;
  }

  RandomStream chance_;
  const bool doubles_;
  ArrayWindow window_{kWindow};
  std::optional<ArrayIntake> intake_;
  std::deque<ArrayWindow::Parcel> to_controller_;
  std::deque<wire::DataToDriver> to_driver_;
  std::uint64_t lengths_[2] = {}, put_[2] = {};
  bool connected_ = false;
  std::optional<ArrayWindow::Settled> settled_;
  int steps_ = 0;
};

}  // namespace

TEST_CASE("arrays arrive whole through cut links, crashed stores and full disks, in bounded memory", "[arrays]") {
  const bool doubles = GENERATE(false, true);
  const auto seed = GENERATE(range(1, 26));
  CAPTURE(seed, doubles);
  Path path(static_cast<std::uint64_t>(seed), doubles);
  path.run();
  REQUIRE(path.settled().why_not == "");
  REQUIRE(path.settled().arrays.size() == 2);
  for (int which = 0; which < 2; ++which) {
    const auto kept = path.store.of(Path::name(which));
    const wire::Array& told = path.settled().arrays[static_cast<std::size_t>(which)].array();
    CHECK(told.rows() == path.length(which) / kRow);
    CHECK(kept.bytes == rig::bytes_of(static_cast<std::uint64_t>(which), 0, path.length(which)));
    CHECK(kept.sha256 == told.sha256());
  }
}

TEST_CASE("a driver that does not keep to the protocol is found out, and harms no array of others", "[arrays]") {
  rig::MemoryStore store;
  ArrayIntake intake(store, kShare, [](const wire::Open& open) { return open.command() != "somebody else's"; });
  intake.begin("ticket");
  const auto says = [&](const std::function<void(wire::DataFromDriver&)>& fill, std::size_t bytes = 0) {
    wire::DataFromDriver message;
    message.set_version(1);
    fill(message);
    const std::vector<std::byte> body(bytes);
    return intake.hear(message, body);
  };
  const auto open = [&](std::uint64_t stream, const std::string& command) {
    return says([&](auto& message) {
      message.mutable_open()->set_stream(stream);
      message.mutable_open()->set_command(command);
      message.mutable_open()->set_instrument("camera-1");
      message.mutable_open()->set_result("image");
      message.mutable_open()->mutable_type()->set_element(wire::ArrayType::UINT16);
    });
  };
  const auto chunk = [&](std::uint64_t stream, std::uint64_t offset, std::size_t bytes) {
    return says(
        [&](auto& message) {
          message.mutable_chunk()->set_stream(stream);
          message.mutable_chunk()->set_offset(offset);
        },
        bytes);
  };
  REQUIRE(open(1, "mine").answers.size() == 1);
  CHECK(open(2, "somebody else's").answers.empty());
  CHECK(open(2, "somebody else's").wrong.empty());
  CHECK(chunk(1, 0, 8).wrong.empty());

  CHECK_FALSE(says([](auto& message) { message.set_version(2); }).wrong.empty());
  CHECK_FALSE(open(1, "another").wrong.empty());
  CHECK_FALSE(open(3, "mine").wrong.empty());  // an array has one number
  CHECK_FALSE(chunk(1, 8, 0).wrong.empty());
  CHECK_FALSE(chunk(1, 8, 3).wrong.empty());  // half an element
  CHECK_FALSE(chunk(1, 9, 2).wrong.empty());
  CHECK_FALSE(chunk(1, 8, (1 << 20) + 2).wrong.empty());
  CHECK(chunk(99, 0, 8).wrong.empty());  // abandoned meanwhile, perhaps
  CHECK(says([](auto& message) { message.mutable_close()->set_stream(99); }).answers.empty());
  CHECK(says([](auto& message) { message.mutable_abandon()->set_stream(99); }).wrong.empty());
  CHECK(says([](auto&) {}).wrong.empty());  // a newer driver's
  std::string wrong;
  for (int i = 4; i < 2000 && wrong.empty(); ++i) wrong = open(static_cast<std::uint64_t>(i), std::to_string(i)).wrong;
  CHECK_FALSE(wrong.empty());
  CHECK(store.of({"camera-1", "mine", "image"}).bytes.size() == 8);
}

TEST_CASE("a driver without credit sends nothing", "[arrays]") {
  ArrayWindow window;
  wire::Command command;
  command.set_id("film-1");
  command.set_instrument("camera-1");
  window.open(command, two_arrays());
  window.put("film-1", "left", SharedBytes::of(rig::bytes_of(1, 0, kRow * 200'000)));
  window.collect();
  const auto say = [&](const std::function<void(wire::DataToDriver&)>& fill) {
    wire::DataToDriver message;
    message.set_version(1);
    fill(message);
    window.hear(message);
  };
  while (const auto parcel = window.next()) CHECK(parcel->header.has_open());
  say([](auto& message) { message.mutable_resume()->set_stream(1); });
  CHECK_FALSE(window.next());
  say([](auto& message) { message.mutable_credit()->set_bytes(2'500'000); });
  std::size_t sent = 0;
  while (const auto parcel = window.next()) sent += parcel->bytes.size();
  CHECK(sent == 2 << 20);                                              // whole chunks
  say([](auto& message) { message.mutable_credit()->set_bytes(1); });  // an old one that comes late
  CHECK_FALSE(window.next());
}
