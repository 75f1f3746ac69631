// The planner as a conversation: one JSON object a line in, one out, so that any language can ask and tell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "optimizers/planner.h"

namespace athanor {

/// Keeps what was told and what is pending. The lines, one verb each:
///
///   {"tell": [{"at": {…}, "measured": {"yield": 41.2}, "sd": {"yield": 1.5}}, {"id": "s3", "failed": "clogged"}]} →
///   {"observations": 2}
///   {"ask": 4, "seed": 7, "deadline_ms": 2000} → {"suggestions": [{"id": …, "at": {…}, "predicted": {…}}], "seconds":
///   0.012}
///   {"abandon": ["s4"]} → {"abandoned": 1}          {"predict": [{…}]} → {"predictions": [{"yield": {"mean": …, "sd":
///   …}}]}
///   {"describe": true} → {"model": {"yield": {"lengthscales": {…}, "noise_sd": …, …}}}
///
/// A value of `at` is a number in the campaign's unit, a quantity ("80 degC", converted), or a choice's name. What was
/// asked for is pending until it is told, by its id or by an equal `at`, or abandoned. Without a seed, each question
/// takes the next one. Anything that cannot be understood is answered by {"error": …} with every mistake of the line;
/// then nothing of it was taken.
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
  friend class PlanDialogue;

  Problem problem_;
  std::vector<Observation> observations_;
  std::vector<Pending> pending_;
  std::uint64_t asked_ = 0;      // questions
  std::uint64_t suggested_ = 0;  // ids given out
};

}  // namespace athanor
