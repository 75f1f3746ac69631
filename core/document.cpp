#include "core/document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <tuple>

#include "core/check.h"
#include "core/document_tree.h"
#include "core/file.h"
#include "core/utf8.h"

namespace athanor {
namespace {

// Far beyond any file a person writes, and far below what would exhaust the stack or the memory.
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxValues = 1'000'000;

}  // namespace

// Builds the tree from the parser's events, with a place for every value. Mistakes that leave the rest readable (a key
// given twice) are collected; others (nesting without end) are thrown.
class Document::Builder final : public YAML::EventHandler {
 public:
  explicit Builder(Document& document) : document_(document) {
    const std::string& text = document.text_;
    lines_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') lines_.push_back(i + 1);
    }
  }

  const std::shared_ptr<const Node::Impl>& root() const { return root_; }

  // The parser counts bytes from 0; people and editors count characters from 1.
  Place place(const YAML::Mark& mark) const {
    if (mark.is_null()) return {document_.name_, 0, 0};
    const auto line = static_cast<std::size_t>(std::max(mark.line, 0));
    const std::size_t begin = line < lines_.size() ? lines_[line] : document_.text_.size();
    const std::string_view before =
        std::string_view(document_.text_).substr(begin).substr(0, static_cast<std::size_t>(std::max(mark.column, 0)));
    const auto characters = std::count_if(before.begin(), before.end(),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    return {document_.name_, static_cast<int>(line) + 1, static_cast<int>(characters) + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_) {
      throw InputError(place(mark),
                       "a second document begins here; one file holds one document, so remove “---” and what follows");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(mark, anchor, Node::Kind::kNull, ""); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    leaf(mark, anchor, Node::Kind::kScalar, value, tag == "!");  // so the parser calls what stands in quotes
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw InputError(place(mark), "this alias stands inside the very value that it names; write the value out");
    auto copy = std::make_shared<Node::Impl>(*found->second);
    copy->place = place(mark);
    add(std::move(copy));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::kSequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

 private:
  using Impl = std::shared_ptr<Node::Impl>;
  // A sequence or map that is still open; in a map, `key` is the key whose value comes next.
  struct Frame {
    Impl node;
    YAML::anchor_t anchor;
    bool has_key = false;
    bool drop = false;  // the key was a mistake, so its value goes nowhere
    std::string key;
    Place key_place;
    std::vector<std::shared_ptr<const Node::Impl>> merged;  // values of “<<”
  };

  Impl make(const YAML::Mark& mark, Node::Kind kind) const {
    auto node = std::make_shared<Node::Impl>();
    node->kind = kind;
    node->document = &document_;
    node->place = place(mark);
    return node;
  }

  void leaf(const YAML::Mark& mark, YAML::anchor_t anchor, Node::Kind kind, const std::string& value,
            bool quoted = false) {
    Impl node = make(mark, kind);
    node->scalar = value;
    node->quoted = quoted;
    if (anchor != 0) anchors_[anchor] = node;
    add(std::move(node));
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    refuse_tag(mark, tag);
    if (frames_.size() >= kMaxDepth) too_deep(place(mark));
    frames_.push_back({make(mark, kind), anchor, false, false, {}, {}, {}});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    for (const auto& map : frame.merged) {
      for (const auto& [key, value] : map->entries) {
        if (!has(*frame.node, key)) attach(*frame.node, value)->entries.emplace_back(key, value);
      }
    }
    if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
    add(std::move(frame.node));
  }

  // Hands a finished value to what encloses it.
  void add(Impl node) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node->kind == Node::Kind::kSequence) {
      attach(*frame.node, node)->items.push_back(std::move(node));
    } else if (!frame.has_key) {
      take_key(frame, *node);
    } else {
      frame.has_key = false;
      node->key = frame.key_place;
      if (node->kind == Node::Kind::kNull)
        node->place = node->key;  // the parser's place is that of whatever comes next
      if (frame.drop) return;
      if (frame.key == "<<") {
        take_merged(frame, node);
      } else {
        attach(*frame.node, node)->entries.emplace_back(std::move(frame.key), std::move(node));
      }
    }
  }

  void take_key(Frame& frame, const Node::Impl& node) {
    frame.has_key = true;
    frame.key = node.scalar;
    frame.key_place = node.place;
    frame.drop = node.kind != Node::Kind::kScalar;
    if (frame.drop) {
      document_.error(node.place,
                      "a key must be a name; found a list, a map or nothing (a text such as “{x}” must be quoted)");
      return;
    }
    for (const auto& [key, value] : frame.node->entries) {
      if (key != frame.key) continue;
      frame.drop = true;
      document_.error(node.place,
                      fmt::format("“{}” is given a second time (first in line {}); remove one", key, value->key.line));
    }
  }

  void take_merged(Frame& frame, const Impl& node) {
    const auto take = [&](const std::shared_ptr<const Node::Impl>& map) {
      if (map->kind == Node::Kind::kMap) {
        frame.merged.push_back(map);
      } else {
        document_.error(map->place, "“<<” takes in the entries of a map, such as “<<: *defaults”; this is none");
      }
    };
    if (node->kind != Node::Kind::kSequence) return take(node);
    for (const auto& item : node->items) take(item);
  }

  Node::Impl* attach(Node::Impl& parent, const std::shared_ptr<const Node::Impl>& child) const {
    parent.weight += child->weight;
    parent.depth = std::max(parent.depth, child->depth + 1);
    if (parent.weight > kMaxValues) {
      throw InputError(
          child->place,
          fmt::format("with its aliases written out, the file holds more than {} values; use fewer", kMaxValues));
    }
    if (parent.depth > kMaxDepth) too_deep(child->place);
    return &parent;
  }

  static bool has(const Node::Impl& map, const std::string& name) {
    return std::any_of(map.entries.begin(), map.entries.end(), [&](const auto& entry) { return entry.first == name; });
  }

  [[noreturn]] static void too_deep(const Place& where) {
    throw InputError(
        where, fmt::format("nested more than {} levels deep; no file of ours needs that, so a bracket may be missing",
                           kMaxDepth));
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    document_.error(
        place(mark),
        fmt::format("the tag “{}” means nothing here; remove it, or quote a text that begins with “!”", tag));
  }

  Document& document_;
  std::vector<std::size_t> lines_;  // where each begins in the text
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Impl> anchors_;
  std::shared_ptr<const Node::Impl> root_;
};

std::unique_ptr<Document> Document::parse(const std::string& text, const std::string& name, const std::string& folder) {
  std::unique_ptr<Document> document(new Document);
  document->name_ = name;
  document->folder_ = folder.empty() ? "." : folder;
  document->text_ = text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text;
  if (const auto at = bad_byte(document->text_)) {
    const std::string before = document->text_.substr(0, *at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto column = *at - before.rfind('\n');  // npos is -1: so also in the first line
    throw InputError({name, static_cast<int>(line), static_cast<int>(column)},
                     fmt::format("the byte 0x{:02x} is no part of a character of UTF-8; save the file as UTF-8",
                                 static_cast<unsigned char>(document->text_[*at])));
  }
  Builder builder(*document);
  try {
    std::istringstream stream(document->text_);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& problem) {
    throw InputError(
        builder.place(problem.mark),
        fmt::format("this is no valid YAML: {}; check indentation (spaces, no tabs), brackets, quotes and the "
                    "space after each colon",
                    problem.msg));
  }
  if (!builder.root()) throw InputError({name, 0, 0}, "the file is empty; expected YAML with keys and values");
  document->root_ = builder.root();
  return document;
}

std::unique_ptr<Document> Document::load(const std::string& file) {
  constexpr std::uintmax_t kLargest = 4 << 20;  // what is longer was made by mistake, and takes minutes to read
  return parse(read_text_file(file, kLargest), file, std::filesystem::path(file).parent_path().string());
}

Node Document::root() const {
  Node node;
  node.impl_ = root_;
  return node;
}

// Two readers may come upon the same mistake (a value under an alias); a person wants to read it once.
void Document::error(const Place& place, const std::string& message) {
  const bool known = std::any_of(mistakes_.begin(), mistakes_.end(), [&](const Mistake& mistake) {
    return mistake.message == message && mistake.place.line == place.line && mistake.place.column == place.column;
  });
  if (!known) mistakes_.push_back({place, message});
}

void Document::throw_if_errors() const {
  if (mistakes_.empty()) return;
  std::vector<Mistake> sorted = mistakes_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Mistake& a, const Mistake& b) {
    return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
  });
  throw InputError(std::move(sorted));
}

}  // namespace athanor
