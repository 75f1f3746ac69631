#include "lab_twin/dispenser.h"

#include <fmt/format.h>

#include <algorithm>

namespace athanor {
namespace {

constexpr double kReachS = 5;  // to move to the vial and back
constexpr double kSmallestMl = 0.001, kLargestMl = 20;

class Dispense final : public Behaviour {
 public:
  Dispense(std::vector<std::string> reagents, Pour pour, Settings& settings)
      : reagents_(std::move(reagents)),
        pour_(std::move(pour)),
        accuracy_(settings.number("accuracy", 0.005, 0, 0.2)),
        precision_(settings.number("precision", 0.01, 0, 0.2)),
        drift_(settings.number("drift", 0.01, -0.5, 0.5)),
        rate_ml_per_s_(settings.quantity("rate", "mL/s", 0.1, 1e-4, 100)) {}

  CapabilityBuilder describe() const override {
    auto dispense = capability("dispense");
    dispense.text("reagent", reagents_).number("volume", "mL", kSmallestMl, kLargestMl);
    dispense.usual_duration(from_seconds(kReachS + 0.2 / rate_ml_per_s_)).uses("reagent", "volume");
    return dispense;
  }

  Outcome<double> begin(const Scene& scene) const override {
    const double asked = scene.with.number("volume"), left = scene.world.stock_ml(scene.with.text("reagent"));
    if (asked > left) {
      return Fault{Fault::Kind::kStock,
                   fmt::format("{} mL of “{}” asked for, {} mL left; refill it", pretty_number(asked),
                               scene.with.text("reagent"), pretty_number(left))};
    }
    return kReachS + asked / rate_ml_per_s_;
  }

  Outcome<Results> act(Scene& scene, double elapsed_s, double planned_s) const override {
    const std::string& reagent = scene.with.text("reagent");
    auto device = scene.nature("gain");
    auto stroke = scene.chance("stroke");
    const double gain = 1 + accuracy_ * device.normal();
    const double worn = 1 + drift_ * scene.device.get("strokes") / 1000;
    const double jitter = 1 + precision_ * stroke.normal();
    const double due = scene.with.number("volume") * std::max(0.0, gain * worn * jitter) * elapsed_s / planned_s;
    const double ml = std::min(due, scene.world.stock_ml(reagent));  // another dispenser may draw on the same bottle
    scene.world.take_ml(reagent, ml);
    scene.device.add("strokes", 1);
    pour_(scene.sample, reagent, ml);
    if (ml < 0.9 * due)
      return Fault{Fault::Kind::kStock, fmt::format("“{}” ran dry after {} mL", reagent, pretty_number(ml))};
    return Results{};
  }

 private:
  std::vector<std::string> reagents_;
  Pour pour_;
  double accuracy_, precision_, drift_, rate_ml_per_s_;
};

}  // namespace

std::unique_ptr<const Behaviour> make_dispense(std::vector<std::string> reagents, Pour pour, Settings& settings) {
  return std::make_unique<Dispense>(std::move(reagents), std::move(pour), settings);
}

std::vector<std::string> stock_names(const Lab& lab) {
  const Unit ml = Unit::parse("mL");
  std::vector<std::string> names;
  for (const LabStock& bottle : lab.stock) {
    if (!bottle.amount.unit.convertible_to(ml)) {
      lab.file->error({lab.file->name()},
                      fmt::format("stock “{}”: {} found, a volume expected (such as 20 mL): the twin "
                                  "dispenses liquids",
                                  bottle.name, to_string(bottle.amount)));
    }
    names.push_back(bottle.name);
  }
  return names;
}

}  // namespace athanor
