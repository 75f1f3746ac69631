// The engine decides: one event in; the records to write and the effects to carry out, once written, out. No input or
// output, no clock, no chance; single-threaded. The journal's records are the only way its state changes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "controller/campaign.h"
#include "controller/points.h"
#include "controller/state.h"
#include "optimizers/planner.h"
#include "proto/control.pb.h"

namespace athanor {

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────
struct ControllerStarted {
  std::string program;  ///< its version
};
struct DriverSaid {
  wire::FromDriver message;
};
struct DriverLost {
  std::string driver;
};
struct PlannerSaid {
  std::uint64_t ask = 0;
  Plan plan;
  std::string fault;  ///< not empty: there is no plan, and this is why
};
struct RequestMade {
  std::uint64_t id = 0;  ///< returned with the answer
  control::v1::Request request;
};
struct StopAsked {
  std::string why;
};
/// The journal could not be written, or can be again.
struct StoreChanged {
  std::string fault;  ///< empty: it can
};
struct TimePassed {};

struct Event {
  Time time{};
  std::variant<ControllerStarted, DriverSaid, DriverLost, PlannerSaid, RequestMade, StopAsked, StoreChanged, TimePassed>
      what;
};

// ── Effects ──────────────────────────────────────────────────────────────────────────────────────────────────────────
struct SendToDriver {
  std::string driver;
  wire::ToDriver message;
};
struct AskPlanner {
  std::uint64_t ask = 0;
  PlanQuestion question;
};
struct AnswerRequest {
  std::uint64_t id = 0;
  control::v1::Reply reply;
};
using Effect = std::variant<SendToDriver, AskPlanner, AnswerRequest>;

struct Decision {
  std::vector<Record> records;
  std::vector<Effect> effects;
};

class Engine {
 public:
  /// Whatever hangs, an alarm names it within a bound; docs/safety.md has the table, in numbers.
  ///   A driver that is not there, or whose link goes down:  as its link says so (DriverLost), 5 s over ZeroMQ.
  ///   A driver that is there, and says nothing of a command: 2 × answer_within after a command or a cancel left,
  ///                                                          answer_within after a question did.
  ///   An instrument that does not end what it began:         patience × expected + answer_within after it was
  ///   accepted,
  ///                                                          and answer_within more where it was just asked about, or
  ///                                                          its link has just come up.
  ///   One that does not end what it was told to end:         answer_within after that.
  ///   One that is not brought to its safe state:             safe_within.
  /// All are counted from the start of this process at the earliest. While the journal cannot be written, which has an
  /// alarm of its own, others are told as soon as it can.
  struct Options {
    /// A command that was sent and not answered for this long is asked about; a question that is not answered for this
    /// long raises an alarm.
    Duration answer_within = from_seconds(30);
    /// An instrument may take this many times as long as it said, and `answer_within` more, before it is told to
    /// cancel.
    double patience = 2;
    /// What nobody says how long it takes is named by an alarm after so long, and goes on.
    Duration unknown_within = std::chrono::hours{1};
    /// A driver that was told to bring instruments to their safe state confirms it within this time, or an alarm names
    /// them.
    Duration safe_within = from_seconds(10);
    /// How often drivers tell their readings. An interlock takes no time shorter than three of these for silence.
    Duration readings_every = from_seconds(1);
    /// On a virtual clock: a reading that was heard once comes as long as time passes at all, and is not waited for.
    bool readings_never_stop = false;
    /// Where a person finds out why a driver does not answer, or ended; ends the alarm's sentence.
    std::string driver_hint;
  };

  /// `campaign` and `lab` must outlive the engine. `state` is what the journal so far gives.
  Engine(const Campaign& campaign, const Lab& lab, State state, Options options);

  /// What `event` leads to. The state already contains the records when this returns. Before ControllerStarted nothing
  /// follows from anything: what people say is recorded and answered, and that is all.
  Decision handle(const Event& event);

  /// When a TimePassed is due; kNever if nothing waits for the clock.
  Time wakes_at() const;
  const State& state() const { return state_; }
  /// Whether what an instrument's sensors show is of any use to the engine: an interlock watches it.
  bool watches(const std::string& instrument) const { return watched_.contains(instrument); }
  /// Nothing is left to do: the campaign finished, or it stopped.
  bool over() const { return state_.status == CampaignState::kFinished || state_.status == CampaignState::kStopped; }

