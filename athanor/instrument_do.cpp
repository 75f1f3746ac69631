// athanor instrument do: one command by hand, over the controller's own link and within its limits.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <set>

#include "athanor/hand.h"
#include "athanor/instrument.h"
#include "core/document.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/in_words.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

constexpr double kAnswerWithin = 5;     // seconds; then it is asked about
constexpr double kReadingsWithin = 3;   // readings come once a second
constexpr double kApprovalHolds = 600;  // seconds of laboratory time; a person has just said so
constexpr int kShownDigits = 12;        // of an approval's digest: enough to be bound to one command

// ── What is to be done ───────────────────────────────────────────────────────────────────────────────────────────────

wire::Value read_value(const wire::Capability& capability, const std::string& text) {
  const auto [name, value] = parse_setting(text, "the parameter", "temperature=80 degC");
  const wire::Field* field = find_parameter(capability, name);
  if (field == nullptr || field->is_text())
    return text_value(name, value);  // an unknown one is refused with all others
  const Quantity quantity = parse_quantity(value);
  return number_value(name, quantity.value, quantity.unit.text());
}

wire::Command read_command(const Offer& offer, const InstrumentOptions& options) {
  std::vector<std::string> known;
  for (const wire::Capability& capability : offer.driver.capabilities()) known.push_back(capability.name());
  const wire::Capability* capability = find_capability(offer.laboratory, options.capability);
  if (capability == nullptr) {
    throw InputError(fmt::format("instrument “{}” cannot “{}”{}", options.instrument, options.capability,
                                 suggest_name(options.capability, known)));
  }
  wire::Command command;
  command.set_instrument(options.instrument);
  command.set_capability(options.capability);
  command.set_sample(options.sample);
  command.set_place(options.place);
  for (const std::string& text : options.with) *command.add_with() = read_value(*capability, text);
  if (const std::string why = why_refused(*capability, command); !why.empty())
    throw InputError(fmt::format("refused: {}", why));
  if (makes_arrays(*capability) && options.data.empty())
    throw InputError(
        fmt::format("“{}” makes an array; say with --data FOLDER where it is to be kept", options.capability));
  return command;
}

// ── Interlocks: what a run would hold against the command, is held against it here ──────────────────────────────────

