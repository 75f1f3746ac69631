// Everything that can be checked of a journal: what `athanor replay --verify` does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/journal.h"
#include "controller/named_arrays.h"

namespace athanor {

struct Verdict {
  std::uint64_t events = 0;                ///< that fit the chain
  std::optional<std::uint64_t> broken_at;  ///< the first record that does not
  std::string state_hash;                  ///< all records applied, without any snapshot
  std::string state_hash_of_start;         ///< as a start comes to it: from the newest sound snapshot
  std::size_t snapshots_named = 0;         ///< by the chain
  std::size_t snapshots_compared = 0;      ///< with what replay gives at their place
  std::size_t snapshots_of_other_version = 0;
  std::size_t snapshots_kept = 0;

  struct Damage {
    std::uint64_t at = 0;  ///< the number of the record that does not fit, or that the rest does not fit to
    std::string what;      ///< a sentence
  };
  std::vector<Damage> damage;  ///< by the number of the record; none: the journal is sound

  std::uint64_t arrays_named = 0;
  std::vector<LostArray> lost;  ///< of those, by the number of the record

  bool sound() const { return damage.empty() && lost.empty(); }
};

/// Applies every record from the first, holds each snapshot that the chain names against the state at its place, each
/// that is kept against its name, and the state that a start would come to against the one from replay; `judge` says of
/// every array that a record names whether it is as it was (none: they are counted). throws EnvironmentError if the
/// journal cannot be read.
Verdict verify(Journal& journal, const JudgeArrays& judge = {});

}  // namespace athanor
