// What a device says, as a profile makes sense of it: one answer a line, or one JSON document.
#include <memory>
#include <nlohmann/json.hpp>

#include "adapters/answer.h"
#include "adapters/conversation.h"
#include "tests/fuzz/target.h"

using namespace athanor;

namespace {

/// Gives the lines one after another, and then no more.
class Scripted final : public Bus {
 public:
  explicit Scripted(const std::string& said) : rest_(said) {}
  std::optional<Fault> connect(bool) override { return std::nullopt; }
  Outcome<nlohmann::json> exchange(const std::string& verb, const nlohmann::json&) override {
    if (rest_.empty()) return Fault{Fault::Kind::kLink, "silent"};
    const std::size_t end = rest_.find('\n');
    const std::string line = rest_.substr(0, end);
    rest_.erase(0, end == std::string::npos ? end : end + 1);
    if (verb == "send") return nlohmann::json();
    auto document = as_json(line);
    return document && document->is_structured() ? *std::move(document) : nlohmann::json(line);
  }

 private:
  std::string rest_;
};

class ScriptedAdapter final : public Adapter {
 public:
  const std::vector<Verb>& verbs() const override {
    static const std::vector<Verb> verbs = {{"send", false, {}, false}, {"ask", true, {}, true}};
    return verbs;
  }
  std::unique_ptr<Bus> bus_to(const std::string& said, Lines&) const override {
    return std::make_unique<Scripted>(said);
  }
};

constexpr const char* kProfile = R"(
profile: fuzzed
text:
safe: nothing
capabilities:
  look:
    with: {temperature: {unit: degC}}
    gives: {mass: {unit: g}, label: {text: true}, first: {}, deep: {unit: "%"}, last: {}}
    do:
      - {ask: A, expect: '^[A-Z]', take: {mass: {match: 'S +(-?[0-9.eE+]+) *m?g', unit: mg}}}
      - {ask: B, faults: [{answer: 'E[0-9]+', kind: sample, say: bad}], take: {label: {field: 2, of: ", ", text: true}}}
      - {ask: C, take: {first: {field: 1}}, expect: {first: {min: -5, max: 1e6, not: 3}}}
      - {ask: D, take: {deep: {at: /data/0/value, unit: "1", scale: 0.5}}}
      - {ask: E, take: {last: {at: column, row: last}}}
      - {ask: F, take: {state: {match: '([a-z]+)', text: true}}, until: {state: {matches: '^d'}}, every: 10 ms, within: 1 s}
      - {ask: G, take: {now: {unit: K}}, until: {now: {near: "{temperature in K} K", by: 1 K}}, within: 1 s}
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Profile profile = [] {
    Profile made = parse_profile(kProfile, "fuzzed");
    made.adapter = std::make_unique<ScriptedAdapter>();
    return made;
  }();
  static const ScaledClock clock(Time{}, 1);
  Lines lines;
  Conversation conversation(profile, test::text_of(data, size), lines, clock);
  int waits = 0;
  Conversation::Conduct conduct;
  conduct.wait = [&](double) { return ++waits < 100; };
  conduct.progress = [](const std::string&, std::optional<double>) {};
  Values values = {
      {"temperature", 20.0}, {"id", std::string("i")}, {"sample", std::string()}, {"place", std::string()}};
  conversation.run(profile.capabilities.front().begin, values, conduct);
  return 0;
}
