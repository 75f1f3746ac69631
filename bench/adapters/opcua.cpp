// OPC UA, a variable and a method of a server on the library asyncua. Bare: asyncua's client, in a process of its own,
// since it is Python; the time is what it measures itself (opcua.py).
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "adapters/process.h"
#include "bench/adapters/way.h"
#include "core/check.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

const std::string kScript = ATHANOR_SOURCE_DIR "/bench/adapters/opcua.py";

/// A Python program that says a line for each that it is told, and one at first.
class Helper {
 public:
  explicit Helper(const std::vector<std::string>& words) : process_(words, "/") {
    ATHANOR_CHECK(process_.start_error() == 0, "no such Python");
  }

  void say(const std::string& line) {
    const std::string text = line + "\n";
    ATHANOR_CHECK(write(process_.in.write.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
                  "not heard");
  }

  std::string line() {
    std::string heard;
    while (!heard.ends_with('\n')) {
      pollfd waited{process_.out.read.get(), POLLIN, 0};
      poll(&waited, 1, -1);
      char bytes[256];
      const ssize_t count = read(process_.out.read.get(), bytes, sizeof bytes);
      ATHANOR_CHECK(count > 0, "a Python program ended; does that Python have asyncua?");
      heard.append(bytes, static_cast<std::size_t>(count));
    }
    return heard.substr(0, heard.size() - 1);
  }

 private:
  Process process_;
};

/// `athanor-opcua` as pip installs it, where our adapter finds it.
void install_client(const fs::path& folder, const std::string& python) {
  const fs::path client = folder / "athanor-opcua";
  std::ofstream(client) << fmt::format(
      "#!{}\nimport sys\nsys.path.insert(0, \"{}/python\")\nfrom athanor_opcua.command_line import main\nmain()\n",
      python, ATHANOR_SOURCE_DIR);
  fs::permissions(client, fs::perms::owner_all);
  setenv("PATH", fmt::format("{}:{}", folder.string(), std::getenv("PATH")).c_str(), 1);
}

}  // namespace

void measure_opcua(int times, const std::string& python) {
  const std::string program = fs::absolute(python).string();
  const TemporaryFolder folder;
  install_client(folder.path, program);
  Helper server({program, kScript, "serve"});
  const std::string url = server.line();
  Helper client({program, kScript, "ask", url});
  client.line();
  const auto bare = [&](const std::string& what) {
    return How{"bare asyncua", [&client, what] {
                 client.say(what);
                 return std::stod(client.line());
               }};
  };
  const auto profile = [](const std::string& step) {
    return "profile: meter\nopcua: {namespace: 'urn:example:meter', nodes: {v: s=Meter.V}, methods: {weigh: {object: "
           "s=Meter, id: s=Meter.Weigh}}}\nsafe: nothing\ncapabilities: {look: {gives: {v: {}}, do: [" +
           step + "]}}\n";
  };
  {
    OurSide ours(profile("{read: v, take: {v: v}}"), url);
    measure("OPC UA, a variable", times,
            {bare("read"), ours.adapter({{"read", {{"read", "v"}, {"timeout", "5 s"}}}}), ours.whole()});
  }
  OurSide ours(profile("{call: weigh, take: {v: Mass}}"), url);
  measure("OPC UA, a method", times,
          {bare("call"), ours.adapter({{"call", {{"call", "weigh"}, {"timeout", "5 s"}}}}), ours.whole()});
}

}  // namespace athanor
