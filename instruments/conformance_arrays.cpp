// Large arrays: that what an outcome names is there, whole, once.
#include <fmt/format.h>

#include <algorithm>

#include "core/clock.h"
#include "instruments/address.h"
#include "instruments/conformance_trial.h"
#include "instruments/description.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor::conformance {

namespace {

constexpr double kLookAgain = 0.5;  // seconds in which what was made a second time would show itself

const Chosen& making_arrays(Trial& trial) {
  const auto makes_any = [](const wire::Instrument& instrument) {
    return std::any_of(instrument.capabilities().begin(), instrument.capabilities().end(), makes_arrays);
  };
  if (std::none_of(trial.instruments().begin(), trial.instruments().end(), makes_any))
    throw NotApplicable{"no capability makes an array"};
  const auto& all = trial.plan().allowed;
  const auto found =
      std::find_if(all.begin(), all.end(), [](const Chosen& each) { return makes_arrays(each.capability); });
  if (found == all.end())
    throw NotTried{"no capability that may be commanded makes an array; name one with --capability"};
  const wire::Welcome welcome = trial.hello();
  if (welcome.data_ticket().empty() || !data_address(trial.options().at.address, welcome.data()))
    throw Broken{
        fmt::format("“{}” makes an array, and the Welcome says nothing of a data socket (data “{}”, {} ticket)",
                    found->capability.name(), welcome.data(), welcome.data_ticket().empty() ? "no" : "a")};
  return *found;
}

/// Its outcome; the arrays that it names held against what came.
std::string hold_against_store(Trial& trial, const Chosen& chosen, const wire::Outcome& outcome) {
  if (!outcome.done())
    throw NotTried{fmt::format("the device could not carry {} out: {}", chosen.capability.name(), in_words(outcome))};
  std::string measured;
  for (const wire::Field& field : chosen.capability.results()) {
    if (!field.has_array()) continue;
    const auto& results = outcome.results();
    const auto named =
        std::find_if(results.begin(), results.end(), [&](const auto& each) { return each.name() == field.name(); });
    if (named == results.end() || !named->has_array())
      throw Broken{fmt::format("the outcome does not name the array “{}”, which is described", field.name())};
    const wire::Array& array = named->array();
    if (array.type().SerializeAsString() != field.array().SerializeAsString() || named->unit() != field.unit())
      throw Broken{fmt::format("“{}” is not of the type and unit that are described", field.name())};
    const auto stored = trial.store().find({chosen.instrument, outcome.id(), field.name()});
    if (!stored)
      throw Broken{fmt::format("the outcome names “{}”, of which no Close was answered by Stored", field.name())};
    if (stored->sha256 != array.sha256() || stored->rows != array.rows())
      throw Broken{fmt::format("the outcome says that “{}” has {} rows and the hash {}; {} came, with the hash {}",
                               field.name(), array.rows(), array.sha256(), stored->rows, stored->sha256)};
    measured += fmt::format("{}“{}”: {} rows, {} bytes", measured.empty() ? "" : ", ", field.name(), stored->rows,
                            stored->rows * row_bytes(stored->type));
  }
  return measured;
}

}  // namespace

std::string arrays_whole(Trial& trial) {
  const Chosen& chosen = making_arrays(trial);
  const wire::Command command = chosen.command(trial.fresh_id());
  trial.begin(command);
  return hold_against_store(trial, chosen, trial.outcome(command.id(), trial.patience_s(chosen)));
}

std::string arrays_resumed(Trial& trial) {
  const Chosen& chosen = making_arrays(trial);
  const wire::Command command = chosen.command(trial.fresh_id());
  trial.store().break_link_once();
  trial.begin(command);
  const wire::Outcome outcome = trial.outcome(command.id(), trial.patience_s(chosen));
  if (!trial.store().link_broke()) throw Broken{"the outcome came before the array was closed"};
  return "the data connection was ended in the middle; " + hold_against_store(trial, chosen, outcome);
}

std::string arrays_doubled(Trial& trial) {
  constexpr int kTimes = 3;
  const Chosen& chosen = making_arrays(trial);
  const std::set<std::string> before = trial.store().commands();
  const wire::Command command = chosen.command(trial.fresh_id());
  for (int i = 0; i < kTimes; ++i) trial.probe().say(to_driver(command));
  const wire::Outcome outcome = trial.outcome(command.id(), trial.patience_s(chosen));
  const std::string measured = hold_against_store(trial, chosen, outcome);
  trial.expect_same(command, outcome, "sent once more, after its arrays were stored");
  trial.probe().listen(kLookAgain);
  std::set<std::string> opened = trial.store().commands();
  for (const std::string& id : before) opened.erase(id);
  opened.erase(command.id());
  if (!opened.empty()) throw Broken{fmt::format("an array was opened for “{}”, which was never told", *opened.begin())};
  for (const wire::Field& field : chosen.capability.results()) {
    if (!field.has_array()) continue;
    const ArrayName name{chosen.instrument, command.id(), field.name()};
    const auto stored = trial.store().find(name);
    const std::uint64_t whole = stored->rows * row_bytes(stored->type), came = trial.store().came(name);
    if (came != whole)
      throw Broken{fmt::format("{} bytes of “{}” came, which has {}: some came twice", came, field.name(), whole)};
  }
  return fmt::format("sent {} times and once more; {}, once", kTimes, measured);
}

}  // namespace athanor::conformance
