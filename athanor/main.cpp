// The one program: reads the command line, runs a subcommand, and turns what was thrown into a message and an exit
// status. The only file that knows the command-line parser.
#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "athanor/commands.h"
#include "core/document.h"

namespace athanor {
namespace {

const auto kSeeds = CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 53);

void add_run(CLI::App& app, RunOptions& options, int& status) {
  CLI::App* command = app.add_subcommand("run", "Run a campaign: plan, carry out, measure, learn, until it is done");
  command->add_option("campaign", options.campaign_file, "The campaign file (YAML)")->required();
  command->add_option("--lab", options.lab_file, "The lab file (default: the one that the campaign names)");
  command->add_option("--seed", options.seed, "Decides all chance of the run (default 0)")->check(kSeeds);
  command->add_option("--journal", options.journal_file,
                      "Where the journal is kept (default: CAMPAIGN.journal here); an existing one is gone on with");
  command->add_option("--speed", options.speed,
                      "real, max (virtual time) or a factor such as 500x; default: max with a twin, real without");
  command->add_option("--report", options.report_file, "Where the report goes (default: beside the journal, as .html)");
  command->add_flag(
      "--wire", options.wire,
      "With a twin: its devices are spoken to over sockets and serial lines, by the profiles that the lab file names");
  command->add_option("--key", options.key,
                      "This controller's own key, where the lab file gives drivers a “key:” (default: the only one)");
  command->add_flag("--json", options.json, "Print one JSON object at the end");
  command->callback([&options, &status] { status = run_campaign(options); });
}

void add_keys(CLI::App& app, KeysOptions& options, int& status) {
  CLI::App* keys = app.add_subcommand("keys", "Who may be at the other end of a link between machines");
  keys->require_subcommand(1);
  const auto add = [&](const char* verb, const char* what, int (*act)(const KeysOptions&)) {
    CLI::App* command = keys->add_subcommand(verb, what);
    command->add_option("--folder", options.folder,
                        "Where keys are kept (default: $ATHANOR_KEYS, or ~/.config/athanor/keys)");
    command->callback([&options, &status, act] { status = act(options); });
    return command;
  };
  CLI::App* fresh = add("new", "Make a key of this machine, and print its public line, to be sent", make_key);
  fresh->add_option("name", options.name, "What it is called")->required();
  fresh->add_option("--comment", options.comment, "Whose it is (default: login name, machine and day)");
  CLI::App* list =
      add("list", "The keys of this machine, those that it allows, and those that were revoked", list_keys);
  list->add_flag("--json", options.json, "Print one JSON object");
  CLI::App* allow = add("allow", "Let the holder of a key be at the other end of this machine's links", allow_key);
  allow->add_option("key", options.key, "A NAME.public file, or the line that is in it")->required();
  allow->add_option("--as", options.name, "Under another name than its own");
  CLI::App* revoke =
      add("revoke", "Allow a key no longer; running drivers and controllers heed it at once", revoke_key);
  revoke->add_option("name", options.name, "The name under which it is allowed")->required();
}

void add_twin(CLI::App& app, TwinOptions& options, int& status) {
  CLI::App* command =
      app.add_subcommand("twin", "The simulated laboratory as driver processes over ZeroMQ, until Ctrl-C");
  command->add_option("lab", options.lab_file, "The lab file (YAML), with a “twin:”")->required();
  command->add_option("--folder", options.folder,
                      "Where its world, ledgers and sockets are kept (default: LAB.twin here)");
  command->add_option("--speed", options.speed, "real, or a factor such as 500x");
  CLI::Option* driver = command->add_option("--driver", options.driver, "This driver alone, in this process");
  command->add_option("--address", options.address, "Where that driver listens (default: as the lab file says)")
      ->needs(driver);
  command->add_option("--seed", options.seed, "Decides all chance of the world (default: the lab file's)")
      ->check(kSeeds);
  command
      ->add_option("--linger", options.linger_s,
                   "End once no controller was heard for so many seconds (default: never)")
      ->check(CLI::Range(0.0, 1e9));
  command->add_flag("--actions", options.actions,
                    "Print what physically happened in the folder's world, as JSON, and end");
  command
      ->add_flag("--wire", options.wire,
                 "Its devices are where the lab file says (“at”), speak their own languages, and the drivers speak to "
                 "them by their profiles")
      ->excludes(driver);
  command->callback([&options, &status] { status = run_twin(options); });
}

void add_driver(CLI::App& app, DriverOptions& options, std::string& new_name, int& status) {
  CLI::App* driver = app.add_subcommand(
      "driver", "Speak for devices by their profiles (docs/profiles.md), or begin a driver of your own");
  driver->require_subcommand(1);
  CLI::App* run = driver->add_subcommand(
      "run", "Speak for devices, by their profiles or as they describe themselves, until Ctrl-C");
  run->add_option("file", options.file,
                  "A lab file whose instruments have profiles, one profile (YAML), or sila2://HOST:PORT")
      ->required();
  run->add_option("--driver", options.driver,
                  "Of a lab file: this driver (default: the only one with such devices); else what it is called");
  run->add_option("--address", options.address,
                  "Where it listens: tcp://HOST:PORT or ipc://FILE (default: the lab file's endpoint)");
  run->add_option("--ledger", options.ledger,
                  "Where it keeps what was begun and how it ended (default: NAME.ledger here)");
  run->add_option("--dead-man", options.dead_man_s,
                  "Seconds without a controller after which its devices are made safe; 0: never (default: the lab "
                  "file's, or 60)")
      ->check(CLI::Range(0.0, 1e6));
  run->add_option("--at", options.at,
                  "Of a profile: where the device is, such as tcp://10.0.0.5:5025 or sila2://10.0.0.6:50052");
  run->add_option("--id", options.id, "Of a profile or an address: what the instrument is called (default: PROFILE-1)");
  run->add_option("--key", options.key, "The key that it holds (default: what the lab file says)");
  run->callback([&options, &status] { status = run_driver(options); });

  CLI::App* fresh = driver->add_subcommand("new", "Write a driver to begin with: a working example and its test");
  fresh->add_option("--python", new_name, "In Python, into a new folder of this name")->type_name("NAME")->required();
  fresh->callback([&new_name, &status] { status = write_python_driver(new_name); });
}

struct OtherOptions {
  std::string campaign, lab, journal, copy, data, format = "csv", folder = ".";
  std::vector<std::string> files;
  bool stdio = false, json = false, verify = false;
};

void add_others(CLI::App& app, OtherOptions& options, int& status) {
  CLI::App* plan = app.add_subcommand("plan", "The planner alone: tell it what was measured, ask it what to try");
  plan->add_option("campaign", options.campaign, "The campaign file (YAML); lab and procedure are not needed")
      ->required();
  plan->add_flag("--stdio", options.stdio,
                 "One JSON object a line on standard input, one answer a line on standard output")
      ->required();
  plan->callback([&options, &status] { status = converse(options.campaign); });

  CLI::App* check =
      app.add_subcommand("check", "Check campaign files, lab files and profiles; all mistakes are reported at once");
  check->add_option("files", options.files, "Campaign files, lab files and device profiles (YAML)")->required();
  check->add_option("--lab", options.lab, "The lab file to hold campaigns against (default: the one that each names)");
  check->callback([&options, &status] { status = check_files(options.files, options.lab); });

  CLI::App* replay = app.add_subcommand("replay", "Rebuild the state from a journal and verify its chain");
  replay->add_option("journal", options.journal, "The journal")->required();
  replay->add_flag("--json", options.json, "Print one JSON object: events, state_hash, chain");
  CLI::Option* verify =
      replay->add_flag("--verify", options.verify,
                       "Apply every record from the first, hold every snapshot against that, and read every array; "
                       "exit status 1 unless all is sound");
  const char* of_data = "The folder of its arrays (default: the one beside the journal, JOURNAL.data)";
  replay->add_option("--data", options.data, of_data)->needs(verify);
  replay->callback([&options, &status] {
    status = options.verify ? verify_journal(options.journal, options.data, options.json)
                            : replay_journal(options.journal, options.json);
  });

  CLI::App* backup = app.add_subcommand("backup", "Copy a journal, also while its campaign runs, and check the copy");
  backup->add_option("journal", options.journal, "The journal")->required();
  backup->add_option("file", options.copy, "The copy; an existing file is not replaced")->required();
  backup->callback([&options, &status] { status = back_up_journal(options.journal, options.copy); });

  CLI::App* show = app.add_subcommand("status", "Where a campaign stands, while it runs or afterwards");
  show->add_option("journal", options.journal, "The journal")->required();
  show->add_flag("--json", options.json, "Print one JSON object");
  show->callback([&options, &status] { status = show_status(options.journal, options.json); });

  CLI::App* dump = app.add_subcommand("export", "Print a journal's experiments as CSV, JSON or an HTML report");
  dump->add_option("journal", options.journal, "The journal")->required();
  dump->add_option("--format", options.format, "csv, json or html")->check(CLI::IsMember({"csv", "json", "html"}));
  dump->add_option("--data", options.data, of_data);
  dump->callback([&options, &status] { status = export_journal(options.journal, options.data, options.format); });

  CLI::App* doctor =
      app.add_subcommand("doctor", "What this machine has, and whether its clock and disk can be relied on");
  doctor->add_option("--folder", options.folder, "Where the disk is tried (default: here, where journals are kept)");
  doctor->callback([&options, &status] { status = examine_machine(options.folder); });
}

void add_orders(CLI::App& app, OrderOptions& options, int& status) {
  const std::pair<const char*, const char*> verbs[] = {
      {"pause", "Begin nothing new; what is under way goes on to its end"},
      {"resume", "Go on after a pause, or use an instrument or the laboratory again"},
      {"stop", "Begin nothing new, let what is under way end, then be done with it"},
      {"abort", "Cancel what is under way, give its experiments up, and go to the safe state"},
      {"halt", "Go to the safe state now, whatever is under way"},
  };
  for (const auto& [verb, what] : verbs) {
    CLI::App* command = app.add_subcommand(verb, what);
    command->add_option("journal", options.journal_file, "The journal of the running campaign")->required();
    CLI::Option* experiment =
        command->add_option("--experiment", options.experiment, "This experiment alone (default: the campaign)");
    CLI::Option* instrument =
        command->add_option("--instrument", options.instrument, "This instrument alone")->excludes(experiment);
    CLI::Option* laboratory = command->add_flag("--lab", options.laboratory, "The whole laboratory")
                                  ->excludes(experiment)
                                  ->excludes(instrument);
    if (std::string_view(verb) == "resume") {
      command->add_option("--place", options.place, "Use this place again: you have looked at what stood there")
          ->excludes(experiment)
          ->excludes(instrument)
          ->excludes(laboratory);
    }
    command->add_option("--why", options.why, "For the journal")->required();
    command->add_option("--who", options.who, "For the journal (default: your login name)");
    command->callback([&options, &status, verb = verb] {
      options.verb = verb;
      status = give_order(options);
    });
  }
}

void add_approve(CLI::App& app, ApproveOptions& options, int& status) {
  CLI::App* command = app.add_subcommand("approve", "Let a hazardous step of an experiment begin");
  command->add_option("journal", options.journal_file, "The journal of the running campaign")->required();
  command->add_option("--experiment", options.experiment, "The experiment whose step waits")->required();
  command->add_option("--for", options.valid, "How long the approval holds, in laboratory time (default: 1 h)");
  command->add_option("--why", options.why, "For the journal")->required();
  command->add_option("--who", options.who, "For the journal (default: your login name)");
  command->callback([&options, &status] { status = approve(options); });
}

void add_observe(CLI::App& app, ObserveOptions& options, int& status) {
  CLI::App* command = app.add_subcommand(
      "observe",
      "Correct what an experiment gave, or add one that was done elsewhere; what was measured stays recorded");
  command->add_option("journal", options.journal_file, "The journal of a campaign, running or not")->required();
  CLI::Option* experiment =
      command->add_option("--experiment", options.experiment, "Of this experiment, which has ended")
          ->check(CLI::PositiveNumber);
  command->add_option("--added", options.added, "Of this one that was added (default: a new one is added)")
      ->check(CLI::PositiveNumber)
      ->excludes(experiment);
  command->add_option("--at", options.at, "Where an added one was done, a parameter each time: “temperature=80 degC”")
      ->allow_extra_args(false);
  CLI::Option* set = command->add_option("--set", options.set, "What it gave, a value each time: “yield=54.2 %”")
                         ->allow_extra_args(false);
  CLI::Option* failed =
      command->add_option("--failed", options.failed, "It failed there, and why: the planner stays away from there")
          ->excludes(set);
  command->add_flag("--withdraw", options.withdraw, "The planner is told nothing of it")
      ->excludes(set)
      ->excludes(failed);
  command->add_option("--why", options.why, "For the journal")->required();
  command->add_option("--who", options.who, "For the journal (default: your login name)");
  command->callback([&options, &status] { status = observe(options); });
}

void add_answer(CLI::App& app, AnswerOptions& options, int& status) {
  CLI::App* command = app.add_subcommand("answer", "Say how an experiment goes on at whose step a person was asked");
  command->add_option("journal", options.journal_file, "The journal of the running campaign")->required();
  command
      ->add_option("verdict", options.verdict,
                   "retry: do the step once more; done: it was done; abandon: give the experiment up; fail: the point "
                   "is at fault, and the planner is told")
      ->required()
      ->check(CLI::IsMember({"retry", "done", "abandon", "fail"}));
  command->add_option("--experiment", options.experiment, "The experiment that waits")->required();
  command->add_option("--why", options.why, "For the journal")->required();
  command->add_option("--who", options.who, "For the journal (default: your login name)");
  command->callback([&options, &status] { status = answer(options); });
}

void add_instrument(CLI::App& app, InstrumentOptions& options, ConformanceCheckOptions& trial, int& status) {
  CLI::App* parent = app.add_subcommand(
      "instrument", "Look at instruments, use one by hand, or try a driver or a device's profile out");
  parent->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, int (*act)(const InstrumentOptions&)) {
    CLI::App* command = parent->add_subcommand(name, what);
    command->add_option("target", options.target, "A lab file (YAML), or a driver's address")->required();
    command->add_option("--folder", options.folder, "Of a twin: where its sockets are (default: LAB.twin here)");
    command->add_option("--key", options.key, "Our own key, where this machine has several (see athanor keys)");
    command->add_option("--driver-key", options.driver_key, "Of a driver at an address: the name of its key");
    command->add_flag("--json", options.json, "Print JSON");
    command->callback([&options, &status, act] { status = act(options); });
    return command;
  };
  add("list", "Drivers, whom they obey, their instruments and what these can do", list_instruments);
  CLI::App* describe = add("describe", "Parameters, limits, results and risks", describe_instruments);
  describe->add_option("instrument", options.instrument, "This instrument alone (default: all)");
  CLI::App* watch = add("watch", "What sensors show, until Ctrl-C", watch_instruments);
  watch->add_option("instrument", options.instrument, "This instrument alone (default: all)");
  watch->add_option("--for", options.lasts, "So long, such as “10 s” (default: until Ctrl-C)");
  CLI::App* act = add("do", "One command by hand, within the same limits as a run's", command_instrument);
  act->add_option("instrument", options.instrument, "Which instrument");
  act->add_option("capability", options.capability, "What it is to do");
  act->add_option("with", options.with, "Its parameters: “temperature=80 degC” …");
  act->add_option("--sample", options.sample, "On which sample");
  act->add_option("--place", options.place, "Where that sample stands");
  act->add_option("--id", options.id, "Do nothing; tell what became of the command of this id");
  act->add_option("--data", options.data,
                  "A folder for the arrays that it makes (HDF5); without one they cannot be made");
  act->add_option("--approve", options.approve,
                  "A person's word for something hazardous: the digits that its refusal shows");
  act->add_option("--who", options.who, "Whose word it is (default: your login name)");

