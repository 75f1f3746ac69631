#include "tests/controller/story.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "controller/tables.h"
#include "core/random.h"

namespace athanor {
namespace {

using journal::v1::Record;

const std::vector<std::string> kLigands = {"XPhos", "SPhos", "PPh3", "dppf", "RuPhos"};

Campaign suzuki_campaign(const StoryPlan& plan) {
  Campaign campaign;
  campaign.name = plan.campaign;
  const Unit percent = Unit::parse("%");
  campaign.problem.space = Space({{"temperature", Unit::parse("degC"), Continuous{30, 110, false}},
                                  {"residence", Unit::parse("s"), Continuous{60, 600, true}},
                                  {"loading", percent, Continuous{0.498, 2.515, false}},
                                  {"cycles", Unit(), Integer{1, 8}},
                                  {"pressure", Unit::parse("bar"), Levels{{1, 2, 5}}},
                                  {"ligand", Unit(), Choices{kLigands}}});
  campaign.problem.objectives.push_back({"yield", percent,
                                         plan.target ? Objective::Goal::kTarget : Objective::Goal::kMaximize,
                                         plan.target ? 60.0 : 0.0});
  if (plan.two_objectives) {
    campaign.problem.objectives.push_back({"cost", Unit::parse("1/g"), Objective::Goal::kMinimize, 0});
  }
  if (plan.impurity_limit > 0) {
    campaign.problem.measured_too = {{"impurity", percent}};
    campaign.problem.outcome_constraints = {{campaign.problem.objectives.size(), true, plan.impurity_limit,
                                             fmt::format("impurity <= {} %", plan.impurity_limit)}};
  }
  campaign.problem.planner = {8, 3};
  campaign.stop.experiments = plan.experiments;
  for (const char* name : {"dose", "react", "look"}) {
    Step step;
    step.name = name;
    campaign.steps.push_back(std::move(step));
  }
  return campaign;
}

double true_yield(const Point& at) {
  const double ligand[] = {1.0, 0.9, 0.45, 0.7, 0.95};
  const double hot = (at[0] - 92) / 34, slow = std::log(at[1] / 330) / 1.1, rich = (at[2] - 1.9) / 1.3;
  const double tired = (at[3] - 4) / 9;
  return 93 * ligand[static_cast<std::size_t>(at[5])] *
         std::exp(-hot * hot - slow * slow - rich * rich - tired * tired) * (at[4] > 1.5 ? 1.0 : 0.93);
}

double true_cost(const Point& at) {
  return 2 + 3.1 * at[2] + 0.35 * at[3] + (at[5] < 2 ? 1.6 : 0.4) + at[1] / 400;
}

double true_impurity(const Point& at) {
  return 0.4 + 4 * std::exp((at[0] - 110) / 22) + 0.9 * at[2] + at[1] / 500;
}

class Teller {
 public:
  explicit Teller(const StoryPlan& plan)
      : plan_(plan), chance_(plan.seed, "story"), story_{suzuki_campaign(plan), {}} {}

  Story tell() {
    open();
    for (std::uint64_t number = 1; number <= plan_.experiments; ++number) experiment(number);
    std::stable_sort(story_.records.begin(), story_.records.end(),
                     [](const Record& a, const Record& b) { return a.time_us() < b.time_us(); });
    if (plan_.finished) {
      Record& end = add(last_);
      end.mutable_campaign()->set_event(static_cast<std::uint32_t>(CampaignEvent::kComplete));
      end.mutable_campaign()->set_why(fmt::format("{} experiments are done", plan_.experiments));
    } else {
      // As if read before the end: what happened after nine tenths of the time is not there yet.
      const auto cut = kStart + static_cast<std::int64_t>(0.9 * static_cast<double>(last_ - kStart));
      std::erase_if(story_.records, [&](const Record& record) { return record.time_us() > cut; });
    }
    return std::move(story_);
  }

 private:
  static constexpr std::int64_t kStart = 1772352900000000;  // 2026-03-01T08:15:00Z

  Record& add(std::int64_t time) {
    last_ = std::max(last_, time);
    story_.records.emplace_back().set_time_us(time);
    return story_.records.back();
  }

  void open() {
    auto& opened = *add(kStart).mutable_opened();
    opened.set_format(1);
    opened.set_campaign(plan_.campaign);
    opened.set_seed(plan_.seed);
    auto& seen = *add(kStart + 1000).mutable_driver_seen();
    seen.set_driver("bench");
    for (const char* id : {"dispenser-1", "dispenser-2", "reactor-1", "reactor-2", "reactor-3", "hplc-1"}) {
      auto& instrument = *seen.add_instruments();
      instrument.set_id(id);
      instrument.set_kind(std::string(id).substr(0, std::string(id).find('-')));
      free_[id] = kStart + 2000;
    }
    add(kStart + 2000).mutable_campaign()->set_event(static_cast<std::uint32_t>(CampaignEvent::kStart));
  }

  Point choose(std::uint64_t number) {
    const Space& space = story_.campaign.problem.space;
    std::vector<double> unit(space.size());
    for (double& u : unit) u = chance_.uniform();
    if (number > 8 && !best_.empty() && chance_.uniform() < 0.85) {
      const std::vector<double> near = space.encode(best_);
      for (std::size_t i = 0; i < unit.size(); ++i) unit[i] = std::clamp(near[i] + 0.13 * chance_.normal(), 0.0, 1.0);
    }
    return space.decode(unit);
  }

