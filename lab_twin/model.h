// The contract between a world and what is in it: a model says what each kind of device does to a sample. Constant, all
// of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/outcome.h"
#include "core/random.h"
#include "instruments/kit.h"
#include "instruments/lab.h"
#include "lab_twin/settings.h"
#include "lab_twin/state.h"
#include "lab_twin/world.h"

namespace athanor {

/// One physical act while it takes place: what the device was asked, and the part of the world that it can reach.
struct Scene {
  const Arguments& with;
  const std::string& instrument;
  World& world;
  State sample;                   ///< of the command's sample
  State device;                   ///< the device's own wear
  std::vector<Rows> arrays = {};  ///< what the device records: each array that it describes, whole

  /// Chance that belongs to this command: the same numbers whoever asks, whenever, in whichever process.
  RandomStream chance(std::string_view what) const;
  /// Chance that belongs to this device: how it was built.
  RandomStream nature(std::string_view what) const;
  /// Chance that belongs to this sample.
  RandomStream fate(std::string_view what) const;
};

/// How a device carries out one capability.
class Behaviour {
 public:
  virtual ~Behaviour() = default;
  virtual CapabilityBuilder describe() const = 0;
  /// How many seconds it will take, or the fault for which the device does not begin. Changes nothing.
  virtual Outcome<double> begin(const Scene& scene) const = 0;
  /// What `elapsed_s` of the `planned_s` seconds do to the sample and the device (written into `scene`, with the arrays
  /// that it records), and what the device reports at the end; the report of an act that was broken off is not read.
  virtual Outcome<Results> act(Scene& scene, double elapsed_s, double planned_s) const = 0;
  /// What the device's sensors show `elapsed_s` after it began. Changes nothing.
  virtual std::vector<Reading> readings(const Scene&, double /*elapsed_s*/) const { return {}; }
  /// What they show while the device does nothing, or nothing that they show. Changes nothing.
  virtual std::vector<Reading> resting() const { return {}; }
};

using Behaviours = std::vector<std::unique_ptr<const Behaviour>>;

/// A world's laws. Made once from the lab file.
class Model {
 public:
  virtual ~Model() = default;
  /// The instrument kinds it knows.
  virtual std::vector<std::string> kinds() const = 0;
  /// What a device of `kind` (one of `kinds()`) can do. Mistakes in `settings` are added to the lab file's list.
  virtual Behaviours device(const std::string& kind, Settings& settings) const = 0;
};

using ModelMaker = std::unique_ptr<Model> (*)(const Lab& lab, Settings& settings);

// The models. Each reads its own settings (docs/twin.md); mistakes are added to the lab file's list.
std::unique_ptr<Model> make_suzuki(const Lab& lab, Settings& settings);
std::unique_ptr<Model> make_dose_response(const Lab& lab, Settings& settings);
std::unique_ptr<Model> make_lookup(const Lab& lab, Settings& settings);

}  // namespace athanor
