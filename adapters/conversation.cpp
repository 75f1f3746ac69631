#include "adapters/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "adapters/interrupt.h"
#include "core/error.h"

namespace athanor {
namespace {

constexpr int kTries = 3;  // of a connection, and of a question that got no answer

bool lost_the_line(const Fault& fault) {
  return fault.kind == Fault::Kind::kLink || fault.kind == Fault::Kind::kInterrupted;
}

Outcome<double> time_in(const char* key, const Template& time, const Values& values) {
  const double time_s = in_unit(parse_quantity(time.fill(values)), Unit::parse("s"));
  if (const std::string why = why_no_time(time_s); !why.empty())
    return Fault{Fault::Kind::kLimit, fmt::format("“{}” of {}", key, why)};
  return time_s;
}

std::string no_position(const std::string& place) {
  if (place.empty()) return "no place is given, and this step tells the device the number at its end";
  return fmt::format("the place “{}” has no number at its end, which this step tells the device", place);
}

std::optional<double> fraction_in(const Until& until, const Values& values) {
  const auto found = values.find(until.progress);
  if (found == values.end()) return std::nullopt;
  return in_unit({std::get<double>(found->second), until.progress_unit}, Unit());
}

}  // namespace

Conversation::Conversation(const Profile& profile, const std::string& address, Lines& lines, const ScaledClock& clock)
    : profile_(profile),
      clock_(clock),
      bus_(profile.adapter->bus_to(address, lines)),
      own_(profile.adapter->values(address)),
      greeted_(std::any_of(profile.hello.begin(), profile.hello.end(),
                           [](const ProfileStep& step) { return step.expect_answer || !step.expect.empty(); })) {}

/// Where in the profile it happened, so that whoever wrote it finds the step.
Fault Conversation::placed(const ProfileStep& step, const Fault& fault) const {
  const std::string file = step.place.file.substr(step.place.file.rfind('/') + 1);
  return {fault.kind, fmt::format("{} ({}:{})", fault.message, file, step.place.line)};
}

/// A device that answered late is connected anew, and must then say what its profile expects before anything else is
/// believed.
std::optional<Fault> Conversation::be_connected(const Conduct& conduct) {
  std::optional<Fault> fault;
  for (int i = 0; i < kTries && !connected_; ++i) {
    fault = bus_->connect(greeted_);
    if (!fault) fault = greet(conduct);
    connected_ = !fault;
    if (fault && fault->kind == Fault::Kind::kInterrupted) return fault;
  }
  return fault;
}

std::optional<Fault> Conversation::greet(const Conduct& conduct) {
  struct Greeting {
    bool& on;
    ~Greeting() { on = false; }
  } greeting{greeting_};
  greeting_ = true;
  Values values;
  return run(profile_.hello, values, conduct);
}

std::optional<Fault> Conversation::run(const Routine& routine, Values& values, const Conduct& conduct, bool* acted) {
  if (!greeting_ && conduct.reports == Reports::kAfresh) afresh_ = true;
  values.insert(own_.begin(), own_.end());
  for (const ProfileStep& step : routine) {
    // Left out, it would leave the device at the last sample's.
    if (step.needs.contains("position") && !values.contains("position")) {
      return placed(step, {Fault::Kind::kLimit, no_position(std::get<std::string>(values.at("place")))});
    }
    if (std::any_of(step.needs.begin(), step.needs.end(),
                    [&](const std::string& name) { return !values.contains(name); }))
      continue;
    if (step.wait) {
      const auto time_s = time_in("wait", *step.wait, values);
      if (!time_s) return placed(step, time_s.fault());
      if (!conduct.wait(time_s.value())) return kBrokenOff;
      continue;
    }
    if (!conduct.wait(0)) return kBrokenOff;
    const auto fault = step.until ? repeat(step, values, conduct, acted) : do_step(step, values, conduct, acted);
    if (fault) return fault;
  }
  return std::nullopt;
}

Fault Conversation::broken(const ProfileStep& step, const Fault& fault) {
  if (lost_the_line(fault)) connected_ = false;
  return placed(step, fault);
}

std::optional<Fault> Conversation::do_step(const ProfileStep& step, Values& values, const Conduct& conduct,
                                           bool* acted) {
  const nlohmann::json what = step.what.fill(values);
  if (const std::string why = why_no_time(timeout_of(what, 0)); !why.empty())
    return placed(step, {Fault::Kind::kLimit, "“timeout” of " + why});
  if (!greeting_) {
    // A device that was switched off and on while nothing went on, or closes what is not used, has forgotten nothing
    // that matters here. In the middle of a command it may have.
    const bool in_the_middle = acted != nullptr && *acted;
    if (connected_ && !in_the_middle && bus_->is_gone()) connected_ = false;
    if (const auto fault = be_connected(conduct)) return fault;
    if (conduct.reports == Reports::kAfresh && std::exchange(afresh_, false)) {
      if (const auto old = bus_->reports(); !old) return broken(step, old.fault());
    }
  }
  const bool acted_before = acted != nullptr && *acted;
  if (acted != nullptr && !step.verb.harmless) *acted = true;
  const auto answer = bus_->exchange(step.verb.name, what);
  if (!answer && acted != nullptr && bus_->was_unheard()) *acted = acted_before;
  if (!answer) return broken(step, answer.fault());
  if (!greeting_ && conduct.reports != Reports::kLeft) {
    const auto reported = bus_->reports();
    if (!reported) return broken(step, reported.fault());
    if (!reported.value().empty()) {
      return placed(step, {Fault::Kind::kDevice, fmt::format("after {} the device reports {}",
                                                             quote(what.at(step.verb.name)), reported.value())});
    }
  }
  const nlohmann::json& said = answer.value();
  // What is not understood may be the answer to another question, and the right one still on its way.
  const auto misunderstood = [&](const Fault& fault) {
    connected_ = false;
    return placed(step, fault);
  };
  for (const FaultRule& rule : step.faults) {
    if (!matches(rule.pattern, raw(said))) continue;
    return placed(step, {rule.kind, fmt::format("{}{}the device answered {}", rule.say, rule.say.empty() ? "" : ": ",
                                                quote(said))});
  }
  if (step.expect_answer && !matches(step.expect_answer, raw(said))) {
    return misunderstood(
        {Fault::Kind::kDevice, fmt::format("the device answered {}, which is not what was expected: “{}”", quote(said),
                                           expression(step.expect_answer))});
  }
  for (const Take& take : step.takes) {
    auto value = take.from(said);
    if (!value) return misunderstood(value.fault());
    values[take.name()] = std::move(value.value());
  }
  for (const Condition& condition : step.expect) {
    if (condition.holds(values)) continue;
    return placed(step,
                  {Fault::Kind::kDevice, fmt::format("{} is not what was expected ({}); the device answered {}",
                                                     condition.found(values), condition.wanted(values), quote(said))});
  }
  return std::nullopt;
}

std::optional<Fault> Conversation::repeat(const ProfileStep& step, Values& values, const Conduct& conduct,
                                          bool* acted) {
  const auto within = time_in("within", step.until->within, values);
  if (!within) return placed(step, within.fault());
  const double within_s = within.value();
  const Time end = clock_.now() + from_seconds(within_s);
  int unanswered = 0;
  for (;;) {
    const auto fault = do_step(step, values, conduct, acted);
    if (fault) {
      // A question that was lost on its way can be asked again, over a line that is made anew; what acts cannot.
      if (!step.verb.harmless || fault->kind != Fault::Kind::kLink || greeting_ || ++unanswered >= kTries) return fault;
      continue;
    }
    unanswered = 0;
    std::vector<std::string> found;
    for (const Condition& condition : step.until->conditions) {
      if (!condition.holds(values)) found.push_back(condition.found(values));
    }
    if (found.empty()) return std::nullopt;
    const std::string note = fmt::format("{}", fmt::join(found, ", "));
    if (clock_.now() >= end) {
      return placed(step, {Fault::Kind::kDeadline, fmt::format("{} after {} s, which is not what was waited for", note,
                                                               pretty_number(within_s))});
    }
    if (conduct.progress) conduct.progress(note, fraction_in(*step.until, values));
    if (!conduct.wait(step.until->every_s)) return kBrokenOff;
  }
}

}  // namespace athanor
