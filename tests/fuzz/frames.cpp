// Bytes as a driver gets them: parsed, and carried out where they are a message. The same for both ends of the data
// path, which take them as messages of up to 255 bytes one after another, each after its length.
#include "instruments/array_intake.h"
#include "instruments/driver.h"
#include "instruments/kit.h"
#include "instruments/trial_store.h"
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

void say_over_data_path(const std::string& bytes) {
  TrialStore store;
  ArrayIntake intake(store, 0, [](const wire::Open&) { return true; });
  ArrayWindow window(1 << 20);
  wire::Command command;
  command.set_id("1");
  const wire::Capability film = capability("film").array("image", ElementType::kUint8).description();
  window.open(command, film);
  window.put("1", "image", SharedBytes::of(std::vector<std::uint8_t>(100'000)));
  window.close("1");
  window.collect();
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string message = bytes.substr(at + 1, static_cast<unsigned char>(bytes[at]));
    at += 1 + message.size();
    wire::DataFromDriver from;
    if (from.ParseFromString(message)) intake.hear(from, std::as_bytes(std::span(bytes)));
    wire::DataToDriver to;
    if (to.ParseFromString(message)) window.hear(to);
    while (window.next()) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = test::text_of(data, size);
  say_over_data_path(bytes);
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
