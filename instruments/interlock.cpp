#include "instruments/interlock.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/text.h"

namespace athanor {
namespace {

using Is = LabInterlock::Is;
using Then = LabInterlock::Then;

// Of those that begin at the same character, the longer one first.
constexpr std::pair<std::string_view, Is> kSigns[] = {{"<=", Is::kAtMost}, {">=", Is::kAtLeast}, {"≤", Is::kAtMost},
                                                      {"≥", Is::kAtLeast}, {"<", Is::kBelow},    {">", Is::kAbove}};

// "INSTRUMENT.READING". Names of instruments may hold dots: the longest one that is known counts.
void read_watched(const Node& node, const std::string& text, const std::vector<std::string>& instruments,
                  LabInterlock& interlock) {
  const std::size_t last = text.rfind('.');
  if (last == text.npos || last == 0 || last + 1 == text.size() || text.find(' ') != text.npos) {
    return node.error(
        fmt::format("interlock “{}” watches “{}”; expected INSTRUMENT.READING, such as “reactor-1.temperature”",
                    interlock.name, text));
  }
  for (std::size_t dot = last; dot != text.npos && dot > 0; dot = text.rfind('.', dot - 1)) {
    interlock.instrument = text.substr(0, dot);
    interlock.reading = text.substr(dot + 1);
    if (std::find(instruments.begin(), instruments.end(), interlock.instrument) != instruments.end()) return;
  }
  const std::string id = text.substr(0, last);
  node.error(fmt::format("interlock “{}” watches instrument “{}”, which is not under “instruments”{}", interlock.name,
                         id, suggest_name(id, instruments)));
}

void read_when(const Node& node, const std::vector<std::string>& instruments, LabInterlock& interlock) {
  const auto text = node.text();
  if (!text) return;
  const std::pair<std::string_view, Is>* sign = nullptr;
  std::size_t at = std::string::npos;
  for (const auto& candidate : kSigns) {
    if (const std::size_t found = text->find(candidate.first); found < at) {
      sign = &candidate;
      at = found;
    }
  }
  if (sign == nullptr) {
    return node.error(fmt::format(
        "interlock “{}”: “{}” has no comparison (<, <=, > or >=); expected such as “reactor-1.temperature > 130 degC”",
        interlock.name, *text));
  }
  interlock.is = sign->second;
  read_watched(node, std::string(trimmed(std::string_view(*text).substr(0, at))), instruments, interlock);
  const std::string bound(trimmed(std::string_view(*text).substr(at + sign->first.size())));
  try {
    interlock.bound = parse_quantity(bound);
  } catch (const InputError&) {
    return node.error(
        fmt::format("interlock “{}” has the bound “{}”, which is no number with a unit; expected such as "
                    "“reactor-1.temperature > 130 degC”",
                    interlock.name, bound));
  }
  if (!std::isfinite(interlock.bound.value))
    node.error(fmt::format("interlock “{}” has the bound “{}”; expected a finite number", interlock.name, bound));
}

std::vector<std::string> read_names(const Node& node, const std::string& what, const LabInterlock& interlock) {
  std::vector<std::string> names;
  for (const Node& item : node.items()) {
    const auto name = item.text();
    if (!name) continue;
    if (std::find(names.begin(), names.end(), *name) != names.end())
      item.error(fmt::format("interlock “{}” names {} “{}” twice", interlock.name, what, *name));
    names.push_back(*name);
  }
  if (node.kind() == Node::Kind::kSequence && names.empty())
    node.error(fmt::format("interlock “{}” names no {}; expected at least one, or no list", interlock.name, what));
  return names;
}

LabInterlock read_interlock(const std::string& name, const Node& node, const std::vector<std::string>& known) {
  LabInterlock interlock;
  interlock.name = name;
  interlock.place = node.key_place();
  MapReader reader(node, fmt::format("interlock “{}”", name));
  if (const Node when = reader.required("when")) read_when(when, known, interlock);
  if (const Node then = reader.required("then")) {
    const auto word = then.one_of({"hold", "refuse", "stop"});
    interlock.then = word == "refuse" ? Then::kRefuse : word == "stop" ? Then::kStop : Then::kHold;
  }
  const Node instruments = reader.optional("instruments"), capabilities = reader.optional("capabilities");
  if (instruments) {
    interlock.instruments = read_names(instruments, "instrument", interlock);
    for (const Node& item : instruments.kind() == Node::Kind::kSequence ? instruments.items() : std::vector<Node>()) {
      const std::string id = item.text().value_or("");
      if (id.empty() || std::find(known.begin(), known.end(), id) != known.end()) continue;
      item.error(fmt::format("interlock “{}” names instrument “{}”, which is not under “instruments”{}", name, id,
                             suggest_name(id, known)));
    }
  }
  if (capabilities) {
    interlock.capabilities = read_names(capabilities, "capability", interlock);
    if (interlock.then != Then::kRefuse)
      capabilities.error(fmt::format("interlock “{}” names capabilities; only “then: refuse” does", name));
    if (instruments)
      capabilities.error(fmt::format(
          "interlock “{}” names instruments and capabilities; expected either, since a capability is refused anywhere",
          name));
  }
  if (interlock.instruments.empty() && interlock.capabilities.empty()) interlock.instruments = {interlock.instrument};
  if (const Node silent = reader.optional("silent_after")) {
    const auto after = silent.quantity_in(Unit::parse("s"));
    if (after && !(*after >= kShortestSilenceSeconds && *after <= 1e9))
      silent.error(
          fmt::format("interlock “{}” is silent after {} s; expected at least {} s, since readings come once a "
                      "second",
                      name, *after, kShortestSilenceSeconds));
    else if (after)
      interlock.silent_after = from_seconds(*after);
  }
  reader.finish();
  return interlock;
}

}  // namespace

bool LabInterlock::trips(double value) const {
  switch (is) {
    case Is::kBelow:
      return !(value >= bound.value);
    case Is::kAtMost:
      return !(value > bound.value);
    case Is::kAtLeast:
      return !(value < bound.value);
    case Is::kAbove:
      break;
  }
  return !(value <= bound.value);
}

std::string LabInterlock::condition() const {
  constexpr std::array kSign = {"<", "<=", ">=", ">"};
  return fmt::format("{} {}", kSign[static_cast<std::size_t>(is)], to_string(bound));
}

std::vector<LabInterlock> read_interlocks(const Node& node, const std::vector<std::string>& instruments) {
  std::vector<LabInterlock> all;
  if (!node) return all;
  for (const auto& [name, settings] : node.entries()) all.push_back(read_interlock(name, settings, instruments));
  return all;
}

}  // namespace athanor
