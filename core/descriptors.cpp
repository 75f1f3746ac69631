#include "core/descriptors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/error.h"
#include "core/file.h"
#include "core/table.h"
#include "core/text.h"

namespace athanor {
namespace {

constexpr double kSame = 0.95;              // |r| above which two columns say the same
constexpr std::size_t kMostChoices = 1000;  // what is compared is every pair
constexpr std::size_t kMostCellsNamed = 5;

struct Column {
  std::string name;
  std::vector<double> values;  // one a choice
};

/// The column from 0 to 1; false where it is constant.
bool scale(std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  // Halves, for the width of what a double can hold is more than it can hold.
  const double from = 0.5 * *low, width = 0.5 * *high - from;
  if (!(width > 0)) return false;
  for (double& value : values) value = std::clamp((0.5 * value - from) / width, 0.0, 1.0);
  return true;
}

/// Pearson's r of two columns that are not constant.
double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  double mean_a = 0, mean_b = 0, aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    mean_a += a[i] / n;
    mean_b += b[i] / n;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
    ab += (a[i] - mean_a) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

/// Keeps what tells the choices apart. One choice alone needs no telling.
bool take(std::vector<Column> columns, const Node& node, const std::string& parameter, Choices& choices) {
  choices.descriptors.clear();
  if (choices.names.size() < 2) return true;
  std::vector<Column> kept;
  for (Column& column : columns) {
    if (!scale(column.values)) continue;
    const bool said = std::any_of(kept.begin(), kept.end(), [&](const Column& other) {
      return std::abs(correlation(column.values, other.values)) > kSame;
    });
    if (!said) kept.push_back(std::move(column));
  }
  if (kept.empty()) {
    node.error(fmt::format("the descriptors of “{}” tell its choices not apart: {}", parameter,
                           columns.empty() ? "no column holds numbers" : "every column of numbers is constant"));
    return false;
  }
  choices.descriptors.assign(choices.names.size(), {});
  for (const Column& column : kept) {
    for (std::size_t i = 0; i < choices.names.size(); ++i) choices.descriptors[i].push_back(column.values[i]);
  }
  return true;
}

bool read_lists(const Node& node, const std::string& parameter, Choices& choices) {
  const std::vector<Node> lists = node.items();
  if (choices.names.empty()) {
    node.error(fmt::format("lists of descriptors belong to choices: write choices: [A, B, …] for “{}”", parameter));
    return false;
  }
  if (lists.size() != choices.names.size()) {
    node.error(fmt::format("found descriptors of {} choices; “{}” has {}, and each needs its list", lists.size(),
                           parameter, choices.names.size()));
    return false;
  }
  std::vector<Column> columns;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const std::vector<Node> numbers = lists[i].items();
    if (lists[i].kind() != Node::Kind::kSequence) return false;
    if (i == 0) columns.resize(numbers.size());
    if (numbers.size() != columns.size()) {
      lists[i].error(fmt::format("found {} descriptors; the first choice has {}, and all need the same ones",
                                 numbers.size(), columns.size()));
      return false;
    }
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      const auto value = numbers[k].number();
      if (!value) return false;
      columns[k].values.push_back(*value);
    }
  }
  return take(std::move(columns), node, parameter, choices);
}

/// The row of each name. False, and a mistake, for a name that stands there twice or not at all.
bool find_rows(const Table& table, std::size_t names, const Node& node, Choices& choices,
               std::vector<std::size_t>& rows) {
  const std::string file = std::filesystem::path(table.file).filename().string();
  std::map<std::string, std::size_t> known;
  std::vector<std::string> listed;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const std::string name(trimmed(table.rows[r][names]));
    const auto [place, is_new] = known.emplace(name, r);
    if (name.empty() || !is_new) {
      node.error(name.empty() ? fmt::format("{} row {}: column “{}”, which names the choices, is empty", file, r + 2,
                                            table.columns[names])
                              : fmt::format("{}: rows {} and {} are both about “{}”; remove one", file,
                                            place->second + 2, r + 2, name));
      return false;
    }
    listed.push_back(name);
  }
  if (listed.empty()) {
    node.error(fmt::format("{} has no rows below its header; each choice needs one", file));
    return false;
  }
  if (choices.names.empty()) choices.names = listed;
  if (choices.names.size() > kMostChoices) {
    node.error(
        fmt::format("{} choices with descriptors are more than {}; name fewer under choices: […], or describe them "
                    "by numeric parameters and a table of candidates",
                    choices.names.size(), kMostChoices));
    return false;
  }
  bool well = true;
  for (const std::string& name : choices.names) {
    const auto found = known.find(name);
    if (found == known.end()) {
      node.error(fmt::format("{} has no row for “{}”{}", file, name, suggest_name(name, listed)));
      well = false;
    } else {
      rows.push_back(found->second);
    }
  }
  return well;
}

/// The columns of numbers. A column in which some cells are numbers and some are not is a mistake.
bool read_columns(const Table& table, std::size_t names, const std::vector<std::size_t>& rows, const Node& node,
                  std::vector<Column>& columns) {
  const std::string file = std::filesystem::path(table.file).filename().string();
  std::size_t wrong = 0;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (c == names) continue;
    Column column{table.columns[c], {}};
    std::vector<std::size_t> others;
    for (const std::size_t r : rows) {
      const auto value = parse_number(table.rows[r][c]);
      if (!value) others.push_back(r);
      column.values.push_back(value.value_or(0));
    }
    if (others.size() == rows.size()) continue;
    for (const std::size_t r : others) {
      if (wrong++ >= kMostCellsNamed) continue;
      const std::string& cell = table.rows[r][c];
      node.error(fmt::format(
          "{} row {}: column “{}” {}; expected a number as in its other rows, or take the column out", file, r + 2,
          column.name, trimmed(cell).empty() ? std::string("is empty") : fmt::format("holds “{}”", cell)));
    }
    columns.push_back(std::move(column));
  }
  if (wrong > kMostCellsNamed) node.error(fmt::format("{}: and {} more such cells", file, wrong - kMostCellsNamed));
  return wrong == 0;
}

}  // namespace

bool read_descriptors(const Node& descriptors, const std::string& parameter, Choices& choices) {
  if (descriptors.kind() == Node::Kind::kSequence) return read_lists(descriptors, parameter, choices);
  Node file = descriptors, column;
  if (descriptors.kind() == Node::Kind::kMap) {
    MapReader map(descriptors, "descriptors");
    file = map.required("file");
    column = map.optional("column");
    map.finish();
  }
  const auto path = file.path();
  if (!path) return false;
  try {
    const Table table = parse_csv(read_text_file(*path), *path);
    std::size_t names = 0;
    if (column) {
      const auto wanted = column.text();
      const auto found = wanted ? table.find(*wanted) : std::nullopt;
      if (wanted && !found) {
        column.error(fmt::format("{} has no column “{}”{}", std::filesystem::path(*path).filename().string(), *wanted,
                                 suggest_name(*wanted, table.columns)));
      }
      if (!found) return false;
      names = *found;
    }
    std::vector<std::size_t> rows;
    std::vector<Column> columns;
    return find_rows(table, names, descriptors, choices, rows) &&
           read_columns(table, names, rows, descriptors, columns) &&
           take(std::move(columns), descriptors, parameter, choices);
  } catch (const EnvironmentError& problem) {
    file.error(fmt::format("the table of descriptors {}", problem.what()));
  } catch (const InputError& mistake) {
    file.error(
        fmt::format("{}: {}", std::filesystem::path(*path).filename().string(), mistake.mistakes().front().message));
  }
  return false;
}

}  // namespace athanor
