// The model `lookup`: a table of experiments that somebody really carried out, as a laboratory of stations that
// `measure`.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/table.h"
#include "lab_twin/lookup_table.h"
#include "lab_twin/model.h"

namespace athanor {
namespace {

struct Lookup {
  struct Result {
    std::string name, unit;
    std::vector<double> values;  ///< one a row
  };
  std::optional<LookupTable> table;
  std::vector<std::string> units;  ///< of the parameters
  std::vector<Result> results;
  bool exact = true;
  bool draw = false;
  double duration_s = 1800;
};

class Measure final : public Behaviour {
 public:
  explicit Measure(std::shared_ptr<const Lookup> lookup) : lookup_(std::move(lookup)) {}

  CapabilityBuilder describe() const override {
    auto measure = capability("measure");
    const auto& columns = lookup_->table->columns();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].is_text()) {
        measure.text(columns[i].name, columns[i].choices);
      } else {
        measure.number(columns[i].name, lookup_->units[i], columns[i].low, columns[i].high);
        if (lookup_->exact) measure.levels(columns[i].levels);
      }
    }
    for (const auto& result : lookup_->results) measure.result(result.name, result.unit);
    return measure.usual_duration(from_seconds(lookup_->duration_s)).repeatable();
  }

  Outcome<double> begin(const Scene& scene) const override {
    const auto match = find(scene);
    if (match.exact || (!lookup_->exact && match.same_texts)) return lookup_->duration_s;
    return Fault{Fault::Kind::kLimit, fmt::format("nobody measured this point; the nearest in the table is {}",
                                                  lookup_->table->text(match.point))};
  }

  Outcome<Results> act(Scene& scene, double, double) const override {
    const auto& rows = lookup_->table->rows(find(scene).point);
    auto lot = scene.chance("replicate");
    const std::size_t drawn = rows[lot.below(rows.size())];
    Results results;
    for (const auto& result : lookup_->results) {
      double value = result.values[drawn];
      if (!lookup_->draw) {
        double sum = 0;
        for (const std::size_t row : rows) sum += result.values[row];
        value = sum / static_cast<double>(rows.size());
      }
      results.push_back({result.name, value});
    }
    return results;
  }

 private:
  LookupTable::Match find(const Scene& scene) const {
    std::vector<double> at;
    for (const auto& column : lookup_->table->columns()) {
      if (column.is_text()) {
        const auto& text = scene.with.text(column.name);
        at.push_back(static_cast<double>(std::find(column.choices.begin(), column.choices.end(), text) -
                                         column.choices.begin()));
      } else {
        at.push_back(scene.with.number(column.name));
      }
    }
    return lookup_->table->nearest(at);
  }

  std::shared_ptr<const Lookup> lookup_;
};

/// A column of the table, asked for by the setting `name: {column: …, unit: …}`.
struct Wanted {
  std::string name, unit;
  std::size_t column = 0;
  Node node;
};

std::vector<Wanted> read_columns(const Node& node, const std::string& what, const Table& table) {
  std::vector<Wanted> wanted;
  for (const auto& [name, entry] : node.entries()) {
    Settings settings(entry, what + " " + name);
    Wanted column{name, "", 0, entry};
    const Node written = settings.raw("column");
    const std::string header = written ? written.text().value_or(name) : name;
    if (const auto found = table.find(header)) {
      column.column = *found;
    } else {
      (written ? written : node)
          .error(fmt::format("{} has no column “{}”{}", table.file, header, suggest_name(header, table.columns)));
      settings.raw("unit");
      settings.finish();
      continue;
    }
    if (const Node unit = settings.raw("unit")) {
      column.unit = unit.text().value_or("");
      try {
        Unit::parse(column.unit);
      } catch (const InputError& error) {
        unit.error(error.what());
        column.unit.clear();
      }
    }
    settings.finish();
    wanted.push_back(std::move(column));
  }
  return wanted;
}

bool is_number(const std::string& cell) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  return error == std::errc() && end == cell.data() + cell.size() && std::isfinite(value);
}

