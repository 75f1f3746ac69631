// athanor pause, resume, stop, abort, halt, approve, answer, status and backup: a person's word to a running
// controller.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "athanor/arrays.h"
#include "athanor/commands.h"
#include "athanor/progress.h"
#include "controller/control_socket.h"
#include "controller/session.h"
#include "controller/status.h"
#include "core/quantity.h"

namespace athanor {
namespace {

using journal::v1::Order;

Order::Verb verb_of(const std::string& word) {
  if (word == "pause") return Order::PAUSE;
  if (word == "resume") return Order::RESUME;
  if (word == "stop") return Order::STOP;
  return word == "abort" ? Order::ABORT : Order::HALT;
}

/// None: no controller holds the journal; of one that was killed the socket may still be there.
std::optional<std::string> ask_if_running(const std::string& journal, const control::v1::Request& request) {
  if (!std::filesystem::exists(journal + ".control")) return std::nullopt;
  control::v1::Reply reply;
  try {
    reply = ask_controller(control_address(journal), request);
  } catch (const EnvironmentError&) {
    return std::nullopt;
  }
  if (reply.refused()) throw EnvironmentError(reply.text());
  return reply.text();
}

int tell_controller(const std::string& journal, const control::v1::Request& request) {
  for (const std::string& text : {request.order().who(), request.order().why(), request.approve().why(),
                                  request.approve().who(), request.answer().who(), request.answer().why()})
    require_utf8(text);
  const control::v1::Reply reply = ask_controller(control_address(journal), request);
  if (reply.refused()) throw InputError(reply.text());
  fmt::print("{}\n", reply.text());
  return 0;
}

std::string of_hold(const nlohmann::json& one) {
  const std::string hold = one.at("hold");
  if (hold == "free") return "";
  const std::string why = one.value("why", "");
  return why.empty() ? ", " + hold : fmt::format(", {} by {}", hold, why);
}

void print_status(const nlohmann::json& status, bool running, const std::string& journal) {
  const std::string why = status.at("why");
  fmt::print("campaign    {}, {}{}{}\n", status.at("campaign").get<std::string>(),
             status.at("status").get<std::string>(), why.empty() ? "" : ": " + why,
             running ? "" : " (no controller runs)");
  fmt::print("experiments {} measured, {} failed, {} abandoned, {} under way; {} alarms\n",
             status.at("measured").get<int>(), status.at("failed").get<int>(), status.at("abandoned").get<int>(),
             status.at("experiments").size(), status.at("alarms").get<int>());
  fmt::print("time        {} of laboratory time\n",
             describe_duration(from_seconds(status.at("lab_time_s").get<double>())));
  if (status.at("laboratory").at("hold") != "free")
    fmt::print("laboratory  {}\n", of_hold(status.at("laboratory")).substr(2));
  if (!status.at("places_held").empty()) {
    fmt::print(
        "places      {} held by samples that nobody has looked at since (“athanor resume JOURNAL --place NAME”)\n",
        fmt::join(status.at("places_held").get<std::vector<std::string>>(), ", "));
  }
  for (const auto& alarm : status.at("recent_alarms")) {
    fmt::print("! after {}: {}\n", describe_duration(from_seconds(alarm.at("at_s").get<double>())),
               printable(alarm.at("text").get<std::string>()));
  }
  for (const auto& one : status.at("experiments")) {
    fmt::print("  experiment {}: {}{}{}\n", one.at("experiment").get<int>(), one.at("state").get<std::string>(),
               one.contains("step") ? fmt::format(", {} on {}", one.at("step").get<std::string>(),
                                                  one.at("instrument").get<std::string>())
                                    : "",
               of_hold(one));
    if (one.contains("waits_for_approval"))
      fmt::print("    waits for approval of {}\n", one.at("waits_for_approval").get<std::string>());
    if (one.contains("waits_for_answer"))
      fmt::print("    waits for “athanor answer {} --experiment {} retry|done|abandon|fail”: {}\n", journal,
                 one.at("experiment").get<int>(), one.at("waits_for_answer").get<std::string>());
    if (one.contains("cleaning_up"))
      fmt::print("    is being cleaned up: {}\n", one.at("cleaning_up").get<std::string>());
  }
  for (const auto& one : status.at("instruments")) {
    const std::string safe = one.at("safe");
    fmt::print("  {}: {}{}{}{}\n", one.at("instrument").get<std::string>(), one.at("state").get<std::string>(),
               one.at("set_aside").get<bool>() ? ", set aside after faults" : "", of_hold(one),
               safe == "in use" ? "" : ", " + safe);
  }
  for (const auto& one : status.value("interlocks", nlohmann::json::array())) {
    fmt::print("  interlock {}: {} {}\n", one.at("interlock").get<std::string>(), one.at("reading").get<std::string>(),
               one.at("why").get<std::string>());
  }
}

}  // namespace

std::string login_name() {
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : fmt::format("user {}", getuid());
}

int give_order(const OrderOptions& options) {
  control::v1::Request request;
  Order& order = *request.mutable_order();
  order.set_verb(verb_of(options.verb));
  order.set_who(options.who.empty() ? login_name() : options.who);
  order.set_why(options.why);
  if (options.experiment) {
    order.set_scope(Order::EXPERIMENT);
    order.set_experiment(*options.experiment);
  } else if (!options.instrument.empty()) {
    order.set_scope(Order::INSTRUMENT);
    order.set_instrument(options.instrument);
  } else if (!options.place.empty()) {
    order.set_scope(Order::PLACE);
    order.set_place(options.place);
  } else if (options.laboratory) {
    order.set_scope(Order::LABORATORY);
  }
  return tell_controller(options.journal_file, request);
}

int approve(const ApproveOptions& options) {
  control::v1::Request request;
  request.mutable_approve()->set_experiment(options.experiment);
  request.mutable_approve()->set_valid_s(in_unit(parse_quantity(options.valid), Unit::parse("s")));
  request.mutable_approve()->set_who(options.who.empty() ? login_name() : options.who);
  request.mutable_approve()->set_why(options.why);
  return tell_controller(options.journal_file, request);
}

int answer(const AnswerOptions& options) {
  using journal::v1::HelpGiven;
  const std::map<std::string, HelpGiven::Verdict> verdicts = {{"retry", HelpGiven::RETRY},
                                                              {"done", HelpGiven::DONE},
                                                              {"abandon", HelpGiven::ABANDON},
                                                              {"fail", HelpGiven::FAIL}};
  control::v1::Request request;
  request.mutable_answer()->set_experiment(options.experiment);
  request.mutable_answer()->set_verdict(verdicts.at(options.verdict));
  request.mutable_answer()->set_who(options.who.empty() ? login_name() : options.who);
  request.mutable_answer()->set_why(options.why);
  return tell_controller(options.journal_file, request);
}

int show_status(const std::string& journal_file, bool json) {
  control::v1::Request request;
  request.mutable_status();
  const auto told = ask_if_running(journal_file, request);
  const bool running = told.has_value();
  nlohmann::json status;
  if (told) {
    status = nlohmann::json::parse(*told);
  } else {
    Journal journal(journal_file, Journal::Mode::kRead);
    journal.require_whole();
    status = describe_status(campaign_of(journal), journal.restore().state);
  }
  status["controller"] = running;
  if (json) {
    fmt::print("{}\n", status.dump());
  } else {
    print_status(status, running, journal_file);
  }
  return 0;
}

int back_up_journal(const std::string& file, const std::string& to) {
  const std::string copy_file = std::filesystem::absolute(to).string();
  control::v1::Request request;
  request.mutable_back_up()->set_file(copy_file);
  if (!ask_if_running(file, request)) {
    Journal journal(file, Journal::Mode::kRead);
    journal.require_whole();
    journal.back_up(to);
  }
  Journal copy(copy_file, Journal::Mode::kRead);
  copy.require_whole();
  fmt::print("{} records of “{}” are in “{}”, and their chain is whole\n", copy.size(), file, copy_file);
  std::size_t named = 0;
  NamedArrays arrays([&](const NamedArray&) { ++named; });
  copy.each([&](const Record& record) { arrays.read(record); });
  if (named > 0) {
    fmt::print("the {} arrays that they name are not copied: they are in “{}”, and “{}” is where they would belong\n",
               named, data_folder(file), data_folder(copy_file));
  }
  return 0;
}

}  // namespace athanor
