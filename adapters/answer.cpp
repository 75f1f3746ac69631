#include "adapters/answer.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/error.h"
#include "core/nesting.h"
#include "core/text.h"
#include "core/utf8.h"

namespace athanor {
namespace {

constexpr int kDeepest = 100;            // levels of a structure that a device says
constexpr std::size_t kQuoted = 200;     // bytes of an answer in a message
constexpr std::size_t kLastWords = 400;  // bytes of what a program said last

/// decimal  “.” or “,”. The other one is in no number: it may stand between thousands, or not.
std::optional<double> as_number(const std::string& text, char decimal) {
  std::string word(trimmed(text));
  if (decimal == ',') {
    if (word.find('.') != std::string::npos) return std::nullopt;
    std::replace(word.begin(), word.end(), ',', '.');
  }
  if (word.starts_with('+') && !word.starts_with("+-")) word.erase(0, 1);
  double number = 0;
  const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
  if (read.ec != std::errc() || read.ptr != word.data() + word.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

Fault misunderstood(const std::string& name, const std::string& expected, const nlohmann::json& answer) {
  return Fault{Fault::Kind::kDevice, fmt::format("the device answered {}, in which {} for “{}”",
                                                 answer.is_null() ? "nothing" : quote(answer), expected, name)};
}

/// What looks like a hole of a template in a pattern, which has none; `{2}` and `{1,3}` are repetitions, and what
/// stands behind `\p`, `\P` or `\x` is a class or a character.
std::optional<std::string> hole_in(const std::string& pattern) {
  static const RE2 kHole(R"((\{[A-Za-z_][A-Za-z0-9_]*(?: in [^{}]*)?(?::[^{}]*)?\}))");
  static const RE2 kEscaped(R"(\\[pPx]\{[^}]*\}|\\.)");
  for (re2::StringPiece rest = pattern; !rest.empty();) {
    std::string hole;
    if (RE2::Consume(&rest, kEscaped)) continue;
    if (RE2::Consume(&rest, kHole, &hole)) return hole;
    rest.remove_prefix(1);
  }
  return std::nullopt;
}

/// A quantity with holes, tried with 1 in each: its unit must be one that fits.
std::optional<Template> read_bound(const Node& node, const Variable& variable, const Variables& known) {
  const auto text = node.text();
  auto made = text ? Template::read(node, *text, known) : std::nullopt;
  if (!made) return std::nullopt;
  if (!variable.unit_known) return made;
  if (text->find('{') == std::string::npos && !node.quantity_in(variable.unit)) return std::nullopt;
  try {
    in_unit(parse_quantity(made->fill(ones(known))), variable.unit);
  } catch (const InputError& error) {
    node.error(error.what());
    return std::nullopt;
  }
  return made;
}

}  // namespace

Pattern read_pattern(const Node& node, int groups) {
  const auto text = node.text();
  if (!text) return nullptr;
  RE2::Options options;
  options.set_log_errors(false);
  auto pattern = std::make_shared<const RE2>(*text, options);
  if (!pattern->ok()) {
    node.error(fmt::format("“{}” is no regular expression: {}", *text, pattern->error()));
    return nullptr;
  }
  if (const auto hole = hole_in(*text)) {
    node.error(fmt::format(
        "“{}” holds “{}”, and a pattern is taken as it stands: nothing is filled in. Take that part of the "
        "answer and hold it against the value: take: {{x: {{match: '…(\\S+)…', text: true}}}}, expect: {{x: "
        "{{is: \"{}\"}}}}; a brace itself is written “\\{{”",
        *text, *hole, *hole));
    return nullptr;
  }
  if (pattern->NumberOfCapturingGroups() < groups) {
    node.error(fmt::format("“{}” has no group; put what is to be taken in parentheses", *text));
    return nullptr;
  }
  return pattern;
}

Pattern compile_pattern(const std::string& expression) {
  auto pattern = std::make_shared<const RE2>(expression);
  ATHANOR_CHECK(pattern->ok(), pattern->error());
  return pattern;
}

bool matches(const Pattern& pattern, const std::string& text) {
  return RE2::PartialMatch(text, *pattern);
}

std::string expression(const Pattern& pattern) {
  return pattern->pattern();
}

std::string raw(const nlohmann::json& answer) {
  if (answer.is_string()) return answer.get<std::string>();
  return answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace {

/// Letters of any script stay readable; control characters, those beyond ASCII too, and bytes that are no UTF-8 become
/// visible.
std::string printable(std::string_view text) {
  const std::string good = as_utf8(text);
  std::string shown;
  for (std::size_t i = 0; i < good.size(); ++i) {
    const auto byte = static_cast<unsigned char>(good[i]);
    if (byte == 0xC2 && static_cast<unsigned char>(good[i + 1]) < 0xA0) {
      shown += fmt::format("\\xc2\\x{:02x}", static_cast<unsigned char>(good[++i]));
    } else if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += good[i];
    }
  }
  return shown;
}

}  // namespace

std::string quote(const nlohmann::json& answer) {
  const std::string text = raw(answer);
  const std::string more = text.size() > kQuoted ? fmt::format("… ({} bytes)", text.size()) : "";
  return fmt::format("“{}{}”", printable(shortened(text, kQuoted)), more);
}

std::string quote_last(std::string_view text) {
  std::string_view last = text.substr(text.size() - std::min(text.size(), kLastWords));
  while (last.size() < text.size() && !last.empty() && (static_cast<unsigned char>(last.front()) & 0xC0) == 0x80)
    last.remove_prefix(1);  // the rest of a character
  return fmt::format("“{}{}”", last.size() < text.size() ? "…" : "", printable(last));
}

std::optional<nlohmann::json> as_json(std::string_view text) {
  if (json_nesting(text) > kDeepest) return std::nullopt;
  nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
  if (answer.is_discarded()) return std::nullopt;
  return answer;
}

std::string where_no_json(const std::string& text) {
  constexpr std::size_t kAround = 10;  // bytes before and behind
  if (const std::size_t first = text.find_first_not_of(" \t\r\n");
      first == std::string::npos || std::string_view("{[").find(text[first]) == std::string_view::npos)
    return "";
  if (json_nesting(text) > kDeepest) return fmt::format(" that is read: nested more than {} levels deep", kDeepest);
  try {
    [[maybe_unused]] const auto good = nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t at = std::min(std::max<std::size_t>(error.byte, 1), text.size());
    const std::size_t begin = at - std::min(at, kAround);
    return fmt::format(" at byte {}: “{}”", at, printable(std::string_view(text).substr(begin, 2 * kAround)));
  } catch (const nlohmann::json::out_of_range&) {
    return ", for a number in it that is beyond all numbers";
  }
  return "";
}

// ── Taking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

void Take::read_place(const Node& node) {
  const std::string place = node.text().value_or("all");
  if (place != "all") key_ = place;
  if (!key_.starts_with('/')) return;
  try {
    nlohmann::json::json_pointer pointer(key_);
  } catch (const nlohmann::json::exception&) {
    node.error(fmt::format("“{}” is no JSON pointer; expected one such as “/data/status”", key_));
  }
}

std::optional<Take> Take::read(const Node& node, const std::string& name, const std::optional<Variable>& declared) {
  Take take;
  take.name_ = name;
  if (declared) take.variable_ = *declared;
  take.device_unit_ = take.variable_.unit;
  if (node.kind() == Node::Kind::kScalar) {
    take.read_place(node);
    return take;
  }
  MapReader reader(node, fmt::format("what is taken as “{}”", name));
  if (const Node match = reader.optional("match")) {
    take.match_ = read_pattern(match, 1);
    if (!take.match_) return std::nullopt;
  }
  if (const Node field = reader.optional("field")) {
    take.field_ = field.integer().value_or(1);
    if (take.field_ < 1) field.error(fmt::format("field {}; they are counted from 1", take.field_));
  }
  if (const Node of = reader.optional("of")) {
    take.separator_ = of.text().value_or(",");
    if (take.separator_.empty()) of.error("an empty separator; expected one such as “,”");
    if (take.field_ == 0) of.error("“of” goes with “field”, which is not there");
  } else {
    take.separator_ = ",";
  }
  if (const Node at = reader.optional("at")) take.read_place(at);
  if (const Node row = reader.optional("row")) {
    const std::string word = row.text().value_or("last");
    if (word != "last") {
      take.row_ = word == "first" ? 0 : row.integer().value_or(1) - 1;
      if (take.row_ < 0) row.error("rows are counted from 1");
    }
  }
  if (const Node bit = reader.optional("bit")) {
    take.bit_ = bit.integer().value_or(0);
    if (take.bit_ < 0 || take.bit_ > 31) bit.error(fmt::format("bit {}; expected 0 to 31", take.bit_));
  }
  if (const Node text = reader.optional("text")) {
    const bool is_text = text.boolean().value_or(true);
    if (declared && declared->is_text != is_text)
      text.error(fmt::format("“{}” is a result, which says already what it is", name));
    take.variable_.is_text = is_text;
  }
  if (const Node unit = reader.optional("unit")) {
    try {
      if (!declared) take.variable_.unit_known = false;
      take.device_unit_ = Unit::parse(unit.text().value_or(""));
      if (!declared) take.variable_ = {take.variable_.is_text, take.device_unit_};
      if (take.variable_.unit_known) take.device_unit_.convert(1, take.variable_.unit);
    } catch (const InputError& error) {
      unit.error(error.what());
    }
    if (take.variable_.is_text) unit.error(fmt::format("“{}” is a text and has no unit", name));
  }
  if (const Node decimal = reader.optional("decimal")) {
    take.decimal_ = decimal.one_of({".", ","}).value_or(".").front();
    if (take.variable_.is_text) decimal.error(fmt::format("“{}” is a text, not a number", name));
  }
  if (const Node scale = reader.optional("scale")) {
    take.scale_ = scale.number().value_or(1);
    if (!std::isfinite(take.scale_) || take.scale_ == 0) scale.error("a scale of 0, or none at all");
  }
  const int places = (take.match_ ? 1 : 0) + (take.field_ > 0 ? 1 : 0);
  if (places > 1) node.error("both “match” and “field” say where it stands; expected one of them");
  reader.finish();
  return take;
}

/// The part of the answer that is meant, as a text; a fault if it is not there.
Outcome<std::string> Take::text_in(const nlohmann::json& answer) const {
  const auto missing = [&](const std::string& what) { return misunderstood(name_, what, answer); };
  const nlohmann::json* part = &answer;
  if (!key_.empty()) {
    // An adapter gives what it cannot read as a structure as the text that it is.
    if (answer.is_string())
      return Fault{Fault::Kind::kDevice,
                   fmt::format("the device answered {}, which is a text and no JSON{}: there is no “{}” for “{}”",
                               quote(answer), where_no_json(raw(answer)), key_, name_)};
    const bool pointed = key_.starts_with('/');
    const nlohmann::json::json_pointer pointer(pointed ? key_ : "");
    if (pointed ? !answer.contains(pointer) : !answer.is_object() || !answer.contains(key_))
      return missing(fmt::format("there is no “{}”", key_));
    part = pointed ? &answer.at(pointer) : &answer.at(key_);
  }
  if (part->is_array()) {  // a column
    const auto rows = static_cast<long>(part->size());
    const long row = row_ < 0 ? rows - 1 : row_;
    if (row < 0 || row >= rows)
      return missing(row < 0 ? "there is no row" : fmt::format("there is no row {}", row + 1));
    part = &part->at(static_cast<std::size_t>(row));
  }
  if (part->is_null()) return missing("there is no value");
  if (part->is_structured())
    return missing("there is a structure and no one value (its part is named by “at”, such as at: /data/status)");
  if (part->is_number() && !match_ && field_ == 0) return format_number(part->get<double>());
  std::string text = raw(*part);
  if (match_) {
    std::string group;
    if (!RE2::PartialMatch(text, *match_, &group))
      return missing(fmt::format("nothing matches “{}”", match_->pattern()));
    return group;
  }
  if (field_ > 0) {
    std::size_t begin = 0;
    for (long i = 1; i < field_; ++i) {
      begin = text.find(separator_, begin);
      if (begin == std::string::npos) return missing(fmt::format("there is no field {}", field_));
      begin += separator_.size();
    }
    return text.substr(begin, text.find(separator_, begin) - begin);
  }
  return text;
}

Outcome<std::variant<double, std::string>> Take::from(const nlohmann::json& answer) const {
  using Value = std::variant<double, std::string>;
  const auto text = text_in(answer);
  if (!text) return text.fault();
  if (variable_.is_text) return Value(std::string(trimmed(text.value())));
  const auto number = as_number(text.value(), decimal_);
  if (!number) {
    const char* hint = decimal_ == '.' && as_number(text.value(), ',')
                           ? " (where a device writes it with a comma, the profile says “decimal: ','”)"
                           : "";
    return misunderstood(name_, fmt::format("{} is no number{}", quote(text.value()), hint), answer);
  }
  if (bit_ >= 0) {
    if (*number < 0 || *number > UINT32_MAX || std::trunc(*number) != *number)
      return misunderstood(name_, fmt::format("{} has no bits", quote(text.value())), answer);
    return Value(static_cast<double>(static_cast<std::uint32_t>(*number) >> bit_ & 1));
  }
  const double value = device_unit_.convert(*number * scale_, variable_.unit);
  if (!std::isfinite(value))
    return misunderstood(name_, fmt::format("{} is beyond all numbers", quote(text.value())), answer);
  return Value(value);
}

// ── Conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────

std::optional<Condition> Condition::read(const Node& node, const std::string& name, const Variables& known) {
  Condition made;
  made.name_ = name;
  made.variable_ = known.at(name);
  const bool is_text = made.variable_.is_text;
  MapReader reader(node, fmt::format("the condition on “{}”", name));
  bool good = true;
  int parts = 0;
  const auto bound = [&](const char* key, std::optional<Template>& into) {
    const Node quantity = reader.optional(key);
    if (!quantity) return;
    ++parts;
    into = read_bound(quantity, made.variable_, known);
    good = good && into;
  };
  const auto word = [&](const char* key, std::optional<Template>& into) {
    const Node text = reader.optional(key);
    if (!text) return;
    ++parts;
    into = Template::read(text, text.text().value_or(""), known);
    good = good && into;
  };
  if (is_text) {
    word("is", made.is_);
    word("not", made.not_);
    if (const Node pattern = reader.optional("matches")) {
      ++parts;
      made.matches_ = read_pattern(pattern);
      good = good && made.matches_;
    }
  } else {
    bound("is", made.is_);
    bound("not", made.not_);
    bound("min", made.min_);
    bound("max", made.max_);
    bound("near", made.near_);
    if (const Node by = reader.optional("by")) {
      const auto width = made.variable_.unit_known ? by.difference_in(made.variable_.unit) : 0.0;
      good = good && width;
      made.by_ = width.value_or(0);
      if (!made.near_ && good) by.error("“by” goes with “near”, which is not there");
    } else if (made.near_) {
      node.error("“near” needs “by”: how near, such as {near: 80 degC, by: 0.5 K}");
      good = false;
    }
  }
  reader.finish();
  if (parts == 0) {
    node.error(fmt::format("nothing is asked of “{}”; expected {}", name,
                           is_text ? "is, not or matches" : "is, not, min, max, or near with by"));
    good = false;
  }
  if (!good) return std::nullopt;
  return made;
}

std::set<std::string> Condition::needs() const {
  std::set<std::string> all;
  for (const auto* bound : {&is_, &not_, &min_, &max_, &near_}) {
    if (*bound) all.insert((*bound)->needs().begin(), (*bound)->needs().end());
  }
  return all;
}

double Condition::bound(const Template& quantity, const Values& values) const {
  return in_unit(parse_quantity(quantity.fill(values)), variable_.unit);
}

bool Condition::holds(const Values& values) const {
  const auto& value = values.at(name_);
  if (const auto* text = std::get_if<std::string>(&value)) {
    return (!is_ || *text == is_->fill(values)) && (!not_ || *text != not_->fill(values)) &&
           (!matches_ || matches(matches_, *text));
  }
  const double number = std::get<double>(value);
  return (!is_ || number == bound(*is_, values)) && (!not_ || number != bound(*not_, values)) &&
         (!min_ || number >= bound(*min_, values)) && (!max_ || number <= bound(*max_, values)) &&
         (!near_ || std::abs(number - bound(*near_, values)) <= by_);
}

std::string Condition::wanted(const Values& values) const {
  std::vector<std::string> parts;
  const auto add = [&](const char* key, const std::optional<Template>& bound) {
    if (bound) parts.push_back(fmt::format("{} {}", key, printable(bound->fill(values))));
  };
  add("is", is_);
  add("not", not_);
  add("min", min_);
  add("max", max_);
  add("near", near_);
  if (near_) parts.back() += fmt::format(" by {}", pretty_number(by_));
  if (matches_) parts.push_back(fmt::format("matches “{}”", expression(matches_)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string Condition::found(const Values& values) const {
  const auto& value = values.at(name_);
  if (const auto* text = std::get_if<std::string>(&value)) return fmt::format("{} {}", name_, quote(*text));
  const std::string unit = variable_.unit.text();
  return fmt::format("{} {}{}{}", name_, pretty_number(std::get<double>(value)), unit.empty() ? "" : " ", unit);
}

}  // namespace athanor
