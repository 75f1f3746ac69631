#include "instruments/kit.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/quantity.h"
#include "instruments/array_window.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {

// ── Describing ───────────────────────────────────────────────────────────────────────────────────────────────────────

CapabilityBuilder capability(std::string name) {
  return CapabilityBuilder(std::move(name));
}

CapabilityBuilder::CapabilityBuilder(std::string name) {
  capability_.set_name(std::move(name));
}

CapabilityBuilder& CapabilityBuilder::number(std::string name, std::string unit, std::optional<double> low,
                                             std::optional<double> high) {
  wire::Field& field = *capability_.add_parameters();
  field.set_name(std::move(name));
  field.set_unit(std::move(unit));
  if (low) field.set_low(*low);
  if (high) field.set_high(*high);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::levels(std::vector<double> levels) {
  std::sort(levels.begin(), levels.end());
  wire::Field& field = *capability_.mutable_parameters(capability_.parameters_size() - 1);
  field.mutable_levels()->Assign(levels.begin(), levels.end());
  return *this;
}

CapabilityBuilder& CapabilityBuilder::text(std::string name, std::vector<std::string> choices) {
  wire::Field& field = *capability_.add_parameters();
  field.set_name(std::move(name));
  field.set_is_text(true);
  for (std::string& choice : choices) field.add_choices(std::move(choice));
  return *this;
}

CapabilityBuilder& CapabilityBuilder::optional() {
  ATHANOR_CHECK(capability_.parameters_size() > 0, "optional() follows the parameter that it is about");
  capability_.mutable_parameters(capability_.parameters_size() - 1)->set_may_be_missing(true);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::result(std::string name, std::string unit, std::optional<double> low,
                                             std::optional<double> high) {
  wire::Field& field = *capability_.add_results();
  field.set_name(std::move(name));
  field.set_unit(std::move(unit));
  if (low) field.set_low(*low);
  if (high) field.set_high(*high);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::saturates(std::optional<double> low, std::optional<double> high) {
  ATHANOR_CHECK(capability_.results_size() > 0, "a result is described before its detector's ends");
  wire::Field& field = *capability_.mutable_results()->rbegin();
  if (low) field.set_saturates_low(*low);
  if (high) field.set_saturates_high(*high);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::flat_after(unsigned readings) {
  ATHANOR_CHECK(capability_.results_size() > 0, "a result is described before when it is flat");
  capability_.mutable_results()->rbegin()->set_flat_after(readings);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::text_result(std::string name) {
  wire::Field& field = *capability_.add_results();
  field.set_name(std::move(name));
  field.set_is_text(true);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::array(std::string name, ElementType element, std::vector<std::uint64_t> row_shape,
                                            std::string unit) {
  wire::Field& field = *capability_.add_results();
  field.set_name(std::move(name));
  field.set_unit(std::move(unit));
  *field.mutable_array() = to_wire(ArrayType{element, std::move(row_shape), {}});
  return *this;
}

CapabilityBuilder& CapabilityBuilder::usual_duration(Duration duration) {
  capability_.set_usual_duration_s(seconds(duration));
  return *this;
}

CapabilityBuilder& CapabilityBuilder::lasts(std::string parameter) {
  capability_.set_duration_parameter(std::move(parameter));
  return *this;
}

CapabilityBuilder& CapabilityBuilder::uses(std::string reagent, std::string amount) {
  wire::StockUse& use = *capability_.add_uses();
  use.set_reagent(std::move(reagent));
  use.set_amount(std::move(amount));
  return *this;
}

CapabilityBuilder& CapabilityBuilder::risk(wire::Risk risk) {
  capability_.set_risk(risk);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::repeatable() {
  capability_.set_repeatable(true);
  return *this;
}

CapabilityBuilder& CapabilityBuilder::self_test() {
  capability_.set_self_test(true);
  return repeatable();
}

// ── Arguments ────────────────────────────────────────────────────────────────────────────────────────────────────────

Arguments::Arguments(const wire::Capability& capability, const wire::Command& command) : command_(command) {
  for (wire::Value& value : *command_.mutable_with()) {
    const wire::Field* field = find_parameter(capability, value.name());
    if (field == nullptr || value.kind_case() != wire::Value::kNumber) continue;
    value.set_number(in_unit_of(*field, value));
    value.set_unit(field->unit());
  }
}

const wire::Value* Arguments::find(std::string_view name) const {
  return find_value(command_, std::string(name));
}

bool Arguments::given(std::string_view name) const {
  return find(name) != nullptr;
}

double Arguments::number(std::string_view name) const {
  const wire::Value* value = find(name);
  ATHANOR_CHECK(value != nullptr && value->kind_case() == wire::Value::kNumber,
                fmt::format("“{}” of “{}” is no number that was given", name, command_.capability()));
  return value->number();
}

double Arguments::number_or(std::string_view name, double otherwise) const {
  return given(name) ? number(name) : otherwise;
}

const std::string& Arguments::text(std::string_view name) const {
  const wire::Value* value = find(name);
  ATHANOR_CHECK(value != nullptr && value->kind_case() == wire::Value::kText,
                fmt::format("“{}” of “{}” is no text that was given", name, command_.capability()));
  return value->text();
}

std::string Arguments::text_or(std::string_view name, const std::string& otherwise) const {
  return given(name) ? text(name) : otherwise;
}

// ── The instrument ───────────────────────────────────────────────────────────────────────────────────────────────────

namespace {

constexpr std::size_t kMostAtOnce = std::size_t{4} << 20;  // bytes that a handler is asked for: a message may wait

class KitInstrument final : public Instrument {
 public:
  explicit KitInstrument(InstrumentPlan plan) : plan_(std::move(plan)) {
    description_.set_id(plan_.id);
    description_.set_kind(plan_.kind);
    for (const auto& offer : plan_.offers) *description_.add_capabilities() = offer.capability.description();
    std::vector<Mistake> mistakes;
    for (const std::string& mistake : mistakes_in(description_)) mistakes.push_back(Mistake{Place{}, mistake});
    if (!mistakes.empty()) throw InputError(std::move(mistakes));
  }

  wire::Instrument describe() const override { return description_; }

  void send_arrays_to(ArrayWindow& window) override { window_ = &window; }

  Outcome<Duration> start(const wire::Command& command, Time now) override {
    ATHANOR_CHECK(!running_, "a second command was started while one runs");
    const InstrumentPlan::Offer& offer = offer_of(command);
    auto work = offer.start(Arguments(offer.capability.description(), command), now);
    if (!work) return work.fault();
    const Duration duration = work.value().duration;
    go_on(command, work.value(), now);
    return duration;
  }

  Time wakes_at() const override {
    if (!reports_.empty()) return reports_since_;
    if (!running_) return kNever;
    Time next = has_room() ? running_->feed_at : kNever;
    const auto& progress = running_->work.progress;
    if (running_->milestone < progress.size()) {
      next = std::min(next, running_->began + progress[running_->milestone].after);
    } else if (running_->feed_at == kNever) {
      next = std::min(next, running_->end());
    }
    return next;
  }

  std::vector<wire::FromDriver> poll(Time now) override {
    std::vector<wire::FromDriver> due = std::move(reports_);
    reports_.clear();
    if (!running_) return due;
    const auto& progress = running_->work.progress;
    for (; running_->milestone < progress.size(); ++running_->milestone) {
      const Work::Milestone& milestone = progress[running_->milestone];
      if (running_->began + milestone.after > now) break;
      wire::Progress& report = *due.emplace_back().mutable_progress();
      report.set_id(running_->command.id());
      report.set_fraction(milestone.fraction);
      report.set_note(milestone.note);
    }
    if (running_->feed_at <= now && has_room()) feed(now);
    if (running_->end() > now || running_->feed_at != kNever) return due;
    const Running ended = std::move(*running_);
    running_.reset();
    const Outcome<Results> results = ended.work.finish ? ended.work.finish(now) : Outcome<Results>(Results{});
    *due.emplace_back().mutable_outcome() = outcome_of(ended.command, results, now - ended.began);
    return due;
  }

  std::vector<wire::Value> readings(Time now) override {
    std::vector<wire::Value> values;
    if (plan_.readings) {
      for (const Reading& reading : plan_.readings(now))
        values.push_back(number_value(reading.name, reading.number, reading.unit));
    }
    return values;
  }

  void cancel(const std::string& command_id, Time now) override {
    if (running_ && running_->command.id() == command_id) interrupt("cancelled", now);
  }

  void make_safe(Time now) override {
    if (running_) interrupt("stopped: the instrument was brought to its safe state", now);
    if (plan_.make_safe) plan_.make_safe(now);
  }

  Memory recall(const wire::Command& command, Time began, Time now) override {
    Memory memory;
    const wire::Capability* known = find_capability(description_, command.capability());
    if (!plan_.recall || known == nullptr) return memory;
    const Recollection recollection = plan_.recall(Arguments(*known, command), now);
    memory.kind = recollection.kind;
    if (memory.kind == Memory::Kind::kRunning) go_on(command, recollection.work, began);
    if (memory.kind == Memory::Kind::kFinished) {
      ATHANOR_CHECK(recollection.end.has_value(), "a recollection of a finished command without its end");
      memory.outcome = outcome_of(command, *recollection.end, recollection.took);
    }
    return memory;
  }

 private:
  struct Running {
    wire::Command command;
    Work work;
    Time began;
    std::size_t milestone = 0;  ///< the next to be reported
    Time feed_at = kNever;      ///< when it is to be asked for rows; kNever: it has given all
    std::size_t row = 0;        ///< bytes of one row of each of its arrays
    Time end() const { return began + work.duration; }
  };

  const InstrumentPlan::Offer& offer_of(const wire::Command& command) const {
    const auto offer =
        std::find_if(plan_.offers.begin(), plan_.offers.end(), [&](const InstrumentPlan::Offer& candidate) {
          return candidate.capability.description().name() == command.capability();
        });
    ATHANOR_CHECK(offer != plan_.offers.end(), "a command for a capability that was not described");
    return *offer;
  }

  void go_on(const wire::Command& command, const Work& work, Time now) {
    running_ = Running{command, work, work.began.value_or(now)};
    if (work.rows) {
      running_->feed_at = running_->began;
      for (const wire::Field& field : find_capability(description_, command.capability())->results()) {
        if (field.has_array()) running_->row += row_bytes(from_wire(field.array(), field.unit()));
      }
    }
    auto& progress = running_->work.progress;
    std::stable_sort(progress.begin(), progress.end(), [](const auto& a, const auto& b) { return a.after < b.after; });
    progress.erase(
        std::find_if(progress.begin(), progress.end(), [&](const auto& m) { return m.after > work.duration; }),
        progress.end());
  }

  bool has_room() const { return window_ != nullptr && window_->room() >= running_->row; }

  void feed(Time now) {
    Feed fed = running_->work.rows(std::min(window_->room(), std::max(running_->row, kMostAtOnce)), now);
    for (const Rows& rows : fed.rows) window_->put(running_->command.id(), rows.result, rows.bytes);
    running_->feed_at = fed.again;
  }

  void interrupt(const std::string& why, Time now) {
    const Running ended = std::move(*running_);
    running_.reset();
    if (ended.work.interrupted) ended.work.interrupted(now);
    if (reports_.empty()) reports_since_ = now;
    *reports_.emplace_back().mutable_outcome() =
        outcome_of(ended.command, Fault{Fault::Kind::kInterrupted, why}, now - ended.began);
  }

  wire::Outcome outcome_of(const wire::Command& command, const Outcome<Results>& end, Duration took) const {
    if (!end) return failed_outcome(command.id(), end.fault(), seconds(took));
    wire::Outcome outcome;
    outcome.set_id(command.id());
    outcome.set_done(true);
    outcome.set_took_s(seconds(took));
    const wire::Capability& described = *find_capability(description_, command.capability());
    for (const Result& result : end.value()) {
      const wire::Field* field = find_result(described, result.name);
      ATHANOR_CHECK(field != nullptr, fmt::format("“{}” gave the result “{}”, which it does not describe",
                                                  described.name(), result.name));
      const double* number = std::get_if<double>(&result.value);
      ATHANOR_CHECK(!field->has_array() && (number == nullptr) == field->is_text(),
                    fmt::format("result “{}” is of the wrong kind", result.name));
      *outcome.add_results() = number != nullptr ? number_value(result.name, *number, field->unit())
                                                 : text_value(result.name, std::get<std::string>(result.value));
    }
    return outcome;
  }

  InstrumentPlan plan_;
  wire::Instrument description_;
  ArrayWindow* window_ = nullptr;  ///< where rows go; null: none of its capabilities has arrays
  std::optional<Running> running_;
  std::vector<wire::FromDriver> reports_;  ///< of what was interrupted
  Time reports_since_ = kNever;
};

}  // namespace

std::unique_ptr<Instrument> make_instrument(InstrumentPlan plan) {
  return std::make_unique<KitInstrument>(std::move(plan));
}

}  // namespace athanor
