// Goal: only a key that is whole, ours alone and on the list opens a link, and a list that changes counts at once.
// Method: a folder of keys in a temporary folder; every way in which a file can be wrong.
#include "instruments/keys.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "core/random.h"
#include "instruments/address.h"
#include "instruments/quiet_log.h"
#include "instruments/zmq_curve.h"
#include "tests/instruments/rig.h"

using namespace athanor;
using Catch::Contains;

namespace {

struct Keys {
  rig::TemporaryFolder folder;
  KeyFolder keys{folder / "keys"};
  AllowList list{keys.path()};

  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    const std::string file = keys.path() + "/" + name;
    std::ofstream(file) << text;
    ::chmod(file.c_str(), mode);
  }
};

mode_t mode_of(const std::string& file) {
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

std::string why(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& error) {
    return error.what();
  }
  FAIL("it was not refused");
  return "";
}

}  // namespace

TEST_CASE("a new key is private, and its public half is one line") {
  const Keys here;
  const PublicKey made = here.keys.make("bench-1", "Ann Lee, room 3");
  CHECK(mode_of(here.keys.path()) == 0700);
  CHECK(mode_of(here.keys.path() + "/bench-1.private") == 0600);
  CHECK(made.line() == "bench-1 " + made.key + " Ann Lee, room 3");
  const PublicKey read = PublicKey::parse(made.line() + "\r\n");
  CHECK((read.name == made.name && read.key == made.key && read.comment == made.comment));
  const PrivateKey own = here.keys.own("bench-1");
  CHECK(own.key == made.key);
  CHECK(curve_public_half(own.secret) == made.key);
  CHECK(here.keys.own("").name == "bench-1");
  CHECK_THAT(why([&] { here.keys.make("bench-1", ""); }), Contains("already"));
  CHECK_THAT(why([&] { here.keys.make("../bench", ""); }), Contains("../bench"));
  CHECK(here.keys.own("bench-1").key == made.key);
}

TEST_CASE("whoever names no key where there are several, or one that is not there, is told which there are") {
  const Keys here;
  CHECK_THAT(why([&] { here.keys.own(""); }), Contains("athanor keys new NAME"));
  here.keys.make("controller", "");
  here.keys.make("liquids", "");
  CHECK_THAT(why([&] { here.keys.own(""); }), Contains("controller, liquids") && Contains("--key"));
  CHECK_THAT(why([&] { here.keys.own("liquid"); }), Contains("did you mean “liquids”?"));
}

TEST_CASE("a private key that others can read is refused") {
  const Keys here;
  here.keys.make("a", "");
  const std::string file = here.keys.path() + "/a.private";
  const mode_t mode = GENERATE(0644, 0640, 0604, 0660, 0602, 0610);
  ::chmod(file.c_str(), mode);
  CHECK_THAT(why([&] { here.keys.own("a"); }), Contains(file) && Contains("chmod 600"));
  ::chmod(file.c_str(), 0400);
  CHECK(here.keys.own("a").name == "a");
}

TEST_CASE("a private key that is none is refused by name, and its secret is not told") {
  const Keys here;
  here.keys.make("a", "");
  const PrivateKey good = here.keys.own("a");
  const std::string text =
      GENERATE_COPY(std::string(), std::string("a private"), "a private " + good.secret.substr(1),
                    "a private " + good.secret + "x", "a private " + good.secret + " more", "a " + good.secret,
                    "a private " + std::string(40, '~'), std::string(5000, 'x'), std::string("\0\0\0", 3));
  here.write("a.private", text, 0600);
  const std::string said = why([&] { here.keys.own("a"); });
  CHECK_THAT(said, Contains("a.private") && Contains("no private key") && !Contains(good.secret.substr(1, 30)));
}

TEST_CASE("a line that is no public key says why") {
  const Keys here;
  const PublicKey good = here.keys.make("a", "");
  const auto said = [](const std::string& line) { return why([&] { PublicKey::parse(line, {"allowed", 7, 0}); }); };
  CHECK_THAT(said("a"), Contains("allowed:7") && Contains("NAME KEY COMMENT"));
  CHECK_THAT(said("a " + good.key.substr(1)), Contains("39 characters"));
  CHECK_THAT(said("a " + good.key + "0"), Contains("41 characters"));
  CHECK_THAT(said("a " + good.key.substr(1) + "~"), Contains("Z85"));
  CHECK_THAT(said("a " + std::string(40, '#')), Contains("Z85"));  // five of them are more than 32 bits
  CHECK_THAT(said("a;b " + good.key), Contains("a;b"));
  CHECK_THAT(said("a private " + good.key), Contains("private half") && !Contains(good.key));
}

