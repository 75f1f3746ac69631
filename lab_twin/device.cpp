#include "lab_twin/device.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "instruments/array_window.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

constexpr double kFailsAfter = 0.5;              // of its time, a job that fails
constexpr double kSelfTestTakes = 30;            // seconds
constexpr double kWild = 1000;                   // times what it should have shown, and as much beside it
constexpr const char* kBroken = "broken_until";  // in the device's own state, seconds

class SelfTest final : public Behaviour {
 public:
  CapabilityBuilder describe() const override {
    return capability("self_test").usual_duration(from_seconds(kSelfTestTakes)).self_test();
  }
  Outcome<double> begin(const Scene&) const override { return kSelfTestTakes; }
  Outcome<Results> act(Scene&, double, double) const override { return Results{}; }
};

double since_epoch(Time time) {
  return seconds(time.time_since_epoch());
}

wire::Outcome report(const wire::Command& command, const wire::Capability& capability, const Outcome<Results>& results,
                     double took_s) {
  if (!results) return failed_outcome(command.id(), results.fault(), took_s);
  wire::Outcome outcome;
  outcome.set_id(command.id());
  outcome.set_done(true);
  outcome.set_took_s(took_s);
  for (const Result& result : results.value()) {
    const auto field = std::find_if(capability.results().begin(), capability.results().end(),
                                    [&](const wire::Field& known) { return known.name() == result.name; });
    ATHANOR_CHECK(field != capability.results().end(), "a device reports what it does not describe");
    *outcome.add_results() = field->is_text()
                                 ? text_value(result.name, std::get<std::string>(result.value))
                                 : number_value(result.name, std::get<double>(result.value), field->unit());
  }
  return outcome;
}

}  // namespace

RandomStream Scene::chance(std::string_view what) const {
  return world.random().stream(fmt::format("command {} {}", with.command().id(), what));
}
RandomStream Scene::nature(std::string_view what) const {
  return world.random().stream(fmt::format("device {} {}", instrument, what));
}
RandomStream Scene::fate(std::string_view what) const {
  return world.random().stream(fmt::format("sample {} {}", with.sample(), what));
}

std::unique_ptr<const Behaviour> make_self_test() {
  return std::make_unique<const SelfTest>();
}

wire::Instrument describe_device(const std::string& id, const std::string& kind, const Behaviours& behaviours) {
  wire::Instrument instrument;
  instrument.set_id(id);
  instrument.set_kind(kind);
  for (const auto& behaviour : behaviours) *instrument.add_capabilities() = behaviour->describe().description();
  return instrument;
}

Device::Device(wire::Instrument description, std::shared_ptr<const Behaviours> behaviours, Temper temper,
               std::shared_ptr<World> world, Time now)
    : description_(std::move(description)),
      behaviours_(std::move(behaviours)),
      temper_(temper),
      world_(std::move(world)) {
  std::optional<Act> act;
  world_->transaction([&] { act = world_->running(description_.id()); });
  if (!act) return;
  const wire::Capability* capability = find_capability(description_, act->command.capability());
  if (capability == nullptr || !why_refused(*capability, act->command).empty()) {
    const Fault changed{Fault::Kind::kInterrupted,
                        fmt::format("{} was changed in the lab file while this ran", description_.id())};
    world_->transaction([&] { world_->end(failed_outcome(act->command.id(), changed), now, false); });
    return;
  }
  job_ = Job{act->command, act->began_at, act->ends_at, act->planned_s, false};
  end_if_due(now);
  if (job_ && temper_.forgets) end(now, false);  // the new connection reset the device
}

std::size_t Device::index_of(const wire::Command& command) const {
  for (int i = 0; i < description_.capabilities_size(); ++i) {
    if (description_.capabilities(i).name() == command.capability()) return static_cast<std::size_t>(i);
  }
  ATHANOR_CHECK(false, "a device was asked for what it does not describe");
}

Scene Device::scene(const Arguments& with) {
  return Scene{with, description_.id(), *world_, world_->sample(with.sample()), world_->device(description_.id())};
}

