// The campaign file: the problem, the procedure of one experiment as a graph of steps, and when to stop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "core/document.h"
#include "core/problem.h"
#include "instruments/lab.h"

namespace athanor {

/// A value that a step gives to its capability: a quantity or a text as written, or a parameter of the space ("$name").
struct Argument {
  struct FromSpace {
    std::size_t parameter;
  };
  std::string name;  ///< the capability's parameter
  std::variant<Quantity, std::string, FromSpace> value;
  Place place;
};

/// What becomes of an experiment when a step goes wrong. A sample at fault is never tried again.
struct OnFault {
  std::uint32_t retry = 2;            ///< further attempts of what may be repeated, or was not begun
  Duration wait = from_seconds(10);   ///< before the first of them; twice as long before each one more
  bool elsewhere = true;              ///< rather on an instrument that did not fail at it
  std::vector<std::size_t> clean_up;  ///< indices of clean-up steps, done in this order before the experiment ends
  bool ask = false;                   ///< a person, before the experiment is given up
};

struct Step {
  std::string name;
  std::string capability;
  std::vector<std::size_t> after;  ///< indices of steps that must be done before
  std::vector<Argument> with;
  /// Which result of the capability is which measurand: (index into Problem::measurands(), result name).
  std::vector<std::pair<std::size_t, std::string>> gives;
  OnFault on_fault;
  std::optional<Place> retries;  ///< where the file says how often, which must make sense for the capability
  bool cleans = false;           ///< of `clean_up`: done only where another step's `on_fault` names it
  Place place;
};

struct StopRule {
  std::optional<std::size_t> experiments;  ///< measured or failed; abandoned ones do not count
  std::optional<Duration> lab_time;
};

struct Campaign {
  std::unique_ptr<Document> file;
  std::string name;
  std::string lab_file;  ///< empty: none named
  Problem problem;
  /// In the file's order, those of `clean_up` after those of `procedure`; empty where the file is for planning only.
  std::vector<Step> steps;
  StopRule stop;

  /// What may not change while a journal goes on: the space, objectives and procedure in a canonical text.
  std::string definition() const;
};

/// As the file calls it; of one that it does not have, its number.
std::string step_name(const Campaign& campaign, std::uint32_t step);

/// throws InputError with all mistakes. A campaign without `procedure` is for `athanor plan` only.
Campaign load_campaign(const std::string& file);
Campaign parse_campaign(const std::string& text, const std::string& name, const std::string& folder);
/// The same of a text that a journal holds, which reads no file: `space` is what was written down of the space where
/// the campaign left it to files, or empty.
Campaign parse_recorded_campaign(const std::string& text, const std::string& space, const std::string& folder);

/// Holds the campaign's steps against what the instruments offer (already tightened by the lab): every capability
/// offered by some instrument, every parameter given, known and of the right kind, every value of the space within the
/// limits of at least one instrument that offers the capability, every result there and convertible to its measurand's
/// unit, stock named. throws InputError with all mistakes, each at its place in the campaign file.
void check_against(const Campaign& campaign, const Lab& lab, const std::vector<driver::v1::Instrument>& instruments);

}  // namespace athanor
