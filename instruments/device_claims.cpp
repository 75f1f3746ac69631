#include "instruments/device_claims.h"

#include <fmt/format.h>

#include <filesystem>

#include "instruments/address.h"

namespace athanor {

namespace {

/// The host of a driver's endpoint; empty for this machine.
std::string machine_of(const std::string& endpoint) {
  const std::string place = normal_address(endpoint), scheme = "tcp://";
  if (!place.starts_with(scheme)) return "";
  const std::string host = place.substr(scheme.size(), place.rfind(':') - scheme.size());
  return host == "localhost" ? "" : host;
}

}  // namespace

DeviceClaims::DeviceClaims(const std::vector<LabDriver>& drivers) {
  for (const LabDriver& driver : drivers) machines_[driver.name] = machine_of(driver.endpoint);
}

std::string DeviceClaims::add(const LabInstrument& one, const std::string& address) {
  const std::string& machine = machines_[one.driver];
  const bool serial = address.starts_with("serial:");
  if (!serial && address.find("://") == std::string::npos) return "";
  const std::string place = normal_address(address);
  if (serial) {
    const auto [first, is_new] =
        ports_.try_emplace({machine, place.substr(0, place.find('#'))}, Claim{one.id, one.driver, one.at});
    if (!is_new && first->second.driver != one.driver)
      return fmt::format(
          "instruments “{}” of driver “{}” and “{}” of driver “{}” are at the same serial line; a serial port belongs "
          "to "
          "one driver: let one speak for both",
          first->second.instrument, first->second.driver, one.id, one.driver);
  }
  std::error_code missing;
  const auto profile = std::filesystem::weakly_canonical(one.profile, missing);
  const bool local = serial || place.find("://localhost") != std::string::npos;
  const auto [first, is_new] = devices_.try_emplace(
      {local ? machine : "", place, missing ? one.profile : profile.string()}, Claim{one.id, one.driver, one.at});
  if (is_new) return "";
  const std::string& other = first->second.at;
  return fmt::format(
      "instruments “{}” and “{}” are the same device: the same profile at the same address{}; give each its own "
      "(behind "
      "“#” where several devices share a line)",
      first->second.instrument, one.id, other == one.at ? "" : fmt::format(" (“{}” is “{}”)", other, one.at));
}

}  // namespace athanor
