#include "adapters/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.h"

namespace athanor {
namespace {

std::vector<std::string> names_of(const Variables& known) {
  std::vector<std::string> names;
  for (const auto& [name, variable] : known) {
    if (variable.why_not.empty()) names.push_back(name);
  }
  return names;
}

/// A width or a precision of more digits than this would fill a line, or the memory, with blanks or zeros.
bool too_wide(const std::string& format) {
  int digits = 0;
  for (const char c : format) {
    const bool leading_zero = c == '0' && digits == 0;
    digits = c >= '0' && c <= '9' && !leading_zero ? digits + 1 : 0;
    if (digits > 2) return true;
  }
  return false;
}

std::string formatted(const std::string& format, bool whole, double number) {
  if (whole) return fmt::format(fmt::runtime(format), std::llround(number));
  return fmt::format(fmt::runtime(format), number);
}

/// A plain scalar that YAML would not take for a text.
std::optional<nlohmann::json> as_constant(const std::string& text) {
  if (text == "true" || text == "false") return nlohmann::json(text == "true");
  if (text == "null") return nlohmann::json();
  long long whole = 0;
  const char* end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, whole); read.ec == std::errc() && read.ptr == end)
    return whole;
  double number = 0;
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec == std::errc() && read.ptr == end && std::isfinite(number)) return number;
  return std::nullopt;
}

}  // namespace

Values ones(const Variables& known) {
  Values values;
  for (const auto& [name, variable] : known) {
    if (variable.is_text) {
      values[name] = std::string("1");
    } else {
      values[name] = 1.0;
    }
  }
  return values;
}

// ── A text ───────────────────────────────────────────────────────────────────────────────────────────────────────────

std::optional<Template::Hole> Template::read_hole(const Node& node, const std::string& inside, const Variables& known) {
  Hole hole;
  std::string rest = inside;
  if (const std::size_t colon = rest.find(':'); colon != std::string::npos) {
    hole.format = "{:" + rest.substr(colon + 1) + "}";
    rest.resize(colon);
  }
  std::string unit;
  const std::size_t in = rest.find(" in ");
  if (in != std::string::npos) {
    unit = rest.substr(in + 4);
    rest.resize(in);
  }
  hole.name = rest;
  const auto variable = known.find(hole.name);
  if (variable == known.end()) {
    const bool as_json = hole.name.find_first_of("\"'{[,") != std::string::npos;  // rather than a slip in a name
    node.error(fmt::format("“{{{}}}” names “{}”, which is no parameter and was not taken from an answer before{}{}",
                           inside, hole.name, suggest_name(hole.name, names_of(known)),
                           as_json ? "; braces that stand for themselves are written “{{” and “}}”" : ""));
    return std::nullopt;
  }
  if (!variable->second.why_not.empty()) {
    node.error(fmt::format("“{{{}}}”: {}", inside, variable->second.why_not));
    return std::nullopt;
  }
  if (variable->second.is_text) {
    if (in == std::string::npos && hole.format.empty()) return hole;
    node.error(fmt::format("“{{{}}}”: “{}” is a text and has neither a unit nor a format", inside, hole.name));
    return std::nullopt;
  }
  hole.from = hole.to = variable->second.unit;
  try {
    if (in != std::string::npos) hole.to = Unit::parse(unit);
    if (!variable->second.unit_known) hole.from = hole.to;
    hole.from.convert(1, hole.to);
  } catch (const InputError& error) {
    node.error(fmt::format("“{{{}}}”: {}", inside, error.what()));
    return std::nullopt;
  }
  if (hole.format.empty()) return hole;
  if (too_wide(hole.format)) {
    node.error(
        fmt::format("“{{{}}}” has a width or a precision of more than 99; expected a format such as “.3f”", inside));
    return std::nullopt;
  }
  hole.whole = std::string("dxXob").find(hole.format[hole.format.size() - 2]) != std::string::npos;
  try {
    formatted(hole.format, hole.whole, 1);
  } catch (const fmt::format_error& error) {
    node.error(fmt::format("“{{{}}}”: “{}” is no format for a number ({}); expected one such as “.3f”, “06.2f” or “d”",
                           inside, hole.format.substr(2, hole.format.size() - 3), error.what()));
    return std::nullopt;
  }
  return hole;
}

std::optional<Template> Template::read(const Node& node, const std::string& text, const Variables& known,
                                       const Filling& filling) {
  Template made;
  made.filling_ = filling;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) made.parts_.emplace_back(std::exchange(plain, {}));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
    if ((text[i] == '{' || text[i] == '}') && doubled) {
      plain += text[i++];
    } else if (text[i] == '}') {
      node.error(fmt::format("“{}” has a “}}” that closes nothing; a brace itself is written “}}}}”", text));
      return std::nullopt;
    } else if (text[i] == '{') {
      const std::size_t end = text.find('}', i);
      if (end == std::string::npos) {
        node.error(fmt::format("“{}” has a “{{” that is not closed; a brace itself is written “{{{{”", text));
        return std::nullopt;
      }
      auto hole = read_hole(node, text.substr(i + 1, end - i - 1), known);
      if (!hole) return std::nullopt;
      if (known.at(hole->name).may_miss) made.needs_.insert(hole->name);
      flush();
      made.parts_.emplace_back(std::move(*hole));
      i = end;
    } else {
      plain += text[i];
    }
  }
  flush();
  return made;
}

