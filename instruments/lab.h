// The lab file: drivers and instruments with their limits, places, stock, interlocks, and (for a twin) the world behind
// them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/document.h"
#include "instruments/interlock.h"
#include "proto/driver.pb.h"

namespace athanor {

/// A tightening of one capability's parameter by the laboratory.
struct LabLimit {
  std::string capability, parameter;
  std::optional<Quantity> low, high;
  Place place;
};

/// What the laboratory knows of a result beyond what the driver says: limits beyond which it cannot be, the ends of its
/// detector, and how many equal readings in a row are none.
struct LabSignal {
  LabLimit range;  ///< of the capability's result; either bound may be missing
  std::optional<Quantity> saturates_low, saturates_high;
  unsigned flat_after = 0;
};

struct LabInstrument {
  std::string id;
  std::string driver;
  std::string kind;  ///< the twin's instrument kind: "dispenser", "reactor", …; for real drivers what the driver says
  std::vector<LabLimit> limits;
  std::vector<LabSignal> signals;
  std::vector<std::pair<std::string, Place>> approve;  ///< capabilities that need a person's approval here
  std::string
      profile;  ///< the file that says how the device is spoken to; without it and `at`, its driver is another program
  std::string at;  ///< where the device is, for its profile's adapter; a SiLA 2 server needs no profile
  Node twin;       ///< settings of the simulated instrument, as written; may be missing
  Place place, profile_place, at_place;
};

struct LabDriver {
  std::string name;
  std::string endpoint;              ///< empty: chosen by whoever starts it
  std::string key;                   ///< the name of the key that it holds; empty: the link to it is plain
  std::optional<double> dead_man_s;  ///< of a driver that `athanor driver run` serves
};

/// `count` equal places in which a sample can stand during its experiment: vial-1 … vial-8.
struct LabPlaces {
  std::string name;
  long count = 1;
};

struct LabStock {
  std::string name;
  Quantity amount;
};

struct Lab {
  std::unique_ptr<Document> file;
  std::string name;
  std::vector<LabDriver> drivers;
  std::vector<LabInstrument> instruments;
  std::vector<LabPlaces> places;
  std::vector<LabStock> stock;
  std::vector<LabInterlock> interlocks;
  Node twin;  ///< the world's settings ("model", "seed", …), as written; missing for a lab without a twin

  const LabInstrument* find(const std::string& id) const;
  /// Instruments whose readings interlocks watch.
  std::set<std::string> watched() const;
};

/// A mistake at `node` if `name` is no name, which goes into messages, commands and the names of files. what: whose it
/// is.
void check_name(const Node& node, const std::string& what, const std::string& name);

/// throws InputError with all mistakes, EnvironmentError if unreadable.
Lab load_lab(const std::string& file);
Lab parse_lab(const std::string& text, const std::string& name, const std::string& folder);

/// What `lab` makes of a driver's description: limits tightened to the laboratory's (the tightest wins), capabilities
/// that need an approval here HAZARDOUS, results with what it knows of their signals.
/// throws InputError if the lab names an unknown capability, parameter or result, or a limit cannot be met at all.
driver::v1::Instrument tighten(const Lab& lab, const driver::v1::Instrument& described);

}  // namespace athanor
