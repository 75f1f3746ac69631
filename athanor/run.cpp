// athanor run: the closed loop.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "athanor/arrays.h"
#include "athanor/commands.h"
#include "athanor/laboratory.h"
#include "athanor/progress.h"
#include "controller/control_socket.h"
#include "controller/export.h"
#include "controller/report.h"
#include "controller/runtime.h"
#include "controller/session.h"
#include "controller/status.h"
#include "core/random.h"
#include "core/signals.h"
#include "data_store/data_store.h"
#include "data_store/file.h"
#include "instruments/data_link.h"
#include "instruments/description.h"

namespace athanor {
namespace {

// A virtual laboratory lives outside of calendar time, so that a seed reproduces a run to the microsecond.
constexpr Time kVirtualEpoch{std::chrono::seconds{1767225600}};  // 2026-01-01T00:00:00Z

std::string fresh_nonce(const RunOptions& options, const Speed& speed) {
  if (speed.max) return fmt::format("{:08x}", Random(options.seed.value_or(0)).derive("nonce") & 0xffffffffu);
  return random_digits(8);
}

void write_file(const std::string& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out)
    throw EnvironmentError(fmt::format(
        "cannot write “{}”; is the disk full, or the folder not writable? Name another with --report", file));
}

// A night's work is not to end with a report that cannot be written.
void require_writable(const std::string& file) {
  const auto folder = std::filesystem::absolute(file).parent_path();
  if (access(folder.c_str(), W_OK) == 0 && !std::filesystem::is_directory(file)) return;
  throw EnvironmentError(fmt::format("the report “{}” cannot be written there; name another with --report", file));
}

// An earlier laboratory under the name that a new one needs is kept under another.
void set_aside(const std::string& folder) {
  if (!std::filesystem::exists(folder)) return;
  std::string kept;
  for (int i = 1; kept.empty() || std::filesystem::exists(kept); ++i) kept = fmt::format("{}.{}", folder, i);
  std::filesystem::rename(folder, kept);
  tell(fmt::format("“{}” is of an earlier journal, and this one is new: it is kept as “{}”\n", folder, kept));
}

// A simulated laboratory belongs to one journal, whose nonce its folder bears.
void require_belonging(const std::string& folder, const std::string& nonce, const std::string& journal) {
  const std::string mark = folder + "/journal";
  if (!std::filesystem::exists(mark)) {
    std::filesystem::create_directories(folder);
    std::ofstream(mark) << nonce << "\n";
    return;
  }
  std::string found;
  std::getline(std::ifstream(mark) >> std::ws, found);
  if (found == nonce) return;
  throw EnvironmentError(fmt::format(
      "the simulated laboratory “{}” is that of another journal than “{}” (its mark is {}, not {}); put the right one "
      "back, or begin another journal with --journal",
      folder, journal, found, nonce));
}

// The start took longer, and nothing is lost; but the file was not left as it was written.
void warn_of_unfit_snapshots(const Journal::Restored& restored, const std::string& file) {
  for (const std::uint64_t at : restored.unfit) {
    tell(fmt::format(
        "athanor: journal “{}”: the snapshot at record {} is not the one that was written; it is left out, and "
        "the records before it are applied instead. They are whole. Somebody changed the file, or the disk "
        "fails: look at it with “athanor replay --verify”\n",
        file, at));
  }
}

Lab lab_of(const RunOptions& options, const Campaign& campaign) {
  const std::string file = options.lab_file.empty() ? campaign.lab_file : options.lab_file;
  if (file.empty()) {
    throw InputError({campaign.file->name()},
                     "the campaign names no laboratory; add “lab: lab.yaml” to it, or give --lab LAB.yaml");
  }
  return load_lab(file);
}

nlohmann::json summary(const nlohmann::json& exported, const Campaign& campaign, const State& state, double wall_s,
                       const std::string& journal) {
  const bool several = campaign.problem.objectives.size() > 1;
  nlohmann::json out = {{"campaign", state.campaign},
                        {"status", to_string(state.status)},
                        {"experiments", state.done()},
                        {"failed", state.failed},
                        {"abandoned", state.abandoned},
                        {"best", nullptr},
                        {"lab_time_s", seconds(state.lab_time())},
                        {"planning_wait_s", exported.at("planning_wait_s")},
                        {"wall_s", wall_s},
                        {"journal", journal},
                        {"state_hash", state.hash()}};
  // Of several objectives: those that no other beats, and of them the best in the first.
  const Objective& first = campaign.problem.objectives.front();
  if (several) out["front"] = nlohmann::json::array();
  for (const auto& found : exported.at("best")) {
    const nlohmann::json shown = {{"at", found.at("at")}, {"measured", found.at("measured")}};
    const auto merit = [&](const nlohmann::json& one) { return first.merit(one.at("measured").at(first.name)); };
    if (several) out["front"].push_back(shown);
    if (out["best"].is_null() || merit(shown) > merit(out["best"])) out["best"] = shown;
  }
  // While no experiment holds every outcome constraint.
  if (exported.contains("nearest")) {
    const auto& nearest = exported.at("nearest");
    out["nearest"] = {
        {"at", nearest.at("at")}, {"measured", nearest.at("measured")}, {"violates", nearest.at("violates")}};
  }
  return out;
}

bool make_arrays(const std::vector<driver::v1::Instrument>& instruments) {
  return std::any_of(instruments.begin(), instruments.end(), [](const auto& instrument) {
    const auto& all = instrument.capabilities();
    return std::any_of(all.begin(), all.end(), makes_arrays);
  });
}

// Arrays of this campaign's commands, from the driver that speaks for the instrument.
std::function<bool(const std::string&, const driver::v1::Open&)> expected(const Lab& lab, const State& state) {
  std::map<std::string, std::string> drivers;
  for (const LabInstrument& instrument : lab.instruments) drivers[instrument.id] = instrument.driver;
  return [drivers, ours = state.id_prefix()](const std::string& driver, const driver::v1::Open& open) {
    const auto known = drivers.find(open.instrument());
    return known != drivers.end() && known->second == driver && open.command().starts_with(ours);
  };
}

// What people ask that needs no decision of the engine's.
std::optional<control::v1::Reply> answer(const control::v1::Request& request, const Campaign& campaign,
                                         const State& state, Journal& journal) {
  control::v1::Reply reply;
  if (request.has_status()) {
    reply.set_text(describe_status(campaign, state).dump());
    return reply;
  }
  if (!request.has_back_up()) return std::nullopt;
  try {
    journal.back_up(request.back_up().file());
    reply.set_text(fmt::format("a copy of {} records is “{}”", journal.size(), request.back_up().file()));
  } catch (const EnvironmentError& error) {
    reply.set_refused(true);
    reply.set_text(error.what());
  }
  return reply;
}

// What the instruments offer, which must be what the campaign needs. Where it is not, what is the matter with those
// that are set aside counts among the mistakes.
std::vector<driver::v1::Instrument> describe_for(const Campaign& campaign, const Lab& lab, const std::string& folder,
                                                 bool wire, const std::optional<LinkKeys>& keys) {
  std::vector<Mistake> set_aside;
  std::vector<driver::v1::Instrument> instruments = describe_laboratory(lab, folder, wire, keys, set_aside);
  try {
    check_against(campaign, lab, instruments);
  } catch (const InputError& error) {
    std::vector<Mistake> all = error.mistakes();
    all.insert(all.end(), set_aside.begin(), set_aside.end());
    throw InputError(std::move(all));
  }
  return instruments;
}

}  // namespace

