#include "tests/simulation/world.h"

#include <fmt/format.h>
#include <algorithm>

#include "instruments/description.h"

namespace athanor::simulation {
namespace {

constexpr double kHangs = 1e7;  // seconds: nobody lives to see the end
constexpr Duration kBrokenFor = std::chrono::hours{3}, kUnsafeFor = std::chrono::minutes{40};
constexpr double kTestTakes = 30;     // seconds
constexpr double kWrongSignal = 1e6;  // %
constexpr std::size_t kRow = 32;      // bytes of a recording
constexpr std::uint64_t kMostRows = 4000, kPieces = 8;

const char* capability_of(const DeviceTraits& device) {
  return device.kind == "dispenser" ? "dispense" : device.kind == "reactor" ? "heat" : "measure";
}

CapabilityBuilder described(const DeviceTraits& device) {
  CapabilityBuilder out = capability(capability_of(device));
  out.usual_duration(from_seconds(device.duration_s));
  if (device.kind == "dispenser") out.number("volume", "mL", 0.01, 2).text("reagent").uses("reagent", "volume");
  if (device.kind == "reactor") out.number("temperature", "degC", 20, 150).result("final_temperature", "degC");
  if (device.kind == "meter") out.result("signal", "%", 0, kHighestSignal);
  if (device.records) out.array("trace", ElementType::kUint16, {kRow / 2}, "count");
  if (device.repeatable) out.repeatable();
  if (device.hazardous) out.risk(wire::HAZARDOUS);
  return out;
}

/// Says how long its jobs usually take, whatever this one will: a device that hangs does not know it beforehand. In its
/// safe state it does nothing, whatever its driver knows of.
class Hopeful final : public Instrument {
 public:
  Hopeful(std::unique_ptr<Instrument> inner, const DeviceTraits& device, World& world)
      : inner_(std::move(inner)), id_(device.id), usual_(from_seconds(device.duration_s)), world_(world) {}
  wire::Instrument describe() const override { return inner_->describe(); }
  Outcome<Duration> start(const wire::Command& command, Time now) override {
    const Outcome<Duration> started = inner_->start(command, now);
    return started && command.capability() != "self_test" ? Outcome<Duration>(usual_) : started;
  }
  void send_arrays_to(ArrayWindow& window) override { inner_->send_arrays_to(window); }
  Time wakes_at() const override {
    return safe_ ? inner_->wakes_at() : std::min(inner_->wakes_at(), world_.safe_at(id_));
  }
  std::vector<wire::FromDriver> poll(Time now) override {
    if (!safe_) become_safe(now);
    return inner_->poll(now);
  }
  void cancel(const std::string& command_id, Time now) override { inner_->cancel(command_id, now); }
  void make_safe(Time now) override {
    inner_->make_safe(now);
    world_.make_safe(id_, now);
    safe_ = false;
    become_safe(now);
  }
  bool is_safe() const override { return safe_; }
  Memory recall(const wire::Command& command, Time began, Time now) override {
    return inner_->recall(command, began, now);
  }

 private:
  void become_safe(Time now) {
    if (world_.safe_at(id_) > now) return;
    world_.stop(id_, now);
    safe_ = true;
  }

