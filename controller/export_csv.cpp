#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/export.h"
#include "core/table.h"

namespace athanor {
namespace {

using nlohmann::json;

const json kNothing;

// The value at a path of keys, or null where one of them is missing.
const json& look(const json& document, std::initializer_list<const char*> keys) {
  const json* at = &document;
  for (const char* key : keys) {
    const auto found = at->find(key);
    if (found == at->end()) return kNothing;
    at = &*found;
  }
  return *at;
}

std::string cell(const json& value) {
  if (value.is_string()) return csv_cell(value.get<std::string>());
  if (value.is_number_float()) return format_number(value.get<double>());
  return value.is_null() ? "" : value.dump();
}

// A list of texts as one cell.
std::string joined(const json& texts) {
  std::string all;
  for (const json& text : texts) all += (all.empty() ? "" : "; ") + text.get<std::string>();
  return csv_cell(all);
}

std::string titled(const std::string& name, const Unit& unit) {
  return csv_cell(unit.text().empty() ? name : fmt::format("{} ({})", name, unit.text()));
}

// The arrays of an experiment's commands as one cell: "spectrum: FILE, DATASET, 1200 float64, sha256 …".
std::string arrays(const json& experiment) {
  std::string all;
  for (const json& command : look(experiment, {"commands"})) {
    for (const json& array : look(command, {"arrays"})) {
      std::string shape;
      for (const json& length : array["shape"]) shape += (shape.empty() ? "" : " x ") + length.dump();
      all += fmt::format("{}{}: {}, {}, {} {}, sha256 {}", all.empty() ? "" : "; ", array["result"].get<std::string>(),
                         array["file"].get<std::string>(), array["dataset"].get<std::string>(), shape,
                         array["element"].get<std::string>(), array["sha256"].get<std::string>());
      if (array.contains("missing")) all += fmt::format(", missing: {}", array["missing"].get<std::string>());
    }
  }
  return csv_cell(all);
}

void write_row(std::string& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) out += (i > 0 ? "," : "") + cells[i];
  out += "\n";
}

}  // namespace

std::string export_csv(const Campaign& campaign, const History& history, const ArrayFolder& folder) {
  const json document = export_json(campaign, history, folder);
  const std::vector<Measurand> measurands = campaign.problem.measurands();
  const bool constrained = !campaign.problem.outcome_constraints.empty();
  std::string out;

  std::vector<std::string> header = {"number", "state", "started", "ended"};
  for (const Parameter& parameter : campaign.problem.space.parameters()) {
    header.push_back(titled(parameter.name, parameter.unit));
  }
  for (const Measurand& measurand : measurands) {
    header.push_back(titled(measurand.name, measurand.unit));
    header.push_back(titled(measurand.name + " predicted mean", measurand.unit));
    header.push_back(titled(measurand.name + " predicted sd", measurand.unit));
  }
  if (constrained) header.push_back("violates");
  header.insert(header.end(), {"chosen because", "ended because", "counts as"});
  for (const Measurand& measurand : measurands)
    header.push_back(titled(measurand.name + " as measured", measurand.unit));
  header.insert(header.end(), {"corrected by", "corrected because", "doubted because"});
  const auto& experiments = document["experiments"];
  const bool with_arrays =
      std::any_of(experiments.begin(), experiments.end(), [](const json& one) { return !arrays(one).empty(); });
  if (with_arrays) header.push_back("arrays");
  write_row(out, header);

  const auto write = [&](const json& experiment, const char* state) {
    std::vector<std::string> cells = {cell(look(experiment, {"number"})), state};
    for (const char* key : {"started", "ended"}) cells.push_back(cell(look(experiment, {key})));
    for (const Parameter& parameter : campaign.problem.space.parameters()) {
      cells.push_back(cell(look(experiment, {"at", parameter.name.c_str()})));
    }
    for (const Measurand& measurand : measurands) {
      const char* name = measurand.name.c_str();
      cells.push_back(cell(look(experiment, {"measured", name})));
      cells.push_back(cell(look(experiment, {"predicted", name, "mean"})));
      cells.push_back(cell(look(experiment, {"predicted", name, "sd"})));
    }
    if (constrained) cells.push_back(joined(look(experiment, {"violates"})));
    for (const char* key : {"reason", "why", "counts_as"}) cells.push_back(cell(look(experiment, {key})));
    // Whoever reads the table need not ask first whether anybody corrected anything.
    const json& words = look(experiment, {"corrections"});
    const char* as_measured = experiment.contains("as_measured") || !words.is_null() ? "as_measured" : "measured";
    for (const Measurand& measurand : measurands)
      cells.push_back(cell(look(experiment, {as_measured, measurand.name.c_str()})));
    for (const char* key : {"who", "why"}) cells.push_back(words.is_null() ? "" : cell(look(words.back(), {key})));
    std::string doubts;
    for (const auto& [name, why] : look(experiment, {"doubted"}).items())
      doubts += (doubts.empty() ? "" : "; ") + why.get<std::string>();
    cells.push_back(csv_cell(doubts));
    if (with_arrays) cells.push_back(arrays(experiment));
    write_row(out, cells);
  };
  for (const json& experiment : document["experiments"])
    write(experiment, experiment["state"].get_ref<const std::string&>().c_str());
  for (const json& added : document["added"]) write(added, "added");
  return out;
}

}  // namespace athanor
