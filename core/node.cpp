#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "core/check.h"
#include "core/document.h"
#include "core/document_tree.h"
#include "core/table.h"
#include "core/utf8.h"

namespace athanor {
namespace {

// A value as it is quoted in a message; a long one shortened.
std::string quoted(const std::string& text) {
  constexpr std::size_t kLongest = 60;
  if (text.size() <= kLongest) return "“" + text + "”";
  return fmt::format("“{}…”", shortened(text, kLongest));
}

bool name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

}  // namespace

std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\';
    out += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out + '"';
}

Node::Kind Node::kind() const {
  return impl_ ? impl_->kind : Kind::kMissing;
}

Place Node::place() const {
  return impl_ ? impl_->place : Place{};
}

bool Node::is_quoted() const {
  return impl_ && impl_->quoted;
}

Place Node::key_place() const {
  return impl_ && impl_->key.line > 0 ? impl_->key : place();
}

Document& Node::document() const {
  ATHANOR_CHECK(impl_ != nullptr, "a value that was never read has no document");
  return *impl_->document;
}

void Node::error(const std::string& message) const {
  document().error(place(), message);
}

bool Node::is_scalar(const char* expected) const {
  switch (kind()) {
    case Kind::kScalar:
      return true;
    case Kind::kMissing:
      return false;  // that it is missing was already said, or it need not be there
    case Kind::kNull:
      error(fmt::format("there is no value; expected {}", expected));
      return false;
    case Kind::kSequence:
      error(fmt::format("found a list; expected {}", expected));
      return false;
    case Kind::kMap:
      error(fmt::format("found a map; expected {}", expected));
      return false;
  }
  ATHANOR_CHECK(false, "a value of no known kind");
}

std::optional<std::string> Node::text() const {
  if (!is_scalar("a text")) return std::nullopt;
  return impl_->scalar;
}

std::optional<double> Node::number() const {
  if (!is_scalar("a number")) return std::nullopt;
  const auto value = parse_number(impl_->scalar);
  if (!value) error(fmt::format("found {}; expected a number without a unit, such as 0.5", quoted(impl_->scalar)));
  return value;
}

std::optional<long> Node::integer() const {
  if (!is_scalar("a whole number")) return std::nullopt;
  const auto value = parse_number(impl_->scalar);
  constexpr double kLargest = 0x1p53;  // beyond it doubles are not all whole numbers
  if (value && std::abs(*value) <= kLargest && std::trunc(*value) == *value) return static_cast<long>(*value);
  error(fmt::format("found {}; expected a whole number, such as 8", quoted(impl_->scalar)));
  return std::nullopt;
}

std::optional<bool> Node::boolean() const {
  if (!is_scalar("true or false")) return std::nullopt;
  if (impl_->scalar == "true") return true;
  if (impl_->scalar == "false") return false;
  error(fmt::format("found {}; expected true or false", quoted(impl_->scalar)));
  return std::nullopt;
}

std::optional<Quantity> Node::quantity() const {
  if (!is_scalar("a number with its unit, such as 80 degC")) return std::nullopt;
  try {
    return parse_quantity(impl_->scalar);
  } catch (const InputError& mistake) {
    error(mistake.mistakes().front().message);
    return std::nullopt;
  }
}

std::optional<double> Node::quantity_in(const Unit& unit) const {
  return converted(unit, in_unit);
}

std::optional<double> Node::difference_in(const Unit& unit) const {
  return converted(unit, difference_in_unit);
}

std::optional<double> Node::converted(const Unit& unit, double (*convert)(const Quantity&, const Unit&)) const {
  const auto found = quantity();
  if (!found) return std::nullopt;
  try {
    // “50” under the unit % might mean 50 % or 5000 %: a bare number is only clear where the unit is 1.
    if (found->unit.text().empty() && !unit.text().empty() && unit.convertible_to(found->unit)) {
      if (unit.convert(1, found->unit) != 1) {
        error(fmt::format("“{0}” has no unit; write “{0} {1}”, or another unit that converts to “{1}”", impl_->scalar,
                          unit.text()));
        return std::nullopt;
      }
    }
    return convert(*found, unit);
  } catch (const InputError& mistake) {
    error(mistake.mistakes().front().message);
    return std::nullopt;
  }
}

std::optional<std::string> Node::one_of(const std::vector<std::string>& allowed) const {
  if (!is_scalar(fmt::format("one of {}", fmt::join(allowed, ", ")).c_str())) return std::nullopt;
  if (std::find(allowed.begin(), allowed.end(), impl_->scalar) != allowed.end()) return impl_->scalar;
  const auto near = nearest_name(impl_->scalar, allowed);
  error(fmt::format("found {}; expected one of {}{}", quoted(impl_->scalar), fmt::join(allowed, ", "),
                    near ? " (did you mean “" + *near + "”?)" : ""));
  return std::nullopt;
}