  void propose(std::uint64_t number, const Point& at, std::int64_t time) {
    auto& proposed = *add(time).mutable_proposed();
    proposed.set_experiment(number);
    const Space& space = story_.campaign.problem.space;
    for (std::size_t i = 0; i < space.size(); ++i) {
      auto& value = *proposed.add_at();
      value.set_name(space[i].name);
      value.set_unit(space[i].unit.text());
      if (space[i].categorical()) {
        value.set_text(space[i].text(at[i]));
      } else {
        value.set_number(at[i]);
      }
    }
    proposed.set_reason(number <= 8 ? "initial design" : "expected improvement 0.31 %");
    if (number <= 8) return;
    const double sd = 2 + 24 / std::sqrt(static_cast<double>(number - 7));
    add_prediction(proposed, "yield", true_yield(at) + sd * chance_.normal(), sd);
    if (plan_.two_objectives) add_prediction(proposed, "cost", true_cost(at) + 0.1 * sd * chance_.normal(), 0.1 * sd);
    if (plan_.impurity_limit > 0) {
      add_prediction(proposed, "impurity", true_impurity(at) + 0.05 * sd * chance_.normal(), 0.05 * sd);
    }
  }

  static void add_prediction(journal::v1::Proposed& proposed, const std::string& objective, double mean, double sd) {
    auto& predicted = *proposed.add_predicted();
    predicted.set_objective(objective);
    predicted.set_mean(mean);
    predicted.set_sd(sd);
  }

  // One command on whichever instrument of its kind is free first; gives the time of its end.
  std::int64_t command(std::uint64_t number, std::uint32_t step, const std::string& kind, std::int64_t ready,
                       double takes_s, const std::string& fault) {
    auto chosen = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->first.starts_with(kind) && (chosen == free_.end() || it->second < chosen->second)) chosen = it;
    }
    const std::int64_t start = std::max(ready, chosen->second), end = start + static_cast<std::int64_t>(1e6 * takes_s);
    chosen->second = end;
    const std::string id = fmt::format("{}.{}", number, step);
    auto& intended = *add(start).mutable_intended();
    intended.set_experiment(number);
    intended.set_step(step);
    intended.set_attempt(1);
    intended.mutable_command()->set_id(id);
    intended.mutable_command()->set_instrument(chosen->first);
    intended.mutable_command()->set_capability(step == 0 ? "dispense" : step == 1 ? "heat" : "measure_hplc");
    move(id, CommandEvent::kAccept, start + 3000);
    auto& moved = move(id, fault.empty() ? CommandEvent::kFinish : CommandEvent::kFail, end);
    moved.mutable_outcome()->set_message(fault);
    return end;
  }

  journal::v1::CommandMoved& move(const std::string& id, CommandEvent event, std::int64_t time) {
    auto& moved = *add(time).mutable_command();
    moved.set_id(id);
    moved.set_event(static_cast<std::uint32_t>(event));
    return moved;
  }

  void experiment(std::uint64_t number) {
    const Point at = choose(number);
    std::int64_t time = ends_.size() < 3 ? kStart + 2000 : ends_[ends_.size() - 3];
    propose(number, at, time);
    add(time).mutable_approved()->set_experiment(number);
    add(time).mutable_begun()->set_experiment(number);
    story_.records.back().mutable_begun()->set_place(fmt::format("vial-{}", 1 + (number - 1) % 8));
    const bool fails = chance_.uniform() < plan_.fail_share;
    time = command(number, 0, "dispenser", time, 45 + 20 * chance_.uniform(), "");
    time = command(number, 1, "reactor", time, 240 + 3 * at[1], fails ? "clogged: pressure rose above 6 bar" : "");
    if (fails) {
      add(time).mutable_failed()->set_experiment(number);
      story_.records.back().mutable_failed()->set_why("react: clogged: pressure rose above 6 bar");
      auto& alarm = *add(time).mutable_alarm();
      alarm.set_about("reactor");
      alarm.set_text("the line was flushed after experiment " + std::to_string(number));
    } else {
      time = command(number, 2, "hplc", time, 420, "");
      measure(number, at, time);
    }
    ends_.push_back(time);
    std::sort(ends_.begin(), ends_.end());
  }

  void measure(std::uint64_t number, const Point& at, std::int64_t time) {
    const double yield = std::clamp(true_yield(at) + 1.5 * chance_.normal(), 0.0, 100.0);
    const double merit = story_.campaign.problem.objectives[0].merit(yield);
    const bool allowed = plan_.impurity_limit == 0 || true_impurity(at) <= plan_.impurity_limit;
    if (allowed && (best_.empty() || merit > best_merit_)) best_ = at, best_merit_ = merit;
    auto& measured = *add(time).mutable_measured();
    measured.set_experiment(number);
    add_value(measured, "yield", yield);
    if (plan_.two_objectives) add_value(measured, "cost", true_cost(at) + 0.1 * chance_.normal());
    if (plan_.impurity_limit > 0) add_value(measured, "impurity", true_impurity(at) + 0.1 * chance_.normal());
  }

  static void add_value(journal::v1::Measured& measured, const std::string& name, double number) {
    auto& value = *measured.add_values();
    value.set_name(name);
    value.set_number(number);
  }

  const StoryPlan& plan_;
  RandomStream chance_;
  Story story_;
  std::map<std::string, std::int64_t> free_;  // when each instrument is free again
  std::vector<std::int64_t> ends_;            // of the experiments, ascending
  std::int64_t last_ = 0;
  Point best_;
  double best_merit_ = 0;
};

}  // namespace

Story tell(const StoryPlan& plan) {
  return Teller(plan).tell();
}

}  // namespace athanor
