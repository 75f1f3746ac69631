#include "controller/named_arrays.h"

#include <fmt/format.h>

#include <algorithm>

#include "instruments/description.h"

namespace athanor {
namespace {

// So that a process for HDF5 is worth its beginning, and a million arrays are not in memory.
constexpr std::size_t kAtOnce = 4000;

}  // namespace

StoredArray stored_array(const driver::v1::Value& named) {
  const driver::v1::Array& array = named.array();
  return {array.file(), array.dataset(), from_wire(array.type(), named.unit()), array.rows(), array.sha256()};
}

std::string describe(const NamedArray& array, const Campaign& campaign) {
  const std::string what = fmt::format("array “{}” of {}", array.array.name.result, array.array.name.instrument);
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
    see_({record_,
          whose.experiment,
          whose.step,
          {{whose.instrument, command.key(), value.name()}, stored_array(value)}});
  }
}

void JudgedArrays::add(const NamedArray& array) {
  unjudged_.push_back(array);
  if (unjudged_.size() == kAtOnce) judge();
}

void JudgedArrays::judge() {
  std::vector<ArrayReference> references;
  for (const NamedArray& named : unjudged_) references.push_back(named.array);
  const std::vector<Finding> findings = judge_(references);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (findings[i]) lost_.push_back({std::move(unjudged_[i]), *findings[i]});
  }
  unjudged_.clear();
}

std::vector<LostArray> JudgedArrays::lost() {
  judge();
  return std::move(lost_);
}

std::vector<std::string> describe(const std::vector<LostArray>& lost) {
  struct OfFile {
    std::string why;  // of the first one
    std::uint64_t arrays = 0, first = ~std::uint64_t{0}, last = 0;
  };
  std::map<std::string, OfFile> files;
  for (const auto& [named, why] : lost) {
    OfFile& file = files.try_emplace(named.array.stored.file, OfFile{why}).first->second;
    ++file.arrays;
    file.first = std::min(file.first, named.experiment);
    file.last = std::max(file.last, named.experiment);
  }
  std::vector<std::string> all;
  for (const auto& [name, file] : files) {
    all.push_back(fmt::format("{} arrays of experiments {} to {} are not there any more: {}", file.arrays, file.first,
                              file.last, file.why));
  }
  return all;
}

}  // namespace athanor
