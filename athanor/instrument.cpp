// athanor instrument list, describe and watch: looking at drivers without becoming their controller.
#include "athanor/instrument.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "athanor/progress.h"
#include "core/document.h"
#include "core/signals.h"
#include "instruments/description.h"
#include "instruments/heartbeat.h"

namespace athanor {
namespace {

using nlohmann::json;

constexpr double kWatchAgain = 5;  // a watch is renewed so often …
constexpr double kWatchFor = 15;   // … and ends by itself so long after the last time

std::string in_charge(const Visited& visited) {
  if (!visited.described) return "takes commands from somebody, and shows itself to nobody else";
  return visited.controller.empty() ? "nobody is in charge"
                                    : fmt::format("takes commands from “{}”", visited.controller);
}

/// "20 … 150", "at most 30", "" where it has no limits.
std::string range(const wire::Field& field) {
  const auto number = [](double value) { return format_number(value); };
  if (!field.levels().empty()) {
    return fmt::format("one of {} levels from {} to {}", field.levels_size(), number(field.levels(0)),
                       number(field.levels(field.levels_size() - 1)));
  }
  if (field.has_low() && field.has_high()) return fmt::format("{} … {}", number(field.low()), number(field.high()));
  if (field.has_low()) return fmt::format("at least {}", number(field.low()));
  return field.has_high() ? fmt::format("at most {}", number(field.high())) : "";
}

/// A parameter or result: its unit, what the driver allows, and what the laboratory leaves of that.
std::string describe_field(const wire::Field& driver, const wire::Field& laboratory) {
  std::vector<std::string> parts;
  if (driver.is_text()) {
    parts.push_back(driver.choices().empty() ? "text" : fmt::format("one of {}", fmt::join(driver.choices(), ", ")));
  } else if (driver.has_array()) {
    parts.push_back("array, rows of " + row_in_words(from_wire(driver.array(), driver.unit())));
  } else {
    parts.push_back(driver.unit().empty() ? "number" : driver.unit());
    const std::string allowed = range(driver), here = range(laboratory);
    if (!allowed.empty()) parts.push_back(allowed);
    if (here != allowed) parts.push_back("in this laboratory " + here);
  }
  if (driver.may_be_missing()) parts.push_back("may be left out");
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string describe_duration_of(const wire::Capability& capability) {
  std::string text = capability.usual_duration_s() > 0
                         ? "takes about " + describe_duration(from_seconds(capability.usual_duration_s()))
                         : "";
  if (!capability.duration_parameter().empty())
    text += fmt::format("{}“{}”", text.empty() ? "takes as long as " : " and ", capability.duration_parameter());
  return text;
}

void print_capability(const wire::Capability& driver, const wire::Capability& laboratory) {
  std::vector<std::string> parts = {risk_word(driver.risk())};
  if (laboratory.risk() != driver.risk()) parts.push_back("needs an approval in this laboratory");
  if (driver.repeatable()) parts.push_back("may be repeated");
  if (driver.self_test()) parts.push_back("is the self-test");
  if (const std::string takes = describe_duration_of(driver); !takes.empty()) parts.push_back(takes);
  for (const wire::StockUse& use : driver.uses())
    parts.push_back(fmt::format("takes “{}” of the stock “{}”", use.amount(), use.reagent()));
  fmt::print("  {}: {}\n", driver.name(), fmt::join(parts, ", "));
  for (int i = 0; i < driver.parameters_size(); ++i)
    fmt::print("    with  {}: {}\n", driver.parameters(i).name(),
               describe_field(driver.parameters(i), laboratory.parameters(i)));
  for (int i = 0; i < driver.results_size(); ++i)
    fmt::print("    gives {}: {}\n", driver.results(i).name(),
               describe_field(driver.results(i), laboratory.results(i)));
}

json limits_json(const wire::Field& field) {
  json out = json::object();
  if (field.has_low()) out["low"] = field.low();
  if (field.has_high()) out["high"] = field.high();
  if (!field.levels().empty()) out["levels"] = std::vector<double>(field.levels().begin(), field.levels().end());
  if (!field.choices().empty())
    out["choices"] = std::vector<std::string>(field.choices().begin(), field.choices().end());
  return out;
}

template <class Fields>
json fields_json(const Fields& driver, const Fields& laboratory) {
  json all = json::array();
  for (int i = 0; i < driver.size(); ++i) {
    all.push_back({{"name", driver[i].name()},
                   {"kind", driver[i].is_text()     ? "text"
                            : driver[i].has_array() ? "array"
                                                    : "number"},
                   {"unit", driver[i].unit()},
                   {"may_be_missing", driver[i].may_be_missing()},
                   {"driver", limits_json(driver[i])},
                   {"laboratory", limits_json(laboratory[i])}});
    if (!driver[i].has_array()) continue;
    const ArrayType type = from_wire(driver[i].array(), driver[i].unit());
    all.back()["element"] = to_string(type.element);
    all.back()["row_shape"] = type.row_shape;
  }
  return all;
}

json offer_json(const Offer& offer, const std::string& trouble) {
  json capabilities = json::array();
  for (int i = 0; i < offer.driver.capabilities_size(); ++i) {
    const wire::Capability& driver = offer.driver.capabilities(i);
    const wire::Capability& laboratory = offer.laboratory.capabilities(i);
    capabilities.push_back({{"name", driver.name()},
                            {"risk", risk_word(driver.risk())},
                            {"needs_approval", laboratory.risk() == wire::HAZARDOUS},
                            {"repeatable", driver.repeatable()},
                            {"self_test", driver.self_test()},
                            {"usual_duration_s", driver.usual_duration_s()},
                            {"duration_parameter", driver.duration_parameter()},
                            {"parameters", fields_json(driver.parameters(), laboratory.parameters())},
                            {"results", fields_json(driver.results(), laboratory.results())}});
  }
  return {{"instrument", offer.driver.id()},   {"kind", offer.driver.kind()}, {"driver", offer.from->visited->driver},
          {"address", offer.from->at.address}, {"trouble", trouble},          {"capabilities", capabilities}};
}

/// An instrument that its driver should speak for and cannot.
struct SetAside {
  std::string instrument, why, driver, address;
};

std::vector<SetAside> set_aside(const std::vector<Looked>& all, const std::vector<Offer>& known) {
  std::vector<SetAside> out;
  for (const Looked& one : all) {
    for (const wire::Trouble& trouble : one.visited ? one.visited->troubles : std::vector<wire::Trouble>{}) {
      const auto is_it = [&](const Offer& offer) { return offer.driver.id() == trouble.instrument(); };
      if (std::none_of(known.begin(), known.end(), is_it))
        out.push_back({trouble.instrument(), trouble.why(), one.visited->driver, one.at.address});
    }
  }
  return out;
}

void print_readings(const wire::Telemetry& telemetry, const InstrumentOptions& options) {
  if (!options.instrument.empty() && telemetry.instrument() != options.instrument) return;
  const std::string at = to_string(SystemClock().now());
  for (const wire::Value& value : telemetry.values()) {
    if (!options.json) {
      fmt::print("{} {}.{} {}\n", at, telemetry.instrument(), value.name(), printable(readable(value)));
      continue;
    }
    const bool number = value.kind_case() == wire::Value::kNumber;
    fmt::print("{}\n", json({{"at", at},
                             {"instrument", telemetry.instrument()},
                             {"reading", value.name()},
                             {"value", number ? json(value.number()) : json(value.text())},
                             {"unit", value.unit()}})
                           .dump());
  }
}

/// What a driver of before it was in the protocol does not have, and what that costs.
std::vector<std::string> lacks(const Visited& visited) {
  std::vector<std::string> all;
  if (!visited.knows_visits)
    all.emplace_back("Visit: whoever looks has to become its controller for a moment, and cannot watch");
  if (visited.described && visited.ledger.empty())
    all.emplace_back("a name of its ledger: should that be lost, what was under way may be begun a second time");
  return all;
}

}  // namespace

std::string risk_word(wire::Risk risk) {
  return risk == wire::HAZARDOUS ? "hazardous" : risk == wire::GUARDED ? "guarded" : "safe";
}

// ── The commands ─────────────────────────────────────────────────────────────────────────────────────────────────────

int list_instruments(const InstrumentOptions& options) {
  const Target target = find_target(options);
  const std::vector<Looked> all = look_at(target);
  const std::vector<Offer> known = offers(target, all);
  json out = json::array();
  bool all_there = true;
  for (const Looked& one : all) {
    all_there = all_there && one.visited;
    const std::string name = one.visited ? one.visited->driver : one.at.driver;
    if (!options.json) {
      const std::string& trouble = one.probe->trouble();
      const std::string state = one.visited       ? "up, " + in_charge(*one.visited)
                                : trouble.empty() ? "down"
                                                  : fmt::format("down ({})", trouble);
      fmt::print("driver {}{}at {}: {}\n", name, name.empty() ? "" : " ", one.at.address, printable(state));
    }
    json instruments = json::array(), troubles = json::object();
    for (const Offer& offer : known) {
      if (offer.from != &one) continue;
      std::vector<std::string> can;
      for (const wire::Capability& capability : offer.driver.capabilities()) can.push_back(capability.name());
      if (!options.json) fmt::print("  {} ({}): {}\n", offer.driver.id(), offer.driver.kind(), fmt::join(can, ", "));
      instruments.push_back({{"instrument", offer.driver.id()}, {"kind", offer.driver.kind()}, {"capabilities", can}});
    }
    for (const wire::Trouble& trouble : one.visited ? one.visited->troubles : std::vector<wire::Trouble>{}) {
      if (!options.json) fmt::print("  {} {}\n", trouble.instrument(), printable(trouble.why()));
      troubles[trouble.instrument()] = trouble.why();
    }
    const std::vector<std::string> lacking = one.visited ? lacks(*one.visited) : std::vector<std::string>{};
    for (const std::string& what : options.json ? std::vector<std::string>{} : lacking)
      fmt::print("  is older than this program, and lacks {}\n", what);
    out.push_back({{"driver", name},
                   {"address", one.at.address},
                   {"lacks", lacking},
                   {"up", one.visited.has_value()},
                   {"why_not", one.visited ? "" : one.probe->trouble()},
                   {"boot", one.visited ? one.visited->boot : ""},
                   {"controller", one.visited ? one.visited->controller : ""},
                   {"dead_man_s", one.visited ? one.visited->dead_man_s : 0},
                   {"instruments", instruments},
                   {"troubles", troubles}});
  }
  if (options.json) fmt::print("{}\n", out.dump());
  return all_there ? 0 : 1;
}

int describe_instruments(const InstrumentOptions& options) {
  const Target target = find_target(options);
  const std::vector<Looked> all = look_at(target);
  if (options.instrument.empty()) require_all(all);
  std::vector<Offer> known = offers(target, all);
  std::vector<SetAside> others;
  if (options.instrument.empty()) {
    others = set_aside(all, known);
  } else {
    known = {find_offer(known, all, options.instrument)};
  }
  if (options.json) {
    json out = json::array();
    for (const Offer& offer : known) out.push_back(offer_json(offer, trouble_of(all, offer.driver.id())));
    for (const SetAside& one : others) {
      out.push_back({{"instrument", one.instrument},
                     {"kind", ""},
                     {"driver", one.driver},
                     {"address", one.address},
                     {"trouble", one.why},
                     {"capabilities", json::array()}});
    }
    fmt::print("{}\n", out.dump());
    return 0;
  }
  for (const Offer& offer : known) {
    fmt::print("{} ({}), driver {} at {}\n", offer.driver.id(), offer.driver.kind(), offer.from->visited->driver,
               offer.from->at.address);
    if (const std::string trouble = trouble_of(all, offer.driver.id()); !trouble.empty())
      fmt::print("  it {}\n", printable(trouble));
    for (int i = 0; i < offer.driver.capabilities_size(); ++i)
      print_capability(offer.driver.capabilities(i), offer.laboratory.capabilities(i));
  }
  for (const SetAside& one : others)
    fmt::print("{}, driver {} at {}\n  it {}\n", one.instrument, one.driver, one.address, printable(one.why));
  return 0;
}

int watch_instruments(const InstrumentOptions& options) {
  const double lasts = options.lasts.empty() ? HUGE_VAL : in_unit(parse_quantity(options.lasts), Unit::parse("s"));
  const Target target = find_target(options);
  StopSignals stop;
  const double until = monotonic_seconds() + lasts;
  try {
    std::vector<Looked> all = look_at(target, stop.wake().fd(), kWatchFor);
    require_all(all);
    if (!options.instrument.empty()) find_offer(offers(target, all), all, options.instrument);
    double visited_at = monotonic_seconds();
    while (monotonic_seconds() < until) {
      for (Looked& one : all) {
        if (!one.visited->knows_visits)
          throw EnvironmentError(fmt::format(
              "driver “{}” is of before Visit, and shows its sensors to its controller only", one.visited->driver));
        // A tenth of a second each: readings come once a second.
        for (const wire::FromDriver& message : one.probe->listen(0.1)) print_readings(message.telemetry(), options);
        one.probe->forget_talk();
      }
      std::fflush(stdout);
      if (monotonic_seconds() - visited_at < kWatchAgain) continue;
      visited_at = monotonic_seconds();
      for (Looked& one : all) {
        if (one.probe->silent_for() > kWatchAgain + kSilence) {
          print_error(fmt::format("driver “{}” was not heard for {:.0f} s; connecting to it anew", one.visited->driver,
                                  one.probe->silent_for()));
          one.probe->connect_anew();
        }
        wire::ToDriver again;
        again.mutable_visit()->set_watch_s(kWatchFor);
        if (!one.probe->say(again)) print_error(fmt::format("driver “{}” is not there", one.visited->driver));
      }
    }
  } catch (const BrokenOff&) {
    return 130;
  }
  return 0;
}

}  // namespace athanor
