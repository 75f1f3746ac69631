// The promises of the driver protocol as a table, and the trial that goes through it.
#include "instruments/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "core/document.h"
#include "core/error.h"
#include "instruments/conformance_trial.h"

namespace athanor {

namespace {

constexpr std::size_t kMostTalk = 20;  // lines of what was said, in a report

struct Promise {
  const char *name, *promised, *tried;
  conformance::Check check;
};

namespace check = conformance;

const Promise kPromises[] = {
    {"hello", "Hello is answered by Welcome, with a name and a boot that stay", "twice Hello", check::hello},
    {"description", "instruments describe themselves sanely", "names, units, limits, durations held against good sense",
     check::description},
    {"heartbeats", "a driver is never silent for much longer than 1 s", "listened, said nothing else",
     check::heartbeats},
    {"questions", "what is known of any id is told, in the order asked", "unknown ids, an ended one, none",
     check::questions},
    {"carried-out", "commands are accepted, end, and give what is described",
     "each harmless one, as short as it can be, for 10 s together", check::carried_out},
    {"limits", "what is outside limits, levels or choices is refused", "the next number beyond every bound",
     check::limits},
    {"units", "a number in a unit that cannot be converted is refused", "another quantity, an unknown unit, none",
     check::units},
    {"units-converted", "units are converted before limits are compared", "another unit, within and beyond the limits",
     check::units_converted},
    {"unknown-names", "unknown instruments, capabilities and parameters are refused", "one of each",
     check::unknown_names},
    {"values", "what is no number, or not finite, is refused", "NaN, both infinities, the other kind, nothing",
     check::values},
    {"missing", "a parameter that lacks or comes twice is refused", "each left out, each doubled", check::missing},
    {"refusal-kept", "a refused id keeps its answer", "sent again, and asked about", check::refusal_kept},
    {"bounds", "what is longer than the protocol allows is Refused, and nothing entered",
     "ids of 1001 bytes, a command of 1 MiB, 1001 ids in one question", check::bounds},
    {"hazardous", "nothing hazardous begins without a person's approval of exactly that",
     "no approval, one for something else, an expired one", check::hazardous},
    {"doubled-at-once", "a doubled command is carried out once", "four times in one breath", check::doubled_at_once},
    {"doubled-while-running", "a doubled command that runs is Accepted again and not begun again",
     "three times more while it ran", check::doubled_while_running},
    {"doubled-after-end", "a doubled command that has ended is answered from the ledger",
     "sent again; then whether the instrument is busy", check::doubled_after_end},
    {"id-reuse", "an id names one command for ever",
     "another sample and another value under a used id, after and during the first", check::id_reuse},
    {"busy", "a busy instrument refuses a second command", "a second id while the first ran", check::busy},
    {"progress", "Progress is a fraction, and comes once a second at most", "listened while one ran", check::progress},
    {"cancel-running", "a cancel ends what runs", "measured; the command then sent again", check::cancel_running},
    {"cancel-ended", "a cancel of what has ended changes nothing", "the outcome compared", check::cancel_ended},
    {"cancel-before", "what was cancelled before it came is never begun", "Cancel, then the command",
     check::cancel_before},
    {"stop", "a stop makes all safe, ends what runs, and is confirmed within 5 s", "measured; then a new command",
     check::stop},
    {"stop-one", "a stop of one instrument leaves the others alone", "another one stopped while one ran",
     check::stop_one},
    {"garbage", "what cannot be understood is Refused and changes nothing", "frames that no controller sends",
     check::garbage},
    {"large-frame", "a frame above 16 MiB harms nobody else", "17 MiB over another connection, while a command runs",
     check::large_frame},
    {"other-version", "another version is Refused, and nothing begun", "a command of versions 2 and 99",
     check::other_version},
    {"strangers", "only the controller commands; anybody may ask and stop", "a second connection without Hello",
     check::strangers},
    {"last-hello", "who said Hello last is the controller", "a second controller takes over", check::last_hello},
    {"visits", "whoever only looks takes nothing", "Visit, and Hello only if free, while there is a controller",
     check::visits},
    {"arrays", "an array that an outcome names is there, whole, with that hash", "a harmless command that makes one",
     check::arrays_whole},
    {"arrays-resumed", "an array goes on from what is durable when the link breaks",
     "the data connection ended in its middle", check::arrays_resumed},
    {"arrays-doubled", "a doubled command makes its array once", "three times in one breath, and after the end",
     check::arrays_doubled},
    {"dead-man", "a driver that hears no controller makes its instruments safe",
     "silence for its dead-man time, while somebody else talks on", check::dead_man},
    {"new-boot", "the boot differs at every start", "kill -9 and a new start", check::new_boot},
    {"killed-after-end", "the ledger survives", "kill -9; an outcome, a refusal and a cancel asked for again",
     check::killed_after_end},
    {"killed-running", "after a kill in mid-command its id is known, and nothing begun twice",
     "kill -9 while it ran; asked; sent again", check::killed_running},
    {"killed-after-accepted", "what was Accepted is in the ledger", "kill -9 at the Accepted, three times",
     check::killed_after_accepted},
    {"killed-before-accepted", "whenever it dies, what it then says of an id is what it does",
     "kill -9 at four moments around the begin", check::killed_before_accepted},
    {"other-ledger", "what was meant for a ledger that is lost is refused, and the name of the ledger stays",
     "a command and a cancel for another ledger; kill -9 and a new start", check::other_ledger},
    {"terminated", "SIGTERM ends it", "SIGTERM, a new start, the ledger asked", check::terminated},
    {"endurance", "many commands leave no trace but in the ledger", "500 commands (10,000 with --long); memory, files",
     check::endurance},
    {"envelopes", "every message bears version, name and boot", "all that was said in this trial", check::envelopes},
};

PromiseReport untried(const Promise& promise) {
  PromiseReport report;
  report.name = promise.name;
  report.promised = promise.promised;
  report.tried = promise.tried;
  return report;
}

/// Unless it only follows from what another promise was found to be broken by.
void found_broken(Trial& trial, const Broken& broken, PromiseReport& report) {
  if (broken.by_death || trial.died()) {
    if (!trial.death_found_by.empty()) {
      report.detail =
          fmt::format("the driver ended by itself in the middle of a command, as “{}” finds", trial.death_found_by);
      return;
    }
    trial.death_found_by = report.name;
  }
  report.verdict = PromiseReport::Verdict::kBroken;
  report.detail = broken.what;
  const auto& talk = trial.probe().talk();
  const auto from = talk.size() > kMostTalk ? talk.end() - kMostTalk : talk.begin();
  report.talk.assign(from, talk.end());
}

PromiseReport keep(Trial& trial, const Promise& promise) {
  using Verdict = PromiseReport::Verdict;
  PromiseReport report = untried(promise);
  const double began = monotonic_seconds();
  trial.probe().forget_talk();
  try {
    report.detail = promise.check(trial);
    report.verdict = Verdict::kHolds;
  } catch (const NotTried& not_tried) {
    report.detail = not_tried.why;
  } catch (const NotApplicable& not_applicable) {
    report.verdict = Verdict::kNotApplicable;
    report.detail = not_applicable.why;
  } catch (const Broken& broken) {
    found_broken(trial, broken, report);
  }
  report.took_s = monotonic_seconds() - began;
  return report;
}

void require_known(const std::vector<std::string>& only) {
  std::vector<std::string> known;
  for (const Promise& promise : kPromises) known.emplace_back(promise.name);
  for (const std::string& name : only) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw InputError(fmt::format("“{}” is no promise of the driver protocol{}", name, suggest_name(name, known)));
  }
}

}  // namespace

