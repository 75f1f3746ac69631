// Journals as a campaign would have written them, made up from a seed: for the tests of what is drawn and exported.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/campaign.h"
#include "proto/journal.pb.h"

namespace athanor {

struct Story {
  Campaign campaign;
  std::vector<journal::v1::Record> records;
};

struct StoryPlan {
  std::string campaign = "suzuki-yield";
  std::size_t experiments = 40;
  std::uint64_t seed = 7;
  double fail_share = 0.06;     ///< of the experiments
  bool two_objectives = false;  ///< yield and cost; otherwise yield alone
  bool target = false;          ///< yield is to be brought to 60 %
  /// “impurity” is measured too and must be at most this many percent; 0: it is not measured.
  double impurity_limit = 0;
  bool finished = true;  ///< otherwise the last experiments are still running
};

/// A Suzuki coupling with six parameters, one of each kind and more, over seven instruments: an initial design of
/// eight, then points near the best one with predictions that grow better; records in the order of their time.
Story tell(const StoryPlan& plan);

}  // namespace athanor