int run_campaign(const RunOptions& options) {
  const double began = monotonic_seconds();
  const Campaign campaign = load_campaign(options.campaign_file);
  const Lab lab = lab_of(options, campaign);
  const std::string journal_file = options.journal_file.empty() ? campaign.name + ".journal" : options.journal_file;
  const std::string report_file = options.report_file.empty()
                                      ? std::filesystem::path(journal_file).replace_extension(".html").string()
                                      : options.report_file;
  const std::string folder = journal_file + ".twin";
  const Speed speed = parse_speed(!options.speed.empty() ? options.speed
                                  : lab.twin             ? (options.wire ? "300x" : "max")
                                                         : "real");
  if (options.wire && (!lab.twin || speed.max)) {
    throw InputError(
        {lab.file->name()},
        lab.twin
            ? "--wire goes over real sockets, which know no virtual time; give --speed real, or a factor such as 300x"
            : "this laboratory has no “twin:”, whose devices --wire could speak to");
  }
  if (!lab.twin && (speed.max || speed.times != 1)) {
    throw InputError({lab.file->name()},
                     "this laboratory has no “twin:”, and real instruments run at --speed real only");
  }
  const std::optional<LinkKeys> keys = speed.max ? std::nullopt : controller_keys(lab, options.key);
  const std::vector<driver::v1::Instrument> instruments = describe_for(campaign, lab, folder, options.wire, keys);

  require_writable(report_file);

  StopSignals stop;
  std::signal(SIGPIPE, SIG_IGN);  // a closed terminal or pipe ends the telling, not the campaign
  const bool was_there = std::filesystem::exists(journal_file);
  // The twin's world in this process is not synced either: a power cut takes both, a killed process neither.
  Journal journal(journal_file, Journal::Mode::kOpenOrCreate,
                  speed.max ? Database::Sync::kNone : Database::Sync::kFull);
  journal.require_whole();
  const bool fresh = journal.size() == 0;
  // A new journal begins with a new virtual laboratory: the old one's vials are not this campaign's.
  if (fresh && was_there && lab.twin && world_exists(folder)) {
    throw EnvironmentError(
        fmt::format("journal “{0}” is there without a record, but “{1}” holds the laboratory of one; what it recorded "
                    "last may be in "
                    "“{0}-wal”, which belongs with it. Put that back, or remove “{0}” to begin anew",
                    journal_file, folder));
  }
  const std::string arrays_in = data_folder(journal_file);
  if (fresh && lab.twin) set_aside(folder);
  const bool with_arrays = make_arrays(instruments);
  // In virtual time, a seed gives commands the same ids again.
  if (fresh && speed.max && with_arrays) set_aside(arrays_in);
  const SystemClock wall_clock;
  const Time wall = wall_clock.now();
  Journal::Restored old = journal.restore();
  // Where no experiment began, nothing has happened there: the run was killed before it was made.
  const bool begun = std::any_of(old.state.experiments.begin(), old.state.experiments.end(), [](const auto& one) {
    return one.state != ExperimentState::kProposed && one.state != ExperimentState::kApproved;
  });
  if (lab.twin && begun && !world_exists(folder)) {
    throw EnvironmentError(fmt::format(
        "journal “{}” has a history, but the simulated laboratory that it happened in, “{}”, is gone; the two belong "
        "together. Put it back, or begin another journal with --journal",
        journal_file, folder));
  }
  warn_of_unfit_snapshots(old, journal_file);
  const std::size_t done_before = old.state.done();
  Time start = fresh ? (speed.max ? kVirtualEpoch : wall) : old.state.last;
  if (!speed.max && speed.times == 1) start = std::max(start, wall);
  if (speed.max) start = std::max(start, world_time(folder).value_or(start));
  State state =
      open_campaign(journal, std::move(old.state), campaign, lab, {options.seed, fresh_nonce(options, speed)}, start);

  // A month's campaign does not stop because an old file was moved; but whoever looks at it later is to know since
  // when.
  std::vector<std::string> lost;
  if (!fresh && with_arrays) lost = describe(look_for_changed_arrays(journal, arrays_in, campaign.name));
  const std::string names_each =
      fmt::format(". The campaign goes on; “athanor replay {} --verify” names each", journal_file);
  for (const std::string& told : lost) raise_alarm(journal, state, "arrays", told + names_each, start);

  if (lab.twin) require_belonging(folder, state.nonce, journal_file);
  // Of a laboratory that makes no arrays there is no folder and no thread.
  const auto open_store = [&](const Clock& clock) {  // in virtual time no more synced than the journal
    return std::make_unique<DataStore>(arrays_in, campaign.name, clock, speed.max ? open_unsynced_file : open_file);
  };
  std::unique_ptr<ArrayStore> data = with_arrays && !speed.max ? open_store(wall_clock) : nullptr;
  auto laboratory = speed.max
                        ? make_virtual_laboratory(lab, folder, options.seed, fmt::format("boot-{}", journal.size()),
                                                  start, with_arrays ? OpenStore(open_store) : nullptr)
                        : make_remote_laboratory(lab, folder, options.seed, "athanor run " + campaign.name, speed,
                                                 options.wire, start, keys, data != nullptr);
  std::unique_ptr<DataLink> arrays;
  if (data) {
    arrays = std::make_unique<DataLink>(*data, DataLink::Options{endpoints(lab, folder), keys, expected(lab, state)},
                                        stop.wake());
  }
  const auto planner = speed.max ? make_inline_planner(campaign.problem, stop.wake())
                                 : make_planner_thread(campaign.problem, stop.wake());
  Engine::Options engine_options;
  engine_options.answer_within = from_seconds(seconds(engine_options.answer_within) * laboratory->speed());
  engine_options.safe_within = from_seconds(seconds(engine_options.safe_within) * laboratory->speed());
  engine_options.readings_every = from_seconds(laboratory->speed());
  engine_options.readings_never_stop = speed.max;
  engine_options.driver_hint =
      lab.twin ? fmt::format("; what it says is in {}", twin_log(folder)) : "; what it says is where it was started";
  Engine engine(campaign, lab, std::move(state), engine_options);

  Progress progress(campaign, options.json ? stderr : stdout);
  if (!fresh) progress.say(fmt::format("going on with {}: {} experiments are done", journal_file, done_before));
  for (const std::string& told : lost) progress.say("! " + printable(told + names_each));
  std::unique_ptr<ControlLink> people;
  try {
    people = make_control_socket(control_address(journal_file), stop.wake());
  } catch (const EnvironmentError& error) {
    progress.say(fmt::format("! orders from other processes cannot be taken, since {}", error.what()));
  }
  Shell shell{
      journal,
      laboratory->link(),
      *planner,
      laboratory->clock(),
      stop.wake(),
      stop.count(),
      [&](const State& now, const std::vector<Record>& records) {
        if (stop.count() == 1 && now.commands_open() && !records.empty() && records.front().has_campaign()) {
          progress.say("stopping: waiting for the steps that are running (Ctrl-C again leaves at once; they go on)");
        }
        progress.show(now, records, laboratory->clock().now());
      },
      [&](const wire::Telemetry& telemetry) { progress.note(telemetry); },
      people.get(),
      [&](const control::v1::Request& request) { return answer(request, campaign, engine.state(), journal); },
      [&](const std::string& fault) {
        // Nobody can make room while a clock jumps: it would be tried for ever in no time.
        if (speed.max) throw EnvironmentError(fault);
        progress.say(fmt::format("! nothing new is begun, since it could not be recorded: {}", fault));
      },
      arrays.get()};
  const bool ended = run(engine, shell, ATHANOR_VERSION);
  try {
    journal.take_snapshot(engine.state());
  } catch (const EnvironmentError& error) {
    progress.say(fmt::format("! the next start will take longer: {}", error.what()));
  }
  progress.finish(engine.state());

  History history;
  journal.each([&](const Record& record) { history.read(record); });
  const nlohmann::json exported = export_json(campaign, history);
  write_file(report_file, render_report(exported));
  const bool interrupted = stop.count() > 0 && engine.state().status != CampaignState::kFinished;
  if (options.json) {
    fmt::print("{}\n", summary(exported, campaign, engine.state(), monotonic_seconds() - began, journal_file).dump());
  } else {
    if (!engine.over() || interrupted)
      progress.say(ended ? "stopped; the same command goes on" : "left; the same command goes on");
    progress.say(fmt::format("report   {}\njournal  {}", std::filesystem::absolute(report_file).string(),
                             std::filesystem::absolute(journal_file).string()));
  }
  // What this run stored is looked at once, now that its files are closed: the next start need not.
  if (with_arrays && stop.count() < 2) {
    arrays.reset();
    laboratory.reset();
    data.reset();
    for (const std::string& told : describe(look_for_changed_arrays(journal, arrays_in, campaign.name))) {
      if (std::find(lost.begin(), lost.end(), told) == lost.end()) progress.say("! " + printable(told));
    }
  }
  if (interrupted) return 130;
  return engine.state().status == CampaignState::kFinished ? 0 : 1;
}

}  // namespace athanor
