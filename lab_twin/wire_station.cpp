#include "lab_twin/wire_station.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "core/error.h"
#include "lab_twin/wire_rtu.h"

namespace athanor {
namespace {

std::unique_ptr<WireLanguage> speak(const std::string& language, WireDevice& device) {
  if (language == "modbus") return speak_modbus(device);
  return language == "sics" ? speak_sics(device) : speak_scpi(device);
}

/// Of Modbus TCP, with the next unit's address: an RTU frame bears no number of its question.
std::string of_another_unit(std::string answer) {
  constexpr std::size_t kUnit = 6;
  answer[kUnit] = static_cast<char>(answer[kUnit] + 1);
  return answer;
}

}  // namespace

WireStation::WireStation(const PlannedDevice& planned, std::shared_ptr<World> world, std::vector<std::string> places,
                         Time now)
    : manners_(planned.wire),
      rtu_(speaks_rtu(planned.wire, planned.at)),
      mishaps_(world->random().stream("wire " + planned.description.id(),
                                      static_cast<std::uint64_t>(now.time_since_epoch().count()))),
      device_(std::make_unique<Device>(planned.description, planned.behaviours, planned.temper, world, now), world,
              std::move(places)) {
  restart(now);
}

void WireStation::restart(Time now) {
  device_.restart(now);
  language_ = speak(manners_.speaks, device_);
}

WireStation::Mishap WireStation::what_befalls() {
  const std::pair<Mishap, double> shares[] = {
      {Mishap::kReset, manners_.resets},          {Mishap::kRestart, manners_.restarts},
      {Mishap::kNoAnswer, manners_.no_answer},    {Mishap::kGarbled, manners_.garbled},
      {Mishap::kTruncated, manners_.truncated},   {Mishap::kLate, manners_.late},
      {Mishap::kWrongChecksum, manners_.checksum}};
  double roll = mishaps_.uniform();
  for (const auto& [mishap, share] : shares) {
    if (roll < share) return mishap;
    roll -= share;
  }
  return Mishap::kNone;
}

WireStation::Said WireStation::hear(std::string& heard, Time now) {
  Said said;
  for (std::string& answer : language_->hear(heard, now)) {
    const Mishap mishap = what_befalls();
    if (mishap == Mishap::kRestart) restart(now);
    if (mishap == Mishap::kReset || mishap == Mishap::kRestart) {
      said.breaks = true;
      return said;
    }
    if (mishap == Mishap::kNoAnswer) continue;
    if (mishap == Mishap::kGarbled)
      answer = rtu_ ? of_another_unit(std::move(answer)) : language_->spoiled(std::move(answer));
    if (rtu_) answer = rtu_frame(answer);
    if (mishap == Mishap::kTruncated) answer.resize(answer.size() / 2);
    if (mishap == Mishap::kWrongChecksum) answer.back() = static_cast<char>(~answer.back());
    said.answers.push_back({std::move(answer), mishap == Mishap::kLate ? manners_.late_by_s : 0});
  }
  return said;
}

std::optional<int> unit_of(const PlannedDevice& device) {
  constexpr int kLastUnit = 247;
  const std::size_t hash = device.at.find('#');
  if (hash == std::string::npos) return std::nullopt;
  const int first_unit = serial_path(device.at) ? 1 : 0;  // over a serial line, 0 means everybody
  const char *begin = device.at.data() + hash + 1, *all = device.at.data() + device.at.size();
  int unit = -1;
  const auto [end, error] = std::from_chars(begin, all, unit);
  if (device.wire.speaks == "modbus" && error == std::errc() && end == all && unit >= first_unit && unit <= kLastUnit)
    return unit;
  throw InputError(
      fmt::format("“{}” of instrument {}, which speaks {}: simulated devices share a line in Modbus alone, by "
                  "their units, {} to {}; give it an address of its own",
                  device.at, device.description.id(), device.wire.speaks, first_unit, kLastUnit));
}

}  // namespace athanor
