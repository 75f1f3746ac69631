// What a driver must refuse, whoever asks for it, and what it must not.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/quantity.h"
#include "instruments/conformance_trial.h"
#include "instruments/description.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor::conformance {

namespace {

/// The command of `chosen` with this value in place of its own of that name.
wire::Command with_value(Trial& trial, const Chosen& chosen, const wire::Value& value) {
  Chosen changed = chosen;
  std::erase_if(changed.with, [&](const auto& each) { return each.name() == value.name(); });
  changed.with.push_back(value);
  return changed.command(trial.fresh_id());
}

std::string named(const Chosen& chosen, const wire::Value& value) {
  return fmt::format("{} {} with {} {}", chosen.instrument, chosen.capability.name(), value.name(), readable(value));
}

void refuse(Trial& trial, const Chosen& chosen, const wire::Value& value) {
  trial.refused(with_value(trial, chosen, value), wire::LIMIT, named(chosen, value));
}

void refuse(Trial& trial, const wire::Command& command, const std::string& what) {
  trial.refused(command, wire::LIMIT, what);
}

/// Of every capability that may be commanded: each parameter that `wanted` finds something in, as often as it does.
int each_parameter(Trial& trial, const std::function<int(const Chosen&, const wire::Field&)>& wanted) {
  int found = 0;
  for (const Chosen& chosen : trial.plan().allowed) {
    for (const wire::Field& field : chosen.capability.parameters()) found += wanted(chosen, field);
  }
  return found;
}

bool is_bounded(const wire::Field& field) {
  return field.has_low() || field.has_high() || !field.levels().empty() || !field.choices().empty();
}

bool is_number(const wire::Field& field) {
  return !field.is_text();
}

bool has_other_unit(const wire::Field& field) {
  return is_number(field) && field.levels().empty() && other_unit(field.unit()).has_value();
}

bool is_anything(const wire::Field&) {
  return true;
}

bool is_needed(const wire::Field& field) {
  return !field.may_be_missing();
}

/// Nothing that may be commanded has a parameter that is `such`, of which is `what`.
[[noreturn]] void none_found(const Trial& trial, bool (*such)(const wire::Field&), const char* what) {
  for (const wire::Instrument& instrument : trial.instruments()) {
    for (const wire::Capability& capability : instrument.capabilities()) {
      const auto& all = capability.parameters();
      if (std::any_of(all.begin(), all.end(), such))
        throw NotTried{fmt::format("nothing that may be commanded has {}; name “{}” with --capability if it may be",
                                   what, capability.name())};
    }
  }
  throw NotApplicable{fmt::format("nothing has {}", what)};
}

}  // namespace

std::string limits(Trial& trial) {
  const int tried = each_parameter(trial, [&](const Chosen& chosen, const wire::Field& field) {
    const auto beyond = [&](double limit, double towards) {
      refuse(trial, chosen, number_value(field.name(), std::nextafter(limit, towards), field.unit()));
    };
    int count = 0;
    if (field.has_low()) beyond(field.low(), -HUGE_VAL), ++count;
    if (field.has_high()) beyond(field.high(), HUGE_VAL), ++count;
    if (!field.levels().empty()) {
      const double last = field.levels(field.levels_size() - 1), span = last - field.levels(0);
      refuse(trial, chosen, number_value(field.name(), last + std::max(span / 10, 1e-3), field.unit()));
      ++count;
    }
    if (!field.choices().empty()) refuse(trial, chosen, text_value(field.name(), "none of the choices")), ++count;
    return count;
  });
  if (tried == 0) none_found(trial, is_bounded, "a parameter with limits, levels or choices");
  return fmt::format("{} bounds, the next number beyond each", tried);
}

std::string units(Trial& trial) {
  const int tried = each_parameter(trial, [&](const Chosen& chosen, const wire::Field& field) {
    if (field.is_text()) return 0;
    const double value = field.has_low() ? field.low() : 1;
    refuse(trial, chosen, number_value(field.name(), value, foreign_unit(field.unit())));
    refuse(trial, chosen, number_value(field.name(), value, "florps"));
    if (!Unit::parse(field.unit()).convertible_to(Unit())) refuse(trial, chosen, number_value(field.name(), value, ""));
    return 1;
  });
  if (tried == 0) none_found(trial, is_number, "a parameter that is a number");
  return fmt::format("{} numbers in a unit of something else, an unknown one and none", tried);
}

