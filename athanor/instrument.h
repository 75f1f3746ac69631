// What the commands by hand share: which drivers are meant, and what they say of themselves.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "athanor/commands.h"
#include "athanor/laboratory.h"
#include "instruments/driver_link.h"
#include "instruments/lab.h"
#include "instruments/visit.h"

namespace athanor {

/// The drivers of a laboratory, or one at an address, of which nothing else is known.
struct Target {
  std::optional<Lab> lab;
  std::vector<Endpoint> drivers;  ///< an address alone has no driver's name
  std::string folder;             ///< of a twin's world
  std::optional<LinkKeys> keys;   ///< where a driver has a key
};
bool is_address(const std::string& target);
/// throws InputError for what is neither a lab file nor an address.
Target find_target(const InstrumentOptions& options);

/// One driver of it, looked at.
struct Looked {
  Endpoint at;
  std::unique_ptr<Probe> probe;
  std::optional<Visited> visited;  ///< none: it does not answer
};
/// Each of them. stop_fd, watch_s: as Probe's and visit's. throws EnvironmentError for a driver of another name than
/// the lab file's.
std::vector<Looked> look_at(const Target& target, int stop_fd = -1, double watch_s = 0);
/// Those whose driver does not answer are named. throws EnvironmentError if there is one.
void require_all(const std::vector<Looked>& all);

/// Both descriptions of one instrument.
struct Offer {
  const Looked* from = nullptr;
  wire::Instrument driver;      ///< as its driver describes it
  wire::Instrument laboratory;  ///< and as the laboratory narrows that
};
/// Of every instrument that the lab file names with that driver, or that the driver at the address has.
std::vector<Offer> offers(const Target& target, const std::vector<Looked>& all);
/// What its driver says is the matter with the instrument; empty: nothing.
std::string trouble_of(const std::vector<Looked>& all, const std::string& instrument);
/// The one of that name. throws InputError that suggests the nearest; EnvironmentError for one of which its driver says
/// why it does not speak for it.
const Offer& find_offer(const std::vector<Offer>& known, const std::vector<Looked>& all, const std::string& instrument);

/// Whose hand it is: the login name if nobody says.
std::string who(const InstrumentOptions& options);

/// "safe", "guarded", "hazardous"
std::string risk_word(wire::Risk risk);

}  // namespace athanor
