// A CSV file as a table of text cells with a header row.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace athanor {

struct Table {
  std::string file;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< each as wide as `columns`

  std::optional<std::size_t> find(std::string_view column) const;
  /// The index of `column`; throws InputError that names the file and the nearest column.
  std::size_t require(std::string_view column) const;
  /// The cell as a number; throws InputError that names file, row (from 1, the header being row 1) and column.
  double number(std::size_t row, std::size_t column) const;
};

/// How a file departs from RFC 4180.
struct CsvFormat {
  char separator = ',';
  std::size_t header_line = 1;  ///< lines above it are passed over
};

/// RFC 4180: quotes, doubled quotes, line breaks in quotes; LF or CRLF; a UTF-8 byte-order mark is dropped; blank lines
/// are skipped. throws EnvironmentError if the file cannot be read, InputError for a row of another width or an
/// unclosed quote. throws InputError also for a table without a header row.
Table read_csv(const std::string& file);
/// throws InputError if two columns have one name. Columns without a name may be many.
void require_different(const std::vector<std::string>& header);
Table parse_csv(std::string_view text, const std::string& name, const CsvFormat& format = {});
/// A cell quoted where CSV needs it.
std::string csv_cell(std::string_view text);
/// All of `text` (spaces around it aside) as a finite number; none if it is not one.
std::optional<double> parse_number(std::string_view text);

/// Reads CSV text row by row, for tables that are too large to be kept as text. Same rules as `parse_csv`.
class CsvReader {
 public:
  /// `text` must outlive the reader; `name` stands for the file in messages.
  CsvReader(std::string_view text, std::string name, const CsvFormat& format = {});

  /// Puts the next row that is not blank into `cells`; false at the end. throws InputError for an unclosed quote.
  bool next(std::vector<std::string>& cells);
  /// The number of the row that was read last; the header is row 1.
  std::size_t row() const { return row_; }
  /// throws InputError that names the row if it has `found` instead of `expected` cells.
  void expect_width(std::size_t found, std::size_t expected) const;

 private:
  std::size_t read_record(std::vector<std::string>& cells);
  void read_quoted(std::string& cell);

  std::string_view rest_;
  std::string name_;
  char separator_;
  std::size_t row_ = 0;
  std::size_t line_ = 0;       // where the row that was read last began
  std::size_t next_line_ = 1;  // where `rest_` is
};

}  // namespace athanor
