#include "core/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/document.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace athanor {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string in_words(char separator) {
  return separator == ',' ? "a comma" : separator == '\t' ? "a tab" : fmt::format("“{}”", separator);
}

}  // namespace

CsvReader::CsvReader(std::string_view text, std::string name, const CsvFormat& format)
    : rest_(text), name_(std::move(name)), separator_(format.separator) {
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  for (; next_line_ < format.header_line && !rest_.empty(); ++next_line_)
    rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size() - 1) + 1);
}

bool CsvReader::next(std::vector<std::string>& cells) {
  while (!rest_.empty()) {
    line_ = next_line_;
    const bool blank = rest_.front() == '\n' || rest_.starts_with("\r\n");
    const std::size_t width = read_record(cells);
    if (!blank) {
      ++row_;
      cells.resize(width);
      return true;
    }
  }
  return false;
}

std::size_t CsvReader::read_record(std::vector<std::string>& cells) {
  std::size_t width = 0;
  for (;;) {
    if (cells.size() == width) cells.emplace_back();
    std::string& cell = cells[width++];
    cell.clear();
    if (rest_.starts_with('"')) {
      read_quoted(cell);
    } else {
      const char ends[] = {separator_, '\n'};
      const std::size_t end = std::min(rest_.find_first_of(std::string_view(ends, 2)), rest_.size());
      cell.assign(rest_.substr(0, end));
      rest_.remove_prefix(end);
      if (cell.ends_with('\r') && !rest_.starts_with(separator_)) cell.pop_back();
    }
    if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
    if (rest_.empty()) return width;
    const char separator = rest_.front();
    if (separator != separator_ && separator != '\n') {
      throw InputError({name_, static_cast<int>(next_line_)},
                       fmt::format("“{}” follows a closing quote; expected {} or the end of the row, and a quote "
                                   "inside a quoted cell written twice",
                                   separator, in_words(separator_)));
    }
    rest_.remove_prefix(1);
    if (separator == '\n') {
      ++next_line_;
      return width;
    }
  }
}

void CsvReader::read_quoted(std::string& cell) {
  const std::size_t opened = next_line_;
  rest_.remove_prefix(1);
  for (;;) {
    const std::size_t end = rest_.find('"');
    if (end == std::string_view::npos) {
      throw InputError({name_, static_cast<int>(opened)},
                       "a quote is opened here and never closed; add the closing quote");
    }
    cell.append(rest_.substr(0, end));
    next_line_ +=
        static_cast<std::size_t>(std::count(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    rest_.remove_prefix(end + 1);
    if (!rest_.starts_with('"')) return;
    cell += '"';
    rest_.remove_prefix(1);
  }
}

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+') && text.substr(1).find_first_of("+-") != 0) text.remove_prefix(1);
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::size_t> Table::find(std::string_view column) const {
  const auto found = std::find(columns.begin(), columns.end(), column);
  if (found == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns.begin());
}

std::size_t Table::require(std::string_view column) const {
  if (const auto found = find(column)) return *found;
  throw InputError({file}, fmt::format("there is no column “{}”{}", column, suggest_name(column, columns)));
}

double Table::number(std::size_t row, std::size_t column) const {
  const std::string& cell = rows.at(row).at(column);
  if (const auto value = parse_number(cell)) return *value;
  throw InputError(
      {file}, fmt::format("row {}, column “{}”: “{}” is no number; expected one such as 0.5 (with a point)", row + 2,
                          columns[column], cell));
}

void require_different(const std::vector<std::string>& header) {
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (header[i].empty() || std::find(header.begin(), header.begin() + static_cast<long>(i), header[i]) ==
                                 header.begin() + static_cast<long>(i))
      continue;
    throw InputError(fmt::format("two columns are named “{}”; give each its own name", header[i]));
  }
}

Table parse_csv(std::string_view text, const std::string& name, const CsvFormat& format) {
  Table table;
  table.file = name;
  CsvReader reader(text, name, format);
  if (!reader.next(table.columns)) {
    throw InputError({name}, "the table is empty; expected a header row with the columns' names");
  }
  for (std::string& column : table.columns) column = std::string(trimmed(column));
  require_different(table.columns);
  for (std::vector<std::string> cells; reader.next(cells);) {
    reader.expect_width(cells.size(), table.columns.size());
    table.rows.push_back(cells);
  }
  return table;
}

void CsvReader::expect_width(std::size_t found, std::size_t expected) const {
  if (found == expected) return;
  throw InputError({name_, static_cast<int>(line_)},
                   fmt::format("row {} has {} cells, the header has {}; a cell that contains {} must be quoted", row_,
                               found, expected, in_words(separator_)));
}

Table read_csv(const std::string& file) {
  return parse_csv(read_text_file(file), file);
}

std::string csv_cell(std::string_view text) {
  const bool outer_space = trimmed(text).size() != text.size();
  if (text.find_first_of(",\"\r\n") == std::string_view::npos && !outer_space) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

}  // namespace athanor
