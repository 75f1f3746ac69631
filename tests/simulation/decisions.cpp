#include "tests/simulation/decisions.h"

namespace athanor::simulation {

void count_decisions(const journal::v1::Record& record, Decisions& counts) {
  using journal::v1::HelpGiven;
  const auto count = [&](const std::string& what, bool met) { counts[what] += met; };
  count("step retried", record.intended().attempt() > 1 && record.intended().experiment() > 0);
  count("person asked", record.has_help_asked());
  for (const auto verdict : {HelpGiven::RETRY, HelpGiven::DONE, HelpGiven::ABANDON, HelpGiven::FAIL}) {
    count("answered: " + HelpGiven::Verdict_Name(verdict),
          record.has_help_given() && record.help_given().verdict() == verdict);
  }
  count("clean-up begun", record.has_clean_up());
  count("clean-up failed", record.failed().unclean() || record.abandoned().unclean());
  count("instrument set aside", record.has_set_aside());
  count("self-test", record.has_intended() && record.intended().experiment() == 0);
  count("instrument returned", record.has_returned());
  count("value flagged", record.measured().flags_size() > 0);
  count("place freed by hand", record.has_order() && record.order().scope() == journal::v1::Order::PLACE);
  count("planner asked ahead", record.asked().has_ahead());
  count("observation corrected", record.has_observed());
}

}  // namespace athanor::simulation
