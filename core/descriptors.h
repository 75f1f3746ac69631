// What is known of a parameter's choices, from a table beside the campaign file. Private to read_parameters.
#pragma once

#include "core/document.h"
#include "core/space.h"

namespace athanor {

/// Reads `descriptors:` of a parameter into `choices`: a CSV file, its first column the choices' names, or {file: …,
/// column: the names' column}, or the numbers themselves, one list a choice. Without names in `choices` they are those
/// of the file, in its order. False, and a mistake at its place, where a choice has no row or a cell is no number.
///
/// Taken are the columns that hold numbers, in the rows of the choices, each scaled from 0 to 1; a column without any
/// number (a formula, a supplier) is no descriptor. Left out are columns that are constant, which tell nothing apart,
/// and of two that are correlated by more than 0.95 the later one: they say the same thing twice, and a property would
/// count the more the more columns a table happens to have for it.
bool read_descriptors(const Node& descriptors, const std::string& parameter, Choices& choices);

}  // namespace athanor
