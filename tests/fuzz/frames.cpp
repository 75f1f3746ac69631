// Bytes as a driver gets them: parsed, and carried out where they are a message.
#include "instruments/driver.h"
#include "instruments/kit.h"
#include "tests/fuzz/target.h"

using namespace athanor;

namespace {

std::unique_ptr<Instrument> heater() {
  InstrumentPlan plan;
  plan.id = "heater-1";
  plan.kind = "heater";
  auto heat = capability("heat");
  heat.number("temperature", "degC", 20, 150).number("duration", "s", 1, 60).optional().text("mode", {"slow", "fast"});
  heat.optional().result("final", "degC").lasts("duration");
  plan.offers = {{heat, [](const Arguments& with, Time) -> Outcome<Work> {
                    const double reached = with.number("temperature");
                    return Work{std::chrono::seconds(1), [reached](Time) { return Results{{"final", reached}}; }};
                  }}};
  return make_instrument(std::move(plan));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = test::text_of(data, size);
  wire::FromDriver from;
  if (from.ParseFromString(bytes)) from.ShortDebugString();
  wire::ToDriver to;
  if (!to.ParseFromString(bytes)) return 0;
  static Ledger ledger("", Database::Sync::kNone);
  static Driver driver = [] {
    std::vector<std::unique_ptr<Instrument>> instruments;
    instruments.push_back(heater());
    return Driver("fuzzed", "1", std::move(instruments), ledger, {}, Time{});
  }();
  static Time now{};
  driver.receive(to, now);
  now += std::chrono::seconds(2);
  driver.advance(now);
  return 0;
}
