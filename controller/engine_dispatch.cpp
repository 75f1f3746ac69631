// What is begun, and by whom: experiments that have their place and reagents, and steps on free instruments.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "controller/engine.h"
#include "controller/points.h"
#include "core/canary.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {

void Engine::begin_experiments() {
  // What steps use is not known before their drivers were heard.
  if (begins_nothing() || !every_capability_known() || too_many_wait()) return;
  for (auto number = state_.next_live(0); number != 0; number = state_.next_live(number)) {
    const ExperimentEntry& experiment = state_.experiment(number);
    if (experiment.state != ExperimentState::kApproved || experiment.hold != HoldState::kFree) continue;
    std::vector<wire::Value> stock = stock_needed(experiment, procedure());
    const std::string place = free_place();
    const std::string missing = shortage(stock);
    const bool no_place = place.empty() && !places_.empty();
    if (!missing.empty() || no_place) {
      // What has begun is finished first: it has its reagents, and may free a place.
      const bool someone_runs = std::any_of(state_.live.begin(), state_.live.end(), [&](auto other) {
        return state_.experiment(other).state == ExperimentState::kRunning;
      });
      if (someone_runs) return;
      if (missing.empty()) return ask_for_places();
      alarm("stock", missing);
      return move_campaign(CampaignEvent::kAskStop, missing);
    }
    asked_for_places_ = false;
    Record fresh;
    fresh.mutable_begun()->set_experiment(number);
    fresh.mutable_begun()->set_place(place);
    if (ATHANOR_CANARY("begin without stock")) stock.clear();
    for (wire::Value& value : stock) *fresh.mutable_begun()->add_stock() = std::move(value);
    record(std::move(fresh));
  }
}

void Engine::ask_for_places() {
  if (std::exchange(asked_for_places_, true)) return;
  alarm("places", fmt::format("every place holds a sample that nobody has looked at since its experiment ended ({}); "
                              "look at them, and free each with “athanor resume JOURNAL --place NAME”",
                              fmt::join(state_.places_taken, ", ")));
}

bool Engine::every_capability_known() const {
  return std::all_of(campaign_.steps.begin(), campaign_.steps.end(), [&](const Step& step) {
    return std::any_of(offers_.begin(), offers_.end(),
                       [&](const auto& offer) { return find_capability(offer.second, step.capability) != nullptr; });
  });
}

// What the shelf lacks of `stock`, in words; empty if there is enough.
std::string Engine::shortage(const std::vector<wire::Value>& stock) const {
  for (const wire::Value& needed : stock) {
    const auto shelf =
        std::find_if(lab_.stock.begin(), lab_.stock.end(), [&](const auto& s) { return s.name == needed.name(); });
    const auto used = state_.stock_used.find(needed.name());
    const double left = shelf->amount.value - (used == state_.stock_used.end() ? 0 : used->second);
    if (needed.number() <= left + 1e-9 * shelf->amount.value) continue;
    return fmt::format(
        "{} is used up: {} {} left, {} needed; refill it, raise its amount in the lab file, and run again",
        needed.name(), pretty_number(left), needed.unit(), pretty_number(needed.number()));
  }
  return "";
}

void Engine::dispatch_steps() {
  if (begins_nothing()) return;
  for (auto number = state_.next_live(0); number != 0; number = state_.next_live(number)) {
    const ExperimentEntry& experiment = state_.experiment(number);
    if (experiment.help || experiment.clean_up) continue;
    for (const std::size_t step : procedure()) {
      if (experiment.state != ExperimentState::kRunning || experiment.in_use || experiment.hold != HoldState::kFree)
        break;
      if (experiment.commands.contains(static_cast<std::uint32_t>(step))) continue;
      const auto& after = campaign_.steps[step].after;
      const bool ready = std::all_of(after.begin(), after.end(), [&](std::size_t earlier) {
        const auto id = experiment.commands.find(static_cast<std::uint32_t>(earlier));
        return id != experiment.commands.end() && state_.commands.at(id->second).state == CommandState::kDone;
      });
      if (ready) dispatch(experiment, step, 1);
    }
  }
}

