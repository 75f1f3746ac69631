// The steps of a profile, as they are read.
#pragma once

#include <optional>

#include "adapters/profile.h"

namespace athanor {

/// Reads one routine after another; what was taken in one step is known in the next.
class RoutineReader {
 public:
  /// known    the parameters, and what the command itself carries.
  /// results  what the capability gives: steps that take one of these names give its unit.
  /// asking   the key of a routine that may only ask, for its mistakes; empty: steps may act.
  RoutineReader(const Adapter& adapter, Variables known, Variables results, std::string asking = "");

  /// A list of steps; mistakes are added to the document.
  Routine read(const Node& steps);
  /// The names that steps have taken from answers.
  const Variables& taken() const { return taken_; }

 private:
  ProfileStep read_step(const Node& node);
  bool read_verb(MapReader& reader, ProfileStep& step);
  bool put(ProfileStep& step, const std::string& key, const Node& node, const Filling& filling) const;
  void read_takes(const Node& node, ProfileStep& step);
  void read_expect(const Node& node, ProfileStep& step);
  void read_faults(const Node& node, ProfileStep& step);
  void read_until(MapReader& reader, ProfileStep& step);
  void read_progress(const Node& node, const ProfileStep& step, Until& until) const;
  std::vector<Condition> read_conditions(const Node& node, ProfileStep& step) const;
  std::optional<Template> read_time(const Node& node) const;

  const Adapter& adapter_;
  Variables known_, results_, taken_;
  const std::string asking_;
};

}  // namespace athanor
