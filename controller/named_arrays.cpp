#include "controller/named_arrays.h"

#include <fmt/format.h>

#include <algorithm>

#include "instruments/description.h"

namespace athanor {

StoredArray stored_array(const driver::v1::Value& named) {
  const driver::v1::Array& array = named.array();
  return {array.file(), array.dataset(), from_wire(array.type(), named.unit()), array.rows(), array.sha256()};
}

std::string describe(const NamedArray& array, const Campaign& campaign) {
  const std::string what = fmt::format("array “{}” of {}", array.name.result, array.name.instrument);
  if (array.experiment == 0) return "a self-test: " + what;
  return fmt::format("experiment {}, “{}”: {}", array.experiment, step_name(campaign, array.step), what);
}

void NamedArrays::read(const journal::v1::Record& record) {
  ++record_;
  if (record.has_intended()) {
    const auto& intended = record.intended();
    commands_[intended.command().id()] = {intended.experiment(), intended.step(), intended.command().instrument()};
  }
  if (!record.has_command() || !record.command().has_outcome()) return;
  const auto command = commands_.extract(record.command().id());
  if (command.empty()) return;
  const Whose& whose = command.mapped();
  for (const driver::v1::Value& value : record.command().outcome().results()) {
    if (!value.has_array()) continue;
    see_({record_, whose.experiment, whose.step, {whose.instrument, command.key(), value.name()}, stored_array(value)});
  }
}

void LostArrays::add(const NamedArray& array, const std::string& why) {
  const auto [file, first] = files_.try_emplace(array.stored.file, Lost{why, 0, array.experiment, array.experiment});
  Lost& lost = file->second;
  ++lost.arrays;
  lost.first_experiment = std::min(lost.first_experiment, array.experiment);
  lost.last_experiment = std::max(lost.last_experiment, array.experiment);
}

std::vector<std::string> LostArrays::told() const {
  std::vector<std::string> all;
  for (const auto& [file, lost] : files_) {
    all.push_back(fmt::format("{} arrays of experiments {} to {} are not there any more: {}", lost.arrays,
                              lost.first_experiment, lost.last_experiment, lost.why));
  }
  return all;
}

}  // namespace athanor