Outcome<Duration> Device::start(const wire::Command& command, Time now) {
  end_if_due(now);
  if (handover_) {
    return Fault{Fault::Kind::kDevice, fmt::format("{} has not handed over its last recording", description_.id())};
  }
  if (job_) {
    return Fault{Fault::Kind::kDevice,
                 fmt::format("{} is busy with {}", description_.id(), job_->command.capability())};
  }
  const std::size_t index = index_of(command);
  const Arguments with(description_.capabilities(static_cast<int>(index)), command);
  std::optional<Fault> fault;
  world_->transaction([&] {
    const Scene before = scene(with);
    const auto planned_s = (*behaviours_)[index]->begin(before);
    if (!planned_s) {
      fault = planned_s.fault();
      return;
    }
    auto temper = before.chance("temper");
    const double roll = temper.uniform();
    Job job{command, now, now + from_seconds(planned_s.value()), planned_s.value(), true};
    // The test shows what is broken; it breaks nothing itself.
    const bool is_test = description_.capabilities(static_cast<int>(index)).self_test();
    const bool broken = since_epoch(now) < before.device.get(kBroken);
    const bool breaks = !is_test && !broken && before.chance("breaks").uniform() < temper_.breaks;
    if (breaks) {
      State device = before.device;
      device.set(kBroken, since_epoch(now) + temper_.broken_for_s);
      world_->put_device(description_.id(), device);
    }
    if (!broken && !breaks && roll < temper_.hangs) {
      job.ends_at = kNever;
    } else if (broken || breaks || roll < temper_.hangs + temper_.fails) {
      job.ends_at = now + from_seconds(kFailsAfter * planned_s.value());
    }
    world_->begin(command, now, job.ends_at, job.planned_s);
    job_ = std::move(job);
  });
  if (fault) return *fault;
  return from_seconds(job_->planned_s);
}

Time Device::wakes_at() const {
  if (!unreported_.empty()) return ended_at_;
  if (handover_) {
    const bool waits = !handover_->left.empty() && window_->room() < handover_->left.back().row;
    return waits ? kNever : ended_at_;
  }
  return job_ ? job_->ends_at : kNever;
}

std::vector<wire::FromDriver> Device::poll(Time now) {
  end_if_due(now);
  hand_over();
  std::vector<wire::FromDriver> messages;
  for (auto& outcome : unreported_) *messages.emplace_back().mutable_outcome() = std::move(outcome);
  unreported_.clear();
  return messages;
}

void Device::end_if_due(Time now) {
  if (job_ && job_->ends_at <= now) end(job_->ends_at, true);
}

std::optional<Device::Handover> Device::handover(const wire::Command& command, const wire::Outcome& outcome,
                                                 const std::vector<Rows>& arrays) const {
  const wire::Capability* capability = find_capability(description_, command.capability());
  if (!outcome.done() || capability == nullptr || !makes_arrays(*capability)) return std::nullopt;
  Handover found{outcome, {}};
  for (const wire::Field& field : capability->results()) {
    if (!field.has_array()) continue;
    const auto recorded =
        std::find_if(arrays.begin(), arrays.end(), [&](const Rows& rows) { return rows.result == field.name(); });
    if (recorded == arrays.end()) return std::nullopt;
    found.left.push_back({*recorded, row_bytes(from_wire(field.array(), field.unit()))});
  }
  return found;
}

/// As many rows as there is room for; after the last one, the outcome.
void Device::hand_over() {
  while (handover_ && !handover_->left.empty()) {
    auto& [rows, row] = handover_->left.back();
    const std::size_t size = std::min(rows.bytes.size(), window_->room() / row * row);
    window_->put(handover_->outcome.id(), rows.result, rows.bytes.part(0, size));
    rows.bytes = rows.bytes.part(size, rows.bytes.size() - size);
    if (rows.bytes.size() > 0) return;
    handover_->left.pop_back();
  }
  if (!handover_) return;
  unreported_.push_back(std::move(handover_->outcome));
  handover_.reset();
}

void Device::cancel(const std::string& command_id, Time now) {
  end_if_due(now);
  if (handover_ && handover_->outcome.id() == command_id) {
    unreported_.push_back(failed_outcome(command_id,
                                         {Fault::Kind::kInterrupted, "cancelled while its recording was handed over"},
                                         handover_->outcome.took_s()));
    handover_.reset();
  }
  if (job_ && job_->command.id() == command_id) end(now, false);
}

