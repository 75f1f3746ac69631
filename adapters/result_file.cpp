#include "adapters/result_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "adapters/answer.h"
#include "core/error.h"
#include "core/file.h"

namespace athanor {
namespace {

constexpr std::uintmax_t kLargest = std::uintmax_t{64} << 20;  // bytes

/// Columns by their names. throws InputError, with the way out where a header is one column that should be several.
nlohmann::json columns_of(const std::string& text, const std::string& file, const CsvFormat& format) {
  std::vector<std::string> header;
  CsvReader(text, file, format).next(header);
  const std::string only = header.size() == 1 ? header.front() : "";
  const std::size_t other = format.separator == ',' ? only.find_first_of(";\t") : std::string::npos;
  if (other != std::string::npos) {
    throw InputError(
        {file, static_cast<int>(format.header_line)},
        fmt::format("the header is one column, {}; where {} stands between columns, the profile says so: "
                    "folder: {{separator: {}}}",
                    quote(only), quote(only.substr(other, 1)), nlohmann::json(only.substr(other, 1)).dump()));
  }
  Table table;
  try {
    table = parse_csv(text, file, format);
  } catch (const InputError& error) {
    if (only.empty()) throw;
    throw InputError(
        fmt::format("{}; or the header is not {}, and the profile says in which line it stands: folder: "
                    "{{header: 4}}",
                    error.what(), quote(only)));
  }
  nlohmann::json columns = nlohmann::json::object();
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    nlohmann::json& column = columns[table.columns[c]] = nlohmann::json::array();
    for (const auto& row : table.rows) column.push_back(row[c]);
  }
  return columns;
}

}  // namespace

Outcome<nlohmann::json> read_result(const std::string& file, const CsvFormat& csv) {
  const auto no_good = [&](const std::string& why) {
    return Fault{Fault::Kind::kDevice, fmt::format("{} {}", file, why)};
  };
  std::error_code unknown;
  if (const auto size = std::filesystem::file_size(file, unknown); !unknown && size > kLargest)
    return no_good(fmt::format("has {} bytes; results may have {}", size, kLargest));
  std::string text;
  try {
    text = read_text_file(file);
  } catch (const EnvironmentError& error) {
    return Fault{Fault::Kind::kLink, error.what()};
  }
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    return no_good("is in UTF-16; expected UTF-8, which the program that wrote it may offer");
  const auto extension = std::filesystem::path(file).extension();
  if (extension == ".csv") {
    try {
      return columns_of(text, file, csv);
    } catch (const InputError& error) {
      return Fault{Fault::Kind::kDevice, error.what()};
    }
  }
  if (extension != ".json") return nlohmann::json(text);
  auto answer = as_json(text);
  if (!answer) return no_good(fmt::format("is no JSON{}: {}", where_no_json(text), quote(text)));
  return *std::move(answer);
}

}  // namespace athanor