  std::unique_ptr<Instrument> inner_;
  std::string id_;
  Duration usual_;
  World& world_;
  bool safe_ = true;
};

}  // namespace

std::string step_of(const std::string& command_id) {
  return command_id.substr(0, command_id.rfind('/'));
}

std::unique_ptr<Instrument> World::instrument(const DeviceTraits& device) {
  InstrumentPlan plan;
  plan.id = device.id;
  plan.kind = device.kind;
  plan.offers = {
      {described(device), [this, device](const Arguments& with, Time now) { return begin(device, with, now); }}};
  if (device.tests_itself) {
    plan.offers.push_back({capability("self_test").usual_duration(from_seconds(kTestTakes)).self_test(),
                           [this, device](const Arguments& with, Time now) { return test(device, with, now); }});
  }
  plan.recall = [this, device](const Arguments& with, Time now) { return recall(device, with, now); };
  return std::make_unique<Hopeful>(make_instrument(std::move(plan)), device, *this);
}

void World::check_approval(const Arguments& with, Time now) {
  const wire::Command& command = with.command();
  const wire::Approval& approval = command.approval();
  if (!command.has_approval()) throw Violation{fmt::format("“{}” is hazardous and nobody approved it", command.id())};
  if (approval.digest() != approval_digest(command))
    throw Violation{fmt::format("“{}” is hazardous and began with the approval of something else", command.id())};
  if (Time(Duration(approval.until_us())) < now)
    throw Violation{fmt::format("“{}” is hazardous and began after its approval had expired", command.id())};
  if (--words_[command.sample()] < 0)
    throw Violation{fmt::format("“{}” is hazardous and began with an approval that was used already", command.id())};
}

void World::check_begin(const DeviceTraits& device, const Arguments& with, Time now) {
  const std::string& id = with.command().id();
  if (jobs_.contains(id)) throw Violation{fmt::format("command “{}” was begun twice", id)};
  const auto [step, first] = steps_.emplace(step_of(id), id);
  if (!first && !device.repeatable)
    throw Violation{fmt::format("“{}” may not be repeated and was, by “{}”", step->second, id)};
  if (device.hazardous) check_approval(with, now);
  if (busy_.contains(device.id))
    throw Violation{fmt::format("{} began “{}” amid “{}”", device.id, id, busy_.at(device.id))};

  Sample& sample = samples_[with.sample()];
  if (!sample.job.empty()) throw Violation{fmt::format("“{}” and “{}” act on one sample at once", sample.job, id)};
  if (sample.place.empty()) sample.place = with.place();
  if (sample.place != with.place())
    throw Violation{
        fmt::format("“{}” looks for its sample at {}, but it stands at {}", id, with.place(), sample.place)};
  std::string& there = places_[sample.place];
  if (there != with.sample()) {
    if (sample.displaced || (!there.empty() && !samples_.at(there).job.empty()))
      throw Violation{fmt::format("samples {} and {} stand in one place, {}", there, with.sample(), sample.place)};
    if (!there.empty()) samples_.at(there).displaced = true;
    there = with.sample();
  }
  if (device.kind == "reactor" && with.number("temperature") > device.highest_c)
    throw Violation{fmt::format("{} heats to {} °C, and the laboratory allows {}", device.id,
                                with.number("temperature"), device.highest_c)};
}

Outcome<Work> World::begin(const DeviceTraits& device, const Arguments& with, Time now) {
  if (faults_.strikes(FaultKind::kDriverCrashBefore)) throw DriverDied{};
  if (faults_.strikes(FaultKind::kDeviceRefuses)) return Fault{Fault::Kind::kDevice, "its lid is open"};
  check_begin(device, with, now);
  const std::string& id = with.command().id();
  Job job;
  job.command = with.command();
  job.began = now;
  job.ends = now + from_seconds(device.duration_s);
  if (faults_.strikes(FaultKind::kDeviceHangs)) job.ends = now + from_seconds(kHangs);
  if (faults_.strikes(FaultKind::kDeviceBreaks)) broken_until_[device.id] = now + kBrokenFor;
  if (faults_.strikes(FaultKind::kDeviceFault) || broken(device.id, now))
    job.fault = Fault{Fault::Kind::kDevice, "the motor is stuck"};
  job.wrong = device.kind == "meter" && faults_.strikes(FaultKind::kWrongSignal);
  if (faults_.strikes(FaultKind::kSampleFault)) job.fault = Fault{Fault::Kind::kSample, "it has precipitated"};
  jobs_[id] = job;
  busy_[device.id] = id;
  Sample& sample = samples_.at(with.sample());
  sample.job = id;
  if (device.kind == "dispenser") {  // it pours as it begins
    double& used = used_ml_[with.text("reagent")];
    used += with.number("volume");
    sample.volume_ml += with.number("volume");
    if (used > stock_ml_.at(with.text("reagent")) + 1e-9)
      throw Violation{fmt::format("{} mL of {} were taken, of which there are {}", used, with.text("reagent"),
                                  stock_ml_.at(with.text("reagent")))};
  }
  if (faults_.strikes(FaultKind::kDriverCrashAfter)) throw DriverDied{};
  return work(device, id);
}

bool World::broken(const std::string& device, Time now) const {
  const auto until = broken_until_.find(device);
  return until != broken_until_.end() && now < until->second && !faults_.over();
}

/// Without a sample, and without an effect on anything.
Outcome<Work> World::test(const DeviceTraits& device, const Arguments& with, Time now) {
  if (busy_.contains(device.id))
    throw Violation{fmt::format("{} tests itself amid “{}”", device.id, busy_.at(device.id))};
  const std::string& id = with.command().id();
  Job job;
  job.command = with.command();
  job.began = now;
  job.ends = now + from_seconds(kTestTakes);
  if (broken(device.id, now)) job.fault = Fault{Fault::Kind::kDevice, "the motor is still stuck"};
  jobs_[id] = job;
  busy_[device.id] = id;
  return work(device, id);
}

Work World::work(const DeviceTraits& device, const std::string& id) {
  const Job& job = jobs_.at(id);
  Work out;
  out.duration = job.ends - job.began;
  out.began = job.began;
  out.finish = [this, device, id](Time) { return finish(device, id); };
  out.interrupted = [this, id](Time) { end(id, false); };
  if (device.records && !job.command.sample().empty()) out.rows = rows(job);
  return out;
}

std::vector<std::byte> World::recording(const std::string& command) const {
  RandomStream random(0, "recording " + command);
  std::vector<std::byte> bytes(random.below(kMostRows) * kRow);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xff);
  return bytes;
}

