#include "core/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/file.h"
#include "core/read_space.h"
#include "core/table.h"

namespace athanor {
namespace {

constexpr std::size_t kMostLevels = 64;
constexpr std::size_t kMostChoices = 1000;
constexpr std::size_t kMostRowsNamed = 5;
constexpr double kTolerance = 1e-9;

std::string short_name(const CandidateFile& candidates) {
  return std::filesystem::path(candidates.file).filename().string();
}

std::vector<std::string> read_header(CsvReader& reader) {
  std::vector<std::string> header;
  if (!reader.next(header)) throw InputError("the table is empty; expected a header row with the columns' names");
  for (std::string& column : header) {
    column.erase(0, std::min(column.find_first_not_of(" \t"), column.size()));
    column.erase(column.find_last_not_of(" \t") + 1);
  }
  require_different(header);
  return header;
}

/// Mistakes of rows: the first few are reported one by one, the rest counted.
class RowMistakes {
 public:
  explicit RowMistakes(const CandidateFile& candidates) : candidates_(candidates) {}

  void add(std::size_t row, const std::string& message) {
    if (count_++ < kMostRowsNamed)
      candidates_.node.error(fmt::format("{} row {}: {}", short_name(candidates_), row, message));
  }
  void finish() const {
    if (count_ > kMostRowsNamed) {
      candidates_.node.error(
          fmt::format("{}: and {} more such mistakes", short_name(candidates_), count_ - kMostRowsNamed));
    }
  }
  bool any() const { return count_ > 0; }

 private:
  const CandidateFile& candidates_;
  std::size_t count_ = 0;
};

/// Turns cells of one parameter into its numbers.
class CellReader {
 public:
  CellReader(const Parameter& parameter, std::size_t column) : parameter_(parameter), column_(column) {
    if (const auto* choices = std::get_if<Choices>(&parameter.kind)) {
      for (std::size_t i = 0; i < choices->names.size(); ++i)
        choices_.emplace(choices->names[i], static_cast<double>(i));
    }
  }

  std::size_t column() const { return column_; }

  /// throws InputError where the cell is no legal value.
  double read(const std::string& cell) const {
    if (const auto* choices = std::get_if<Choices>(&parameter_.kind)) {
      const auto found = choices_.find(cell);
      if (found != choices_.end()) return found->second;
      throw InputError(
          fmt::format("“{}” is no choice of “{}”{}", cell, parameter_.name, suggest_name(cell, choices->names)));
    }
    const auto plain = parse_number(cell);
    const double value = plain ? *plain : in_unit(parse_quantity(cell), parameter_.unit);
    const double legal = parameter_.nearest(value);
    if (std::abs(value - legal) <= kTolerance * std::max(std::abs(legal), parameter_.width())) return legal;
    throw InputError(fmt::format("{} = {} is outside the space (the nearest legal value is {})", parameter_.name, cell,
                                 to_string(Quantity{legal, parameter_.unit})));
  }

 private:
  const Parameter& parameter_;
  std::size_t column_;
  std::unordered_map<std::string, double> choices_;
};

/// Which rows were there before: open addressing over row numbers, so that a million rows cost a few megabytes.
class SeenRows {
 public:
  explicit SeenRows(std::size_t width) : width_(width), slots_(1 << 10, kEmpty) {}

  /// True, and remembered, if the row at the end of `values` is new.
  bool insert_last(const std::vector<double>& values) {
    const std::size_t row = values.size() / width_ - 1;
    if (2 * (row + 1) > slots_.size()) {
      std::vector<std::size_t> old(2 * slots_.size(), kEmpty);
      old.swap(slots_);
      for (const std::size_t r : old) {
        if (r != kEmpty) *slot(values, r) = r;
      }
    }
    std::size_t* const found = slot(values, row);
    if (*found != kEmpty) return false;
    *found = row;
    return true;
  }

 private:
  static constexpr std::size_t kEmpty = ~std::size_t{0};

  // Where `row`, or one equal to it, stands or would stand.
  std::size_t* slot(const std::vector<double>& values, std::size_t row) {
    const double* const begin = values.data() + row * width_;
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < width_; ++i) {
      hash = (std::rotl(hash, 5) ^ std::bit_cast<std::uint64_t>(begin[i])) * 0x9e3779b97f4a7c15U;
      hash ^= hash >> 32;
    }
    for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] == kEmpty || std::equal(begin, begin + width_, values.data() + slots_[at] * width_))
        return &slots_[at];
    }
  }

  std::size_t width_;
  std::vector<std::size_t> slots_;
};