std::string units_converted(Trial& trial) {
  constexpr double kClearlyBeyond = 1e-6;  // of the limit, or of one unit: no rounding explains that
  const int tried = each_parameter(trial, [&](const Chosen& chosen, const wire::Field& field) {
    const auto other = field.is_text() || !field.levels().empty() ? std::nullopt : other_unit(field.unit());
    if (!other) return 0;
    const Unit from = Unit::parse(field.unit()), to = Unit::parse(*other);
    const auto in_other = [&](double value) { return number_value(field.name(), from.convert(value, to), *other); };
    if (field.has_high())
      refuse(trial, chosen, in_other(field.high() + kClearlyBeyond * std::max(1.0, std::abs(field.high()))));
    if (field.has_low())
      refuse(trial, chosen, in_other(field.low() - kClearlyBeyond * std::max(1.0, std::abs(field.low()))));
    const wire::Value* own = nullptr;
    for (const wire::Value& value : chosen.with) own = value.name() == field.name() ? &value : own;
    const wire::Value value = in_other(own != nullptr && own->unit() == field.unit() ? own->number()
                                       : field.has_low()                             ? field.low()
                                                                                     : 1);
    const wire::Command command = with_value(trial, chosen, value);
    const wire::FromDriver answer = trial.give(command);
    if (answer.has_outcome() && answer.outcome().fault() == wire::LIMIT && !answer.outcome().done())
      throw Broken{fmt::format("{} is allowed, and was refused: {}", named(chosen, value), answer.outcome().message())};
    trial.end_early(command.id());
    return 1;
  });
  if (tried == 0) none_found(trial, has_other_unit, "a parameter in a unit of which another is known");
  return fmt::format("{} numbers in another unit: allowed within the limits, refused beyond", tried);
}

std::string unknown_names(Trial& trial) {
  const Chosen& chosen = trial.any();
  wire::Command command = chosen.command(trial.fresh_id());
  command.set_instrument("no-such-instrument");
  refuse(trial, command, "an unknown instrument");
  command = chosen.command(trial.fresh_id());
  command.set_capability("no-such-capability");
  refuse(trial, command, "an unknown capability");
  refuse(trial, chosen, number_value("no-such-parameter", 1, ""));
  return "an instrument, a capability and a parameter that are not there";
}

std::string values(Trial& trial) {
  const int tried = each_parameter(trial, [&](const Chosen& chosen, const wire::Field& field) {
    if (field.is_text()) {
      refuse(trial, chosen, number_value(field.name(), 1, ""));
    } else {
      for (const double odd : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL, -HUGE_VAL})
        refuse(trial, chosen, number_value(field.name(), odd, field.unit()));
      refuse(trial, chosen, text_value(field.name(), "much"));
    }
    wire::Value nothing;
    nothing.set_name(field.name());
    refuse(trial, chosen, nothing);
    return 1;
  });
  if (tried == 0) none_found(trial, is_anything, "a parameter");
  return fmt::format("{} parameters: no number, not finite, of the other kind, nothing at all", tried);
}

std::string missing(Trial& trial) {
  const int tried = each_parameter(trial, [&](const Chosen& chosen, const wire::Field& field) {
    int count = 0;
    for (const wire::Value& value : chosen.with) {
      if (value.name() != field.name()) continue;
      wire::Command twice = chosen.command(trial.fresh_id());
      *twice.add_with() = value;
      refuse(trial, twice,
             fmt::format("{} {} with “{}” twice", chosen.instrument, chosen.capability.name(), field.name()));
      ++count;
    }
    if (field.may_be_missing()) return count;
    Chosen without = chosen;
    std::erase_if(without.with, [&](const auto& each) { return each.name() == field.name(); });
    refuse(trial, without.command(trial.fresh_id()),
           fmt::format("{} {} without “{}”", chosen.instrument, chosen.capability.name(), field.name()));
    return count + 1;
  });
  if (tried == 0) none_found(trial, is_needed, "a parameter that it needs");
  return fmt::format("{} commands that lacked a parameter or gave one twice", tried);
}

