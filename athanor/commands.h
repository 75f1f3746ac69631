// The subcommands of the program. Each gives its exit status:
//   0 done · 1 the campaign stopped by itself · 2 bad input · 3 the surroundings failed (disk, port, file) · 130
//   stopped by Ctrl-C or SIGTERM.
// Bad input and failing surroundings may also be thrown (core/error.h).
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace athanor {

struct RunOptions {
  std::string campaign_file, lab_file, journal_file, report_file, speed, key;
  std::optional<std::uint64_t> seed;
  bool json = false, wire = false;
};
int run_campaign(const RunOptions& options);

struct TwinOptions {
  std::string lab_file, folder, speed = "real";
  std::optional<std::uint64_t> seed;
  std::string driver, address;  ///< this driver alone, in this process, at that address; empty: all of them
  double linger_s = 0;          ///< end once no controller was heard for so long; 0: never
  bool actions = false, wire = false;
};
int run_twin(const TwinOptions& options);

struct DriverOptions {
  std::string file, driver, address, ledger, at, id, key;
  std::optional<double> dead_man_s;
};
/// Serves the devices of one of a lab file's drivers by their profiles, or one device by its profile, until Ctrl-C.
int run_driver(const DriverOptions& options);

/// A driver in Python to begin with, in the new folder `name`: a working example, its test, and a campaign for it.
int write_python_driver(const std::string& name);

struct OrderOptions {
  std::string verb, journal_file, instrument, place, who, why;
  std::optional<std::uint64_t> experiment;
  bool laboratory = false;
};
/// Gives it to the controller that holds the journal, and prints what follows.
int give_order(const OrderOptions& options);
struct ApproveOptions {
  std::string journal_file, who, why, valid = "1 h";
  std::uint64_t experiment = 0;
};
/// A person's word for what waits for it in an experiment.
int approve(const ApproveOptions& options);
struct AnswerOptions {
  std::string journal_file, verdict, who, why;
  std::uint64_t experiment = 0;
};
/// How an experiment goes on at whose step a person was asked.
int answer(const AnswerOptions& options);

struct ObserveOptions {
  std::string journal_file, failed, who, why;
  std::optional<std::uint64_t> experiment, added;  ///< neither: one that was done elsewhere is added
  std::vector<std::string> at, set;                ///< "temperature=80 degC"
  bool withdraw = false;
};
/// A person's word on what an experiment gave: to the controller that holds the journal, or into the journal where none
/// runs.
int observe(const ObserveOptions& options);

struct InstrumentOptions {
  std::string target, folder;   ///< a lab file or an address; of a twin, where its sockets are
  std::string key, driver_key;  ///< our own, where we have several; of a driver at an address, the driver's
  std::string instrument, capability, sample, place, id, approve, who, lasts;
  std::string data;               ///< the folder for the arrays that it makes
  std::vector<std::string> with;  ///< "temperature=80 degC"
  bool json = false;
};
/// Who is there, and who is in charge. 1: a driver is not there.
int list_instruments(const InstrumentOptions& options);
/// What they can do, within which limits.
int describe_instruments(const InstrumentOptions& options);
/// What their sensors show, until Ctrl-C.
int watch_instruments(const InstrumentOptions& options);
/// One command by hand, or what became of one: 0 it was carried out, 1 it was not, or nobody knows.
int command_instrument(const InstrumentOptions& options);

struct ConformanceCheckOptions {
  std::string target, driver, at, capability, key, driver_key, speed = "20x";
  std::vector<std::string> with, only;
  std::optional<double> dead_man_s;
  bool long_run = false, simulated = false, json = false, list = false;
};
/// 0: the driver keeps every promise that applies; 4: none is broken, and some could not be tried; 1: it does not.
int check_instrument(const ConformanceCheckOptions& options);

/// Of the controller that holds the journal, or of the journal where none runs.
int show_status(const std::string& journal_file, bool json);

/// The planner on standard input and output.
int converse(const std::string& campaign_file);

/// Every file is checked, whatever the others hold. lab_file: empty: the one that each campaign names.
int check_files(const std::vector<std::string>& files, const std::string& lab_file);

int replay_journal(const std::string& file, bool json);
/// 0: every record, every snapshot and every array that records name is sound; 1: something is not, or cannot be read.
/// data: the folder of its arrays; empty: the one beside it.
int verify_journal(const std::string& file, const std::string& data, bool json);
/// A copy of a journal, by the controller where one has it open; the copy is checked.
int back_up_journal(const std::string& file, const std::string& to);
/// format: csv, json or html. data: as of `verify_journal`.
int export_journal(const std::string& file, const std::string& data, const std::string& format);

struct KeysOptions {
  std::string folder, name, comment, key;  ///< folder: empty: the default one
  bool json = false;
};
int make_key(const KeysOptions& options);
int list_keys(const KeysOptions& options);
/// key: a file with a public key, or its line; name: under which, empty: its own.
int allow_key(const KeysOptions& options);
int revoke_key(const KeysOptions& options);

/// Of `folder` it is tried how long a synced write takes.
int examine_machine(const std::string& folder);

/// "temperature=80 degC": name and value. throws InputError naming the option, and giving the example.
std::pair<std::string, std::string> parse_setting(const std::string& text, const char* option, const char* example);

/// So many random hexadecimal digits, for ids that nobody else makes.
std::string random_digits(int count);

/// Whose word it is where nobody says.
std::string login_name();

/// A journal holds texts of UTF-8, and could not be read with another byte. throws InputError.
void require_utf8(const std::string& text);

/// `text`, at once. Where nobody listens any more, or a log's disk is full, only the telling ends: what a driver or a
/// campaign does goes on.
void tell(const std::string& text, std::FILE* to = stderr);
/// On standard error, with control characters that were found in files made visible. file: for mistakes without a
/// place.
void print_mistakes(const InputError& error, const std::string& file = "");
void print_error(const std::string& message);
/// With control characters made visible, but for the ends of lines.
std::string printable(std::string_view text);

}  // namespace athanor
