// The one program: reads the command line, runs a subcommand, and turns what was thrown into a message and an exit
// status.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "athanor/commands.h"
#include "core/error.h"

namespace {

// Messages quote what was found in files: its control characters must not reach the terminal.
std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace

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
    fmt::print(stderr, "{}\n", printable(error.what()));
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "athanor: {}\n", printable(error.what()));
    return 3;
  }
  return status.code;
}
