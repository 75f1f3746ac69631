// The model `suzuki`: a batch cross-coupling in vials, with a dispenser, reactors and an HPLC.
//
// A sample holds A, B, R, S1, S2 and "catalyst NAME" in mmol, and "volume" in mL; mmol/mL is mol/L.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lab_twin/chromatogram.h"
#include "lab_twin/dispenser.h"
#include "lab_twin/model.h"
#include "lab_twin/suzuki_kinetics.h"

namespace athanor {
namespace {

using Kinetics = SuzukiKinetics;

constexpr std::array<const char*, Kinetics::kSpecies> kNames = {"A", "B", "R", "S1", "S2"};
// The source numbers its catalysts; which ligand bears which number is ours (docs/twin.md).
constexpr std::array<const char*, Kinetics::kCatalysts> kLigands = {"XPhos", "SPhos", "RuPhos",   "CPhos",
                                                                    "PtBu3", "PCy3",  "XantPhos", "PPh3"};
constexpr const char* kSubstrates = "substrates";
constexpr const char* kSolvent = "solvent";
constexpr double kZeroC = 273.15, kRoomC = 25;

/// What the catalyst dissolves to, mol/L: the small corner of high loading and low temperature in which vials clog.
/// Ours.
double solubility(double temperature_c) {
  return 2.8e-3 * std::exp(0.015 * (temperature_c - 30));
}

struct Chemistry {
  Kinetics kinetics{1};
  double a = 0, b = 0;  ///< in the substrates' bottle, mol/L
  double catalyst = 0;  ///< in each ligand's bottle, mol/L

  void pour(State& sample, const std::string& reagent, double ml) const {
    sample.add("volume", ml);
    if (reagent == kSubstrates) {
      sample.add("A", a * ml);
      sample.add("B", b * ml);
    } else if (reagent != kSolvent) {
      sample.add("catalyst " + reagent, catalyst * ml);
    }
  }

  static Kinetics::Catalysts catalysts(const State& sample) {
    Kinetics::Catalysts concentrations{};
    for (std::size_t i = 0; i < kLigands.size(); ++i) {
      concentrations[i] = sample.get(std::string("catalyst ") + kLigands[i]) / sample.get("volume");
    }
    return concentrations;
  }
};

/// `heat`: ramps the vial from room temperature, holds it for `duration`, and cools it again. The reaction goes on
/// throughout.
class Heat final : public Behaviour {
 public:
  Heat(std::shared_ptr<const Chemistry> chemistry, Settings& settings)
      : chemistry_(std::move(chemistry)),
        ramp_k_per_s_(settings.quantity("ramp", "K/s", 1, 1e-3, 100)),
        cooling_k_per_s_(settings.quantity("cooling", "K/s", 1.5, 1e-3, 100)),
        offset_k_(settings.quantity("offset", "K", 0.5, 0, 10)),
        ageing_k_per_h_(settings.quantity("ageing", "K/h", 0.01, -1, 1)) {}

  CapabilityBuilder describe() const override {
    auto heat = capability("heat");
    heat.number("temperature", "degC", 20, 150).number("duration", "s", 1, 86400);
    heat.usual_duration(from_seconds(60 / ramp_k_per_s_ + 60 / cooling_k_per_s_)).lasts("duration").risk(wire::GUARDED);
    return heat;
  }

  Outcome<double> begin(const Scene& scene) const override {
    if (scene.sample.get("volume") <= 0) return Fault{Fault::Kind::kSample, "the vial is empty"};
    double total = 0;
    for (const auto& stretch : programme(scene)) total += stretch.seconds;
    return total;
  }