TEST_CASE("a public line with any character changed is refused or is another key, never the same") {
  // Method: 2000 random bytes at random places of the name and the key.
  const Keys here;
  const std::string line = here.keys.make("bench", "").line();
  const PublicKey good = PublicKey::parse(line);
  RandomStream random(5, "bytes");
  for (int i = 0; i < 2000; ++i) {
    std::string changed = line;
    char& place = changed[random.below(line.size())];
    const char was = std::exchange(place, static_cast<char>(random.below(256)));
    if (place == was || was == ' ') continue;
    try {
      const PublicKey read = PublicKey::parse(changed);
      CHECK((read.name != good.name || read.key != good.key));
    } catch (const InputError&) {
    }
  }
}

TEST_CASE("a key is allowed under one name, and revoked for good") {
  Keys here;
  const PublicKey ann = here.keys.make("ann", ""), bob = here.keys.make("bob", "");
  CHECK_FALSE(here.list.name_of(ann.key));
  here.keys.allow(ann);
  here.keys.allow(ann);  // as it is already
  here.keys.allow(bob);
  CHECK(here.list.name_of(ann.key) == "ann");
  CHECK(here.list.key_of("bob") == bob.key);
  CHECK_THAT(why([&] { here.keys.allow({"ann", bob.key, ""}); }), Contains("“bob”"));
  CHECK_THAT(why([&] { here.keys.allow({"ann", here.keys.make("c", "").key, ""}); }), Contains("revoke it first"));
  here.keys.revoke("ann", "2026-11-26");
  CHECK_FALSE(here.list.name_of(ann.key));
  CHECK(here.list.name_of(bob.key) == "bob");
  CHECK_THAT(why([&] { here.list.key_of("ann"); }), Contains("“ann”") && Contains("athanor keys allow"));
  CHECK_THAT(why([&] { here.keys.revoke("ann", ""); }), Contains("“ann”"));
  CHECK_THAT(why([&] { here.keys.allow({"ann-again", ann.key, ""}); }), Contains("revoked 2026-11-26"));
  CHECK(here.keys.revoked().at(0).key == ann.key);
  // The name is free again, and its second key can be revoked as well.
  here.keys.allow({"ann", here.keys.make("ann-2", "").key, ""});
  here.keys.revoke("ann", "2026-11-27");
  CHECK(here.keys.revoked().size() == 2);
  CHECK(here.keys.allowed().size() == 1);
}

TEST_CASE("what the list says counts at once, and a list that cannot be trusted allows nobody") {
  Keys here;
  const PublicKey ann = here.keys.make("ann", ""), bob = here.keys.make("bob", "");
  here.keys.allow(ann);
  here.keys.allow(bob);
  REQUIRE(here.list.name_of(ann.key));
  CHECK(here.list.take_mistakes().empty());
  SECTION("edited by hand, with a line that is none") {
    here.write("allowed", "# of bench 3\n\nann " + ann.key.substr(2) + "\n" + bob.line() + "\n");
    CHECK_FALSE(here.list.name_of(ann.key));
    CHECK(here.list.name_of(bob.key) == "bob");
    const auto mistakes = here.list.take_mistakes();
    REQUIRE(mistakes.size() == 1);
    CHECK_THAT(mistakes[0], Contains("allowed:3"));
    CHECK(here.list.take_mistakes().empty());
    CHECK_THAT(why([&] { here.keys.allowed(); }), Contains("allowed:3"));
  }
  SECTION("a name twice: the first counts") {
    here.write("allowed", ann.line() + "\nann " + bob.key + "\n");
    CHECK(here.list.name_of(ann.key) == "ann");
    CHECK_FALSE(here.list.name_of(bob.key));
    CHECK_THAT(here.list.take_mistakes().at(0), Contains("each once"));
  }
  SECTION("others can write it") {
    ::chmod(here.keys.allowed_file().c_str(), 0664);
    CHECK_FALSE(here.list.name_of(ann.key));
    CHECK_THAT(here.list.take_mistakes().at(0), Contains("chmod go-w"));
    CHECK_THAT(why([&] { here.keys.allowed(); }), Contains("chmod go-w"));
    ::chmod(here.keys.allowed_file().c_str(), 0644);
    CHECK(here.list.name_of(ann.key) == "ann");
  }
  SECTION("gone") {
    std::filesystem::remove(here.keys.allowed_file());
    CHECK_FALSE(here.list.name_of(ann.key));
    CHECK_THAT(here.list.take_mistakes().at(0), Contains("nobody is allowed"));
    here.keys.allow(bob);
    CHECK(here.list.name_of(bob.key) == "bob");
  }
}

