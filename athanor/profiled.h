// Devices that are spoken to by profiles, as a lab file names them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/profile.h"
#include "core/clock.h"
#include "instruments/instrument.h"
#include "instruments/lab.h"

namespace athanor {

/// The devices of one driver, and what is known of their kinds.
struct ProfiledDevices {
  struct Device {
    std::string id, at;
    const Profile* profile = nullptr;
  };
  std::vector<Device> devices;
  std::map<std::string, std::unique_ptr<Profile>> profiles;  ///< by file

  /// throws as load_profile does.
  void add(const std::string& id, const std::string& at, const std::string& profile_file);
  /// This and `clock` must outlive them. throws InputError for an address that its adapter cannot make anything of.
  std::vector<std::unique_ptr<Instrument>> connect(const ScaledClock& clock) const;
};

/// Of the laboratory's driver `name`. throws InputError for one without devices, or with a device without a profile.
ProfiledDevices profiled_devices(const Lab& lab, const std::string& name);

}  // namespace athanor
