// The driver kit: an instrument written down as a struct of capabilities and handlers. The kit checks and converts what
// a handler is given, keeps its time, reports its progress, ends it, interrupts it, and fills in what the wire wants.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/array.h"
#include "core/clock.h"
#include "core/outcome.h"
#include "instruments/instrument.h"
#include "instruments/shared_bytes.h"

namespace athanor {

/// Describes one capability, read aloud:
///   capability("heat").number("temperature", "degC", 20, 150).number("duration", "s", 1, 36000)
///       .result("final_temperature", "degC").usual_duration(60s).lasts("duration").repeatable()
class CapabilityBuilder {
 public:
  explicit CapabilityBuilder(std::string name);

  /// A parameter that is a number of `unit` (UDUNITS-2; "" is dimensionless), within the limits that are given, in that
  /// unit.
  CapabilityBuilder& number(std::string name, std::string unit = "", std::optional<double> low = std::nullopt,
                            std::optional<double> high = std::nullopt);
  /// The number that was described last is one of `levels`, in its unit; none: any within its limits.
  CapabilityBuilder& levels(std::vector<double> levels);
  /// A parameter that is a text; one of `choices` if there are any.
  CapabilityBuilder& text(std::string name, std::vector<std::string> choices = {});
  /// The parameter that was described last need not be given.
  CapabilityBuilder& optional();
  /// A result that is a number of `unit`; what lies beyond the limits that are given cannot be, and is not believed.
  CapabilityBuilder& result(std::string name, std::string unit = "", std::optional<double> low = std::nullopt,
                            std::optional<double> high = std::nullopt);
  /// The detector of the result that was described last says nothing more at these ends and beyond.
  CapabilityBuilder& saturates(std::optional<double> low, std::optional<double> high);
  /// The result that was described last, equal to its last digit so many times in a row, is no measurement.
  CapabilityBuilder& flat_after(unsigned readings);
  CapabilityBuilder& text_result(std::string name);
  /// A result that is an array of elements of `unit`: rows of `row_shape`, as many as come (Work::rows gives them).
  CapabilityBuilder& array(std::string name, ElementType element, std::vector<std::uint64_t> row_shape = {},
                           std::string unit = "");
  /// How long it usually takes, without the time that `lasts` adds.
  CapabilityBuilder& usual_duration(Duration duration);
  /// `parameter` (a time) adds its own length to the usual duration.
  CapabilityBuilder& lasts(std::string parameter);
  /// Takes from the laboratory's stock what parameter `reagent` (a text) names, as much as parameter `amount` says.
  CapabilityBuilder& uses(std::string reagent, std::string amount);
  CapabilityBuilder& risk(wire::Risk risk);
  /// May be carried out again after an interruption without harm.
  CapabilityBuilder& repeatable();
  /// Tells whether the instrument works, on no sample and without harm: how one that was set aside comes back.
  CapabilityBuilder& self_test();

  const wire::Capability& description() const { return capability_; }

 private:
  wire::Capability capability_;
};

CapabilityBuilder capability(std::string name);

/// The parameters of one command, checked against the description and converted to its units.
class Arguments {
 public:
  /// `command` must be one that why_refused() (driver.h) lets pass.
  Arguments(const wire::Capability& capability, const wire::Command& command);

  bool given(std::string_view name) const;
  /// In the unit that the description states, within its limits. A name that was not given or is no number is a bug.
  double number(std::string_view name) const;
  double number_or(std::string_view name, double otherwise) const;
  const std::string& text(std::string_view name) const;
  std::string text_or(std::string_view name, const std::string& otherwise) const;

  const wire::Command& command() const { return command_; }
  const std::string& sample() const { return command_.sample(); }
  const std::string& place() const { return command_.place(); }

 private:
  const wire::Value* find(std::string_view name) const;
  wire::Command command_;
};

/// Results by name, numbers in the units of the description: {{"area_percent", 41.2}, {"note", "clear"}}.
struct Result {
  std::string name;
  std::variant<double, std::string> value;
};
using Results = std::vector<Result>;

/// What a sensor shows: {"temperature", 81.4, "degC"}.
struct Reading {
  std::string name;
  double number = 0;
  std::string unit;
};

/// Some rows of an array: numbers as they lie in memory, little-endian, the last dimension fastest.
struct Rows {
  std::string result;
  SharedBytes bytes;  ///< whole rows, that do not change any more: SharedBytes::of(std::move(frame))
};

/// What a handler gives when it is asked for rows.
struct Feed {
  std::vector<Rows> rows;
  /// When it is asked again: `now` for as soon as there is room; kNever: there are no more.
  Time again = kNever;
};

/// What a handler has set going: how long it takes and what happens then.
struct Work {
  struct Milestone {
    Duration after;       ///< since it began
    double fraction = 0;  ///< of the whole, 0 … 1
    std::string note;
  };

  Duration duration{0};
  /// Called once, when `duration` has passed (at `now`, a little later than its end where the clock is real): the
  /// results, or the fault for which there are none. May be left out where there is nothing to report but that it is
  /// done.
  std::function<Outcome<Results>(Time now)> finish = {};
  /// Called instead of `finish` if it is cancelled, or the instrument is made safe, before its end.
  std::function<void(Time now)> interrupted = {};
  std::vector<Milestone> progress = {};
  /// Of a capability with arrays: gives their next rows, as soon as it begins and whenever it wants to be asked again,
  /// but only while there is room for a row of each. It must give no more than `room` bytes, and not block: a
  /// controller whose disk is slow is waited for between the calls, and the work does not end before all rows were
  /// given. What `recall` found still running gives its rows from the first one on.
  std::function<Feed(std::size_t room, Time now)> rows = {};
  /// When it began, where that was not just now: for work that `recall` found still running.
  std::optional<Time> began = {};
};

/// What a device that numbers its own jobs remembers of one after its driver was restarted.
struct Recollection {
  Instrument::Memory::Kind kind = Instrument::Memory::Kind::kCannotTell;
  Work work = {};                            ///< for kRunning: the whole work again, with `began`
  std::optional<Outcome<Results>> end = {};  ///< for kFinished
  Duration took{0};                          ///< for kFinished
};

/// An instrument as its author writes it. None of the functions may block.
struct InstrumentPlan {
  /// Sets the device going, at `now`, and says how it goes on; or the fault for which it was not begun.
  using Start = std::function<Outcome<Work>(const Arguments& with, Time now)>;
  struct Offer {
    CapabilityBuilder capability;
    Start start;
  };

  std::string id;
  std::string kind;
  std::vector<Offer> offers;
  /// Brings the device to its safe state; what ran was interrupted before this is called. May be left out.
  std::function<void(Time now)> make_safe = {};
  /// What its sensors show, with units, for telemetry; asked about once a second. May be left out.
  std::function<std::vector<Reading>(Time now)> readings = {};
  /// Left out: the device cannot tell.
  std::function<Recollection(const Arguments& with, Time now)> recall = {};
};

/// throws InputError with everything that is wrong in the description: a name given twice, a unit that is none, limits
/// the wrong way round, a duration or stock parameter that is not there.
std::unique_ptr<Instrument> make_instrument(InstrumentPlan plan);

}  // namespace athanor