/// What programs write where there is no number.
bool looks_missing(std::string_view cell) {
  std::string word(cell);
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return word == "nan" || word == "na" || word == "n/a" || word == "null" || word == "none" || word == "inf" ||
         word == "-inf" || word == "infinity" || word == "-infinity";
}

/// What a column turns out to hold.
struct ColumnSummary {
  bool numeric = true;
  std::optional<std::pair<std::size_t, std::string>> missing;  // the first such cell, and its row
  double low = 0, high = 0;
  std::set<double> numbers;        // up to one more than become levels
  std::vector<std::string> texts;  // in order of appearance, up to one more than become choices
  std::set<std::string, std::less<>> known;

  void add(const std::string& cell, std::size_t row) {
    if (texts.size() <= kMostChoices && known.insert(cell).second) texts.push_back(cell);
    if (looks_missing(cell)) {
      if (!missing) missing = {row, cell};
      return;
    }
    const auto number = numeric ? parse_number(cell) : std::nullopt;
    if (!number) {
      numeric = false;
      return;
    }
    const bool first = numbers.empty();
    low = first ? *number : std::min(low, *number);
    high = first ? *number : std::max(high, *number);
    if (numbers.size() <= kMostLevels) numbers.insert(*number == 0 ? 0.0 : *number);
  }

  std::variant<Continuous, Integer, Levels, Choices> kind() const {
    if (!numeric || numbers.empty()) return Choices{texts};
    if (numbers.size() > kMostLevels) return Continuous{low, high, false};
    return Levels{{numbers.begin(), numbers.end()}};
  }
};

std::optional<std::size_t> column_of(const CandidateFile& candidates, const std::vector<std::string>& header,
                                     const std::string& parameter) {
  std::string wanted = parameter;
  for (const auto& [name, column] : candidates.columns) {
    if (name == parameter) wanted = column;
  }
  const auto found = std::find(header.begin(), header.end(), wanted);
  if (found != header.end()) return static_cast<std::size_t>(found - header.begin());
  candidates.node.error(
      fmt::format("{} has no column “{}” for parameter “{}”{}; name another one by candidates: {{file: …, "
                  "columns: {{{}: \"its column\"}}}}",
                  short_name(candidates), wanted, parameter, suggest_name(wanted, header), parameter));
  return std::nullopt;
}

}  // namespace

std::optional<CandidateFile> open_candidates(const Node& candidates) {
  CandidateFile result;
  result.node = candidates;
  Node file = candidates;
  if (candidates.kind() == Node::Kind::kMap) {
    MapReader map(candidates, "candidates");
    file = map.required("file");
    for (const auto& [parameter, column] : map.optional("columns").entries()) {
      if (auto name = column.text()) result.columns.emplace_back(parameter, std::move(*name));
    }
    map.finish();
  }
  const auto path = file.path();
  if (!path) return std::nullopt;
  result.file = *path;
  try {
    result.text = read_text_file(*path);
  } catch (const EnvironmentError& problem) {
    file.error(fmt::format("the table of candidates {}", problem.what()));
    return std::nullopt;
  }
  return result;
}