std::vector<Node> Node::items() const {
  std::vector<Node> nodes;
  if (kind() == Kind::kMissing) return nodes;
  if (kind() != Kind::kSequence) {
    error(fmt::format("found {}; expected a list, such as [a, b]", kind() == Kind::kScalar ? quoted(impl_->scalar)
                                                                   : kind() == Kind::kMap  ? "a map"
                                                                                           : "nothing"));
    return nodes;
  }
  for (const auto& item : impl_->items) {
    nodes.emplace_back();
    nodes.back().impl_ = item;
  }
  return nodes;
}

std::vector<std::pair<std::string, Node>> Node::entries() const {
  std::vector<std::pair<std::string, Node>> pairs;
  if (kind() == Kind::kMissing) return pairs;
  if (kind() != Kind::kMap) {
    error(fmt::format("found {}; expected keys with values, such as “key: value”",
                      kind() == Kind::kScalar     ? quoted(impl_->scalar)
                      : kind() == Kind::kSequence ? "a list"
                                                  : "nothing"));
    return pairs;
  }
  for (const auto& [key, value] : impl_->entries) {
    pairs.emplace_back(key, Node());
    pairs.back().second.impl_ = value;
  }
  return pairs;
}

std::optional<std::string> Node::path() const {
  const auto written = text();
  if (!written) return std::nullopt;
  std::string expanded;
  for (std::size_t i = 0; i < written->size();) {
    const bool braced = written->compare(i, 2, "${") == 0;
    const std::size_t begin = i + (braced ? 2 : 1);
    std::size_t end = begin;
    while (end < written->size() && name_character((*written)[end])) ++end;
    if ((*written)[i] != '$' || (!braced && end == begin)) {
      expanded += (*written)[i++];
      continue;
    }
    const std::string name = written->substr(begin, end - begin);
    if (braced && (end >= written->size() || (*written)[end] != '}' || name.empty())) {
      error(fmt::format("{} has a “${{” without a name and a closing “}}”", quoted(*written)));
      return std::nullopt;
    }
    i = braced ? end + 1 : end;
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') {
      std::string_view rest = std::string_view(*written).substr(i);
      while (rest.starts_with('/')) rest.remove_prefix(1);
      error(fmt::format("environment variable {} is not set; set it to the folder that holds “{}”", name, rest));
      return std::nullopt;
    }
    expanded += value;
  }
  if (expanded.empty()) {
    error("there is no file name; expected a path");
    return std::nullopt;
  }
  const std::filesystem::path file(expanded);
  return file.is_absolute() ? file.string()
                            : (std::filesystem::path(document().folder()) / file).lexically_normal().string();
}

void Node::append_canonical(const Impl& node, std::string& out) {
  const char* separator = "";
  switch (node.kind) {
    case Kind::kMissing:
    case Kind::kNull:
      out += "null";
      return;
    case Kind::kScalar:
      out += in_quotes(node.scalar);
      return;
    case Kind::kSequence:
      out += '[';
      for (const auto& item : node.items) {
        out += std::exchange(separator, ", ");
        append_canonical(*item, out);
      }
      out += ']';
      return;
    case Kind::kMap:
      out += '{';
      for (const auto& [key, value] : node.entries) {
        out += std::exchange(separator, ", ");
        out += in_quotes(key);
        out += ": ";
        append_canonical(*value, out);
      }
      out += '}';
      return;
  }
}

std::string Node::canonical() const {
  std::string out;
  if (impl_) append_canonical(*impl_, out);
  return impl_ ? out : "null";
}

MapReader::MapReader(const Node& node, std::string what) : node_(node), what_(std::move(what)) {
  if (node.kind() == Node::Kind::kMap) {
    entries_ = node.entries();
  } else if (node) {
    node.error(fmt::format("{}: found {}; expected keys with values, such as “key: value”", what_,
                           node.kind() == Node::Kind::kScalar     ? quoted(node.impl_->scalar)
                           : node.kind() == Node::Kind::kSequence ? "a list"
                                                                  : "nothing"));
  }
}

Node MapReader::optional(const std::string& key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  for (const auto& [name, value] : entries_) {
    if (name == key) return value;
  }
  Node missing;
  if (node_.impl_) {
    auto impl = std::make_shared<Node::Impl>();
    impl->document = node_.impl_->document;
    impl->place = node_.impl_->place;
    missing.impl_ = impl;
  }
  return missing;
}

Node MapReader::required(const std::string& key) {
  Node value = optional(key);
  if (!value && node_.kind() == Node::Kind::kMap) node_.error(fmt::format("{} needs “{}:”", what_, key));
  return value;
}

void MapReader::finish() {
  for (const auto& [name, value] : entries_) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    node_.document().error(value.key_place(),
                           fmt::format("{} has no key {}{}", what_, quoted(name), suggest_name(name, known_)));
  }
}

}  // namespace athanor
