#include "athanor/progress.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "athanor/commands.h"
#include "controller/engine.h"
#include "controller/points.h"
#include "controller/status.h"
#include "core/best.h"

namespace athanor {
namespace {

constexpr double kRedrawSeconds = 0.05;

std::string describe_value(const wire::Value& value) {
  if (value.kind_case() == wire::Value::kText) return value.text();
  return pretty_number(value.number()) + (value.unit().empty() ? "" : " " + value.unit());
}

// Cuts to `width` columns, “…” where something was cut off; counts a UTF-8 sequence as one column.
std::string fit(const std::string& line, std::size_t width) {
  std::size_t columns = 0, last = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xC0) == 0x80) continue;
    if (columns == width) return line.substr(0, last) + "…";
    last = i;
    ++columns;
  }
  return line;
}

std::string bar(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)));
  std::string text;
  for (std::size_t i = 0; i < width; ++i) text += i < full ? "━" : "─";
  return text;
}

std::string describe_measured(const Counted& counted) {
  std::string text;
  for (const wire::Value& value : *counted.values) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", value.name(), describe_value(value));
  }
  return text;
}

// One fault sets no instrument aside, and the step may be tried again; whoever looks is to know of it all the same.
std::string describe_fault(const CommandEntry& command, const journal::v1::CommandMoved& moved) {
  const std::string& why = moved.outcome().message().empty() ? moved.why() : moved.outcome().message();
  return fmt::format("{} failed at “{}”{}: {}", command.command.instrument(), command.command.capability(),
                     command.experiment == 0 ? "" : fmt::format(" of experiment {}", command.experiment), why);
}

}  // namespace

std::string describe_point(const std::vector<wire::Value>& at) {
  std::string text;
  for (const wire::Value& value : at) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", value.name(), describe_value(value));
  }
  return text;
}

