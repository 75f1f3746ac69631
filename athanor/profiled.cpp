#include "athanor/profiled.h"

#include <fmt/format.h>

#include "adapters/device.h"
#include "core/error.h"

namespace athanor {

void ProfiledDevices::add(const std::string& id, const std::string& at, const std::string& profile_file) {
  auto& profile = profiles[profile_file];
  if (!profile) profile = std::make_unique<Profile>(load_profile(profile_file));
  devices.push_back({id, at, profile.get()});
}

std::vector<std::unique_ptr<Instrument>> ProfiledDevices::connect(const ScaledClock& clock) const {
  std::vector<std::unique_ptr<Instrument>> instruments;
  for (const Device& device : devices) instruments.push_back(make_device(*device.profile, device.id, device.at, clock));
  return instruments;
}

ProfiledDevices profiled_devices(const Lab& lab, const std::string& name) {
  ProfiledDevices found;
  for (const LabInstrument& instrument : lab.instruments) {
    if (instrument.driver != name) continue;
    if (instrument.profile.empty()) {
      throw InputError(instrument.place,
                       fmt::format("instrument “{}” of driver “{}” has no “profile” that says how the "
                                   "device is spoken to, and no “at” that says where it is",
                                   instrument.id, name));
    }
    found.add(instrument.id, instrument.at, instrument.profile);
  }
  if (found.devices.empty()) throw InputError({lab.file->name()}, fmt::format("driver “{}” has no instruments", name));
  return found;
}

}  // namespace athanor
