// The one program: reads the command line, runs a subcommand, and turns what was thrown into a message and an exit
// status.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "athanor/commands.h"
#include "core/error.h"

int main(int argc, char** argv) {
  using namespace athanor;
  std::signal(SIGXFSZ,
              SIG_IGN);  // a limit on the size of files is a full disk like any other, not a reason to be killed
  CLI::App app("Athanor runs a laboratory by itself.");
  app.set_version_flag("--version", std::string("athanor ") + ATHANOR_VERSION);
  app.require_subcommand(1);
  ExitStatus status;
  add_run(app, status);
  add_twin(app, status);
  add_plan(app, status);
  add_check(app, status);
  add_replay(app, status);
  add_export(app, status);
  add_doctor(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const InputError& error) {
    for (const Mistake& mistake : error.mistakes()) {
      const std::string place = to_string(mistake.place);
      fmt::print(stderr, "{}{}{}\n", place, place.empty() ? "" : ": ", mistake.message);
    }
    return 2;
  } catch (const EnvironmentError& error) {
    fmt::print(stderr, "athanor: {}\n", error.what());
    return 3;
  } catch (const std::exception& error) {
    fmt::print(stderr, "athanor: {}\n", error.what());
    return 3;
  }
  return status.code;
}