std::vector<Parameter> parameters_of(const CandidateFile& candidates, const std::vector<std::string>& except) {
  const std::size_t before = candidates.node.document().mistakes().size();
  std::vector<std::pair<std::string, std::size_t>> chosen;  // parameter, column
  std::vector<ColumnSummary> summaries;
  RowMistakes mistakes(candidates);
  try {
    CsvReader reader(candidates.text, candidates.file);
    const std::vector<std::string> header = read_header(reader);
    for (const auto& [name, column] : candidates.columns) {
      if (const auto found = column_of(candidates, header, name)) chosen.emplace_back(name, *found);
    }
    for (std::size_t i = 0; i < header.size() && candidates.columns.empty(); ++i) {
      if (std::find(except.begin(), except.end(), header[i]) == except.end()) chosen.emplace_back(header[i], i);
    }
    summaries.resize(chosen.size());
    for (std::vector<std::string> cells; reader.next(cells);) {
      reader.expect_width(cells.size(), header.size());
      for (std::size_t i = 0; i < chosen.size(); ++i) {
        const std::string& cell = cells[chosen[i].second];
        if (cell.empty()) mistakes.add(reader.row(), fmt::format("column “{}” is empty", header[chosen[i].second]));
        summaries[i].add(cell, reader.row());
      }
    }
  } catch (const InputError& mistake) {
    candidates.node.error(fmt::format("{}: {}", short_name(candidates), mistake.mistakes().front().message));
  }
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const ColumnSummary& summary = summaries[i];
    if (summary.numeric && summary.missing && !summary.numbers.empty()) {
      mistakes.add(summary.missing->first,
                   fmt::format("column “{}” holds numbers, but here “{}”: a candidate has a value of every parameter",
                               chosen[i].first, summary.missing->second));
    }
  }
  mistakes.finish();
  if (chosen.empty()) candidates.node.error(fmt::format("{} has no column for a parameter", short_name(candidates)));

  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::string& name = chosen[i].first;
    if (!is_parameter_name(name)) {
      candidates.node.error(
          fmt::format("column “{0}” cannot name a parameter; give it a name of letters, digits and “_” by "
                      "candidates: {{file: …, columns: {{name: \"{0}\"}}}}",
                      name));
    }
    if (!summaries[i].numeric && summaries[i].texts.size() > kMostChoices) {
      candidates.node.error(
          fmt::format("column “{}” has more than {} different texts; leave it out by naming the columns that count: "
                      "candidates: {{file: …, columns: {{name: \"column\"}}}}",
                      name, kMostChoices));
    }
    parameters.push_back({name, Unit(), summaries[i].kind()});
  }
  if (candidates.node.document().mistakes().size() > before) return {};
  return parameters;
}

std::optional<CandidatePool> read_pool(const CandidateFile& candidates, const std::vector<Parameter>& parameters,
                                       const std::vector<LinearConstraint>& constraints) {
  const std::size_t before = candidates.node.document().mistakes().size();
  for (const auto& [name, column] : candidates.columns) {
    std::vector<std::string> known;
    for (const Parameter& p : parameters) known.push_back(p.name);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      candidates.node.error(
          fmt::format("candidates: “{}” under columns is no parameter{}", name, suggest_name(name, known)));
    }
  }
  CandidatePool pool;
  pool.source = candidates.file;
  RowMistakes mistakes(candidates);
  SeenRows seen(parameters.size());
  std::size_t left_out = 0;
  try {
    CsvReader reader(candidates.text, candidates.file);
    const std::vector<std::string> header = read_header(reader);
    std::vector<CellReader> cell_readers;
    for (const Parameter& parameter : parameters) {
      if (const auto column = column_of(candidates, header, parameter.name))
        cell_readers.emplace_back(parameter, *column);
    }
    if (cell_readers.size() != parameters.size()) return std::nullopt;
    Point point(parameters.size());
    for (std::vector<std::string> cells; reader.next(cells);) {
      reader.expect_width(cells.size(), header.size());
      bool legal = true;
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        try {
          point[i] = cell_readers[i].read(cells[cell_readers[i].column()]);
          if (point[i] == 0) point[i] = 0;  // not −0, which would be a row of its own
        } catch (const InputError& mistake) {
          mistakes.add(reader.row(), fmt::format("column “{}”: {}", header[cell_readers[i].column()],
                                                 mistake.mistakes().front().message));
          legal = false;
        }
      }
      if (!legal) continue;
      bool within = true;
      for (const LinearConstraint& constraint : constraints) {
        if (satisfies(constraint, parameters, point, kTolerance)) continue;
        within = false;
        if (constraint.sense == LinearConstraint::Sense::kEqual) {
          mistakes.add(reader.row(), fmt::format("“{}” is missed by {}; correct the row, or leave the mixture out (its "
                                                 "candidates then say what can be mixed)",
                                                 constraint.text, pretty_number(constraint.violation(point))));
        }
      }
      if (!within) {
        ++left_out;
        continue;
      }
      pool.values.insert(pool.values.end(), point.begin(), point.end());
      if (!seen.insert_last(pool.values)) pool.values.resize(pool.values.size() - point.size());
    }
  } catch (const InputError& mistake) {
    candidates.node.error(fmt::format("{}: {}", short_name(candidates), mistake.mistakes().front().message));
  }
  mistakes.finish();
  pool.rows = pool.values.size() / parameters.size();
  if (pool.rows == 0 && !mistakes.any()) {
    candidates.node.error(
        left_out > 0
            ? fmt::format("none of the {} rows of {} satisfies the constraints; relax one", left_out,
                          short_name(candidates))
            : fmt::format("{} has no rows below its header; at least one candidate is needed", short_name(candidates)));
  }
  if (candidates.node.document().mistakes().size() > before) return std::nullopt;
  return pool;
}

}  // namespace athanor