// Gives the step to a free instrument that offers its capability within its limits, which did not fail at it if there
// is one. If none is free, the step waits; if none would ever take it, the experiment is given up.
void Engine::dispatch(const ExperimentEntry& experiment, std::size_t step, std::uint32_t attempt) {
  wire::Command command = command_for(experiment, step, attempt);
  if (!refused_by(command.capability()).empty()) return;  // until the interlock has passed
  const std::set<std::string> tried = tried_at(experiment, step);
  // Where the sample may not go elsewhere, to the instrument that began with it.
  const std::string* stays = campaign_.steps[step].on_fault.elsewhere || tried.empty() ? nullptr : &*tried.begin();
  std::string refusal;
  // Whether the instrument would take it; `refusal` says why one that offers the capability does not.
  const auto takes = [&](const std::string& id) {
    const wire::Capability* capability = find_capability(offers_.at(id), command.capability());
    if (capability == nullptr || (stays != nullptr && id != *stays)) return false;
    command.set_instrument(id);
    const std::string why = ATHANOR_CANARY("ignore a limit") ? "" : why_refused(*capability, command);
    if (!why.empty()) refusal = fmt::format("{} refuses “{}”: {}", id, campaign_.steps[step].name, why);
    return why.empty();
  };
  const auto& instruments = state_.instruments;
  auto idle = std::find_if(instruments.begin(), instruments.end(), [&](const auto& item) {
    return usable(item.second) && !tried.contains(item.first) && takes(item.first);
  });
  if (idle == instruments.end() && !tried.empty()) {
    idle = std::find_if(instruments.begin(), instruments.end(),
                        [&](const auto& item) { return usable(item.second) && takes(item.first); });
  }
  if (idle == instruments.end()) {
    const bool possible = std::any_of(instruments.begin(), instruments.end(),
                                      [&](const auto& item) { return !usable(item.second) && takes(item.first); });
    if (possible || refusal.empty()) return;
    alarm(campaign_.steps[step].capability, refusal);
    return give_up(experiment, step, /*failed=*/false, refusal);
  }
  command.set_instrument(idle->first);
  if (!approved(experiment, step, idle->first, command)) return;
  intend(experiment.number, step, attempt, std::move(command));
}

// The order of every physical action: the intent is written before the command leaves.
void Engine::intend(std::uint64_t experiment, std::size_t step, std::uint32_t attempt, wire::Command command) {
  const std::string driver = state_.instruments.at(command.instrument()).driver;
  Record fresh;
  fresh.mutable_intended()->set_experiment(experiment);
  fresh.mutable_intended()->set_step(static_cast<std::uint32_t>(step));
  fresh.mutable_intended()->set_attempt(attempt);
  *fresh.mutable_intended()->mutable_command() = command;
  record(std::move(fresh));
  check_at_[command.id()] = now_ + options_.answer_within;
  wire::ToDriver message = to_driver();
  message.set_ledger(state_.commands.at(command.id()).ledger);
  *message.mutable_command() = std::move(command);
  send(driver, std::move(message));
}

wire::Command Engine::command_for(const ExperimentEntry& experiment, std::size_t step, std::uint32_t attempt) const {
  wire::Command command;
  command.set_id(fmt::format("{}{}/{}/{}", state_.id_prefix(), experiment.number, campaign_.steps[step].name, attempt));
  command.set_capability(campaign_.steps[step].capability);
  command.set_sample(fmt::format("{}/{}/{}", state_.campaign, state_.nonce, experiment.number));
  command.set_place(experiment.place);
  for (const Argument& argument : campaign_.steps[step].with) {
    wire::Value& value = *command.add_with();
    if (const auto* from = std::get_if<Argument::FromSpace>(&argument.value)) {
      const std::string& parameter = campaign_.problem.space[from->parameter].name;
      value = *std::find_if(experiment.at.begin(), experiment.at.end(),
                            [&](const auto& v) { return v.name() == parameter; });
    } else if (const auto* quantity = std::get_if<Quantity>(&argument.value)) {
      value.set_number(quantity->value);
      value.set_unit(quantity->unit.text());
    } else {
      value.set_text(std::get<std::string>(argument.value));
    }
    value.set_name(argument.name);
  }
  return command;
}

std::vector<std::size_t> Engine::procedure() const {
  std::vector<std::size_t> steps(procedure_steps_);
  std::iota(steps.begin(), steps.end(), 0);
  return steps;
}

// By what the capabilities say they use, for these steps of the experiment, in the unit of the laboratory's stock.
std::vector<wire::Value> Engine::stock_needed(const ExperimentEntry& experiment,
                                              const std::vector<std::size_t>& steps) const {
  std::map<std::string, double> needed;
  for (const std::size_t step : steps) {
    const wire::Command command = command_for(experiment, step, 1);
    for (const auto& [id, offer] : offers_) {
      const wire::Capability* capability = find_capability(offer, command.capability());
      if (capability == nullptr) continue;
      for (const wire::StockUse& use : capability->uses()) {
        const wire::Value* reagent = find_value(command, use.reagent());
        const wire::Value* amount = find_value(command, use.amount());
        if (reagent == nullptr || amount == nullptr) continue;
        const auto shelf = std::find_if(lab_.stock.begin(), lab_.stock.end(),
                                        [&](const auto& s) { return s.name == reagent->text(); });
        if (shelf != lab_.stock.end()) needed[shelf->name] += number_in(*amount, shelf->amount.unit);
      }
      break;  // every instrument that offers the capability would use the same
    }
  }
  std::vector<wire::Value> values;
  for (const auto& [name, amount] : needed) {
    const auto shelf = std::find_if(lab_.stock.begin(), lab_.stock.end(),
                                    [&, wanted = name](const auto& s) { return s.name == wanted; });
    wire::Value value;
    value.set_name(name);
    value.set_number(amount);
    value.set_unit(shelf->amount.unit.text());
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace athanor
