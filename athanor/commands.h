// The subcommands of the program. Each adds itself to the command line and leaves its exit status in `status`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace athanor {

/// 0 done · 1 the campaign stopped by itself, or a check failed · 2 bad input · 3 the surroundings failed (disk, port,
/// file) · 130 stopped by Ctrl-C.
struct ExitStatus {
  int code = 0;
};

void add_run(CLI::App& app, ExitStatus& status);
void add_twin(CLI::App& app, ExitStatus& status);
void add_plan(CLI::App& app, ExitStatus& status);
void add_check(CLI::App& app, ExitStatus& status);
void add_replay(CLI::App& app, ExitStatus& status);
void add_export(CLI::App& app, ExitStatus& status);
void add_doctor(CLI::App& app, ExitStatus& status);

}  // namespace athanor
