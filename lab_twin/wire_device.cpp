#include "lab_twin/wire_device.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/utf8.h"
#include "instruments/description.h"
#include "instruments/driver.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

constexpr const char* kJobs = "jobs on the wire";  // in the device's own state

}  // namespace

WireDevice::WireDevice(std::unique_ptr<Device> device, std::shared_ptr<World> world, std::vector<std::string> places)
    : device_(std::move(device)),
      world_(std::move(world)),
      places_(std::move(places)),
      description_(device_->describe()) {
  world_->transaction([&] { jobs_ = static_cast<unsigned long>(world_->device(description_.id()).get(kJobs)); });
}

std::optional<Fault> WireDevice::begin(const std::string& capability, const std::map<std::string, Value>& with,
                                       const std::string& label, std::string sample, const std::string& place,
                                       Time now) {
  if (state(now) == State::kRunning) return Fault{Fault::Kind::kDevice, "busy"};
  std::string texts = label + '\n' + sample + '\n' + place;
  for (const auto& [name, value] : with) {
    if (const auto* text = std::get_if<std::string>(&value)) texts += '\n' + *text;
  }
  if (bad_byte(texts)) return Fault{Fault::Kind::kLimit, "a byte that is no UTF-8"};
  wire::Command command;
  command.set_id(label.empty() ? fmt::format("{}#{}", description_.id(), jobs_ + 1) : label);
  command.set_instrument(description_.id());
  command.set_capability(capability);
  command.set_place(place);
  const wire::Capability* described = find_capability(description_, capability);
  if (described == nullptr) return Fault{Fault::Kind::kLimit, "no such function"};
  for (const auto& [name, value] : with) {
    const wire::Field* field = find_parameter(*described, name);
    const auto* number = std::get_if<double>(&value);
    *command.add_with() = number != nullptr ? number_value(name, *number, field != nullptr ? field->unit() : "")
                                            : text_value(name, std::get<std::string>(value));
  }
  if (const std::string why = why_refused(*described, command); !why.empty()) return Fault{Fault::Kind::kLimit, why};
  world_->transaction([&] {
    if (place.empty()) return;
    if (sample.empty()) {
      sample = world_->standing_at(place);
    } else {
      world_->put_at(place, sample);
    }
  });
  command.set_sample(sample);
  const auto begun = device_->start(command, now);
  if (!begun) return begun.fault();
  ++jobs_;
  world_->transaction([&] {
    athanor::State own = world_->device(description_.id());
    own.set(kJobs, static_cast<double>(jobs_));
    world_->put_device(description_.id(), own);
  });
  state_ = State::kRunning;
  label_ = label;
  id_ = command.id();
  ends_at_ = now + begun.value();
  return std::nullopt;
}

void WireDevice::abort(Time now) {
  device_->make_safe(now);
  look(now);
}

void WireDevice::restart(Time now) {
  abort(now);
  state_ = State::kIdle;
  label_.clear();
  outcome_.Clear();
}

void WireDevice::look(Time now) {
  for (const wire::FromDriver& report : device_->poll(now)) {
    if (!report.has_outcome() || report.outcome().id() != id_) continue;
    outcome_ = report.outcome();
    state_ = outcome_.done() ? State::kDone : State::kFailed;
    fault_ = {from_wire(outcome_.fault()), outcome_.message()};
  }
}

WireDevice::State WireDevice::state(Time now) {
  look(now);
  return state_;
}

double WireDevice::seconds_left(Time now) {
  return state(now) == State::kRunning ? std::max(0.0, seconds(ends_at_ - now)) : 0;
}

std::optional<WireDevice::Value> WireDevice::result(const std::string& name) const {
  if (state_ != State::kDone) return std::nullopt;
  for (const wire::Value& value : outcome_.results()) {
    if (value.name() != name) continue;
    return value.kind_case() == wire::Value::kNumber ? Value(value.number()) : Value(value.text());
  }
  return std::nullopt;
}

}  // namespace athanor
