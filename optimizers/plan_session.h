// The planner as a conversation: one JSON object a line in, one out, so that any language can ask and tell.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "optimizers/planner.h"

namespace athanor {

/// Keeps what was told and what is pending. A line is one verb ("tell", "ask", "abandon", "predict" or "describe") with
/// what belongs to it; docs/plan.md gives every form of lines and answers. What was asked for is pending until it is
/// told, by its id or by an equal `at`, or abandoned. Without a seed, each question takes the next one. Anything that
/// cannot be understood is answered by {"error": …} with every mistake of the line; then nothing of it was taken.
class PlanSession {
 public:
  explicit PlanSession(Problem problem);

  /// Never throws for anything in `line`; the answer has no line break.
  std::string answer(const std::string& line);

 private:
  struct Pending {
    std::string id;
    Point at;
  };
  /// Of an id that is not pending any more, or never was.
  struct Ended {
    Point at;
    bool told = false;  ///< else abandoned
  };
  friend class PlanDialogue;

  Problem problem_;
  std::vector<Observation> observations_;
  std::vector<Pending> pending_;
  std::map<std::string, Ended> ended_;
  std::uint64_t asked_ = 0;      // questions
  std::uint64_t suggested_ = 0;  // ids given out
};

}  // namespace athanor