  CLI::App* check = parent->add_subcommand(
      "check", "Try out whether a driver, or a device by its profile, keeps the promises of the driver protocol");
  check->add_option("target", trial.target,
                    "A running driver's address; or a file that is started as one: a .py, a device's profile, a lab "
                    "file, any program");
  check->add_option("--driver", trial.driver, "Of a lab file: this driver alone (default: all)");
  check->add_option("--at", trial.at, "Of a profile: where the device is, such as tcp://10.0.0.5:5025");
  check->add_option("--capability", trial.capability,
                    "Carry this one out (default: all of the class safe that take nothing from the stock)");
  check->add_option("--with", trial.with, "A parameter for it each time: “temperature=80 degC”")
      ->allow_extra_args(false);
  check->add_option("--only", trial.only, "Try this promise alone; may be given several times")
      ->allow_extra_args(false);
  check->add_option("--speed", trial.speed, "Of a lab file's twin: a factor such as 20x, the default");
  check->add_option("--key", trial.key, "Our own key, where this machine has several (see athanor keys)");
  check->add_option("--driver-key", trial.driver_key, "Of a driver at an address: the name of its key");
  check
      ->add_option("--dead-man", trial.dead_man_s,
                   "Start it with this dead-man time, in seconds (default: 5 for the Python kit's and for profiles; "
                   "other programs are not told one)")
      ->check(CLI::Range(0.1, 1e6));
  check->add_flag("--long", trial.long_run, "10,000 commands instead of 500, and longer waits");
  check->add_flag("--simulated", trial.simulated,
                  "Nothing real can come to harm: also carry out what is guarded, hazardous, or takes from the stock");
  check->add_flag("--list", trial.list, "Do nothing; list the promises");
  check->add_flag("--json", trial.json, "Print JSON");
  check->callback([&trial, &status] { status = check_instrument(trial); });
}