  Outcome<Results> act(Scene& scene, double elapsed_s, double planned_s) const override {
    const double volume = scene.sample.get("volume");
    const auto catalysts = Chemistry::catalysts(scene.sample);
    Kinetics::Mixture mixture{};
    for (std::size_t i = 0; i < kNames.size(); ++i) mixture[i] = scene.sample.get(kNames[i]) / volume;

    double left = elapsed_s;
    const auto stretches = programme(scene);
    for (auto stretch : stretches) {
      const double share = stretch.seconds > 0 ? std::clamp(left / stretch.seconds, 0.0, 1.0) : 0;
      stretch.to_k = stretch.from_k + share * (stretch.to_k - stretch.from_k);
      stretch.seconds *= share;
      left -= stretch.seconds;
      chemistry_->kinetics.react(catalysts, stretch, mixture);
    }
    for (std::size_t i = 0; i < kNames.size(); ++i) scene.sample.set(kNames[i], std::max(0.0, mixture[i] * volume));
    scene.device.add("hours", elapsed_s / 3600);

    const double hold_c = stretches[1].from_k - kZeroC, dissolved = solubility(hold_c);
    double present = 0;
    for (const double c : catalysts) present += c;
    if (present <= dissolved || elapsed_s < planned_s) return Results{};
    scene.sample.set("precipitated", 1);
    return Fault{Fault::Kind::kSample,
                 fmt::format("clogged: {} mmol/L of catalyst precipitated, {} mmol/L dissolve at {} degC",
                             pretty_number(present * 1e3), pretty_number(dissolved * 1e3), pretty_number(hold_c))};
  }

  std::vector<Reading> readings(const Scene& scene, double elapsed_s) const override {
    double at_k = kRoomC + kZeroC;
    for (const Kinetics::Stretch& stretch : programme(scene)) {
      const double share = stretch.seconds > 0 ? std::clamp(elapsed_s / stretch.seconds, 0.0, 1.0) : 1;
      at_k = stretch.from_k + share * (stretch.to_k - stretch.from_k);
      elapsed_s -= stretch.seconds;
      if (elapsed_s <= 0) break;
    }
    return {{"temperature", at_k - kZeroC, "degC"}};
  }

  std::vector<Reading> resting() const override { return {{"temperature", kRoomC, "degC"}}; }

 private:
  std::array<Kinetics::Stretch, 3> programme(const Scene& scene) const {
    auto built = scene.nature("offset");
    const double hours = scene.device.get("hours");
    const double truly = scene.with.number("temperature") + offset_k_ * built.normal() + ageing_k_per_h_ * hours;
    const double room = kRoomC + kZeroC, hot = truly + kZeroC, rise = std::abs(hot - room);
    return {{{room, hot, rise / ramp_k_per_s_},
             {hot, hot, scene.with.number("duration")},
             {hot, room, rise / cooling_k_per_s_}}};
  }

  std::shared_ptr<const Chemistry> chemistry_;
  double ramp_k_per_s_, cooling_k_per_s_, offset_k_, ageing_k_per_h_;
};

/// `measure_hplc`: the areas of A, R and S2 (all bear the chromophore of A) in percent of their sum.
///   area_R = R · (1 + calibration · g) · (1 + drift · injections/100) · (1 + noise · z),   area_i = i · (1 + noise ·
///   z_i)
/// With a rate, also the trace in which these areas are to be found.
class Measure final : public Behaviour {
 public:
  explicit Measure(Settings& settings)
      : run_s_(settings.quantity("run_time", "s", 360, 1, 86400)),
        noise_(settings.number("noise", 0.01, 0, 0.5)),
        calibration_(settings.number("calibration", 0.005, 0, 0.5)),
        drift_(settings.number("drift", 0.005, -0.5, 0.5)),
        rate_hz_(settings.quantity("chromatogram", "Hz", 0, 0, 100)) {}

  CapabilityBuilder describe() const override {
    auto measure = capability("measure_hplc");
    measure.result("area_percent", "%", -10, 110)
        .result("conversion", "%", -10, 110)
        .usual_duration(from_seconds(run_s_))
        .repeatable();
    if (rate_hz_ > 0) measure.array(kTrace, ElementType::kFloat32, {}, "mAU");
    return measure;
  }

  Outcome<double> begin(const Scene& scene) const override {
    if (scene.sample.get("precipitated") != 0)
      return Fault{Fault::Kind::kSample, "clogged: the vial holds a precipitate"};
    return run_s_;
  }

