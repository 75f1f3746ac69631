// The contract of an adapter: one way in which devices are spoken to. A profile (profile.h) says in that way's words
// what is to be said; the adapter says it, and brings back the answer.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "adapters/template.h"
#include "core/document.h"
#include "core/outcome.h"

namespace athanor {

/// The line to one device. Belongs to one thread, which it may block, but for no longer than its profile's timeout.
class Bus {
 public:
  virtual ~Bus() = default;

  /// Makes the connection, anew if there was one. Nothing of an earlier exchange is taken for an answer afterwards.
  /// greeted: what is asked first shows whether the device answers just that, so that nobody need wait here for an
  /// answer that comes late.
  virtual std::optional<Fault> connect(bool greeted) = 0;

  /// Whether the other end has closed the connection, as far as that can be told without saying anything.
  virtual bool is_gone() { return false; }

  /// One exchange: the step's verb and what stands beside it, filled in. Gives the answer: a text, or what the device
  /// said in a structure of its own (registers by name, a JSON document, columns of a table); null for verbs that get
  /// none. After a fault of kind kLink or kInterrupted the line must be connected anew.
  virtual Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json& step) = 0;

  /// Of an exchange that was a fault: the device cannot have heard any of it.
  virtual bool was_unheard() const { return false; }

  /// What the device has to report since this was asked last, such as the errors in its queue, in words; empty where
  /// there is nothing, or nothing that reports. Faults are as those of `exchange`.
  virtual Outcome<std::string> reports() { return std::string(); }

  /// From any thread: what blocks is to come back at once, as kInterrupted, where it can, and so is what is begun until
  /// `resume`.
  virtual void interrupt() {}
  virtual void resume() {}
};

class Lines;  // shared_line.h

/// What the adapter makes of a profile's settings: shared by all devices of the profile, and constant.
class Adapter {
 public:
  struct Verb {
    std::string name;                      ///< the key of a step: "ask"
    bool answers = true;                   ///< so that something can be taken from it
    std::vector<std::string> beside = {};  ///< further keys that belong to the verb: {"body"}
    bool harmless = false;                 ///< asks only: may be said again when no answer came
    Filling filling = {};                  ///< of what follows the verb
  };

  virtual ~Adapter() = default;
  virtual const std::vector<Verb>& verbs() const = 0;
  /// Adds a mistake at `node` if the device cannot be spoken to like that: a register that is not there.
  virtual void check(const std::string& /*verb*/, const nlohmann::json& /*step*/, const Node& /*node*/) const {}
  /// What a text parameter must not hold, since the device would take it for something else; control characters are
  /// refused for all.
  virtual std::vector<std::string> unsafe_in_texts() const { return {}; }
  /// `address` is where the device is, in the adapter's own words: "tcp://HOST:PORT", "serial:/dev/ttyUSB0#3". Connects
  /// nothing yet. Several devices at one line share that of `lines`, which must outlive the bus.
  /// throws InputError for a text that is no such address, or that does not go with the others at its line.
  virtual std::unique_ptr<Bus> bus_to(const std::string& address, Lines& lines) const = 0;
  /// `address` with the device's own among those at its line, where the profile knows what is left out there.
  virtual std::string whole_address(const std::string& address) const { return address; }
  /// What all steps may name of the device at an address, such as its own among those at a line.
  virtual Variables variables() const { return {}; }
  virtual Values values(const std::string& /*address*/) const { return {}; }
};

/// No time of a profile is longer: a slip of the pen, and more than what waits can count.
constexpr double kLongestTime = 365 * 24 * 3600.;
/// Why a time of a step is none that can be waited for, in words; empty where it is one.
std::string why_no_time(double time_s);

// What adapters share. A step may have a `timeout` of its own beside its verb.
double timeout_of(const nlohmann::json& step, double otherwise_s);
/// Adds a mistake at `node` if it is no time.
void check_timeout(const nlohmann::json& step, const Node& node);
/// A time among the settings, more than 0 and at most `most_s`; what else is found is a mistake.
double read_time(MapReader& reader, const std::string& key, double otherwise_s, double most_s);

/// Mistakes in `settings` are added to its document.
using AdapterMaker = std::unique_ptr<Adapter> (*)(const Node& settings);

std::unique_ptr<Adapter> make_text_adapter(const Node& settings);     // text_bus.cpp
std::unique_ptr<Adapter> make_scpi_adapter(const Node& settings);     // text_bus.cpp
std::unique_ptr<Adapter> make_modbus_adapter(const Node& settings);   // modbus_bus.cpp
std::unique_ptr<Adapter> make_http_adapter(const Node& settings);     // http_bus.cpp
std::unique_ptr<Adapter> make_opcua_adapter(const Node& settings);    // opcua_bus.cpp
std::unique_ptr<Adapter> make_program_adapter(const Node& settings);  // program_bus.cpp
std::unique_ptr<Adapter> make_folder_adapter(const Node& settings);   // folder_bus.cpp

}  // namespace athanor
