// The model `dose_response`: a plate assay of two cell lines under drugs, with a dispenser, incubators and a plate
// reader.
//
// A sample is a group of wells of a plate: `replicates` wells of each line, some at the plate's edge. It holds "cells
// mL", "volume" in mL (of all wells together) and "drug NAME" in nmol; nmol/mL is µmol/L. Counts are kept as "log2 LINE
// PLACE", the logarithm of the count over that of the first day; "log2 control LINE" the same of untreated wells.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "lab_twin/dispenser.h"
#include "lab_twin/dose_response_curve.h"
#include "lab_twin/model.h"

namespace athanor {
namespace {

constexpr const char* kCells = "cells";
constexpr const char* kMedium = "medium";
constexpr std::array<const char*, 2> kLines = {"tumour", "healthy"};
constexpr std::array<const char*, 2> kWells = {"inner", "edge"};
constexpr double kDriedOut = 0.2;  // of its liquid left, a well is lost

struct Assay {
  struct Drug {
    std::string name;
    double stock_um = 0;                              ///< concentration in its bottle, µmol/L
    std::array<DrugEffect, kLines.size()> effects{};  ///< on each line
  };
  std::vector<Drug> drugs;
  std::array<double, kLines.size()> doubling_h{};
  int replicates = 4;
  double edge_share = 0.3;       ///< chance that a well lies at the edge
  double edge_growth = 0.92;     ///< how fast cells divide there, against the inner wells
  double evaporation_per_h = 0;  ///< of the liquid, in inner wells; three times as fast at the edge

  void pour(State& sample, const std::string& reagent, double ml) const {
    sample.add("volume", ml);
    if (reagent == kCells) sample.add("cells", ml);
    for (const Drug& drug : drugs) {
      if (drug.name == reagent) sample.add("drug " + reagent, drug.stock_um * ml);
    }
  }

  /// The share of the liquid that `hours` leave in a well.
  double left(std::size_t well, double hours) const {
    return std::max(0.0, 1 - (well == 0 ? 1 : 3) * evaporation_per_h * hours);
  }

  /// How many of a line's replicates lie at the edge, by the lot that fell to this sample.
  int edge_wells(const Scene& scene, const char* line) const {
    auto lot = scene.fate(line);
    int count = 0;
    for (int i = 0; i < replicates; ++i) count += lot.uniform() < edge_share ? 1 : 0;
    return count;
  }
};

/// `incubate`: the cells divide, or die, while the wells slowly dry.
class Incubate final : public Behaviour {
 public:
  explicit Incubate(std::shared_ptr<const Assay> assay) : assay_(std::move(assay)) {}

  CapabilityBuilder describe() const override {
    auto incubate = capability("incubate");
    incubate.number("duration", "h", 0.1, 168).usual_duration(from_seconds(kHandlingS)).lasts("duration");
    return incubate;
  }

  Outcome<double> begin(const Scene& scene) const override {
    if (scene.sample.get("cells") <= 0) return Fault{Fault::Kind::kSample, "no cells were seeded in the wells"};
    return kHandlingS + scene.with.number("duration") * 3600;
  }

  Outcome<Results> act(Scene& scene, double elapsed_s, double) const override {
    const double hours = std::max(0.0, elapsed_s - kHandlingS) / 3600;
    const double before = scene.sample.get("hours");
    const std::size_t drugs = assay_->drugs.size();
    for (std::size_t line = 0; line < kLines.size(); ++line) {
      std::vector<DrugEffect> effects(drugs);
      for (std::size_t d = 0; d < drugs; ++d) effects[d] = assay_->drugs[d].effects[line];
      for (std::size_t well = 0; well < kWells.size(); ++well) {
        std::vector<double> from(drugs), to(drugs);
        for (std::size_t d = 0; d < drugs; ++d) {
          const double even = scene.sample.get("drug " + assay_->drugs[d].name) / scene.sample.get("volume");
          from[d] = even / std::max(kDriedOut, assay_->left(well, before));
          to[d] = even / std::max(kDriedOut, assay_->left(well, before + hours));
        }
        const double doubling = assay_->doubling_h[line] / (well == 0 ? 1 : assay_->edge_growth);
        scene.sample.add(fmt::format("log2 {} {}", kLines[line], kWells[well]),
                         log2_growth(effects, from, to, hours, doubling));
      }
      scene.sample.add(fmt::format("log2 control {}", kLines[line]), hours / assay_->doubling_h[line]);
    }
    scene.sample.set("hours", before + hours);
    if (assay_->left(1, before + hours) < kDriedOut) {
      return Fault{Fault::Kind::kSample,
                   fmt::format("the wells at the edge dried out after {} h", pretty_number(before + hours))};
    }
    return Results{};
  }

 private:
  static constexpr double kHandlingS = 120;
  std::shared_ptr<const Assay> assay_;
};

/// `read_plate`: the mean signal of each line's wells in percent of untreated wells of the same plate.
///   signal = count · (1 + drift · readings/100) · (1 + noise · z) + background,   the background subtracted, as blanks
///   tell it
class ReadPlate final : public Behaviour {
 public:
  ReadPlate(std::shared_ptr<const Assay> assay, Settings& settings)
      : assay_(std::move(assay)),
        read_s_(settings.quantity("run_time", "s", 300, 1, 86400)),
        noise_(settings.number("noise", 0.05, 0, 0.5)),
        background_(settings.number("background", 0.02, 0, 1)),
        drift_(settings.number("drift", -0.01, -0.5, 0.5)) {}

