#include "controller/history.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/status.h"

namespace athanor {

using journal::v1::Record;

namespace {

constexpr std::uint64_t kNoLimit = 1'000'000'000'000;  // more than any journal holds

}  // namespace

Counted what_counts(const ExperimentLife& life) {
  return what_counts(life.state, life.measured, life.flags, life.why,
                     life.corrections.empty() ? nullptr : &life.corrections.back().told);
}

History::History(const std::vector<Record>& records) {
  for (const Record& record : records) read(record);
}

void History::end(std::uint64_t number, ExperimentState state, Time time, const std::string& reason) {
  ExperimentLife& life = experiments[number];
  life.state = state;
  life.ended = time;
  life.why = reason;
}

void History::move(const journal::v1::CommandMoved& moved, Time time) {
  const auto found = command_at_.find(moved.id());
  if (found == command_at_.end() || moved.event() >= static_cast<std::uint32_t>(CommandEvent::kCount)) return;
  CommandLife& life = experiments[found->second.first].commands[found->second.second];
  const Cell cell = kCommandTable.at(life.state, static_cast<CommandEvent>(moved.event()));
  if (cell.kind != Cell::Kind::kGo) return;
  life.state = static_cast<CommandState>(cell.to);
  if (life.state == CommandState::kAccepted) {
    life.start = time;
  } else if (life.state != CommandState::kIntended) {
    life.end = time;
    if (life.state != CommandState::kDone) life.why = moved.why().empty() ? moved.outcome().message() : moved.why();
    for (const driver::v1::Value& result : moved.outcome().results()) {
      if (result.has_array()) life.arrays.push_back(result);
    }
  }
}

void History::move_campaign(CampaignEvent event, const std::string& reason) {
  const Cell cell = kCampaignTable.at(status, event);
  if (cell.kind == Cell::Kind::kGo) status = static_cast<CampaignState>(cell.to);
  why = reason;
}

void History::wait_for_planner(const Record& record, Time time) {
  const bool waits = asking_ && waiting_ > 0 && allowed_ > 0 && status == CampaignState::kRunning;
  if (waits && !record.has_started() && time > last) planning_wait += time - last;
  switch (record.body_case()) {
    case Record::kAsked: {
      const auto& ahead = record.asked().ahead();
      asking_ = true;
      waiting_ = record.asked().has_ahead() ? ahead.free() : record.asked().count();
      allowed_ = static_cast<std::int64_t>(ahead.allowed() > 0 ? ahead.allowed() : kNoLimit);
      break;
    }
    case Record::kAnswered:
      asking_ = false;
      break;
    case Record::kProposed:
      --waiting_;
      --allowed_;
      break;
    case Record::kAbandoned:  // another may take its place
      ++allowed_;
      [[fallthrough]];
    case Record::kMeasured:
    case Record::kFailed:
      ++waiting_;
      break;
    default:
      break;
  }
}

void History::read(const Record& record) {
  const Time time{Duration{record.time_us()}};
  wait_for_planner(record, time);
  last = std::max(last, time);
  empty = false;
  switch (record.body_case()) {
    case Record::kOpened:
      opened = last = time;
      seed = record.opened().seed();
      break;
    case Record::kCampaign:
      if (record.campaign().event() >= static_cast<std::uint32_t>(CampaignEvent::kCount)) break;
      move_campaign(static_cast<CampaignEvent>(record.campaign().event()), record.campaign().why());
      break;
    case Record::kOrder: {
      using journal::v1::Order;
      const Order& order = record.order();
      notes.push_back({time, order.who(), describe_order(order)});
      const bool of_campaign = order.scope() == Order::CAMPAIGN;
      const std::string reason = order.who() + ": " + order.why();
      if (order.verb() > Order::RESUME && (of_campaign || order.scope() == Order::LABORATORY)) {
        move_campaign(CampaignEvent::kAskStop, reason);
      } else if (of_campaign) {
        move_campaign(order.verb() == Order::PAUSE ? CampaignEvent::kPause : CampaignEvent::kResume,
                      order.verb() == Order::PAUSE ? reason : "");
      }
      break;
    }
    case Record::kHelpGiven:
      notes.push_back({time, record.help_given().who(), describe_help(record.help_given())});
      break;
    case Record::kReturned:
      notes.push_back({time, record.returned().instrument(),
                       fmt::format("{} has passed its self-test, and is used again", record.returned().instrument())});
      break;
    case Record::kInterlock:  // that it tripped is an alarm
      if (!record.interlock().tripped())
        notes.push_back({time, record.interlock().name(), describe_passing(record.interlock())});
      break;
    case Record::kDriverSeen:
      for (const driver::v1::Instrument& seen : record.driver_seen().instruments()) {
        instruments[seen.id()] = {record.driver_seen().driver(), seen.kind()};
      }
      break;
    case Record::kAnswered:
      for (const std::string& note : record.answered().notes()) notes.push_back({time, "planner", note});
      break;
    case Record::kProposed: {
      ExperimentLife& life = experiments[record.proposed().experiment()];
      life.proposed = record.proposed();
      life.proposed_at = time;
      break;
    }
    case Record::kApproved:
      experiments[record.approved().experiment()].state = ExperimentState::kApproved;
      break;
    case Record::kBegun: {
      ExperimentLife& life = experiments[record.begun().experiment()];
      life.state = ExperimentState::kRunning;
      life.started = time;
      life.place = record.begun().place();
      break;
    }
    case Record::kIntended: {
      const auto& intended = record.intended();
      if (intended.experiment() == 0) break;  // an instrument tests itself
      std::vector<CommandLife>& commands = experiments[intended.experiment()].commands;
      command_at_[intended.command().id()] = {intended.experiment(), commands.size()};
      commands.push_back(
          {intended.command(), intended.step(), intended.attempt(), CommandState::kIntended, time, {}, {}});
      break;
    }
    case Record::kCommand:
      move(record.command(), time);
      break;
    case Record::kMeasured:
      end(record.measured().experiment(), ExperimentState::kMeasured, time);
      experiments[record.measured().experiment()].measured.assign(record.measured().values().begin(),
                                                                  record.measured().values().end());
      experiments[record.measured().experiment()].flags.assign(record.measured().flags().begin(),
                                                               record.measured().flags().end());
      break;
    case Record::kFailed:
      end(record.failed().experiment(), ExperimentState::kFailed, time, record.failed().why());
      break;
    case Record::kAbandoned:
      end(record.abandoned().experiment(), ExperimentState::kAbandoned, time, record.abandoned().why());
      break;
    case Record::kObserved: {
      const auto& observed = record.observed();
      notes.push_back({time, observed.who(), describe_observed(observed)});
      (observed.experiment() > 0 ? experiments[observed.experiment()].corrections : added[observed.added()])
          .push_back({time, {observed.at().begin(), observed.at().end()}, correction_of(observed)});
      break;
    }
    case Record::kAlarm:
      alarms.push_back({time, record.alarm().about(), record.alarm().text()});
      break;
    default:  // the rest says nothing of an experiment
      break;
  }
}

}  // namespace athanor