/// As time passes, in some pieces, and as far as there is room.
std::function<Feed(std::size_t room, Time now)> World::rows(const Job& job) const {
  const SharedBytes all = SharedBytes::of(recording(job.command.id()));
  const std::size_t piece = all.size() / kRow / kPieces * kRow + kRow;
  return [all, piece, began = job.began, every = (job.ends - job.began) / kPieces, given = std::size_t{0}](
             std::size_t room, Time) mutable {
    Feed feed;
    const std::size_t size = std::min({piece, all.size() - given, room / kRow * kRow});
    feed.rows.push_back({"trace", all.part(given, size)});
    given += size;
    if (given < all.size()) feed.again = began + every * static_cast<std::int64_t>(given / piece);
    return feed;
  };
}

Results World::results(const DeviceTraits& device, const Job& job) const {
  if (job.command.sample().empty()) return {};
  if (device.kind == "meter")
    return {{"signal", job.wrong ? kWrongSignal : samples_.at(job.command.sample()).measured.value()}};
  if (device.kind == "reactor") return {{"final_temperature", samples_.at(job.command.sample()).heat}};
  return {};
}

Outcome<Results> World::finish(const DeviceTraits& device, const std::string& id) {
  const Job& job = jobs_.at(id);
  end(id, !job.fault);
  if (faults_.strikes(FaultKind::kDriverCrashAtEnd)) throw DriverDied{};
  if (job.fault) return *job.fault;
  return results(device, job);
}

void World::make_safe(const std::string& instrument, Time now) {
  Time& until = unsafe_until_[instrument];
  if (until > now || !faults_.strikes(FaultKind::kStaysUnsafe)) return;
  until = now + (faults_.strikes(FaultKind::kStaysUnsafe) ? from_seconds(kHangs) : kUnsafeFor);
}

Time World::safe_at(const std::string& instrument) const {
  const auto until = unsafe_until_.find(instrument);
  return until == unsafe_until_.end() || faults_.over() ? Time{} : until->second;
}

void World::stop(const std::string& instrument, Time now) {
  const std::string id = at_work(instrument);
  if (id.empty()) return;
  const Job& job = jobs_.at(id);
  end(id, job.ends <= now && !job.fault);
}

/// The device has ended what it did, whoever hears of it.
void World::end(const std::string& id, bool completed) {
  Job& job = jobs_.at(id);
  if (!job.running) return;
  job.running = false;
  job.completed = completed;
  busy_.erase(job.command.instrument());
  if (job.command.sample().empty()) return;
  Sample& sample = samples_.at(job.command.sample());
  sample.job.clear();
  if (!completed) return;
  if (job.command.capability() == "heat") {
    for (const wire::Value& value : job.command.with()) {
      if (value.name() == "temperature") sample.heat = value.number();
    }
  }
  if (job.command.capability() == "measure") sample.measured = 10 * sample.volume_ml + 0.1 * sample.heat;
}

Recollection World::recall(const DeviceTraits& device, const Arguments& with, Time now) {
  using Kind = Instrument::Memory::Kind;
  Recollection out;
  const std::string& id = with.command().id();
  const auto found = jobs_.find(id);
  if (found != jobs_.end() && found->second.running && found->second.ends <= now) end(id, !found->second.fault);
  if (!device.remembers) {
    // What it was doing ends with its driver.
    if (found != jobs_.end()) end(id, false);
    return out;
  }
  out.kind = Kind::kNeverStarted;
  if (found == jobs_.end()) return out;
  const Job& job = found->second;
  out.took = job.ends - job.began;
  if (job.running) {
    out.kind = Kind::kRunning;
    out.work = work(device, id);
    return out;
  }
  if (job.completed && device.keeps_it && !job.command.sample().empty()) {
    out.kind = Kind::kRunning;
    out.work = work(device, id);
    return out;
  }
  out.kind = Kind::kFinished;
  if (job.completed) {
    out.end = results(device, job);
  } else {
    out.end = job.fault.value_or(Fault{Fault::Kind::kInterrupted, "it was interrupted"});
  }
  return out;
}

void World::check_cancel(const std::string& command, Time now) const {
  const auto job = jobs_.find(command);
  if (job == jobs_.end() || !job->second.running || now >= job->second.ends) return;
  if (job->second.ends - job->second.began < from_seconds(kHangs))
    throw Violation{fmt::format("“{}” was cancelled, and its device worked as it should", command)};
}

std::optional<double> World::measured(const std::string& sample) const {
  const auto found = samples_.find(sample);
  return found == samples_.end() ? std::nullopt : found->second.measured;
}

std::string World::at_work(const std::string& instrument) const {
  const auto busy = busy_.find(instrument);
  return busy == busy_.end() ? "" : busy->second;
}

bool World::began(const std::string& sample, const std::string& step) const {
  return steps_.contains(sample + "/" + step);
}

int World::completed(const std::string& sample, const std::string& step) const {
  int count = 0;
  for (const auto& [id, job] : jobs_) count += job.completed && step_of(id) == sample + "/" + step ? 1 : 0;
  return count;
}

double World::dispensed_ml(const std::string& reagent) const {
  const auto used = used_ml_.find(reagent);
  return used == used_ml_.end() ? 0 : used->second;
}

}  // namespace athanor::simulation
