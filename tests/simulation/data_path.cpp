#include "tests/simulation/data_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "instruments/stored_arrays.h"
#include "tests/simulation/network.h"

namespace athanor::simulation {
namespace {

constexpr std::uint64_t kShare = std::uint64_t{2} << 20;

}  // namespace

void DataPath::forget() {
  store_.crash();
  for (auto& intake : intakes_) intake.reset();
}

void DataPath::begin(std::size_t driver, ArrayWindow& window) {
  intakes_[driver].emplace(store_, kShare, [](const wire::Open&) { return true; });
  window.collect();
  for (const wire::DataToDriver& message : intakes_[driver]->begin("")) {
    if (!message.has_collect()) window.hear(message);
  }
}

bool DataPath::carry(std::size_t driver, ArrayWindow& window) {
  if (!intakes_[driver]) begin(driver, window);
  if (faults_.strikes(FaultKind::kDataLinkCut)) {
    cut(driver);
    return true;
  }
  if (faults_.strikes(FaultKind::kStoreFull)) {  // until the next message
    forget();
    return true;
  }
  ArrayIntake& intake = *intakes_[driver];
  if (const auto parcel = window.next()) {
    const ArrayIntake::Said said = intake.hear(parcel->header, parcel->bytes.bytes());
    ATHANOR_CHECK(said.wrong.empty(), said.wrong);
    if (faults_.strikes(FaultKind::kCrashAmidArray)) throw ControllerDied{};
    for (const wire::DataToDriver& answer : said.answers) window.hear(answer);
    return true;
  }
  for (const auto& [name, bytes] : store_.commit()) {
    if (const auto answer = intake.durable(name, bytes)) window.hear(*answer);
  }
  return false;
}

void DataPath::look_up(wire::FromDriver& message) {
  each_with_arrays(message, [&](const wire::Outcome& outcome) { check(outcome); });
  look_up_arrays(store_, message, [&](const std::string& id) { return world_.instrument_of(id); });
}

void DataPath::check(const journal::v1::Record& record) {
  const wire::Outcome& outcome = record.command().outcome();
  const auto& results = outcome.results();
  if (std::none_of(results.begin(), results.end(), [](const auto& value) { return value.has_array(); })) return;
  check(outcome);
  for (const wire::Value& value : results) {
    if (value.has_array() && value.array().dataset().empty())
      throw Violation{fmt::format("the journal does not say where “{}” of “{}” is", value.name(), outcome.id())};
  }
  if (!named_.insert(outcome.id()).second)
    throw Violation{fmt::format("the journal names the arrays of “{}” twice", outcome.id())};
}

void DataPath::check(const wire::Outcome& outcome) {
  for (const wire::Value& value : outcome.results()) {
    if (!value.has_array()) continue;
    const auto kept = store_.of({world_.instrument_of(outcome.id()), outcome.id(), value.name()});
    const std::string what = fmt::format("“{}” of “{}”", value.name(), outcome.id());
    if (kept.sha256.empty() || kept.durable != kept.bytes.size())
      throw Violation{fmt::format("{} is said to be stored, and is not", what)};
    if (kept.bytes != world_.recording(outcome.id()))
      throw Violation{fmt::format("{} is not what its device recorded", what)};
    if (kept.sha256 != value.array().sha256()) throw Violation{fmt::format("{} is told with another hash", what)};
  }
}

}  // namespace athanor::simulation