std::string refusal_kept(Trial& trial) {
  wire::Command command = trial.any().command(trial.fresh_id());
  *command.add_with() = number_value("no-such-parameter", 1, "");
  const wire::Outcome refusal = trial.refused(command, wire::LIMIT, "an unknown parameter");
  trial.expect_same(command, refusal, "refused, and sent again");
  const wire::CommandState state = trial.ask(command.id());
  if (state.standing() != wire::CommandState::FINISHED || !same(state.outcome(), refusal))
    throw Broken{
        fmt::format("asked about a refused id: expected FINISHED with its refusal; found {}", in_words(state))};
  return "the id keeps its answer";
}

std::string bounds(Trial& trial) {
  constexpr std::size_t kLongestId = 1000, kLongestCommand = std::size_t{1} << 20;  // bytes
  const auto expect_refused = [&](const wire::ToDriver& message, const std::string& what) {
    trial.probe().say(message);
    const auto answers = [](const wire::FromDriver& arrived) {
      return arrived.has_refused() || arrived.has_accepted() || arrived.has_answer() || arrived.has_outcome();
    };
    const auto answer = trial.expect(answers, kAnswerSeconds, "Refused for " + what);
    if (!answer.has_refused()) throw Broken{fmt::format("{}: expected Refused; found {}", what, in_words(answer))};
  };
  const std::string long_id(kLongestId + 1, 'x');
  expect_refused(to_driver(trial.any().command(long_id)), "a command with an id of 1001 bytes");
  wire::Command large = trial.any().command(trial.fresh_id());
  large.set_sample(std::string(kLongestCommand, 'x'));
  expect_refused(to_driver(large), "a command of more than 1 MiB");
  wire::ToDriver cancel, question;
  cancel.mutable_cancel()->set_id(long_id);
  expect_refused(cancel, "a cancel of an id of 1001 bytes");
  question.mutable_question()->add_ids(long_id);
  expect_refused(question, "a question about an id of 1001 bytes");
  question.clear_question();
  for (int i = 0; i <= kMostAsked; ++i) question.mutable_question()->add_ids(fmt::format("conformance/{}", i));
  expect_refused(question, "a question about 1001 ids");
  if (const auto state = trial.ask(large.id()); state.standing() != wire::CommandState::NEVER_SEEN)
    throw Broken{fmt::format("a command of more than 1 MiB left its mark: {}", in_words(state))};
  return "each refused, and nothing entered";
}

std::string hazardous(Trial& trial) {
  if (trial.plan().hazardous.empty()) throw NotApplicable{"no capability is hazardous"};
  if (!trial.options().simulated)
    throw NotTried{"a driver that does not keep this would begin it; on a simulated device, give --simulated"};
  constexpr std::int64_t kFarAhead = 4'102'444'800'000'000;  // the year 2100
  for (const Chosen& chosen : trial.plan().hazardous) {
    const std::string what = fmt::format("the hazardous {} {}", chosen.instrument, chosen.capability.name());
    wire::Command command = chosen.command(trial.fresh_id());
    refuse(trial, command, what + " without an approval");
    command.set_id(trial.fresh_id());
    command.mutable_approval()->set_who("a trial");
    command.mutable_approval()->set_until_us(kFarAhead);
    wire::Command other = command;
    other.set_sample("another sample");
    command.mutable_approval()->set_digest(approval_digest(other));
    refuse(trial, command, what + " with an approval for something else");
    command.set_id(trial.fresh_id());
    command.mutable_approval()->set_digest(approval_digest(command));
    command.mutable_approval()->set_until_us(1);
    refuse(trial, command, what + " with an approval that has expired");
  }
  return fmt::format("{} capabilities: no approval, one for something else, an expired one",
                     trial.plan().hazardous.size());
}

}  // namespace athanor::conformance