  CapabilityBuilder describe() const override {
    auto read = capability("read_plate");
    read.result("tumour", "%", -20, 500).result("healthy", "%", -20, 500).result("window", "%", -500, 500);
    read.usual_duration(from_seconds(read_s_)).repeatable();
    return read;
  }

  Outcome<double> begin(const Scene& scene) const override {
    if (scene.sample.get("cells") <= 0) return Fault{Fault::Kind::kSample, "no cells were seeded in the wells"};
    return read_s_;
  }

  Outcome<Results> act(Scene& scene, double, double) const override {
    auto run = scene.chance("run");
    const double lamp = std::max(0.0, 1 + drift_ * scene.device.get("readings") / 100);
    // Counts are over those of the first day; the mean of `replicates` wells less the mean of the blanks.
    const auto read = [&](double log2_count) {
      return std::exp2(log2_count) * lamp * (1 + noise_ * run.normal()) + background_ * noise_ * run.normal();
    };
    std::array<double, kLines.size()> viability{};
    for (std::size_t line = 0; line < kLines.size(); ++line) {
      const int edge = assay_->edge_wells(scene, kLines[line]);
      double treated = 0, control = 0;
      for (int i = 0; i < assay_->replicates; ++i) {
        treated += read(scene.sample.get(fmt::format("log2 {} {}", kLines[line], kWells[i < edge ? 1 : 0])));
        control += read(scene.sample.get(fmt::format("log2 control {}", kLines[line])));
      }
      viability[line] = 100 * treated / std::max(control, 1e-9);
    }
    scene.device.add("readings", 1);
    return Results{{kLines[0], viability[0]}, {kLines[1], viability[1]}, {"window", viability[1] - viability[0]}};
  }

 private:
  std::shared_ptr<const Assay> assay_;
  double read_s_, noise_, background_, drift_;
};

class DoseResponse final : public Model {
 public:
  DoseResponse(const Lab& lab, Settings& settings) : reagents_(stock_names(lab)) {
    auto assay = std::make_shared<Assay>();
    assay->replicates = static_cast<int>(settings.integer("replicates", 4, 1, 100));
    assay->edge_share = settings.number("edge_share", 0.3, 0, 1);
    assay->edge_growth = settings.number("edge_growth", 0.92, 0.1, 2);
    assay->evaporation_per_h = settings.quantity("evaporation", "1/h", 5e-4, 0, 0.1);
    const Node doubling = settings.required("doubling");
    if (doubling) {
      Settings lines(doubling, "the doubling times");
      for (std::size_t i = 0; i < kLines.size(); ++i) {
        assay->doubling_h[i] = lines.required_quantity(kLines[i], "h", 1, 1000).value_or(24);
      }
      lines.finish();
    }
    std::vector<std::string> known = {kCells, kMedium};
    if (const Node drugs = settings.required("drugs")) {
      for (const auto& [name, node] : drugs.entries()) {
        assay->drugs.push_back(read_drug(name, node));
        known.push_back(name);
      }
    }
    for (const auto& reagent : reagents_) {
      if (std::find(known.begin(), known.end(), reagent) == known.end()) {
        lab.file->error({lab.file->name()},
                        fmt::format("stock “{}” is neither a drug under twin: drugs nor {} nor {}{}", reagent, kCells,
                                    kMedium, suggest_name(reagent, known)));
      }
    }
    assay_ = std::move(assay);
  }

  std::vector<std::string> kinds() const override { return {"dispenser", "incubator", "reader"}; }

  Behaviours device(const std::string& kind, Settings& settings) const override {
    Behaviours behaviours;
    if (kind == "dispenser") {
      behaviours.push_back(make_dispense(
          reagents_,
          [assay = assay_](State& sample, const std::string& reagent, double ml) { assay->pour(sample, reagent, ml); },
          settings));
    } else if (kind == "incubator") {
      behaviours.push_back(std::make_unique<Incubate>(assay_));
    } else {
      behaviours.push_back(std::make_unique<ReadPlate>(assay_, settings));
    }
    return behaviours;
  }

 private:
  static Assay::Drug read_drug(const std::string& name, const Node& node) {
    Assay::Drug drug;
    drug.name = name;
    Settings settings(node, "drug " + name);
    drug.stock_um = settings.required_quantity("stock", "umol/L", 1e-6, 1e9).value_or(1);
    for (std::size_t i = 0; i < kLines.size(); ++i) {
      const Node effect = settings.required(kLines[i]);
      if (!effect) continue;
      Settings on(effect, fmt::format("the effect of {} on {}", name, kLines[i]));
      drug.effects[i].sc50 = on.required_quantity("sc50", "umol/L", 1e-9, 1e9).value_or(1);
      drug.effects[i].s_max = on.number("s_max", 1, 0, 10);
      drug.effects[i].hill = on.number("hill", 1, 0.1, 10);
      on.finish();
    }
    settings.finish();
    return drug;
  }

  std::vector<std::string> reagents_;
  std::shared_ptr<const Assay> assay_;
};

}  // namespace

std::unique_ptr<Model> make_dose_response(const Lab& lab, Settings& settings) {
  return std::make_unique<DoseResponse>(lab, settings);
}

}  // namespace athanor
