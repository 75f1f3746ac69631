#include "tests/conformance/sabotages.h"

#include <fcntl.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/quantity.h"
#include "instruments/description.h"
#include "instruments/messages.h"

namespace athanor {

namespace {

using Client = const std::string&;

/// What a driver's author might do with a value that is not as it should be.
Sabotage mends_values(const char* name, void (*mend)(wire::Value&)) {
  return {name, [mend](Front&, Client, wire::ToDriver& message) {
            if (!message.has_command()) return true;
            for (wire::Value& value : *message.mutable_command()->mutable_with()) mend(value);
            return true;
          }};
}

void clamp(wire::Value& value) {
  if (value.name() == "temperature" && value.unit() == "degC")
    value.set_number(std::clamp(value.number(), 20.0, 150.0));
}

void assume_own_unit(wire::Value& value) {
  const char* own = value.name() == "temperature" ? "degC" : "s";
  if (value.name() != "gas" && value.unit() == "florps") value.set_unit(own);
}

void forget_unit(wire::Value& value) {
  if (value.unit() == "K") value.set_unit("degC");
}

void take_anything(wire::Value& value) {
  if (value.kind_case() == wire::Value::kNumber && !std::isfinite(value.number()))
    value.set_number(value.name() == "temperature" ? 80 : 1);
}

bool is_known(const wire::Value& value) {
  return value.name() == "temperature" || value.name() == "duration" || value.name() == "gas";
}

bool drop_unknown(Front&, Client, wire::ToDriver& message) {
  if (!message.has_command()) return true;
  auto& with = *message.mutable_command()->mutable_with();
  with.erase(std::remove_if(with.begin(), with.end(), [](const auto& value) { return !is_known(value); }), with.end());
  return true;
}

bool fill_in(Front&, Client, wire::ToDriver& message) {
  if (!message.has_command() || message.command().capability() != "heat") return true;
  if (find_value(message.command(), "temperature") == nullptr)
    *message.mutable_command()->add_with() = number_value("temperature", 80, "degC");
  return true;
}

bool approve_itself(Front&, Client, wire::ToDriver& message) {
  if (!message.has_command()) return true;
  wire::Approval& approval = *message.mutable_command()->mutable_approval();
  approval.set_digest(approval_digest(message.command()));
  approval.set_until_us(4'102'444'800'000'000);
  return true;
}

// A second time under a name of its own, which nobody sees.
constexpr const char* kAgain = "#again";

bool begin_again(Front& front, Client, wire::ToDriver& message) {
  if (message.has_command() && front.outcomes.contains(message.command().id()))
    message.mutable_command()->set_id(message.command().id() + kAgain);
  return true;
}

bool hide_again(Front&, Client, wire::FromDriver& message) {
  const auto hide = [](std::string& id) {
    if (id.ends_with(kAgain)) id.resize(id.size() - std::strlen(kAgain));
  };
  if (message.has_accepted()) hide(*message.mutable_accepted()->mutable_id());
  if (message.has_outcome()) hide(*message.mutable_outcome()->mutable_id());
  return true;
}

/// Answers from the ledger, and does it again behind everybody's back.
bool answer_and_begin_again(Front& front, Client client, wire::ToDriver& message) {
  if (!message.has_command() || !front.outcomes.contains(message.command().id())) return true;
  wire::FromDriver known;
  *known.mutable_outcome() = front.outcomes.at(message.command().id());
  front.answer(client, known);
  message.mutable_command()->set_id(message.command().id() + kAgain);
  for (wire::Value& value : *message.mutable_command()->mutable_with()) {
    if (value.name() == "duration") value.set_number(5);
  }
  return true;
}

bool hide_all_of_again(Front&, Client, wire::FromDriver& message) {
  return !message.accepted().id().ends_with(kAgain) && !message.outcome().id().ends_with(kAgain);
}

bool refuse_doubled(Front& front, Client client, wire::ToDriver& message) {
  if (!message.has_command() || !front.running.contains(message.command().id())) return true;
  wire::FromDriver refused;
  refused.mutable_refused()->set_id(message.command().id());
  refused.mutable_refused()->set_why("it runs already");
  front.answer(client, refused);
  return false;
}

bool tell_twice(Front& front, Client client, wire::FromDriver& message) {
  if (!message.has_outcome() || !message.outcome().done()) return true;
  wire::FromDriver other = message;
  other.mutable_outcome()->set_took_s(message.outcome().took_s() + 1);
  front.answer(client, other);
  return true;
}

bool keep_first(Front& front, Client, wire::ToDriver& message) {
  if (message.has_command() && front.begun.contains(message.command().id()))
    *message.mutable_command() = front.begun.at(message.command().id());
  return true;
}

/// Compares all of a command but its values.
bool keep_first_values(Front& front, Client, wire::ToDriver& message) {
  if (message.has_command() && front.begun.contains(message.command().id()))
    *message.mutable_command()->mutable_with() = front.begun.at(message.command().id()).with();
  return true;
}

bool make_wait(Front& front, Client, wire::ToDriver& message) {
  return !message.has_command() || front.running.empty() || front.running.contains(message.command().id());
}

bool ignore_cancel_of_running(Front& front, Client, wire::ToDriver& message) {
  return !message.has_cancel() || !front.running.contains(message.cancel().id());
}

bool refuse_cancel_of_ended(Front& front, Client client, wire::ToDriver& message) {
  if (!message.has_cancel() || !front.outcomes.contains(message.cancel().id())) return true;
  wire::FromDriver refused;
  refused.mutable_refused()->set_id(message.cancel().id());
  front.answer(client, refused);
  return false;
}

bool forget_cancel(Front& front, Client client, wire::ToDriver& message) {
  if (!message.has_cancel() || front.begun.contains(message.cancel().id())) return true;
  wire::FromDriver outcome;
  *outcome.mutable_outcome() = failed_outcome(message.cancel().id(), {Fault::Kind::kInterrupted, "cancelled"});
  front.answer(client, outcome);
  return false;
}

bool visit_for_hello(Front& front, Client client, wire::ToDriver& message) {
  if (message.has_hello() && !front.controller.empty() && front.controller != client) message.mutable_visit();
  return true;
}

bool hello_for_visit(Front&, Client, wire::ToDriver& message) {
  if (message.has_visit()) message.mutable_hello()->set_controller("a visitor");
  return true;
}

bool take_over(Front&, Client, wire::ToDriver& message) {
  if (message.has_hello()) message.mutable_hello()->set_only_if_free(false);
  return true;
}

bool obey_everybody(Front& front, Client client, wire::ToDriver& message) {
  if (!message.has_command() && !message.has_cancel()) return true;
  if (front.controller.empty() || client == front.controller) return true;
  front.pass_on(front.controller, message);
  return false;
}

bool reverse_answers(Front&, Client, wire::FromDriver& message) {
  if (message.has_answer()) {
    auto& states = *message.mutable_answer()->mutable_states();
    std::reverse(states.begin(), states.end());
  }
  return true;
}

bool deny_interrupted(Front&, Client, wire::FromDriver& message) {
  if (message.answer().states_size() == 1 && message.answer().states(0).has_command())
    message.mutable_answer()->mutable_states(0)->set_standing(wire::CommandState::NEVER_SEEN);
  return true;
}

bool tell_all_the_time(Front& front, Client client, wire::FromDriver&) {
  for (const std::string& id : front.running) {
    wire::FromDriver progress;
    progress.mutable_progress()->set_id(id);
    for (int i = 0; i < 3; ++i) front.answer(client, progress);
  }
  return true;
}

bool hold_memory(Front&, Client, wire::ToDriver& message) {
  constexpr std::size_t kEach = std::size_t{1} << 17;
  static std::vector<std::string> held;
  if (message.has_command()) held.emplace_back(kEach, 'x');
  return true;
}

bool hold_files(Front&, Client, wire::ToDriver& message) {
  if (message.has_command()) (void)!open("/dev/null", O_RDONLY);
  return true;
}

bool is_too_large(const Frames& frames) {
  return frames.back().size() > kLargestFrame;
}

void end_all(Front& front) {
  for (const std::string& id : front.running) {
    wire::ToDriver cancel = to_driver();
    cancel.mutable_cancel()->set_id(id);
    front.pass_on(front.controller, cancel);
  }
}

std::vector<Sabotage> all() {
  return {
      {"hello",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         static int welcomes = 0;
         if (message.has_welcome()) message.set_boot(std::to_string(++welcomes));
         return true;
       }},
      {"description",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         if (message.has_welcome())
           message.mutable_welcome()->mutable_instruments(0)->mutable_capabilities(0)->mutable_parameters(0)->set_unit(
               "florps");
         return true;
       }},
      {"heartbeats",
       {},
       [](Front&, Client, wire::FromDriver& message) { return !message.has_heartbeat() && !message.has_telemetry(); }},
      {"questions", {}, reverse_answers},
      {"carried-out.other",  // all but the first
       {},
       [](Front&, Client, wire::FromDriver& message) {
         static std::string first;
         if (!message.outcome().done()) return true;
         if (first.empty()) first = message.outcome().id();
         if (message.outcome().id() != first) message.mutable_outcome()->clear_results();
         return true;
       }},
      {"carried-out",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         if (message.outcome().done())
           for (auto& value : *message.mutable_outcome()->mutable_results()) value.set_unit("K");
         return true;
       }},
      mends_values("limits", clamp),
      mends_values("units", assume_own_unit),
      mends_values("units-converted", forget_unit),
      {"unknown-names", drop_unknown},
      mends_values("values", take_anything),
      {"missing", fill_in},
      {"refusal-kept",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         static int refusals = 0;
         if (message.outcome().fault() == wire::LIMIT)
           message.mutable_outcome()->mutable_message()->append(std::to_string(++refusals));
         return true;
       }},
      {"bounds",
       [](Front&, Client, wire::ToDriver& message) {
         if (message.command().id().size() > 1000) message.mutable_command()->mutable_id()->resize(1000);
         return true;
       }},
      {"bounds.questions",
       [](Front&, Client, wire::ToDriver& message) {
         while (message.question().ids_size() > 1000) message.mutable_question()->mutable_ids()->RemoveLast();
         return true;
       }},
      {"hazardous", approve_itself},
      {"doubled-at-once", {}, tell_twice},
      {"doubled-while-running", refuse_doubled},
      {"doubled-after-end", begin_again, hide_again},
      {"doubled-after-end.secretly", answer_and_begin_again, hide_all_of_again},
      {"id-reuse", keep_first},
      {"id-reuse.values", keep_first_values},
      {"busy", make_wait},
      {"progress", {}, tell_all_the_time},
      {"cancel-running", ignore_cancel_of_running},
      {"cancel-ended", refuse_cancel_of_ended},
      {"cancel-before", forget_cancel},
      {"stop", [](Front&, Client, wire::ToDriver& message) { return !message.has_stop(); }},
      {"stop.in-part",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         if (message.has_stopped()) message.mutable_stopped()->mutable_instruments()->RemoveLast();
         return true;
       }},
      {"stop-one",
       [](Front&, Client, wire::ToDriver& message) {
         if (message.has_stop()) message.mutable_stop()->clear_instruments();
         return true;
       }},
      {"garbage", {}, {}, [](Front&, const Frames&) { std::abort(); }},
      {"garbage.in-silence", {}, [](Front&, Client, wire::FromDriver& message) { return !message.has_refused(); }},
      {"large-frame",
       {},
       {},
       [](Front&, const Frames& frames) {
         if (is_too_large(frames)) std::abort();
       }},
      {"large-frame.in-panic",
       {},
       {},
       [](Front& front, const Frames& frames) {
         if (is_too_large(frames)) end_all(front);
       }},
      {"other-version",
       [](Front&, Client, wire::ToDriver& message) {
         message.set_version(1);
         return true;
       }},
      {"strangers", obey_everybody},
      {"last-hello", visit_for_hello},
      {"visits", hello_for_visit},
      {"visits.only-if-free", take_over},
      {"dead-man.others",
       [](Front& front, Client client, wire::ToDriver&) {
         wire::ToDriver heartbeat = to_driver();
         heartbeat.mutable_heartbeat();
         if (!front.controller.empty() && client != front.controller) front.pass_on(front.controller, heartbeat);
         return true;
       }},
      {"dead-man"},  // the front itself sends heartbeats in the controller's name
      {"new-boot",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         message.set_boot("the same");
         return true;
       }},
      {"killed-after-end"},  // these three: the program below does it to the ledger at its start
      {"killed-running"},
      {"killed-after-accepted"},
      {"killed-before-accepted", {}, deny_interrupted},
      {"other-ledger",
       [](Front&, Client, wire::ToDriver& message) {
         message.clear_ledger();
         return true;
       }},
      {"other-ledger.name",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         if (message.has_welcome()) message.mutable_welcome()->set_ledger(message.boot());
         return true;
       }},
      {"terminated"},  // the program does not listen
      {"endurance", hold_memory},
      {"endurance.files", hold_files},
      {"arrays",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         if (!message.has_outcome()) return true;
         for (wire::Value& value : *message.mutable_outcome()->mutable_results()) {
           if (value.has_array()) value.mutable_array()->set_sha256(std::string(64, '0'));
         }
         return true;
       }},
      {"arrays.no-socket",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         if (message.has_welcome()) message.mutable_welcome()->clear_data();
         return true;
       }},
      {"arrays-resumed"},  // its data socket hears one Collect only
      {"arrays-doubled",
       [](Front& front, Client client, wire::ToDriver& message) {
         if (!message.has_command() || !front.outcomes.contains(message.command().id())) return true;
         wire::ToDriver again = message;
         again.mutable_command()->set_id(message.command().id() + " again");
         front.pass_on(client, again);
         return true;
       }},
      {"envelopes",
       {},
       [](Front&, Client, wire::FromDriver& message) {
         if (message.has_accepted()) message.set_driver("somebody else");
         return true;
       }},
  };
}

}  // namespace

Sabotage before_visit() {
  return {"before-visit", [](Front&, Client, wire::ToDriver& message) {
            if (message.has_visit()) message.clear_body();
            if (message.has_stop()) {
              message.mutable_stop()->clear_id();
              message.mutable_stop()->clear_instruments();
            }
            if (message.has_hello()) message.mutable_hello()->set_only_if_free(false);
            return true;
          }};
}

const std::vector<Sabotage>& sabotages() {
  static const std::vector<Sabotage> kAll = all();
  return kAll;
}

}  // namespace athanor
