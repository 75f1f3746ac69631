#include "instruments/progress_pace.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace athanor {

namespace {

constexpr double kEvery = 1;  // seconds

}  // namespace

bool ProgressPace::may_pass(const driver::v1::FromDriver& report, double now) {
  const auto [told, first] = told_.try_emplace(report.progress().id(), Told{now, std::nullopt});
  if (first) return true;
  if (now - told->second.at < kEvery) {
    told->second.newer = report;
    return false;
  }
  told->second = {now, std::nullopt};
  return true;
}

std::vector<driver::v1::FromDriver> ProgressPace::take(double now) {
  std::vector<driver::v1::FromDriver> due;
  for (auto& [id, told] : told_) {
    if (!told.newer || now - told.at < kEvery) continue;
    due.push_back(*std::exchange(told.newer, std::nullopt));
    told.at = now;
  }
  return due;
}

double ProgressPace::due() const {
  double due = HUGE_VAL;
  for (const auto& [id, told] : told_) {
    if (told.newer) due = std::min(due, told.at + kEvery);
  }
  return due;
}

}  // namespace athanor
