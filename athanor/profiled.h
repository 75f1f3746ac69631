// Devices that are spoken to by profiles, or describe themselves, as a lab file names them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/profile.h"
#include "adapters/shared_line.h"
#include "core/clock.h"
#include "core/error.h"
#include "instruments/device_claims.h"
#include "instruments/device_lock.h"
#include "instruments/instrument.h"
#include "instruments/lab.h"
#include "sila2/executions.h"
#include "sila2/profile.h"

namespace athanor {

/// Called for a device that is no good: its profile, its address, or a SiLA 2 server that does not say what it is.
using SetAside = std::function<void(const LabInstrument& instrument, const InputError& why)>;

/// The devices of one driver, and what is known of their kinds.
struct ProfiledDevices {
  struct Device {
    LabInstrument instrument;
    const Profile* profile = nullptr;       ///< null: a SiLA 2 server, which describes itself
    const sila2::Profile* sila2 = nullptr;  ///< and what a profile, if there is one, has to add
  };
  std::vector<Device> devices;
  std::map<std::string, std::unique_ptr<Profile>> profiles;  ///< by file
  std::map<std::string, std::unique_ptr<sila2::Profile>> sila2_profiles;
  DeviceClaims claims;
  bool real = true;  ///< no other driver on this machine may speak for them, too
  std::map<std::pair<std::string, std::string>, DeviceLock> locks;  ///< by address and profile, when they are connected
  Lines lines;                                                      ///< that several devices may share
  std::unique_ptr<sila2::Executions> executions;                    ///< of SiLA 2 servers, where there are any

  /// Its `id`, `at` and `profile` count, which may be empty for a SiLA 2 server. throws as load_profile does, and
  /// InputError for a device that is here already.
  void add(const LabInstrument& instrument);
  /// This and `clock` must outlive them; what is kept of SiLA 2 servers stands beside `ledger`. Says on standard error
  /// what is not offered. A device that another driver on this machine speaks for, and a SiLA 2 server that does not
  /// answer, or not as its profile has it, are told to `set_aside` and left out; without one, or where nothing else is
  /// served, EnvironmentError or InputError is thrown. Of no devices there are no instruments.
  std::vector<std::unique_ptr<Instrument>> connect(const ScaledClock& clock, const std::string& ledger,
                                                   const SetAside& set_aside = {});
};

/// What the profiles say of a laboratory while none of its drivers runs.
struct ByProfiles {
  std::vector<driver::v1::Instrument> described;  ///< by those that are good
  std::vector<Mistake> mistakes;                  ///< of profiles and addresses: their drivers set such devices aside
  std::vector<Mistake> named_twice;  ///< one device under two names, also where only the profile's own address tells
};
ByProfiles by_profiles(const Lab& lab);

/// Mistakes that say no place of their own, such as an address that is none, stand at `place`.
InputError placed(const InputError& error, const Place& place);

/// Of the laboratory's driver `name`. With `set_aside`, a device that is no good is told to it and left out; without,
/// that is thrown. throws InputError for a driver without devices, or of which none is left, or with a device without a
/// profile.
ProfiledDevices profiled_devices(const Lab& lab, const std::string& name, const SetAside& set_aside = {});
/// The same; all of them may be left out.
ProfiledDevices devices_left(const Lab& lab, const std::string& name, const SetAside& set_aside);

/// Enters the reason in `aside`, by instrument, for the controller to be told, and says it on standard error, with the
/// place; what is to be started again, once it is mended: "driver". `aside` must outlive it.
SetAside told_to(std::map<std::string, std::string>& aside, const std::string& what);

}  // namespace athanor