  Outcome<Results> act(Scene& scene, double, double) const override {
    auto built = scene.nature("calibration");
    auto run = scene.chance("run");
    const double response = (1 + calibration_ * built.normal()) * (1 + drift_ * scene.device.get("injections") / 100);
    const auto area = [&](const char* name, double factor) {
      return std::max(0.0, scene.sample.get(name) * factor * (1 + noise_ * run.normal()));
    };
    const double a = area("A", 1), r = area("R", response), s2 = area("S2", 1), all = a + r + s2;
    scene.device.add("injections", 1);
    if (all <= 0) return Fault{Fault::Kind::kSample, "no peaks: the vial holds nothing that the detector sees"};
    if (rate_hz_ > 0) scene.arrays.push_back({kTrace, SharedBytes::of(trace(scene, a, r, s2))});
    return Results{{"area_percent", 100 * r / all}, {"conversion", 100 * (1 - a / all)}};
  }

 private:
  /// The peaks of these areas (mmol in the vial), each at its own share of the run.
  std::vector<float> trace(const Scene& scene, double a, double r, double s2) const {
    constexpr double kMauSPerMolar = 20'000, kAtA = 0.3, kAtR = 0.55, kAtS2 = 0.8, kWidth = 0.01, kTail = 0.01;
    constexpr double kNoiseMau = 0.05, kDriftMauPerHour = 2;
    const double per_mmol = kMauSPerMolar / scene.sample.get("volume");
    auto chance = scene.chance(kTrace);
    Chromatogram seen;
    seen.peaks = {{kAtA * run_s_, a * per_mmol}, {kAtR * run_s_, r * per_mmol}, {kAtS2 * run_s_, s2 * per_mmol}};
    seen.width_s = kWidth * run_s_;
    seen.tail_s = kTail * run_s_;
    seen.drift_mau_per_s = kDriftMauPerHour / 3600 * chance.normal();
    seen.noise_mau = kNoiseMau;
    return seen.record(run_s_, rate_hz_, chance);
  }

  static constexpr const char* kTrace = "chromatogram";
  double run_s_, noise_, calibration_, drift_, rate_hz_;
};

class Suzuki final : public Model {
 public:
  Suzuki(const Lab& lab, Settings& settings) : reagents_(stock_names(lab)) {
    auto chemistry = std::make_shared<Chemistry>();
    chemistry->kinetics = Kinetics(static_cast<int>(settings.integer("case", 1, 1, 5)));
    chemistry->a = settings.quantity("a", "mol/L", 0.2, 1e-6, 10);
    chemistry->b = settings.quantity("b", "mol/L", 0.3, 1e-6, 10);
    chemistry->catalyst = settings.quantity("catalyst", "mol/L", 0.016, 1e-6, 1);
    chemistry_ = std::move(chemistry);

    std::vector<std::string> known = {kSubstrates, kSolvent};
    known.insert(known.end(), kLigands.begin(), kLigands.end());
    for (const auto& reagent : reagents_) {
      if (std::find(known.begin(), known.end(), reagent) == known.end()) {
        lab.file->error({lab.file->name()}, fmt::format("stock “{}” is nothing that the model suzuki knows{}", reagent,
                                                        suggest_name(reagent, known)));
      }
    }
  }

  std::vector<std::string> kinds() const override { return {"dispenser", "reactor", "hplc"}; }

  Behaviours device(const std::string& kind, Settings& settings) const override {
    Behaviours behaviours;
    if (kind == "dispenser") {
      behaviours.push_back(make_dispense(
          reagents_,
          [chemistry = chemistry_](State& sample, const std::string& reagent, double ml) {
            chemistry->pour(sample, reagent, ml);
          },
          settings));
    } else if (kind == "reactor") {
      behaviours.push_back(std::make_unique<Heat>(chemistry_, settings));
    } else {
      behaviours.push_back(std::make_unique<Measure>(settings));
    }
    return behaviours;
  }

 private:
  std::vector<std::string> reagents_;
  std::shared_ptr<const Chemistry> chemistry_;
};

}  // namespace

std::unique_ptr<Model> make_suzuki(const Lab& lab, Settings& settings) {
  return std::make_unique<Suzuki>(lab, settings);
}

}  // namespace athanor
