// A YAML file read strictly: every value has a place, every mistake is collected, and all are reported at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/quantity.h"

namespace athanor {

class Document;

/// A value in a document. Cheap to copy; lives no longer than its document.
class Node {
 public:
  enum class Kind { kMissing, kNull, kScalar, kSequence, kMap };

  Kind kind() const;
  explicit operator bool() const { return kind() != Kind::kMissing; }
  Place place() const;
  Place key_place() const;  ///< of the key under which it stands; its own place if it stands under none
  Document& document() const;
  /// Adds a mistake at this place.
  void error(const std::string& message) const;

  bool is_quoted() const;  ///< a scalar in quotes, or a block: a text whatever it looks like

  // Each reads the value, or adds a mistake at this place (what was found, what was expected) and gives none.
  std::optional<std::string> text() const;  ///< any scalar as written
  std::optional<double> number() const;     ///< without a unit
  std::optional<long> integer() const;
  std::optional<bool> boolean() const;
  std::optional<Quantity> quantity() const;  ///< "80 degC" or a bare number
  std::optional<double> quantity_in(
      const Unit& unit) const;  ///< converted; a bare number only if `unit` is dimensionless
  /// The same for a difference of two such quantities: "1 K" is 1 in degC.
  std::optional<double> difference_in(const Unit& unit) const;
  std::optional<std::string> one_of(const std::vector<std::string>& allowed) const;
  std::vector<Node> items() const;                            ///< of a sequence; a mistake and nothing if it is none
  std::vector<std::pair<std::string, Node>> entries() const;  ///< of a map, in the file's order; each key once
  /// A path written in the file: $NAME and ${NAME} are taken from the environment, a relative path is relative to the
  /// document's folder. A variable that is not set is a mistake that names it.
  std::optional<std::string> path() const;
  /// The value and all below it as YAML text in a fixed layout, comments and formatting gone: for digests.
  std::string canonical() const;

 private:
  friend class Document;
  friend class MapReader;
  struct Impl;
  bool is_scalar(const char* expected) const;  // if not, that is a mistake, unless it is missing
  std::optional<double> converted(const Unit& unit, double (*convert)(const Quantity&, const Unit&)) const;
  static void append_canonical(const Impl& node, std::string& out);
  std::shared_ptr<const Impl> impl_;
};

/// Reads the keys of a map; `finish` reports the keys that nobody asked for, each with the nearest known one.
class MapReader {
 public:
  /// `what` names the thing in messages: "parameter temperature". A node that is not a map is a mistake, and the reader
  /// is empty.
  MapReader(const Node& node, std::string what);

  Node required(const std::string& key);  ///< a mistake if it is not there
  Node optional(const std::string& key);
  const Node& node() const { return node_; }
  const std::string& what() const { return what_; }
  void finish();

 private:
  Node node_;
  std::string what_;
  std::vector<std::pair<std::string, Node>> entries_;
  std::vector<std::string> known_;
};

class Document {
 public:
  /// throws InputError for YAML that cannot be parsed (with its place), EnvironmentError for a file that cannot be
  /// read.
  static std::unique_ptr<Document> load(const std::string& file);
  /// `name` stands for the file in messages; `folder` is what relative paths are relative to.
  static std::unique_ptr<Document> parse(const std::string& text, const std::string& name,
                                         const std::string& folder = ".");

  Node root() const;
  const std::string& name() const { return name_; }
  const std::string& folder() const { return folder_; }
  const std::string& text() const { return text_; }

  void error(const Place& place, const std::string& message);
  bool has_errors() const { return !mistakes_.empty(); }
  const std::vector<Mistake>& mistakes() const { return mistakes_; }
  /// throws InputError with all mistakes, ordered by place, if there are any.
  void throw_if_errors() const;

 private:
  class Builder;
  Document() = default;
  std::string name_, folder_, text_;
  std::shared_ptr<const Node::Impl> root_;
  std::vector<Mistake> mistakes_;
};

/// `text` as a scalar in double quotes that YAML reads back the same.
std::string in_quotes(const std::string& text);
/// The member of `known` nearest to `word` by edit distance, if it is near enough to be a slip of the pen.
std::optional<std::string> nearest_name(std::string_view word, const std::vector<std::string>& known);
/// " (did you mean “X”?)" or, where nothing is near, " (known: a, b, c)".
std::string suggest_name(std::string_view word, const std::vector<std::string>& known);

}  // namespace athanor
