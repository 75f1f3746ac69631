#include "instruments/driver_main.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "core/error.h"
#include "core/signals.h"
#include "instruments/driver_link.h"
#include "instruments/keys.h"
#include "instruments/ledger.h"

namespace athanor {
namespace {

struct Options {
  std::string address = "tcp://127.0.0.1:5571", ledger, key;
  double dead_man_s = 60;
  unsigned data_port = 0;
};

void say(std::FILE* to, const std::string& line) {
  std::fputs((line + "\n").c_str(), to);
  std::fflush(to);
}

/// Whether all is safe at the end.
bool serve(const std::string& name, const Options& options, std::vector<std::unique_ptr<Instrument>> instruments) {
  std::optional<LinkKeys> keys;
  if (!options.key.empty()) {
    const KeyFolder folder;
    keys = LinkKeys{folder.own(options.key), AllowList(folder.path())};
  }
  std::vector<const Instrument*> all;
  for (const auto& instrument : instruments) all.push_back(instrument.get());
  std::signal(SIGPIPE, SIG_IGN);
  const StopSignals stop;
  const ScaledClock clock(SystemClock().now(), 1);
  Ledger ledger(options.ledger);
  const std::string boot = fmt::format("{}-{}", getpid(), clock.now().time_since_epoch().count());
  Driver driver(name, boot, std::move(instruments), ledger, {.dead_man_s = options.dead_man_s}, clock.now());
  const auto listening = [&] { say(stdout, fmt::format("driver {} at {}", name, options.address)); };
  serve_driver(driver, options.address, clock, stop.wake().fd(),
               {.keys = keys, .data_port = options.data_port, .listening = listening});
  driver.controller_lost(clock.now());
  return std::all_of(all.begin(), all.end(), [](const Instrument* instrument) { return instrument->is_safe(); });
}

}  // namespace

int driver_main(int argc, char** argv, const std::string& name, std::vector<std::unique_ptr<Instrument>> instruments) {
  Options options;
  options.ledger = name + ".ledger";
  CLI::App app(fmt::format("The driver “{}” of an Athanor laboratory; serves until Ctrl-C.", name));
  app.add_option("--address", options.address, "Where it listens: tcp://HOST:PORT or ipc://FILE")
      ->capture_default_str();
  app.add_option(
         "--ledger", options.ledger,
         "Its memory of what was begun and how it ended. Never delete it while a campaign that used it may go on")
      ->capture_default_str();
  app.add_option("--dead-man", options.dead_man_s,
                 "Make the instruments safe when no controller was heard for so many seconds; 0: never")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  app.add_option(
      "--key", options.key,
      "Its own key, as “athanor keys new NAME” makes it: then the link is encrypted, and only keys that were "
      "allowed may enter. Needed where the address can be reached from other machines");
  app.add_option("--data-port", options.data_port,
                 "Of the second socket, where it makes arrays and listens at tcp (default: the system chooses)")
      ->check(CLI::Range(1, 65535));
  try {
    app.parse(argc, argv);
    if (serve(name, options, std::move(instruments))) return 0;
    say(stderr, fmt::format("{}: ended, and not everything is safe yet; look at the instruments", name));
    return 1;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const InputError& error) {
    say(stderr, fmt::format("{}: {}", name, error.what()));
    return 2;
  } catch (const std::exception& error) {
    say(stderr, fmt::format("{}: {}", name, error.what()));
    return 3;
  }
}

int driver_main(int argc, char** argv, const std::string& name, std::unique_ptr<Instrument> instrument) {
  std::vector<std::unique_ptr<Instrument>> instruments;
  instruments.push_back(std::move(instrument));
  return driver_main(argc, argv, name, std::move(instruments));
}

}  // namespace athanor
