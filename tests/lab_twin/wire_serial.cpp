// Goal: simulated devices stand at a serial line that is found under its name, also after a twin that was killed, and
// take nobody else's place. Method: both ends of such lines; links that an earlier twin would have left behind; two
// devices served at one line, spoken to in frames.
#include "lab_twin/wire_serial.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "lab_twin/wire_rtu.h"
#include "tests/lab_twin/wire_rig.h"

namespace athanor {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr int kPatienceMs = 30000;

struct Fd {
  explicit Fd(int opened) : fd(opened) { REQUIRE(fd >= 0); }
  ~Fd() { ::close(fd); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  const int fd;
};

int open_end(const std::string& path) {
  return ::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/// So many bytes, or what came within a test's patience.
std::string read_from(int fd, std::size_t count) {
  std::string all;
  pollfd waited{fd, POLLIN, 0};
  while (all.size() < count && poll(&waited, 1, kPatienceMs) > 0) {
    char some[256];
    const ssize_t got = ::read(fd, some, std::min(sizeof some, count - all.size()));
    if (got <= 0) break;
    all.append(some, static_cast<std::size_t>(got));
  }
  return all;
}

void write_to(int fd, const std::string& text) {
  REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

bool is_link(const std::string& path) {
  return fs::is_symlink(fs::symlink_status(path));
}

struct Paths {
  Folder folder;
  std::string oven = folder.path() + "/oven.tty", stirrer = folder.path() + "/stirrer.tty";
  std::vector<std::string> all = {oven, stirrer};
};

std::string why_not(const std::string& path) {
  try {
    SerialEnd(path, {path}).open();
  } catch (const EnvironmentError& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a serial line carries every byte both ways, and tells whether it is open") {
  const Paths paths;
  {
    SerialEnd end(paths.oven, paths.all);
    const Fd ours(end.open());
    CHECK_FALSE(end.is_in_use());
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    {
      const Fd theirs(open_end(paths.oven));
      CHECK(end.is_in_use());
      write_to(theirs.fd, bytes);
      CHECK(read_from(ours.fd, bytes.size()) == bytes);
      write_to(ours.fd, bytes);
      CHECK(read_from(theirs.fd, bytes.size()) == bytes);
    }
    CHECK_FALSE(end.is_in_use());
    const Fd again(open_end(paths.oven));
    CHECK(end.is_in_use());
  }
  CHECK_FALSE(is_link(paths.oven));
}

TEST_CASE("a line that is opened anew is found under the same name") {
  const Paths paths;
  SerialEnd end(paths.oven, paths.all);
  int line = end.open();
  const Fd before(open_end(paths.oven));
  ::close(line);
  char byte = 0;
  CHECK(::read(before.fd, &byte, 1) <= 0);  // hung up
  line = end.open();
  const Fd after(open_end(paths.oven));
  write_to(line, "x");
  CHECK(read_from(after.fd, 1) == "x");
  ::close(line);
}

TEST_CASE("what a killed twin left behind is replaced, and all else is kept") {
  const Paths paths;
  SECTION("a link that leads nowhere") {
    fs::create_symlink("/dev/pts/none", paths.oven);
    CHECK(why_not(paths.oven).empty());
  }
  SECTION("a link to a pseudo-terminal that is another program's by now") {
    const Fd foreign(posix_openpt(O_RDWR | O_NOCTTY));
    REQUIRE((grantpt(foreign.fd) == 0 && unlockpt(foreign.fd) == 0));
    char name[64];
    REQUIRE(ptsname_r(foreign.fd, name, sizeof name) == 0);
    fs::create_symlink(name, paths.oven);
    SerialEnd end(paths.oven, paths.all);
    const Fd ours(end.open());
    const Fd theirs(open_end(paths.oven));
    write_to(ours.fd, "x");
    CHECK(read_from(theirs.fd, 1) == "x");
  }
  SECTION("a link of another device to the line that is ours now") {
    std::string next;
    {
      SerialEnd end(paths.oven, paths.all);
      const Fd line(end.open());
      next = fs::read_symlink(paths.oven);
    }
    fs::create_symlink(next, paths.stirrer);
    // The system gives the lowest free number; whether that is the same one is its own affair.
    SerialEnd end(paths.oven, paths.all);
    const Fd line(end.open());
    CHECK((!is_link(paths.stirrer) || fs::read_symlink(paths.stirrer) != fs::read_symlink(paths.oven)));
  }
  SECTION("a file") {
    std::ofstream(paths.oven) << "notes";
    CHECK_THAT(why_not(paths.oven),
               Catch::Contains("no link can be made at " + paths.oven) && Catch::Contains("is no link, and is kept"));
    CHECK(fs::file_size(paths.oven) == 5);
  }
  SECTION("a link to a file") {
    std::ofstream(paths.stirrer) << "notes";
    fs::create_symlink(paths.stirrer, paths.oven);
    CHECK_THAT(why_not(paths.oven), Catch::Contains("there is one to " + paths.stirrer + ", which is kept"));
    CHECK(fs::read_symlink(paths.oven) == paths.stirrer);
  }
  SECTION("the link of a twin that lives") {
    SerialEnd end(paths.oven, paths.all);
    const Fd line(end.open());
    CHECK_THAT(why_not(paths.oven), Catch::Contains("is another twin's, which runs; end that one first"));
    CHECK(is_link(paths.oven));
    const Fd theirs(open_end(paths.oven));
    CHECK(end.is_in_use());
  }
  SECTION("a folder that is not there") {
    CHECK_THAT(why_not(paths.folder.path() + "/none/oven.tty"), Catch::Contains("No such file or directory"));
  }
}

/// A laboratory's devices, served until this ends.
class Served {
 public:
  Served(const std::string& text, const std::string& folder) : lab_(parse_lab(text, "lab.yaml", folder)) {
    REQUIRE(pipe(stop_) == 0);
    thread_ = std::thread([this, folder] {
      try {
        serve_wire(lab_, folder + "/world", std::nullopt, "d", clock_, stop_[0]);
      } catch (const std::exception& error) {
        why_ = error.what();
      }
    });
  }
  ~Served() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
    CHECK(why_.empty());
  }

 private:
  Lab lab_;
  ScaledClock clock_{start_time(), 1};
  int stop_[2] = {};
  std::string why_;
  std::thread thread_;
};

std::string oven(const std::string& id, const std::string& at, const std::string& twin) {
  return "  " + id + ": {driver: d, kind: reactor, profile: p.yaml, at: \"" + at + "\", twin: {" + twin + "}}\n";
}

std::string lab_of(const std::string& instruments) {
  return "lab: x\ntwin: {model: suzuki}\ndrivers: {d: {}}\ninstruments:\n" + instruments;
}

/// Opens it as soon as it is there.
int await_end(const std::string& path) {
  int fd = -1;
  for (int i = 0; i < kPatienceMs && (fd = open_end(path)) < 0; ++i) poll(nullptr, 0, 1);
  return fd;
}

std::string to_unit(int unit, const std::string& request) {
  std::string message = modbus(0, request);
  message[6] = static_cast<char>(unit);
  return rtu_frame(message);
}

TEST_CASE("two units at a serial line answer by their addresses, and nobody for a third") {
  const Folder folder;
  const std::string path = folder.path() + "/oven.tty";
  {
    const Served served(lab_of(oven("a", "serial:./oven.tty#1", "speaks: modbus") +
                               oven("b", "serial:./oven.tty#2", "speaks: modbus, wire: {checksum: 1}")),
                        folder.path());
    const Fd line(await_end(path));
    const auto idle = [](int unit) { return to_unit(unit, std::string("\4\2", 2) + words({0})); };
    write_to(line.fd, to_unit(3, input(0, 1)) + to_unit(1, input(0, 1)));
    CHECK(read_from(line.fd, idle(1).size()) == idle(1));
    write_to(line.fd, to_unit(2, input(0, 1)));
    const std::string spoilt = read_from(line.fd, idle(2).size());
    CHECK(spoilt.substr(0, spoilt.size() - 2) == idle(2).substr(0, spoilt.size() - 2));
    CHECK(modbus_crc(spoilt) != 0);
    // A function that nobody knows ends with the silence.
    write_to(line.fd, to_unit(1, "\x2b" + words({0, 0})));
    CHECK(read_from(line.fd, 5) == to_unit(1, "\xab\x01"));
  }
  CHECK_FALSE(is_link(path));
}

TEST_CASE("a device that speaks text at a serial line, whose line breaks at each answer") {
  const Folder folder;
  const std::string path = folder.path() + "/oven.tty";
  const std::string manners = GENERATE(std::string(), std::string(", wire: {resets: 1}"));
  const Served served(lab_of(oven("a", "serial:./oven.tty", "speaks: sics" + manners)), folder.path());
  for (int i = 0; i < 3; ++i) {
    const Fd line(await_end(path));
    write_to(line.fd, "I4\r\n");
    const std::string answer = "I4 A \"a\"\r\n";
    CHECK(read_from(line.fd, answer.size()) == (manners.empty() ? answer : ""));
  }
}

}  // namespace
}  // namespace athanor
