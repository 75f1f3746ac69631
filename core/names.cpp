#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "core/document.h"

namespace athanor {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Edit distance in which two neighbours swapped are one slip (Damerau's, in the restricted form known as optimal string
// alignment): cost(i, j) turns the first i letters of a into the first j of b.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t differs = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + differs});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongest = 100;  // nobody mistypes a longer one, and the table above is quadratic
  constexpr std::size_t kShortestPrefix = 3;
  if (word.empty() || word.size() > kLongest) return std::nullopt;
  const std::string wanted = lower(word);
  // A third of the letters may be wrong, one at least.
  std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  std::optional<std::string> nearest;
  for (const std::string& name : known) {
    if (name.size() > kLongest) continue;
    const std::string candidate = lower(name);
    const auto [shorter, longer] = std::minmax({wanted.size(), candidate.size()});
    std::size_t distance = longer - shorter;  // at least
    if (distance < best) distance = edit_distance(wanted, candidate);
    // The beginning of a name (“temp”) is as near as a slip can be without being one letter away.
    if (wanted.size() >= kShortestPrefix && candidate.starts_with(wanted))
      distance = std::min<std::size_t>(distance, 1);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = name;
    }
  }
  return nearest;
}

std::string suggest_name(std::string_view word, const std::vector<std::string>& known) {
  if (const auto near = nearest_name(word, known)) return fmt::format(" (did you mean “{}”?)", *near);
  if (known.empty()) return "";
  constexpr std::size_t kMost = 12;
  std::string list;
  for (std::size_t i = 0; i < known.size() && i < kMost; ++i) list += (i == 0 ? "" : ", ") + known[i];
  if (known.size() > kMost) list += ", …";
  return fmt::format(" (known: {})", list);
}

}  // namespace athanor