// The parser would only say that a command is missing.
void require_command(const CLI::App& app, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "--help";
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  if (word.starts_with('-') || std::find(known.begin(), known.end(), word) != known.end()) return;
  throw InputError(fmt::format("athanor: “{}” is no command{}", word, suggest_name(word, known)));
}

int run_command(int argc, char** argv) {
  CLI::App app("Athanor runs a laboratory by itself.");
  app.name("athanor");
  app.set_version_flag("--version", std::string("athanor ") + ATHANOR_VERSION);
  app.require_subcommand(1);
  app.failure_message([](const CLI::App* asked, const CLI::Error& error) {
    std::string name;
    for (auto chosen = asked->get_subcommands(); !chosen.empty(); chosen = chosen.front()->get_subcommands())
      name += chosen.front()->get_name() + " ";
    return fmt::format("athanor: {}; see “athanor {}--help”\n", error.what(), name);
  });
  RunOptions run_options;
  TwinOptions twin_options;
  DriverOptions driver_options;
  std::string new_driver;
  OrderOptions order_options;
  ApproveOptions approve_options;
  AnswerOptions answer_options;
  ObserveOptions observe_options;
  InstrumentOptions instrument_options;
  ConformanceCheckOptions check_options;
  OtherOptions other_options;
  KeysOptions keys_options;
  int status = 0;
  add_run(app, run_options, status);
  add_twin(app, twin_options, status);
  add_driver(app, driver_options, new_driver, status);
  add_orders(app, order_options, status);
  add_approve(app, approve_options, status);
  add_answer(app, answer_options, status);
  add_observe(app, observe_options, status);
  add_instrument(app, instrument_options, check_options, status);
  add_others(app, other_options, status);
  add_keys(app, keys_options, status);
  try {
    require_command(app, argc, argv);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return status;
}

}  // namespace

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

