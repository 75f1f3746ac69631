#include "athanor/profiled.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "adapters/device.h"
#include "athanor/commands.h"
#include "core/error.h"
#include "instruments/address.h"
#include "sila2/channel.h"
#include "sila2/device.h"

namespace athanor {

void ProfiledDevices::add(const LabInstrument& instrument) {
  const auto& [at, profile_file] = std::tie(instrument.at, instrument.profile);
  if (sila2::is_address(at)) {
    auto& profile = sila2_profiles[profile_file];
    if (!profile) {
      profile = std::make_unique<sila2::Profile>();
      if (!profile_file.empty()) *profile = sila2::read_profile(Document::load(profile_file));
    }
    devices.push_back({instrument, nullptr, profile.get()});
    return;
  }
  auto& profile = profiles[profile_file];
  if (!profile) profile = std::make_unique<Profile>(load_profile(profile_file));
  profile->adapter->bus_to(at, lines);  // connects nothing: only whether it can be
  const std::string why = claims.add(instrument, profile->adapter->whole_address(at));
  if (!why.empty()) throw InputError(why);
  devices.push_back({instrument, profile.get(), nullptr});
}

std::vector<std::unique_ptr<Instrument>> ProfiledDevices::connect(const ScaledClock& clock, const std::string& ledger,
                                                                  const SetAside& set_aside) {
  std::vector<std::unique_ptr<Instrument>> instruments;
  for (const auto& [instrument, profile, sila2_profile] : devices) {
    const auto& [id, at, place] = std::tie(instrument.id, instrument.at, instrument.at_place);
    try {
      const std::string address = profile != nullptr ? profile->adapter->whole_address(at) : at;
      const std::string name = profile != nullptr ? profile->name : "";
      if (real && address.find("://") != std::string::npos)
        locks.try_emplace({normal_address(address), name}, address, name);
      if (profile != nullptr) {
        instruments.push_back(make_device(*profile, id, at, lines, clock));
        continue;
      }
      if (!executions) executions = std::make_unique<sila2::Executions>(ledger + ".sila2");
      sila2::Device made = sila2::make_device(*sila2_profile, id, at, *executions, clock);
      for (const std::string& note : made.notes)
        tell(fmt::format("athanor driver: instrument “{}”: {}\n", id, printable(note)));
      instruments.push_back(std::move(made.instrument));
    } catch (const InputError& error) {
      if (!set_aside || devices.size() == 1) throw;
      set_aside(instrument, placed(error, place));
    } catch (const EnvironmentError& error) {
      if (!set_aside || devices.size() == 1) throw;
      set_aside(instrument, InputError(place, error.what()));
    }
  }
  if (instruments.empty() && !devices.empty()) throw EnvironmentError("no instrument is left that could be spoken to");
  return instruments;
}

ByProfiles by_profiles(const Lab& lab) {
  ByProfiles found;
  std::map<std::string, std::optional<Profile>> profiles;  // by file; none: it has mistakes, which are on the list
  std::set<std::string> read;                              // of SiLA 2 servers: files
  std::map<std::string, Lines> lines;                      // by driver
  DeviceClaims claims(lab.drivers);
  for (const LabInstrument& instrument : lab.instruments) {
    try {
      if (sila2::is_address(instrument.at)) {  // the server describes itself
        sila2::parse_address(instrument.at);
        if (!instrument.profile.empty() && read.insert(instrument.profile).second)
          sila2::read_profile(Document::load(instrument.profile));
        continue;
      }
      if (instrument.profile.empty()) continue;
      const auto [profile, is_new] = profiles.try_emplace(instrument.profile);
      if (is_new) profile->second = load_profile(instrument.profile);
      if (!profile->second) continue;
      found.described.push_back(describe(*profile->second, instrument.id));
      const Adapter& adapter = *profile->second->adapter;
      adapter.bus_to(instrument.at, lines[instrument.driver]);
      const std::string why = claims.add(instrument, adapter.whole_address(instrument.at));
      if (!why.empty()) found.named_twice.push_back({instrument.at_place, why});
    } catch (const InputError& error) {
      const InputError with_places = placed(error, instrument.at_place);
      found.mistakes.insert(found.mistakes.end(), with_places.mistakes().begin(), with_places.mistakes().end());
    } catch (const EnvironmentError& error) {
      found.mistakes.push_back({instrument.profile_place, error.what()});
    }
  }
  return found;
}

InputError placed(const InputError& error, const Place& place) {
  std::vector<Mistake> mistakes = error.mistakes();
  for (Mistake& mistake : mistakes) {
    if (mistake.place.file.empty()) mistake.place = place;
  }
  return InputError(std::move(mistakes));
}

ProfiledDevices devices_left(const Lab& lab, const std::string& name, const SetAside& set_aside) {
  ProfiledDevices found;
  bool found_any = false;
  for (const LabInstrument& instrument : lab.instruments) {
    if (instrument.driver != name) continue;
    if (instrument.at.empty()) {
      throw InputError(instrument.place,
                       fmt::format("instrument “{}” of driver “{}” has no “profile” that says how the "
                                   "device is spoken to, and no “at” that says where it is",
                                   instrument.id, name));
    }
    found_any = true;
    try {
      found.add(instrument);
    } catch (const InputError& error) {
      if (!set_aside) throw placed(error, instrument.at_place);
      set_aside(instrument, placed(error, instrument.at_place));
    } catch (const EnvironmentError& error) {
      if (!set_aside) throw;
      set_aside(instrument, InputError(instrument.profile_place, error.what()));
    }
  }
  if (!found_any) throw InputError({lab.file->name()}, fmt::format("driver “{}” has no instruments", name));
  return found;
}

ProfiledDevices profiled_devices(const Lab& lab, const std::string& name, const SetAside& set_aside) {
  ProfiledDevices found = devices_left(lab, name, set_aside);
  if (!found.devices.empty()) return found;
  throw InputError({lab.file->name()}, fmt::format("driver “{}”: no instrument is left that could be spoken to", name));
}

SetAside told_to(std::map<std::string, std::string>& aside, const std::string& what) {
  return [&aside, what](const LabInstrument& one, const InputError& why) {
    // Several instruments may have the same profile.
    const bool is_new =
        std::none_of(aside.begin(), aside.end(), [&](const auto& other) { return other.second == why.what(); });
    aside[one.id] = why.what();
    if (is_new) print_mistakes(why, to_string(one.place));
    print_error(
        fmt::format("instrument “{}” is set aside until that is mended and the {} is started again", one.id, what));
  };
}

}  // namespace athanor