TEST_CASE("only what certainly stays on this machine needs no key") {
  for (const char* address : {"ipc:///run/a", "ipc://@a", "tcp://127.0.0.1:5571", "tcp://127.9.9.9:1",
                              "tcp://[::1]:5571", "tcp://localhost:5571"}) {
    CAPTURE(address);
    CHECK(stays_on_this_machine(address));
  }
  for (const char* address :
       {"tcp://*:5571", "tcp://0.0.0.0:5571", "tcp://10.0.0.5:5571", "tcp://eth0:5571", "tcp://lo:5571",
        "tcp://[::]:5571", "tcp://127.0.0.1.example.org:5571", "tcp://127.1:5571", "tcp://localhost.evil:1",
        "tcp://:5571", "tcp://", "tcp://127.0.0.1:1;10.0.0.5:5571", "udp://127.0.0.1:1", "", "127.0.0.1:5571"}) {
    CAPTURE(address);
    CHECK_FALSE(stays_on_this_machine(address));
    if (std::string(address).starts_with("tcp:"))
      CHECK_THAT(why([&] { require_key(address, false, "driver “hot”"); }),
                 Contains("driver “hot”") && Contains("athanor keys new"));
    CHECK(require_key(address, true, "") == address);
  }
}

TEST_CASE("a port that TCP has not is refused, whatever ZeroMQ would make of it") {
  for (const char* address : {"tcp://127.0.0.1:65536", "tcp://127.0.0.1:99999", "tcp://[::1]:0", "tcp://*:655360",
                              "tcp://127.0.0.1:-1", "tcp://127.0.0.1:5571x", "tcp://127.0.0.1:"}) {
    CAPTURE(address);
    CHECK_THAT(why([&] { require_key(address, true, "driver “hot”"); }), Contains("expected 1 to 65535"));
  }
  for (const char* address : {"tcp://127.0.0.1:1", "tcp://127.0.0.1:65535", "tcp://127.0.0.1:*", "ipc:///run/a:0"})
    CHECK(require_key(address, true, "") == address);
}

TEST_CASE("what goes on is told ever less often, and what stopped and comes back is told at once") {
  std::vector<double> told;
  double now = 0;
  QuietLog log([&](const std::string&, const std::string&) { told.push_back(now); });
  for (; now < 10 * 3600; now += 1) log.note("10.0.0.9", "its key was revoked", now);
  CHECK(told ==
        std::vector<double>{0, 60, 180, 420, 900, 1860, 3780, 7380, 10980, 14580, 18180, 21780, 25380, 28980, 32580});
  told.clear();
  now += 2 * 3600 + 1;
  log.note("10.0.0.9", "its key was revoked", now);
  log.note("10.0.0.9", "its key was revoked", now);
  CHECK(told.back() == now);
  CHECK(log.knows("10.0.0.9", "its key was revoked"));
  CHECK_FALSE(log.knows("10.0.0.8", "its key was revoked"));
}

TEST_CASE("the same is told once a minute, with how often it happened, and nobody fills the log") {
  std::vector<std::string> said;
  QuietLog log([&](const std::string& source, const std::string& what) { said.push_back(source + ": " + what); });
  for (int i = 0; i < 500; ++i) log.note("10.0.0.9", "garbage", i * 0.1);
  log.note("10.0.0.8", "garbage", 50);
  CHECK(said == std::vector<std::string>{"10.0.0.9: garbage", "10.0.0.8: garbage"});
  CHECK(log.due() == 60);
  log.catch_up(59.9);
  CHECK(said.size() == 2);
  log.catch_up(60);
  CHECK(said.back() == "10.0.0.9: garbage (499 times more in the last minute)");
  log.catch_up(1000);
  CHECK(log.due() == HUGE_VAL);
  CHECK(said.size() == 3);
  for (int i = 0; i < 100'000; ++i) log.note(std::to_string(i), "hello", 2000);
  CHECK(said.size() == 3 + 1000 + 1);
  CHECK(said.back() == "others: hello");
}
