// What is taken from a device's answer, and what must be true of it.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/template.h"
#include "core/document.h"
#include "core/outcome.h"

namespace re2 {
class RE2;
}

namespace athanor {

/// A regular expression of RE2's syntax: linear in the length of what a device says, whatever that is.
using Pattern = std::shared_ptr<const re2::RE2>;
/// A mistake at `node` if it is none, or has fewer groups than `groups`.
Pattern read_pattern(const Node& node, int groups = 0);
/// One of our own.
Pattern compile_pattern(const std::string& expression);
bool matches(const Pattern& pattern, const std::string& text);
/// As it stands in the profile, for messages.
std::string expression(const Pattern& pattern);

/// An answer as it stands in messages: quoted, control characters and bytes that are no UTF-8 visible, a long
/// one cut short.
std::string quote(const nlohmann::json& answer);
/// What a program that failed said, cut short in front: what went wrong stands at the end.
std::string quote_last(std::string_view text);
/// What a device says as JSON; none if it is none, or is nested deeper than a device of sound mind does: whatever walks
/// it calls itself at each level.
std::optional<nlohmann::json> as_json(std::string_view text);
/// Where a text that is no JSON ceases to be: " at byte 7: “{"x": NaN}”"; empty for one that does not look like it.
std::string where_no_json(const std::string& text);
/// The answer as one text: a text is itself, a structure is its JSON.
std::string raw(const nlohmann::json& answer);

/// One value taken from an answer.
class Take {
 public:
  /// `node` says where it stands: "all" (the whole text), "NAME" (of a structure's values), "/JSON/POINTER", or a map:
  ///   match   a regular expression whose one group it is
  ///   field   the how-manieth of the parts that `of` (",") separates, from 1
  ///   at      "NAME" or "/JSON/POINTER"
  ///   row     of a column: "first", "last" (so where it is left out) or a number from 1
  ///   bit     the how-manieth bit of a whole number, from 0: 0 or 1
  ///   decimal “,” where the device writes 12,5
  ///   unit    in which the device says it, where that is not the variable's
  ///   scale   what the device's number is multiplied by first
  ///   text    true: a text, where `declared` does not say
  /// declared  what the capability's result of that name is; none: a variable of the steps alone.
  static std::optional<Take> read(const Node& node, const std::string& name, const std::optional<Variable>& declared);

  const std::string& name() const { return name_; }
  const Variable& variable() const { return variable_; }
  /// In the variable's unit, or why the answer does not hold it: a fault of the device that quotes the answer.
  Outcome<std::variant<double, std::string>> from(const nlohmann::json& answer) const;

 private:
  Outcome<std::string> text_in(const nlohmann::json& answer) const;
  void read_place(const Node& node);

  std::string name_;
  Variable variable_;
  Unit device_unit_;
  double scale_ = 1;
  char decimal_ = '.';
  // Where it stands: one of these, or the whole answer.
  Pattern match_;
  long field_ = 0;
  std::string separator_;
  std::string key_;  ///< of a structure; with a slash in front: a JSON pointer
  long bit_ = -1;    ///< of a whole number; −1: all of it
  long row_ = -1;    ///< of a column, from 0; −1: the last
};

/// What must be true of a variable. Of a number: is, not, min, max (quantities), or near with by; of a text: is, not,
/// matches. Quantities may have holes: {near: "{temperature in degC} degC", by: 0.5 K}.
class Condition {
 public:
  static std::optional<Condition> read(const Node& node, const std::string& name, const Variables& known);
  bool holds(const Values& values) const;
  /// "temperature 54.2 degC", for messages.
  std::string found(const Values& values) const;
  /// "near 80 degC by 0.5", for messages.
  std::string wanted(const Values& values) const;
  const std::string& name() const { return name_; }
  /// The variables that its bounds name and that may be missing.
  std::set<std::string> needs() const;

 private:
  double bound(const Template& quantity, const Values& values) const;

  std::string name_;
  Variable variable_;
  std::optional<Template> is_, not_, min_, max_, near_;
  double by_ = 0;
  Pattern matches_;
};

}  // namespace athanor