 private:
  // What happened.
  void on(const ControllerStarted& started);
  void on(const DriverSaid& said);
  void on(const DriverLost& lost);
  void on(const PlannerSaid& said);
  void on(const RequestMade& made);
  void on(const StopAsked& asked);
  void on(const StoreChanged& changed);
  void on(const TimePassed&);
  void on_welcome(const wire::FromDriver& message);
  void on_outcome(const wire::Outcome& outcome);
  void on_answer(const wire::CommandState& answer);
  control::v1::Reply order(const journal::v1::Order& order);
  control::v1::Reply approve(const control::v1::Approve& approve);
  control::v1::Reply answer(const control::v1::Answer& answer);
  control::v1::Reply observe(const journal::v1::Observed& asked);
  void on_stopped(const wire::Stopped& stopped);
  void on_refused(const std::string& driver, const wire::Refused& refused);
  std::string why_not(const journal::v1::Order& order) const;
  std::string why_not_free(const journal::v1::Order& order) const;
  void cancel_what_it_ends(const journal::v1::Order& order);
  std::string what_follows(const journal::v1::Order& order) const;

  // What follows from it, in this order.
  void advance();
  void watch_interlocks();
  void end_experiments();
  void make_safe();
  void settle(const ExperimentEntry& experiment);
  void measure(const ExperimentEntry& experiment);
  void repeat_or_give_up(const ExperimentEntry& experiment, const CommandEntry& command);
  bool repeat(const ExperimentEntry& experiment, const CommandEntry& command);
  std::string what_went_wrong(const CommandEntry& command) const;
  void give_up(const ExperimentEntry& experiment, std::size_t step, bool failed, const std::string& why);
  void go_on_cleaning(const ExperimentEntry& experiment);
  void ask_person(const ExperimentEntry& experiment, std::size_t step, const std::string& text);
  void set_aside_faulty();
  void test_instruments();
  const std::string* past_hope() const;
  bool waits_for_people() const;
  void on_self_test(const CommandEntry& command, const wire::Outcome& outcome);
  void stop_if_spoilt();
  void complete_or_drain();
  void ask_for_more();
  void propose_prepared();
  void begin_experiments();
  void ask_for_places();
  void dispatch_steps();
  void dispatch(const ExperimentEntry& experiment, std::size_t step, std::uint32_t attempt);
  void intend(std::uint64_t experiment, std::size_t step, std::uint32_t attempt, wire::Command command);

  void record(Record record);
  void overdue(const std::string& id, const CommandEntry& command);
  void expect_word(const std::string& id);
  void end_silence(const wire::FromDriver& message);
  void ask_the_silent();
  void tell_of_silence();
  bool word_expected(const std::string& id, const CommandEntry& command) const;
  Time deadline(const CommandEntry& command) const;
  Time look_at(const CommandEntry& command) const;
  double expected_s(const CommandEntry& command) const;
  void send(const std::string& driver, wire::ToDriver message);
  void cancel(const CommandEntry& command);
  void send_stop(const std::string& instrument);
  bool lost_while_aborting(const InstrumentEntry& instrument) const;
  void remind_of_safety();
  void move(const std::string& command, CommandEvent event, const std::string& why,
            const wire::Outcome* outcome = nullptr, double expected_s = 0);
  void move_campaign(CampaignEvent event, const std::string& why);
  void abandon(std::uint64_t experiment, const std::string& why, bool unclean = false, bool ordered = false);
  void fail(std::uint64_t experiment, const std::string& why, bool unclean = false);
  void alarm(const std::string& about, const std::string& text);
  void question(const std::string& driver, const std::vector<std::string>& ids);

  // engine_interlocks.cpp
  void on_telemetry(const wire::FromDriver& message);
  void judge(const LabInterlock& interlock, const wire::Value& value);
  void trip(const LabInterlock& interlock, const std::string& reading, const std::string& why);
  void record_trip(const LabInterlock& interlock, const std::string& reading, const std::string& why);
  void pass(const std::string& interlock, const std::string& reading);
  void forget_interlocks();
  std::vector<std::string> to_be_stopped(const LabInterlock& interlock) const;
  Time silent_at(const LabInterlock& interlock) const;
  std::string held_by(const std::string& instrument) const;
  std::string refused_by(const std::string& capability) const;
  std::string stopped_by(const std::string& instrument) const;
  bool waits_for_interlock() const;

