// The table of candidates that a campaign file names. Private to read_problem.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/document.h"
#include "core/space.h"

namespace athanor {

/// `candidates: pool.csv`, or `candidates: {file: pool.csv, columns: {parameter: "column"}}`.
struct CandidateFile {
  Node node;
  std::string file;
  std::vector<std::pair<std::string, std::string>> columns;  ///< parameter and its column, where the names differ
  std::string text;
};

/// Reads the file's text. Mistakes (a file that is not there among them) are added at their place, and none is given.
std::optional<CandidateFile> open_candidates(const Node& candidates);

/// Parameters made of the table's columns, those named in `except` (the objectives) left out: a column of numbers
/// becomes levels, or a range where it has more than 64 different ones; any other column becomes choices. Where
/// `columns` are named, only those. Empty where there is a mistake.
std::vector<Parameter> parameters_of(const CandidateFile& candidates, const std::vector<std::string>& except);

/// The rows as points of `parameters`, numbers in the parameters' units, equal rows once, rows that violate an
/// inequality among `constraints` left out. A cell that is no legal value, or a row off a mixture, is a mistake that
/// names the row.
std::optional<CandidatePool> read_pool(const CandidateFile& candidates, const std::vector<Parameter>& parameters,
                                       const std::vector<LinearConstraint>& constraints);

}  // namespace athanor