void tell(const std::string& text, std::FILE* to) {
  std::fputs(text.c_str(), to);
  std::fflush(to);
}

void print_mistakes(const InputError& error, const std::string& file) {
  for (const Mistake& mistake : error.mistakes()) {
    const std::string place = mistake.place.file.empty() && mistake.place.line == 0 ? file : to_string(mistake.place);
    tell(fmt::format("{}{}{}\n", place, place.empty() ? "" : ": ", printable(mistake.message)));
  }
}

void print_error(const std::string& message) {
  tell(fmt::format("athanor: {}\n", printable(message)));
}

}  // namespace athanor

int main(int argc, char** argv) {
  // A limit on the size of files is a full disk like any other, not a reason to be killed.
  std::signal(SIGXFSZ, SIG_IGN);
  // What cannot be parsed is told by whoever read it, with its source; the library's own lines would only come between.
  google::protobuf::SetLogHandler(nullptr);
  try {
    const int status = athanor::run_command(argc, argv);
    if (std::fflush(stdout) == 0 || errno == EPIPE) return status;
    athanor::print_error(fmt::format("the output could not be written: {}", std::strerror(errno)));
    return status == 0 ? 3 : status;
  } catch (const athanor::InputError& error) {
    athanor::print_mistakes(error);
    return 2;
  } catch (const std::exception& error) {
    athanor::print_error(error.what());
    return 3;
  }
}
