// Which drivers a command by hand means, and what they say of themselves.
#include <fmt/format.h>

#include <future>

#include "athanor/instrument.h"
#include "core/document.h"

namespace athanor {
namespace {

constexpr double kAnswerWithin = 5;  // seconds

}  // namespace

bool is_address(const std::string& target) {
  return target.starts_with("tcp://") || target.starts_with("ipc://");
}

Target find_target(const InstrumentOptions& options) {
  Target target;
  if (is_address(options.target)) {
    target.drivers.push_back({"", options.target, options.driver_key});
    if (!options.driver_key.empty()) target.keys = keys_of(options.key);
    return target;
  }
  target.lab = load_lab(options.target);
  target.folder = options.folder.empty() ? target.lab->name + ".twin" : options.folder;
  for (const LabDriver& driver : target.lab->drivers) {
    if (driver.endpoint.empty() && !target.lab->twin) {
      throw InputError({target.lab->file->name()},
                       fmt::format("nothing says where driver “{}” listens; give it an endpoint: “tcp://HOST:PORT” or "
                                   "“ipc://FILE”",
                                   driver.name));
    }
  }
  target.drivers = endpoints(*target.lab, target.folder);
  target.keys = controller_keys(*target.lab, options.key);
  return target;
}

std::vector<Looked> look_at(const Target& target, int stop_fd, double watch_s) {
  // All at once: each that is not there takes its seconds to be found missing.
  std::vector<std::future<Looked>> under_way;
  for (const Endpoint& at : target.drivers) {
    under_way.push_back(std::async(std::launch::async, [&at, &target, stop_fd, watch_s] {
      Looked one{at, std::make_unique<Probe>(at, target.keys, stop_fd), std::nullopt};
      one.visited = visit(*one.probe, kAnswerWithin, watch_s);
      return one;
    }));
  }
  std::vector<Looked> all;
  for (auto& one : under_way) all.push_back(one.get());
  for (const Looked& one : all) {
    if (one.visited && !one.at.driver.empty() && one.visited->driver != one.at.driver) {
      throw EnvironmentError(fmt::format("the driver at {} calls itself “{}”; the lab file expects “{}” there",
                                         one.at.address, one.visited->driver, one.at.driver));
    }
  }
  return all;
}

void require_all(const std::vector<Looked>& all) {
  std::string silent;
  for (const Looked& one : all) {
    if (one.visited) continue;
    const std::string name = one.at.driver.empty() ? "the driver" : one.at.driver;
    const std::string& trouble = one.probe->trouble();
    silent += fmt::format("{}{} at {}{}", silent.empty() ? "" : ", ", name, one.at.address,
                          trouble.empty() ? "" : fmt::format(" ({})", trouble));
  }
  if (silent.empty()) return;
  throw EnvironmentError(
      fmt::format("no answer within {} s from {}; start it, or mend its address", kAnswerWithin, silent));
}

std::vector<Offer> offers(const Target& target, const std::vector<Looked>& all) {
  std::vector<Offer> found;
  for (const Looked& one : all) {
    if (!one.visited) continue;
    for (const wire::Instrument& instrument : one.visited->instruments) {
      if (!target.lab) {
        found.push_back({&one, instrument, instrument});
        continue;
      }
      const LabInstrument* known = target.lab->find(instrument.id());
      if (known != nullptr && known->driver == one.visited->driver)
        found.push_back({&one, instrument, tighten(*target.lab, instrument)});
    }
  }
  return found;
}

std::string trouble_of(const std::vector<Looked>& all, const std::string& instrument) {
  for (const Looked& one : all) {
    if (!one.visited) continue;
    for (const wire::Trouble& trouble : one.visited->troubles) {
      if (trouble.instrument() == instrument) return trouble.why();
    }
  }
  return "";
}

const Offer& find_offer(const std::vector<Offer>& known, const std::vector<Looked>& all,
                        const std::string& instrument) {
  std::vector<std::string> names;
  for (const Offer& offer : known) {
    if (offer.driver.id() == instrument) return offer;
    names.push_back(offer.driver.id());
  }
  if (const std::string why = trouble_of(all, instrument); !why.empty())
    throw EnvironmentError(fmt::format("instrument “{}” {}", instrument, why));
  for (const Looked& one : all) {
    if (one.visited && !one.visited->described)
      throw EnvironmentError(fmt::format(
          "driver “{}” takes commands from somebody, and describes itself to nobody else", one.visited->driver));
  }
  throw InputError(
      fmt::format("no driver speaks for an instrument “{}”{}", instrument, suggest_name(instrument, names)));
}

std::string who(const InstrumentOptions& options) {
  require_utf8(options.who);
  return options.who.empty() ? login_name() : options.who;
}

}  // namespace athanor
