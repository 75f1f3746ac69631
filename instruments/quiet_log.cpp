#include "instruments/quiet_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace athanor {

namespace {

constexpr double kAgain = 60;          // seconds until the same is told again, then twice as long each time …
constexpr double kAgainAtLast = 3600;  // … up to this
constexpr std::size_t kMost = 1000;    // things that are told of apart

}  // namespace

void QuietLog::note(const std::string& source, const std::string& what, double now) {
  catch_up(now);
  const bool full = told_.size() >= kMost;
  const auto [found, fresh] = full && !told_.contains({source, what})
                                  ? told_.try_emplace({"others", what}, Told{now, kAgain})
                                  : told_.try_emplace({source, what}, Told{now, kAgain});
  if (fresh) {
    say_(found->first.first, what);
  } else {
    ++found->second.since;
  }
}

void QuietLog::catch_up(double now) {
  for (auto each = told_.begin(); each != told_.end();) {
    Told& told = each->second;
    if (now - told.at < told.again) {
      ++each;
    } else if (told.since == 0) {
      each = told_.erase(each);
    } else {
      say_(each->first.first, fmt::format("{} ({} times more in the last {})", each->first.second, told.since,
                                          told.again == kAgain ? "minute" : fmt::format("{} min", told.again / 60)));
      told = {now, std::min(2 * told.again, kAgainAtLast)};
      ++each;
    }
  }
}

double QuietLog::due() const {
  double due = HUGE_VAL;
  for (const auto& [what, told] : told_) {
    if (told.since > 0) due = std::min(due, told.at + told.again);
  }
  return due;
}

}  // namespace athanor
