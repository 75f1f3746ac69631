// An order is renamed into a folder, and a process of its own renames a result into it as soon as it sees the order.
// Bare: the same by plain files, and inotify to see the result.
#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/adapters/way.h"
#include "core/check.h"
#include "core/file.h"

namespace athanor {
namespace {

namespace fs = std::filesystem;

class Watch {
 public:
  explicit Watch(const fs::path& folder) : fd_(inotify_init1(IN_CLOEXEC)) {
    ATHANOR_CHECK(inotify_add_watch(fd_, folder.c_str(), IN_MOVED_TO) >= 0, "not watched");
  }
  ~Watch() { close(fd_); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The next file that was renamed into the folder, and whose name begins so.
  std::string next(const std::string& begins) {
    for (;;) {
      while (at_ < heard_) {
        const auto* event = reinterpret_cast<const inotify_event*>(bytes_ + at_);
        at_ += static_cast<ssize_t>(sizeof *event + event->len);
        const std::string name = event->len > 0 ? event->name : "";
        if (name.starts_with(begins)) return name;
      }
      heard_ = read(fd_, bytes_, sizeof bytes_);
      at_ = 0;
    }
  }

 private:
  int fd_;
  alignas(inotify_event) char bytes_[4096];
  ssize_t heard_ = 0, at_ = 0;
};

void put(const fs::path& folder, const std::string& name, const std::string& text) {
  const fs::path unfinished = folder / ("." + name + ".part");
  std::ofstream(unfinished) << text;
  fs::rename(unfinished, folder / name);
}

/// The vendor's program: order-7.json becomes result-7.json. It clears up after itself.
[[noreturn]] void serve_folder(const fs::path& folder, Watch& watch) {
  for (std::string last;;) {
    const std::string order = watch.next("order-");
    fs::remove(folder / order);
    if (!last.empty()) fs::remove(folder / last);
    last = "result-" + order.substr(6);
    put(folder, last, "{\"v\": 1.25}\n");
  }
}

void measure_one(const std::string& way, int times, const std::string& settings) {
  const TemporaryFolder folder;
  Watch theirs(folder.path), results(folder.path);
  const DeviceProcess device([&] { serve_folder(folder.path, theirs); });
  OurSide ours("profile: meter\nfolder: " + settings +
                   "\nsafe: nothing\ncapabilities: {look: {gives: {v: {}}, do: [{drop: 'order-{id}.json', content: "
                   "{v: 1}}, {collect: 'result-{id}.json', take: {v: /v}}]}}\n",
               folder.path.string());
  int last = 0;
  const auto bare = [&] {
    const std::string name = fmt::format("b{}.json", ++last);
    put(folder.path, "order-" + name, nlohmann::json{{"v", 1}}.dump(2) + "\n");
    while (results.next("result-") != "result-" + name) {
    }
    ATHANOR_CHECK(nlohmann::json::parse(read_text_file((folder.path / ("result-" + name)).string())).at("v") == 1.25,
                  "another answer");
  };
  const auto adapter = [&] {
    const std::string name = fmt::format("a{}.json", ++last);
    ours.exchange(
        {{"drop", {{"drop", "order-" + name}, {"content", {{"v", 1}}}}}, {"collect", {{"collect", "result-" + name}}}});
  };
  measure(way, times, {timed("bare files", bare), timed("adapter", adapter), ours.whole()});
}

}  // namespace

void measure_folder(int times) {
  measure_one("folder, settle: 1 ms", times, "{settle: 1 ms}");
  measure_one("folder", times / 100, "{}");  // each waits for a second
}

}  // namespace athanor
