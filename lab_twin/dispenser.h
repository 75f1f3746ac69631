// A liquid dispenser: takes from a bottle of the stock, never exactly what was asked for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lab_twin/model.h"

namespace athanor {

/// What becomes of `ml` millilitres of `reagent` that were poured into a sample.
using Pour = std::function<void(State& sample, const std::string& reagent, double ml)>;

/// The capability `dispense`: reagent (one of `reagents`), volume. Reads the settings accuracy, precision, drift and
/// rate.
///   dispensed = volume · (1 + accuracy · g) · (1 + drift · strokes/1000) · (1 + precision · z),   g of the device, z
///   of the stroke
std::unique_ptr<const Behaviour> make_dispense(std::vector<std::string> reagents, Pour pour, Settings& settings);

/// The names of the laboratory's stock; a mistake in the lab file for an amount that is no volume.
std::vector<std::string> stock_names(const Lab& lab);

}  // namespace athanor
