// athanor observe: a person's word on what an experiment gave.
#include <fmt/format.h>

#include <filesystem>

#include "athanor/commands.h"
#include "controller/control_socket.h"
#include "controller/engine.h"
#include "controller/journal.h"
#include "controller/session.h"
#include "core/text.h"
#include "core/utf8.h"
#include "instruments/messages.h"

namespace athanor {
namespace {

/// What the value means, the campaign says.
driver::v1::Value setting(const std::string& text, const char* option, const char* example) {
  const auto [name, value] = parse_setting(text, option, example);
  return text_value(name, value);
}

/// As a running controller answers it, by its own code.
control::v1::Reply enter(Journal& journal, const control::v1::Request& request) {
  journal.require_whole();
  const Campaign campaign = campaign_of(journal);
  const Lab lab;  // a person's word needs nothing of it, and its file may have changed since
  Engine engine(campaign, lab, journal.restore().state, {});
  // Laboratory time stands still while no controller runs.
  const Decision decision = engine.handle({engine.state().last, RequestMade{0, request}});
  journal.append(decision.records);
  return std::get<AnswerRequest>(decision.effects.front()).reply;
}

control::v1::Reply tell(const std::string& journal_file, const control::v1::Request& request) {
  // Of a controller that was killed the socket may still be there.
  if (std::filesystem::exists(journal_file + ".control")) {
    try {
      return ask_controller(control_address(journal_file), request);
    } catch (const NobodyListens&) {
    }
  }
  Journal journal(journal_file, Journal::Mode::kOpen);
  return enter(journal, request);
}

}  // namespace

std::pair<std::string, std::string> parse_setting(const std::string& text, const char* option, const char* example) {
  const std::size_t equals = text.find('=');
  const std::string name(trimmed(std::string_view(text).substr(0, equals)));
  const std::string value(equals == std::string::npos ? "" : trimmed(std::string_view(text).substr(equals + 1)));
  if (name.empty() || value.empty())
    throw InputError(
        fmt::format("{} “{}” is not understood; expected a name and a value, such as “{}”", option, text, example));
  return {name, value};
}

void require_utf8(const std::string& text) {
  if (bad_byte(text))
    throw InputError(fmt::format("“{}” is not UTF-8; the journal takes no other texts", as_utf8(text)));
}

int observe(const ObserveOptions& options) {
  control::v1::Request request;
  journal::v1::Observed& observed = *request.mutable_observe();
  observed.set_experiment(options.experiment.value_or(0));
  observed.set_added(options.added.value_or(0));
  for (const std::string& text : options.at) *observed.add_at() = setting(text, "--at", "temperature=80 degC");
  for (const std::string& text : options.set) *observed.add_values() = setting(text, "--set", "yield=54.2 %");
  observed.set_failed(options.failed);
  observed.set_withdrawn(options.withdraw);
  observed.set_who(options.who.empty() ? login_name() : options.who);
  observed.set_why(options.why);
  observed.set_said_us(SystemClock().now().time_since_epoch().count());
  for (const std::vector<std::string>& texts : {options.at, options.set, {options.failed, options.who, options.why}}) {
    for (const std::string& text : texts) require_utf8(text);
  }
  const control::v1::Reply reply = tell(options.journal_file, request);
  if (reply.refused()) throw InputError(reply.text());
  fmt::print("{}\n", reply.text());
  return 0;
}

}  // namespace athanor
