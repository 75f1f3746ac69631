// What goes wrong on a link, told to a person: each thing once, then ever less often with how often it happened, so
// that whoever causes it cannot fill a disk.
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

  /// Told again, should it go on, after a minute, then after two, four and so on, at last every hour. What has not
  /// happened for as long is forgotten, and told at once when it does.
  /// now: monotonic seconds, here and below. Beyond a thousand sources at a time, new ones are told of together.
  void note(const std::string& source, const std::string& what, double now);
  /// Whether `note` would only count it.
  bool knows(const std::string& source, const std::string& what) const { return told_.contains({source, what}); }
  /// Tells what was only counted, once its time has come.
  void catch_up(double now);
  /// When `catch_up` will have something to do; HUGE_VAL: never.
  double due() const;

 private:
  struct Told {
    double at = 0;            ///< when it was told last
    double again;             ///< seconds until it is told again
    std::uint64_t since = 0;  ///< how often it happened since it was told
  };
  Say say_;
  std::map<std::pair<std::string, std::string>, Told> told_;
};

}  // namespace athanor
