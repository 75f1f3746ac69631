// What goes wrong on a link, told to a person: each thing once, then at most once a minute with how often it happened,
// so that whoever causes it cannot fill a disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace athanor {

class QuietLog {
 public:
  using Say = std::function<void(const std::string& source, const std::string& what)>;
  explicit QuietLog(Say say) : say_(std::move(say)) {}

  /// now: monotonic seconds, here and below. Beyond a thousand sources in a minute, new ones are told of together.
  void note(const std::string& source, const std::string& what, double now);
  /// Tells what was only counted, once its minute is over.
  void catch_up(double now);
  /// When `catch_up` will have something to do; HUGE_VAL: never.
  double due() const;

 private:
  struct Told {
    double at = 0;
    std::uint64_t since = 0;  ///< how often it happened since it was told
  };
  Say say_;
  std::map<std::pair<std::string, std::string>, Told> told_;
};

}  // namespace athanor
