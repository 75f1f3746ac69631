// A simulated instrument: the behaviours of its model, acting on the world, behind the contract of a real one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "instruments/instrument.h"
#include "lab_twin/model.h"

namespace athanor {

/// What may be wrong with a device, for testing those who have to cope. Settings of the lab file.
struct Temper {
  /// `forgets`: cannot tell after a restart of its driver what became of a job, which ends with the restart.
  bool forgets = false;
  double fails = 0;         ///< the share of its jobs that end half way with a fault of the device
  double hangs = 0;         ///< the share of its jobs that never end by themselves
  double breaks = 0;        ///< the share of its jobs at which it breaks: that one fails, and all others for …
  double broken_for_s = 0;  ///< … so long
  double wild = 0;          ///< the share of its results that are nonsense
};

/// Does one job at a time. A job that has begun goes on by itself, in the world, whether or not this object lives to
/// see its end: what the device is doing and until when is in the world's file, and so are the results of all its jobs,
/// and the arrays of its last one. A job with arrays is told to be running until they were handed over, as often as
/// somebody asks; the next job takes their place, and begins only when they are stored.
class Device final : public Instrument {
 public:
  /// `description` is what its behaviours say, within the laboratory's limits. What the device was doing when its last
  /// driver died goes on, or has ended in the meantime; a job that the lab file no longer allows ends with no effect.
  Device(wire::Instrument description, std::shared_ptr<const Behaviours> behaviours, Temper temper,
         std::shared_ptr<World> world, Time now);

  wire::Instrument describe() const override { return description_; }
  Outcome<Duration> start(const wire::Command& command, Time now) override;
  void send_arrays_to(ArrayWindow& window) override { window_ = &window; }
  Time wakes_at() const override;
  std::vector<wire::FromDriver> poll(Time now) override;
  void cancel(const std::string& command_id, Time now) override;
  void make_safe(Time now) override;
  std::vector<wire::Value> readings(Time now) override;
  Memory recall(const wire::Command& command, Time began, Time now) override;

 private:
  struct Job {
    wire::Command command;
    Time began_at, ends_at;
    double planned_s = 0;  ///< how long all of it takes
    bool wanted = false;   ///< by the driver that lives now, which will be told of its end
  };

  /// The end of a job that recorded arrays, and what of them has not been given yet.
  struct Handover {
    struct Part {
      Rows rows;
      std::size_t row = 0;  ///< bytes
    };
    wire::Outcome outcome;
    std::vector<Part> left;
  };

  /// None if it came to nothing, or these are not the arrays that the device describes now.
  std::optional<Handover> handover(const wire::Command& command, const wire::Outcome& outcome,
                                   const std::vector<Rows>& arrays) const;
  void hand_over();
  std::size_t index_of(const wire::Command& command) const;
  Scene scene(const Arguments& with);
  void end_if_due(Time now);
  void end(Time at, bool whole);

  wire::Instrument description_;
  std::shared_ptr<const Behaviours> behaviours_;
  Temper temper_;
  std::shared_ptr<World> world_;
  ArrayWindow* window_ = nullptr;  ///< where arrays go; null: it makes none
  std::optional<Job> job_;
  std::optional<Handover> handover_;
  std::vector<wire::Outcome> unreported_;
  Time ended_at_{};  ///< the job that ended last
};

/// How a device shows whether it works, as every simulated one can: half a minute, on no sample.
std::unique_ptr<const Behaviour> make_self_test();

/// What a device of these behaviours says of itself.
wire::Instrument describe_device(const std::string& id, const std::string& kind, const Behaviours& behaviours);

}  // namespace athanor