/// The different numbers in the last column of `rows`; none where there are more than a description should carry.
std::vector<double> different_values(const std::vector<std::vector<double>>& rows) {
  constexpr std::size_t kMostLevels = 1000;
  std::set<double> values;
  for (const auto& row : rows) {
    values.insert(row.back());
    if (values.size() > kMostLevels) return {};
  }
  return {values.begin(), values.end()};
}

/// The parameters' columns as numbers: texts where any cell is no number.
void index_table(const Table& table, const std::vector<Wanted>& parameters, Lookup& lookup) {
  std::vector<LookupColumn> columns;
  std::vector<std::vector<double>> rows(table.rows.size());
  for (const Wanted& wanted : parameters) {
    LookupColumn column;
    column.name = wanted.name;
    const bool numbers = std::all_of(table.rows.begin(), table.rows.end(),
                                     [&](const auto& row) { return is_number(row[wanted.column]); });
    if (!numbers && !wanted.unit.empty()) {
      wanted.node.error(fmt::format("the column “{}” of {} holds texts, which have no unit",
                                    table.columns[wanted.column], table.file));
    }
    std::map<std::string, std::size_t> known;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::string& cell = table.rows[row][wanted.column];
      if (numbers) {
        const double value = table.number(row, wanted.column);
        column.low = row == 0 ? value : std::min(column.low, value);
        column.high = row == 0 ? value : std::max(column.high, value);
        rows[row].push_back(value);
      } else {
        const auto [found, is_new] = known.emplace(cell, column.choices.size());
        if (is_new) column.choices.push_back(cell);
        rows[row].push_back(static_cast<double>(found->second));
      }
    }
    if (numbers) column.levels = different_values(rows);
    columns.push_back(std::move(column));
    lookup.units.push_back(wanted.unit);
  }
  lookup.table.emplace(std::move(columns), rows);
}

class LookupModel final : public Model {
 public:
  LookupModel(const Lab& lab, Settings& settings) {
    auto lookup = std::make_shared<Lookup>();
    lookup->exact = settings.choice("match", {"exact", "nearest"}, "exact") == "exact";
    lookup->draw = settings.choice("replicates", {"mean", "draw"}, "draw") == "draw";
    lookup->duration_s = settings.quantity("duration", "s", 1800, 1e-3, 1e9);
    const Node file = settings.required("table"), parameters = settings.required("parameters"),
               results = settings.required("results");
    if (const auto path = file ? file.path() : std::nullopt) read(*path, file, parameters, results, *lookup);
    lookup_ = std::move(lookup);
    usable_ = !lab.file->has_errors();
  }

  std::vector<std::string> kinds() const override { return {"station"}; }

  Behaviours device(const std::string&, Settings&) const override {
    Behaviours behaviours;
    if (usable_) behaviours.push_back(std::make_unique<Measure>(lookup_));
    return behaviours;
  }

 private:
  static void read(const std::string& path, const Node& file, const Node& parameters, const Node& results,
                   Lookup& lookup) {
    Table table;
    try {
      table = read_csv(path);
    } catch (const EnvironmentError& error) {
      file.error(error.what());
      return;
    } catch (const InputError& error) {
      file.error(error.what());
      return;
    }
    if (table.rows.empty()) file.error(fmt::format("{} holds no experiments", path));
    if (!parameters || !results || table.rows.empty()) return;
    const auto wanted = read_columns(parameters, "parameter", table);
    if (wanted.empty()) parameters.error("no parameters: name at least one column of the table");
    for (const Wanted& result : read_columns(results, "result", table)) {
      Lookup::Result column{result.name, result.unit, {}};
      for (std::size_t row = 0; row < table.rows.size(); ++row) {
        try {
          column.values.push_back(table.number(row, result.column));
        } catch (const InputError& error) {
          result.node.error(error.what());
          break;
        }
      }
      lookup.results.push_back(std::move(column));
    }
    if (lookup.results.empty()) results.error("no results: name at least one column of the table");
    if (!wanted.empty()) index_table(table, wanted, lookup);
  }

  std::shared_ptr<const Lookup> lookup_;
  bool usable_ = false;
};

}  // namespace

std::unique_ptr<Model> make_lookup(const Lab& lab, Settings& settings) {
  return std::make_unique<LookupModel>(lab, settings);
}

}  // namespace athanor
