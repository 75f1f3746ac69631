// What a Node points to. Private to the document's own sources.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/document.h"

namespace athanor {

/// A value as parsed. Shared, never changed once built; an alias shares what lies below what it names.
struct Node::Impl {
  Kind kind = Kind::kMissing;
  Document* document = nullptr;
  Place place;
  Place key;            ///< where the key stands, for a value in a map
  std::string scalar;   ///< as written, quotes and escapes resolved
  bool quoted = false;  ///< it was written in quotes
  std::vector<std::shared_ptr<const Impl>> items;
  std::vector<std::pair<std::string, std::shared_ptr<const Impl>>> entries;
  std::size_t weight = 1;  ///< how many values these are, every alias written out
  std::size_t depth = 1;   ///< levels of nesting, through aliases too
};

}  // namespace athanor