  // engine_planning.cpp
  std::optional<double> ends_while_planning(Duration took, std::uint64_t took_after) const;
  bool planner_is_quick() const;
  bool prepared_know_all() const;
  std::size_t under_way() const;
  bool too_many_wait() const;
  std::size_t allowance() const;
  std::size_t free_slots() const;
  void ask_ahead(journal::v1::Asked& asked) const;
  void question_planner();
  journal::v1::Proposed to_proposed(std::uint64_t ask, const Suggestion& suggestion) const;
  void propose(journal::v1::Proposed proposed);

  bool stopping() const;
  bool begins_nothing() const;
  bool unwanted(const CommandEntry& command) const;
  bool usable(const InstrumentEntry& instrument) const;
  bool ready(const InstrumentEntry& instrument) const;
  bool waits_for_safety() const;
  static bool busy(const InstrumentEntry& instrument) { return !instrument.command.empty(); }
  bool enough() const;
  std::string free_place() const;
  bool approved(const ExperimentEntry& experiment, std::size_t step, const std::string& instrument,
                wire::Command& command);
  bool repeatable(const CommandEntry& command) const;
  bool every_capability_known() const;
  wire::Command command_for(const ExperimentEntry& experiment, std::size_t step, std::uint32_t attempt) const;
  std::vector<std::size_t> procedure() const;
  std::set<std::string> tried_at(const ExperimentEntry& experiment, std::size_t step) const;
  bool instrument_fault(const std::string& command, CommandEvent event, const wire::Outcome& outcome) const;
  void flag_results(const CommandEntry& command, journal::v1::CommandMoved& moved) const;
  std::vector<wire::Value> stock_needed(const ExperimentEntry& experiment, const std::vector<std::size_t>& steps) const;
  std::string shortage(const std::vector<wire::Value>& stock) const;

  const Campaign& campaign_;
  const std::vector<Measurand> measurands_;
  const Lab& lab_;
  Options options_;
  State state_;
  ToldSoFar told_;
  std::map<std::string, wire::Instrument> offers_;  ///< descriptions, tightened to the lab's limits
  std::map<std::string, Time> check_at_;            ///< open commands → when to ask about them
  std::map<std::string, int> overdue_;              ///< open commands past their deadline → how often that was seen
  /// Open commands whose driver can be reached, was asked about them, and has not said a word of them since.
  struct Silence {
    Time since{};       ///< when it was asked first
    bool told = false;  ///< by an alarm
  };
  std::map<std::string, Silence> silent_;
  /// Open commands that their driver refuses to take in; they are sent again.
  struct Refusal {
    Time since{};
    std::string why;
  };
  std::map<std::string, Refusal> refused_;
  /// Instruments on their way to their safe state: told under which id, when to look again, how often that was done.
  struct SafetyAsked {
    std::string id;
    Time again{};
    int reminders = 0;
    bool too_early = false;  ///< confirmed while a command was open that may still begin: to be confirmed once more
  };
  std::map<std::string, SafetyAsked> safety_asked_;
  /// Readings that interlocks watch, by the interlock's name.
  struct Watch {
    Time heard = kNever;  ///< last; or since when it could be, its driver's link standing
    bool ever = false;    ///< by this process
    bool told = false;    ///< by an alarm, that it never was
  };
  std::map<std::string, Watch> watches_;
  const std::set<std::string> watched_;  ///< instruments
  std::vector<std::string> places_;
  std::size_t procedure_steps_ = 0;  ///< so many of the campaign's, the first ones; the others clean up
  Time retries_at_ = kNever;         ///< when a step is tried again
  Time tests_at_ = kNever;           ///< when an instrument tests itself
  bool unwritable_ = false;          ///< the journal
  bool asked_for_places_ = false;
  bool started_ = false;
  Time now_{}, started_at_{};
  Decision decision_;
};

}  // namespace athanor