std::string describe_duration(Duration duration) {
  const double s = seconds(duration);
  if (s < 60) return pretty_number(s, 2) + " s";
  const auto minutes = static_cast<long>(std::lround(s / 60));
  if (minutes < 60) return fmt::format("{} min", minutes);
  if (minutes < 24 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  const long hours = std::lround(s / 3600);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

Progress::Progress(const Campaign& campaign, std::FILE* out)
    : campaign_(campaign), out_(out), terminal_(isatty(fileno(out)) == 1) {}

void Progress::show(const State& state, const std::vector<Record>& records, Time now) {
  for (const Record& record : records) say_record(state, record);
  if (terminal_ && monotonic_seconds() - drawn_at_ >= kRedrawSeconds) draw(state, now);
}

void Progress::note(const wire::Telemetry& telemetry) {
  std::string text;
  for (const wire::Value& value : telemetry.values()) {
    wire::Value rounded = value;
    if (value.kind_case() == wire::Value::kNumber) rounded.set_number(std::round(value.number() * 10) / 10);
    text += (text.empty() ? "" : ", ") + describe_value(rounded);
  }
  readings_[telemetry.instrument()] = text;
}

void Progress::finish(const State& state) {
  erase();
  say(fmt::format("{} {}: {} experiments measured, {} failed, {} abandoned, in {} of laboratory time", state.campaign,
                  to_string(state.status), state.measured, state.failed, state.abandoned,
                  describe_duration(state.lab_time())));
  say(best_line(state));
}

void Progress::say(const std::string& line) {
  erase();
  put(line + "\n");
  std::fflush(out_);
}

void Progress::put(const std::string& text) {
  tell(text, out_);
}

void Progress::say_record(const State& state, const Record& record) {
  if (record.has_alarm()) return say("! " + record.alarm().text());
  if (record.has_order()) return say(describe_order(record.order()));
  if (record.has_help_given()) return say(describe_help(record.help_given()));
  if (record.has_interlock() && !record.interlock().tripped()) return say(describe_passing(record.interlock()));
  if (record.has_returned())
    return say(fmt::format("{} has passed its self-test, and is used again", record.returned().instrument()));
  if (record.has_made_safe())
    return say(fmt::format("in the safe state: {}", fmt::join(record.made_safe().instruments(), ", ")));
  if (record.has_campaign() && !record.campaign().why().empty()) {
    const bool drained = record.campaign().event() == static_cast<std::uint32_t>(CampaignEvent::kDrained);
    return drained ? void() : say(fmt::format("{}: {}", to_string(state.status), record.campaign().why()));
  }
  if (record.has_observed()) return say(describe_observed(record.observed()));
  if (record.has_command() &&
      (record.command().instrument_fault() || record.command().outcome().fault() == wire::LINK)) {
    const auto command = state.commands.find(record.command().id());
    if (command != state.commands.end()) say(describe_fault(command->second, record.command()));
    return;
  }
  if (record.has_failed())
    return say(fmt::format("experiment {} failed: {}", record.failed().experiment(), record.failed().why()));
  if (record.has_abandoned()) {
    return say(fmt::format("experiment {} abandoned: {}", record.abandoned().experiment(), record.abandoned().why()));
  }
  if (terminal_ || !record.has_measured()) return;
  const ExperimentEntry& experiment = state.experiment(record.measured().experiment());
  const Problem& problem = campaign_.problem;
  const Counted measured{&experiment.measured, nullptr};
  const auto violated = violations(problem, outcomes(problem.measurands(), measured));
  say(fmt::format("experiment {}: {}{} at {}", experiment.number, describe_measured(measured),
                  violated.empty() ? "" : fmt::format(" (violates {})", fmt::join(violated, ", ")),
                  describe_point(experiment.at)));
}

std::string Progress::best_line(const State& state) const {
  const Problem& problem = campaign_.problem;
  const std::vector<Measurand> measurands = problem.measurands();
  std::vector<Outcomes> all;
  for (const ExperimentEntry& experiment : state.experiments)
    all.push_back(outcomes(measurands, what_counts(experiment)));
  for (const AddedEntry& added : state.added) all.push_back(outcomes(measurands, what_counts(added.told)));
  const auto described = [&](std::size_t index) {
    const std::size_t own = state.experiments.size();
    if (index >= own) {
      const AddedEntry& added = state.added[index - own];
      return fmt::format("{}   added experiment {}: {}", describe_measured(what_counts(added.told)), index - own + 1,
                         describe_point(added.at));
    }
    const ExperimentEntry& experiment = state.experiments[index];
    return fmt::format("{}   experiment {}: {}", describe_measured(what_counts(experiment)), experiment.number,
                       describe_point(experiment.at));
  };
  const Best best = best_of(problem, all);
  if (best.nearest)
    return "best so far   none yet holds every outcome constraint; the nearest: " + described(*best.nearest);
  if (!best.first) return "best so far   nothing measured yet";
  return fmt::format("best {}so far   {}", problem.objectives.size() > 1 ? problem.objectives.front().name + " " : "",
                     described(*best.first));
}

std::vector<std::string> Progress::block(const State& state, Time now) const {
  const StopRule& stop = campaign_.stop;
  const double lab_time_s = seconds(std::max(now, state.last) - state.opened);
  // How much of the campaign is behind us, by the limit that ends it first.
  double share = 0;
  if (stop.experiments) share = static_cast<double>(state.done()) / static_cast<double>(*stop.experiments);
  if (stop.lab_time) share = std::max(share, lab_time_s / seconds(*stop.lab_time));
  std::string head = fmt::format("{}  {}  {}{} experiments", state.campaign, bar(share, 16), state.done(),
                                 stop.experiments ? fmt::format("/{}", *stop.experiments) : "");
  if (share > 0 && share < 1) {
    head += fmt::format("   about {} left", describe_duration(from_seconds(lab_time_s * (1 / share - 1))));
  }
  head += fmt::format("   laboratory time {}", describe_duration(from_seconds(lab_time_s)));
  std::string running = "running       ";
  for (const auto& [id, command] : state.commands) {
    if (!command.open()) continue;
    const std::string what = command.experiment == 0
                                 ? "self-test"
                                 : fmt::format("#{} {}", command.experiment, campaign_.steps[command.step].name);
    running += fmt::format("{} on {}", what, command.command.instrument());
    const auto reading = readings_.find(command.command.instrument());
    if (reading != readings_.end()) running += " (" + reading->second + ")";
    const double left_s = command.expected_s - seconds(now - command.since);
    if (command.state == CommandState::kAccepted && left_s > 0)
      running += fmt::format(", {} left", describe_duration(from_seconds(left_s)));
    running += "   ";
  }
  if (state.asking) running += "planning";
  std::vector<std::string> lines = {head, best_line(state), running};
  std::vector<std::string> waiting;
  for (const std::uint64_t number : state.live) {
    const ExperimentEntry& experiment = state.experiment(number);
    if (experiment.help || experiment.waits_for_approval())
      waiting.push_back(fmt::format("#{} ({})", number, experiment.help ? "answer" : "approve"));
  }
  if (!waiting.empty()) lines.push_back(fmt::format("waits for you {}", fmt::join(waiting, "   ")));
  return lines;
}

void Progress::erase() {
  if (drawn_ > 0) put(fmt::format("\r\x1b[{}A\x1b[J", drawn_));
  drawn_ = 0;
}

void Progress::draw(const State& state, Time now) {
  winsize size{};
  const bool known = ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 10;
  erase();
  for (const std::string& line : block(state, now)) {
    put(fit(line, known ? size.ws_col - 1u : 79u) + "\n");
    ++drawn_;
  }
  std::fflush(out_);
  drawn_at_ = monotonic_seconds();
}

}  // namespace athanor
