// Texts with holes, as profiles write what is said to a device: "SOUR:VOLT {voltage in V:.3f}".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "core/document.h"
#include "core/quantity.h"

namespace athanor {

/// What may stand in a hole: a parameter of the capability, what an earlier step took from an answer, or of
/// the command's own: `id`, `sample`, `place`, `position` (the number at the end of the place's name) and `tag` (a
/// whole number of 31 bits made of the id, for devices that can keep a number and no text).
struct Variable {
  bool is_text = false;
  Unit unit;                 ///< of a number
  bool may_miss = false;     ///< a parameter that need not be given
  bool unit_known = true;    ///< false: its unit is none, which was said; what only follows from that is not
  std::string why_not = {};  ///< what a person is told who names it, where the profile does not have it
};
using Variables = std::map<std::string, Variable>;

/// Numbers in the unit of their variable.
using Values = std::map<std::string, std::variant<double, std::string>>;
/// A one for each number and a "1" for each text, to try what becomes of a template.
Values ones(const Variables& known);

/// How what a profile writes is filled in.
struct Filling {
  bool as_written = false;                               ///< "007" and "true" are texts like any other
  std::string (*escaped)(const std::string&) = nullptr;  ///< what becomes of a text in a hole
};

/// {NAME}, {NAME in UNIT}, {NAME:FORMAT} or {NAME in UNIT:FORMAT}; {{ and }} are braces. FORMAT is that of std::format
/// for a number (d, x and the like round it to a whole one first); without one, the shortest text that reads back as
/// the same number.
class Template {
 public:
  /// Mistakes (a name that is not known, a unit that does not fit, a format that is none) are added at `node`.
  static std::optional<Template> read(const Node& node, const std::string& text, const Variables& known,
                                      const Filling& filling = {});

  std::string fill(const Values& values) const;
  /// Where the whole text is one hole without a format, and a number: that number.
  std::optional<double> number(const Values& values) const;
  bool has_holes() const;
  /// The variables in its holes that may be missing.
  const std::set<std::string>& needs() const { return needs_; }

 private:
  struct Hole {
    std::string name;
    Unit from, to;
    std::string format;  ///< "{:.3f}"; empty: the shortest
    bool whole = false;  ///< formatted as a whole number
  };
  static std::optional<Hole> read_hole(const Node& node, const std::string& inside, const Variables& known);
  static double converted(const Hole& hole, const Values& values);

  std::vector<std::variant<std::string, Hole>> parts_;
  Filling filling_;
  std::set<std::string> needs_;
};

/// A whole value of a file (text, list or map) with holes in its texts. What looks like a number, `true`, `false` or
/// `null` and stands in no quotes is one, unless it is to be filled in as written; so is a text that is one hole for a
/// number.
class StructureTemplate {
 public:
  StructureTemplate();
  ~StructureTemplate();
  StructureTemplate(StructureTemplate&&) noexcept;
  StructureTemplate& operator=(StructureTemplate&&) noexcept;

  static std::optional<StructureTemplate> read(const Node& node, const Variables& known, const Filling& filling = {});
  /// Adds what `other` holds under `key`; this must be a map.
  void put(const std::string& key, StructureTemplate other);

  nlohmann::json fill(const Values& values) const;
  std::set<std::string> needs() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace athanor