bool concerns(const LabInterlock& interlock, const wire::Command& command, const std::vector<Offer>& all) {
  const auto names = [](const std::vector<std::string>& known, const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  if (interlock.then != LabInterlock::Then::kRefuse) return names(interlock.instruments, command.instrument());
  if (!interlock.capabilities.empty()) return names(interlock.capabilities, command.capability());
  return std::any_of(all.begin(), all.end(), [&](const Offer& offer) {
    return names(interlock.instruments, offer.driver.id()) &&
           find_capability(offer.driver, command.capability()) != nullptr;
  });
}

/// Empty: the reading is within its bound.
std::string tripped(const LabInterlock& interlock, const wire::Value& value) {
  const std::string what = fmt::format("{} {}", interlock.watched(), readable(value));
  try {
    const double number = value.kind_case() == wire::Value::kNumber
                              ? Unit::parse(value.unit()).convert(value.number(), interlock.bound.unit)
                              : NAN;
    return interlock.trips(number) ? fmt::format("{}, which is {}", what, interlock.condition()) : "";
  } catch (const InputError&) {
    return fmt::format("{}, which cannot be held against {}", what, to_string(interlock.bound));
  }
}

/// Who must be there: the instrument's driver, and those of what interlocks watch and refuse.
std::set<std::string> needed_drivers(const Lab& lab, const std::string& instrument) {
  std::set<std::string> instruments = lab.watched();
  instruments.insert(instrument);
  for (const LabInterlock& interlock : lab.interlocks) {
    if (interlock.then == LabInterlock::Then::kRefuse)
      instruments.insert(interlock.instruments.begin(), interlock.instruments.end());
  }
  std::vector<std::string> known;
  for (const LabInstrument& each : lab.instruments) known.push_back(each.id);
  std::set<std::string> drivers;
  for (const std::string& id : instruments) {
    const LabInstrument* found = lab.find(id);
    if (found == nullptr)
      throw InputError({lab.file->name()},
                       fmt::format("the laboratory has no instrument “{}”{}", id, suggest_name(id, known)));
    drivers.insert(found->driver);
  }
  return drivers;
}

void hold_against_interlocks(const Lab& lab, const wire::Command& command, const std::vector<Offer>& known,
                             const std::vector<Looked>& all) {
  for (const LabInterlock& interlock : lab.interlocks) {
    if (!concerns(interlock, command, known)) continue;
    const Offer& watched = find_offer(known, all, interlock.instrument);
    std::optional<wire::Value> reading;
    watched.from->probe->await(
        [&](const wire::FromDriver& message) {
          if (message.telemetry().instrument() != interlock.instrument) return false;
          for (const wire::Value& value : message.telemetry().values()) {
            if (value.name() == interlock.reading) reading = value;
          }
          return reading.has_value();
        },
        kReadingsWithin);
    const std::string why = reading ? tripped(interlock, *reading)
                                    : fmt::format("{} was not heard within {} s", interlock.watched(), kReadingsWithin);
    if (!why.empty()) throw InputError(fmt::format("interlock {} refuses it: {}", interlock.name, why));
  }
}

// ── A person's word ──────────────────────────────────────────────────────────────────────────────────────────────────

/// Bound to exactly this command: asked for at the terminal, or given as the digest that the refusal shows.
void approve(const Offer& offer, const Target& target, const InstrumentOptions& options, wire::Command& command) {
  if (find_capability(offer.laboratory, command.capability())->risk() != wire::HAZARDOUS) return;
  const std::string digest = approval_digest(command), shown = digest.substr(0, kShownDigits);
  const std::string what = in_words(to_driver(command)).substr(std::string("Command : ").size());
  if (!options.approve.empty()) {
    if (options.approve != shown)
      throw InputError(
          fmt::format("--approve {} is for something else; that of “{}” is {}", options.approve, what, shown));
  } else {
    if (isatty(STDIN_FILENO) == 0) {
      throw InputError(fmt::format(
          "“{}” needs a person's approval, and nobody can be asked here; to give it, add --approve {}", what, shown));
    }
    tell(fmt::format("{}\nneeds an approval. To give it, type {}: ", printable(what), command.capability()));
    std::string word;
    std::getline(std::cin, word);
    if (word != command.capability()) throw InputError("not approved; nothing was begun");
  }
  const Time now =
      target.lab && target.lab->twin ? world_time(target.folder).value_or(SystemClock().now()) : SystemClock().now();
  wire::Approval& approval = *command.mutable_approval();
  approval.set_who(who(options));
  approval.set_digest(digest);
  approval.set_until_us((now + from_seconds(kApprovalHolds)).time_since_epoch().count());
}

/// What became of an id, by whichever driver knows it.
int tell_what_became(const InstrumentOptions& options, const Target& target, const std::vector<Looked>& all) {
  wire::CommandState known;
  known.set_id(options.id);
  for (const Looked& one : all) {
    wire::ToDriver question;
    question.mutable_question()->add_ids(options.id);
    one.probe->say(question);
    const auto answer = one.probe->await([](const auto& message) { return message.has_answer(); }, kAnswerWithin);
    if (!answer || answer->answer().states_size() != 1)
      throw EnvironmentError(fmt::format("driver “{}” does not answer", one.visited->driver));
    if (answer->answer().states(0).standing() != wire::CommandState::NEVER_SEEN) known = answer->answer().states(0);
  }
  const wire::Command& command = known.command();
  const wire::Capability* capability = nullptr;
  const std::vector<Offer> here = offers(target, all);
  for (const Offer& offer : here) {
    if (offer.driver.id() == command.instrument()) capability = find_capability(offer.laboratory, command.capability());
  }
  return tell_standing(known, command.instrument(), capability, options);
}

}  // namespace

int command_instrument(const InstrumentOptions& options) {
  Target target = find_target(options);
  if (!options.id.empty()) {
    const std::vector<Looked> all = look_at(target);
    require_all(all);
    return tell_what_became(options, target, all);
  }
  if (options.instrument.empty() || options.capability.empty())
    throw InputError("what is to be done? Give an instrument and a capability, or --id of an earlier command");
  if (target.lab) {
    const std::set<std::string> needed = needed_drivers(*target.lab, options.instrument);
    std::erase_if(target.drivers, [&](const Endpoint& at) { return !needed.contains(at.driver); });
  }
  const bool watches = target.lab && !target.lab->interlocks.empty();
  const std::vector<Looked> all = look_at(target, -1, watches ? 2 * kReadingsWithin : 0);
  require_all(all);
  const std::vector<Offer> known = offers(target, all);
  const Offer& offer = find_offer(known, all, options.instrument);
  if (const Visited& driver = *offer.from->visited; !driver.controller.empty()) {
    throw EnvironmentError(
        fmt::format("driver “{}” takes commands from “{}”, and is not taken away from there; end that first, or wait",
                    driver.driver, driver.controller));
  }
  if (const std::string trouble = trouble_of(all, options.instrument); !trouble.empty())
    tell(fmt::format("{} {}\n", options.instrument, printable(trouble)));
  wire::Command command = read_command(offer, options);
  if (target.lab) hold_against_interlocks(*target.lab, command, known, all);
  approve(offer, target, options, command);
  command.set_id("by-hand/" + random_digits(16));
  tell(fmt::format("{}: {} {}\n", command.id(), command.instrument(), command.capability()));
  return carry_out(offer, target.keys, command, options);
}

}  // namespace athanor