double Template::converted(const Hole& hole, const Values& values) {
  return hole.from.convert(std::get<double>(values.at(hole.name)), hole.to);
}

bool Template::has_holes() const {
  return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return std::holds_alternative<Hole>(part); });
}

std::string Template::fill(const Values& values) const {
  std::string filled;
  for (const auto& part : parts_) {
    const Hole* hole = std::get_if<Hole>(&part);
    if (hole == nullptr) {
      filled += std::get<std::string>(part);
    } else if (const auto* text = std::get_if<std::string>(&values.at(hole->name))) {
      filled += filling_.escaped != nullptr ? filling_.escaped(*text) : *text;
    } else {
      const double number = converted(*hole, values);
      filled += hole->format.empty() ? format_number(number) : formatted(hole->format, hole->whole, number);
    }
  }
  return filled;
}

std::optional<double> Template::number(const Values& values) const {
  if (filling_.as_written) return std::nullopt;
  const Hole* hole = parts_.size() == 1 ? std::get_if<Hole>(&parts_.front()) : nullptr;
  if (hole == nullptr || !hole->format.empty() || !std::holds_alternative<double>(values.at(hole->name)))
    return std::nullopt;
  return converted(*hole, values);
}

// ── A structure ──────────────────────────────────────────────────────────────────────────────────────────────────────

struct StructureTemplate::Impl {
  // One of these four.
  nlohmann::json constant;
  std::optional<Template> text;
  std::optional<std::vector<StructureTemplate>> list;
  std::optional<std::vector<std::pair<std::string, StructureTemplate>>> map;
};

StructureTemplate::StructureTemplate() : impl_(std::make_unique<Impl>()) {
  impl_->map.emplace();
}
StructureTemplate::~StructureTemplate() = default;
StructureTemplate::StructureTemplate(StructureTemplate&&) noexcept = default;
StructureTemplate& StructureTemplate::operator=(StructureTemplate&&) noexcept = default;

std::optional<StructureTemplate> StructureTemplate::read(const Node& node, const Variables& known,
                                                         const Filling& filling) {
  StructureTemplate made;
  Impl& impl = *made.impl_;
  impl.map.reset();
  bool good = true;
  if (node.kind() == Node::Kind::kSequence) {
    impl.list.emplace();
    for (const Node& item : node.items()) {
      auto part = read(item, known, filling);
      good = good && part;
      if (part) impl.list->push_back(std::move(*part));
    }
  } else if (node.kind() == Node::Kind::kMap) {
    impl.map.emplace();
    for (const auto& [key, item] : node.entries()) {
      auto part = read(item, known, filling);
      good = good && part;
      if (part) impl.map->emplace_back(key, std::move(*part));
    }
  } else if (node.kind() == Node::Kind::kScalar) {
    const std::string text = node.text().value_or("");
    auto constant = filling.as_written || node.is_quoted() ? std::nullopt : as_constant(text);
    if (constant) {
      impl.constant = std::move(*constant);
    } else {
      impl.text = Template::read(node, text, known, filling);
      good = impl.text.has_value();
    }
  }
  if (!good) return std::nullopt;
  return made;
}

void StructureTemplate::put(const std::string& key, StructureTemplate other) {
  ATHANOR_CHECK(impl_->map.has_value(), "only a map has keys");
  impl_->map->emplace_back(key, std::move(other));
}

nlohmann::json StructureTemplate::fill(const Values& values) const {
  if (impl_->text) {
    if (const auto number = impl_->text->number(values)) return *number;
    return impl_->text->fill(values);
  }
  if (impl_->list) {
    nlohmann::json list = nlohmann::json::array();
    for (const StructureTemplate& part : *impl_->list) list.push_back(part.fill(values));
    return list;
  }
  if (impl_->map) {
    nlohmann::json map = nlohmann::json::object();
    for (const auto& [key, part] : *impl_->map) map[key] = part.fill(values);
    return map;
  }
  return impl_->constant;
}

std::set<std::string> StructureTemplate::needs() const {
  if (impl_->text) return impl_->text->needs();
  std::set<std::string> all;
  if (impl_->list) {
    for (const StructureTemplate& part : *impl_->list) all.merge(part.needs());
  }
  if (impl_->map) {
    for (const auto& [key, part] : *impl_->map) all.merge(part.needs());
  }
  return all;
}

}  // namespace athanor