void Device::make_safe(Time now) {
  end_if_due(now);
  if (job_) end(now, false);
}

// `whole`: to its own end (which for a job that fails is half way); otherwise it is broken off.
void Device::end(Time at, bool whole) {
  const std::size_t index = index_of(job_->command);
  const auto& capability = description_.capabilities(static_cast<int>(index));
  const Arguments with(capability, job_->command);
  const double took_s = std::max(0.0, seconds(at - job_->began_at));
  const bool fails = whole && took_s < kFailsAfter * 1.5 * job_->planned_s;
  wire::Outcome outcome;
  std::vector<Rows> arrays;
  world_->transaction([&] {
    Scene now = scene(with);
    Outcome<Results> results = (*behaviours_)[index]->act(now, std::min(took_s, job_->planned_s), job_->planned_s);
    if (fails) {
      results = Fault{Fault::Kind::kDevice, fmt::format("{} failed after {} s of {} s", description_.id(),
                                                        pretty_number(took_s), pretty_number(job_->planned_s))};
    } else if (!whole) {
      results = Fault{Fault::Kind::kInterrupted,
                      fmt::format("stopped after {} s of {} s", pretty_number(took_s), pretty_number(job_->planned_s))};
    } else if (results && now.chance("wild").uniform() < temper_.wild) {
      Results nonsense = results.value();
      for (Result& result : nonsense) {
        if (double* number = std::get_if<double>(&result.value)) *number = kWild * (*number + 1);
      }
      results = std::move(nonsense);
    }
    if (!with.sample().empty()) world_->put_sample(with.sample(), now.sample);
    world_->put_device(description_.id(), now.device);
    outcome = report(job_->command, capability, results, took_s);
    if (outcome.done()) arrays = std::move(now.arrays);
    world_->put_recording(description_.id(), outcome.id(), arrays);
    world_->end(outcome, at, whole && !fails);
  });
  if (job_->wanted) {
    handover_ = handover(job_->command, outcome, arrays);
    ATHANOR_CHECK(handover_ || !outcome.done() || !makes_arrays(capability),
                  "a device did not record what it describes");
    if (!handover_) unreported_.push_back(std::move(outcome));
  }
  ended_at_ = at;
  job_.reset();
}

std::vector<wire::Value> Device::readings(Time now) {
  end_if_due(now);
  std::vector<Reading> shown;
  if (job_) {
    const std::size_t index = index_of(job_->command);
    const Arguments with(description_.capabilities(static_cast<int>(index)), job_->command);
    world_->transaction([&] { shown = (*behaviours_)[index]->readings(scene(with), seconds(now - job_->began_at)); });
  }
  if (shown.empty()) {
    for (const auto& behaviour : *behaviours_) {
      for (Reading& reading : behaviour->resting()) shown.push_back(std::move(reading));
    }
  }
  std::vector<wire::Value> values;
  for (const Reading& reading : shown) values.push_back(number_value(reading.name, reading.number, reading.unit));
  return values;
}

Instrument::Memory Device::recall(const wire::Command& command, Time, Time now) {
  end_if_due(now);
  Memory memory;
  if (temper_.forgets) return memory;
  if (job_ && job_->command.id() == command.id()) {
    job_->wanted = true;
    memory.kind = Memory::Kind::kRunning;
    return memory;
  }
  std::optional<Act> act;
  std::vector<Rows> arrays;
  world_->transaction([&] {
    act = world_->find(command.id());
    arrays = world_->recording(description_.id(), command.id());
  });
  memory.kind = act ? Memory::Kind::kFinished : Memory::Kind::kNeverStarted;
  if (!act) return memory;
  if (!job_ && !handover_) handover_ = handover(command, act->outcome, arrays);
  if (handover_ && handover_->outcome.id() == command.id()) {
    memory.kind = Memory::Kind::kRunning;
    ended_at_ = act->ended_at.value_or(now);
  } else {
    memory.outcome = act->outcome;
  }
  return memory;
}

}  // namespace athanor
