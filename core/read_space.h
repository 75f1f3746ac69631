// The parts of a campaign file that describe its space. Private to read_problem.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/document.h"
#include "core/problem.h"
#include "core/space.h"

namespace athanor {

/// What is known of the space while it is read. A parameter that could not be read is `broken`: it is left out, and
/// what names it is not checked, so that one mistake is reported once.
struct SpaceDraft {
  std::vector<Parameter> parameters;
  std::vector<LinearConstraint> constraints;
  std::set<std::string, std::less<>> broken;
  bool unread = false;  ///< some choices stand in a file that was not to be read
};

/// Whether `name` can be used in constraints and as "$name": [A-Za-z_][A-Za-z0-9_]*.
bool is_parameter_name(std::string_view name);

/// `space:`, each parameter one of range, integer, levels and choices.
void read_parameters(const Node& space, NamedFiles files, SpaceDraft& draft);
/// What `read_parameters` would read, on one line: {temperature: {range: ["30 degC", "110 degC"]}, …}.
std::string write_parameters(const std::vector<Parameter>& parameters);
/// `mixtures:`, each one the equality Σ parts = total.
void read_mixtures(const Node& mixtures, SpaceDraft& draft);
/// `constraints:`, a list of texts.
void read_constraints(const Node& constraints, SpaceDraft& draft);

}  // namespace athanor
