// athanor driver: the process that speaks for devices which are described by profiles, or describe themselves.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <string>

#include "athanor/commands.h"
#include "athanor/laboratory.h"
#include "athanor/profiled.h"
#include "core/document.h"
#include "core/signals.h"
#include "instruments/driver_link.h"
#include "instruments/lab.h"
#include "instruments/ledger.h"
#include "sila2/channel.h"

namespace athanor {
namespace {

constexpr double kDeadMan = 60;  // seconds, where nobody says

/// What is served, read from a lab file or made of a profile and the command line.
struct Service {
  std::string driver, address, key;
  double dead_man_s = kDeadMan;
  ProfiledDevices devices;
  Driver::Options::Within within;                ///< the lab file's limits, of which a driver is the last to check
  std::map<std::string, std::string> set_aside;  ///< instruments that cannot be spoken to, and why
};

/// A command that was under way when the driver ended last would stand as interrupted for good, and may still run.
SetAside unless_under_way(Ledger& ledger, SetAside set_aside) {
  return [&ledger, set_aside = std::move(set_aside)](const LabInstrument& one, const InputError& why) {
    for (const Ledger::Entry& entry : ledger.unfinished()) {
      if (entry.command.instrument() != one.id) continue;
      throw EnvironmentError(
          fmt::format("instrument “{}” cannot be asked what became of “{}” {}, which was under way when this driver "
                      "ended last: {}. Start the driver again when it can",
                      one.id, entry.command.capability(), entry.command.id(), why.what()));
    }
    set_aside(one, why);
  };
}

/// The name of the profile that `file` is; empty for a lab file.
std::string name_in_profile(const std::string& file) {
  const auto document = Document::load(file);
  for (const auto& [key, node] : document->root().entries()) {
    if (key == "profile") return node.text().value_or("");
  }
  return "";
}

/// profile: its file; empty for a SiLA 2 server that has none.
Service service_of_device(const DriverOptions& options, const std::string& name, const std::string& at,
                          const std::string& profile) {
  if (options.address.empty())
    throw InputError({options.file}, "say where the driver is to listen, such as --address tcp://127.0.0.1:5571");
  Service service;
  service.driver = options.driver.empty() ? name : options.driver;
  LabInstrument device;
  device.id = options.id.empty() ? name + "-1" : options.id;
  device.at = at;
  device.profile = profile;
  service.devices.add(device);
  return service;
}

Service service_of_lab(const DriverOptions& options) {
  if (!options.at.empty() || !options.id.empty())
    throw InputError({options.file}, "--at and --id are for one profile; in a lab file each instrument has its own");
  const auto file = std::make_shared<const Lab>(load_lab(options.file));
  const Lab& lab = *file;
  std::vector<std::string> names, to_be_served;
  for (const LabDriver& driver : lab.drivers) names.push_back(driver.name);
  for (const LabInstrument& instrument : lab.instruments) {
    if (!instrument.at.empty() &&
        std::find(to_be_served.begin(), to_be_served.end(), instrument.driver) == to_be_served.end())
      to_be_served.push_back(instrument.driver);
  }
  Service service;
  service.driver = options.driver.empty() && to_be_served.size() == 1 ? to_be_served.front() : options.driver;
  if (service.driver.empty())
    throw InputError({options.file},
                     to_be_served.empty()
                         ? "none of its instruments has an “at”, so there is nothing to serve here"
                         : fmt::format("it has several drivers with such devices; say which with --driver: {}",
                                       fmt::join(to_be_served, ", ")));
  const auto driver = std::find_if(lab.drivers.begin(), lab.drivers.end(),
                                   [&](const LabDriver& one) { return one.name == service.driver; });
  if (driver == lab.drivers.end())
    throw InputError({options.file}, fmt::format("the laboratory has no driver “{}”{}", service.driver,
                                                 suggest_name(service.driver, names)));
  service.address = driver->endpoint;
  service.key = driver->key;
  service.dead_man_s = driver->dead_man_s.value_or(kDeadMan);
  service.within = [file](const wire::Instrument& described) { return tighten(*file, described); };
  if (service.address.empty() && options.address.empty())
    throw InputError(
        {options.file},
        fmt::format("driver “{}” has no endpoint; write one in the file, or give --address", service.driver));
  service.devices = profiled_devices(lab, service.driver, told_to(service.set_aside, "driver"));
  return service;
}

Service service_of(const DriverOptions& options) {
  if (sila2::is_address(options.file)) return service_of_device(options, "sila2", options.file, "");
  const std::string name = name_in_profile(options.file);
  if (name.empty()) return service_of_lab(options);
  if (options.at.empty())
    throw InputError({options.file},
                     "this is a device's profile: say where the device is, such as --at tcp://10.0.0.5:5025");
  return service_of_device(options, name, options.at, options.file);
}

}  // namespace

int run_driver(const DriverOptions& options) {
  Service service = service_of(options);
  if (!options.address.empty()) service.address = options.address;
  if (!options.key.empty()) service.key = options.key;
  const auto keys = driver_keys(service.key);  // what is wrong with them, before any device is touched
  if (options.dead_man_s) service.dead_man_s = *options.dead_man_s;
  std::signal(SIGPIPE, SIG_IGN);  // a program that closes its input is its own fault, not our end
  StopSignals stop;
  const ScaledClock clock(SystemClock().now(), 1);
  const std::string ledger_file = options.ledger.empty() ? service.driver + ".ledger" : options.ledger;
  Ledger ledger(ledger_file);
  const DriverLog log = dated_log(service.driver);
  const std::string boot = fmt::format("{}-{}", getpid(), clock.now().time_since_epoch().count());
  auto instruments =
      service.devices.connect(clock, ledger_file, unless_under_way(ledger, told_to(service.set_aside, "driver")));
  Driver driver(
      service.driver, boot, std::move(instruments), ledger,
      {.dead_man_s = service.dead_man_s, .within = service.within, .set_aside = service.set_aside, .log = log},
      clock.now());
  serve_driver(driver, service.address, clock, stop.wake().fd(),
               {.keys = keys, .log = log, .listening = say_where({service.driver, service.address, service.key})});
  return 0;
}

}  // namespace athanor
