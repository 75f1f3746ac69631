// A driver in C++. The device is simulated: put yours where `Scale` is.
#include "instruments/driver_main.h"
#include "instruments/kit.h"

using namespace athanor;
using namespace std::chrono_literals;

namespace {

struct Scale {
  void begin() {}
  double read_g() { return 1.25; }
  void unload() {}
};

std::unique_ptr<Instrument> balance(Scale& scale) {
  InstrumentPlan plan;
  plan.id = "balance-1";
  plan.kind = "balance";
  const auto weigh = [&scale](const Arguments& with, Time) -> Outcome<Work> {
    scale.begin();
    return Work{.duration = 100ms + from_seconds(with.number_or("settle", 0)),
                .finish = [&scale](Time) -> Outcome<Results> {
                  return Results{{"mass", scale.read_g()}};
                }};
  };
  plan.offers = {{capability("weigh")
                      .number("settle", "s", 0, 600)
                      .optional()
                      .result("mass", "g", 0, 220)
                      .usual_duration(100ms)
                      .lasts("settle")
                      .repeatable(),
                  weigh}};
  plan.make_safe = [&scale](Time) { scale.unload(); };
  return make_instrument(std::move(plan));
}

}  // namespace

int main(int argc, char** argv) {
  Scale scale;
  return driver_main(argc, argv, "balance", balance(scale));
}