bool ConformanceReport::broken() const {
  return std::any_of(promises.begin(), promises.end(),
                     [](const auto& each) { return each.verdict == PromiseReport::Verdict::kBroken; });
}

bool ConformanceReport::holds() const {
  return std::all_of(promises.begin(), promises.end(), [](const auto& each) {
    return each.verdict == PromiseReport::Verdict::kHolds || each.verdict == PromiseReport::Verdict::kNotApplicable;
  });
}

std::vector<PromiseReport> promises() {
  std::vector<PromiseReport> all;
  for (const Promise& promise : kPromises) all.push_back(untried(promise));
  return all;
}

ConformanceReport try_driver(const ConformanceOptions& options) {
  require_known(options.only);
  Trial trial(options);
  ConformanceReport report;
  report.driver = trial.driver();
  report.boot = trial.boot();
  report.address = options.at.address;
  for (const Chosen& chosen : trial.plan().allowed)
    report.commanded.push_back(fmt::format("{} {}", chosen.instrument, chosen.capability.name()));
  if (options.announce) options.announce(announcement(trial.plan(), options));
  bool there = true, silent = false;
  for (const Promise& promise : kPromises) {
    if (!options.only.empty() &&
        std::find(options.only.begin(), options.only.end(), promise.name) == options.only.end())
      continue;
    PromiseReport one = untried(promise);
    try {
      there = there && trial.settle();
      if (there) {
        one = keep(trial, promise);
      } else {
        // The first after the driver fell silent bears the blame for it: the check before cannot have seen it.
        one.verdict = std::exchange(silent, true) ? one.verdict : PromiseReport::Verdict::kBroken;
        one.detail = "the driver does not answer any more, or what was begun cannot be ended";
      }
    } catch (const BrokenOff&) {
      report.broken_off = true;
      one.detail = "broken off";
    }
    if (options.tell) options.tell(one);
    report.promises.push_back(std::move(one));
    if (report.broken_off) break;
  }
  trial.leave();
  return report;
}

}  // namespace athanor
