#include "controller/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace athanor {
namespace {

constexpr std::size_t kLongestName = 100;  // the journal and the report are files of this name
constexpr double kLongestSeconds = 100 * 365.25 * 86400;
constexpr long kMostRetries = 100;
constexpr double kLongestWait = 86400;  // s

// An argument is “$name” (a parameter of the space), a quantity, or any other text.
std::optional<Argument> read_argument(const std::string& name, const Node& node, const Space& space) {
  const auto text = node.text();
  if (!text) return std::nullopt;
  Argument argument{name, *text, node.place()};
  if (text->starts_with('$')) {
    const std::string wanted = text->substr(1);
    const auto parameter = space.find(wanted);
    if (!parameter) {
      std::vector<std::string> known;
      for (const Parameter& p : space.parameters()) known.push_back(p.name);
      node.error(fmt::format("“{}” names no parameter of the space{}", *text, suggest_name(wanted, known)));
      return std::nullopt;
    }
    argument.value = Argument::FromSpace{*parameter};
    return argument;
  }
  const bool numeric = !text->empty() && (std::isdigit(static_cast<unsigned char>(text->front())) ||
                                          text->front() == '-' || text->front() == '+' || text->front() == '.');
  if (numeric) {
    try {
      argument.value = parse_quantity(*text);
    } catch (const InputError&) {
      // Names may begin with a digit (“2-MeTHF”): then it is a text, and the capability's description decides.
    }
  }
  return argument;
}

std::vector<std::string> names_of(const Node& node) {
  std::vector<std::string> names;
  if (node.kind() == Node::Kind::kScalar) {
    if (const auto text = node.text()) names.push_back(*text);
    return names;
  }
  for (const Node& item : node.items()) {
    if (const auto text = item.text()) names.push_back(*text);
  }
  return names;
}

// Steps may name later steps in `after`, so names are resolved once all are read. A cycle is a mistake.
void resolve_order(std::vector<Step>& steps, const std::vector<std::pair<Node, std::vector<std::string>>>& after) {
  std::vector<std::string> names;
  for (const Step& step : steps) names.push_back(step.name);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const std::string& name : after[i].second) {
      const auto found = std::find(names.begin(), names.end(), name);
      if (found == names.end()) {
        after[i].first.error(
            fmt::format("step “{}” waits for an unknown step “{}”{}", steps[i].name, name, suggest_name(name, names)));
      } else {
        steps[i].after.push_back(static_cast<std::size_t>(found - names.begin()));
      }
    }
  }
  std::vector<bool> done(steps.size(), false);
  for (std::size_t round = 0; round < steps.size(); ++round) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      done[i] = done[i] || std::all_of(steps[i].after.begin(), steps[i].after.end(), [&](auto j) { return done[j]; });
    }
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!done[i]) {
      after[i].first.error(fmt::format("step “{}” waits for itself through “after”; remove one link", steps[i].name));
      return;
    }
  }
}

// ── Steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The steps of the procedure and of the clean-up, and what in them names others, until all are read.
class StepReader {
 public:
  explicit StepReader(const Problem& problem) : problem_(problem) {
    for (const Measurand& measurand : problem.measurands()) measured_.push_back(measurand.name);
  }

  std::vector<Step> read(const Node& procedure, const Node& clean_up) {
    for (const Node& item : procedure.items()) add(item, /*cleans=*/false);
    const std::size_t count = steps_.size();
    if (clean_up) {
      for (const Node& item : clean_up.items()) add(item, /*cleans=*/true);
    }
    resolve_order(steps_, after_);
    for (std::size_t i = 0; i < steps_.size(); ++i) resolve_clean_up(i);
    if (count > 0) require_each_measured_once(procedure);
    return std::move(steps_);
  }

 private:
  void add(const Node& item, bool cleans) {
    MapReader map(item, cleans ? "clean-up step" : "step");
    Step step;
    step.place = item.place();
    step.cleans = cleans;
    if (const Node name = map.required("step")) step.name = name.text().value_or("");
    if (const Node capability = map.required("do")) step.capability = capability.text().value_or("");
    const Node waits = cleans ? Node() : map.optional("after");
    after_.emplace_back(waits ? waits : item, waits ? names_of(waits) : std::vector<std::string>{});
    if (const Node with = map.optional("with")) {
      for (const auto& [name, value] : with.entries()) {
        if (auto argument = read_argument(name, value, problem_.space)) step.with.push_back(std::move(*argument));
      }
    }
    if (const Node gives = cleans ? Node() : map.optional("gives")) read_gives(gives, step);
    named_.emplace_back();
    if (const Node on_fault = map.optional("on_fault")) read_on_fault(on_fault, step);
    map.finish();
    for (const Step& other : steps_) {
      if (other.name == step.name)
        item.error(fmt::format("two steps are named “{}”; give each its own name", step.name));
    }
    steps_.push_back(std::move(step));
  }

  void read_gives(const Node& gives, Step& step) const {
    for (const auto& [name, value] : gives.entries()) {
      const auto found = std::find(measured_.begin(), measured_.end(), name);
      if (found == measured_.end()) {
        value.error(fmt::format(
            "“{}” is no objective, and no outcome constraint names it{}; leave out what neither needs, it is in "
            "the journal all the same",
            name, suggest_name(name, measured_)));
      } else if (const auto result = value.text()) {
        step.gives.emplace_back(static_cast<std::size_t>(found - measured_.begin()), *result);
      }
    }
  }

  void read_on_fault(const Node& node, Step& step) {
    MapReader map(node, fmt::format("“on_fault” of step “{}”", step.name));
    OnFault& policy = step.on_fault;
    if (const Node retry = map.optional("retry")) {
      if (const auto count = retry.integer()) {
        if (*count < 0 || *count > kMostRetries)
          retry.error(fmt::format("found {}; expected 0 to {} more attempts", *count, kMostRetries));
        policy.retry = static_cast<std::uint32_t>(std::clamp(*count, 0L, kMostRetries));
        if (*count > 0) step.retries = retry.place();
      }
    }
    if (const Node wait = map.optional("wait")) {
      if (const auto time = wait.quantity_in(Unit::parse("s"))) {
        if (!(*time >= 0 && *time <= kLongestWait))
          wait.error(fmt::format("found {}; expected a time of up to a day, such as “1 min”", *wait.text()));
        else
          policy.wait = from_seconds(*time);
      }
    }
    if (const Node elsewhere = map.optional("elsewhere")) policy.elsewhere = elsewhere.boolean().value_or(true);
    if (!step.cleans) {
      if (const Node then = map.optional("then")) policy.ask = then.one_of({"abandon", "ask"}) == "ask";
      if (const Node clean_up = map.optional("clean_up")) named_.back() = {clean_up, names_of(clean_up)};
    }
    map.finish();
  }

  void resolve_clean_up(std::size_t index) {
    std::vector<std::string> known;
    for (const Step& step : steps_) {
      if (step.cleans) known.push_back(step.name);
    }
    for (const std::string& name : named_[index].second) {
      const auto found =
          std::find_if(steps_.begin(), steps_.end(), [&](const Step& s) { return s.cleans && s.name == name; });
      if (found == steps_.end()) {
        named_[index].first.error(fmt::format(
            "“{}” is no step under the campaign's “clean_up:”{}", name,
            known.empty() ? ", which there is none; add it beside “procedure:”" : suggest_name(name, known)));
      } else {
        steps_[index].on_fault.clean_up.push_back(static_cast<std::size_t>(found - steps_.begin()));
      }
    }
  }

  void require_each_measured_once(const Node& procedure) const {
    for (std::size_t i = 0; i < measured_.size(); ++i) {
      const auto givers = std::count_if(steps_.begin(), steps_.end(), [&](const Step& step) {
        return std::any_of(step.gives.begin(), step.gives.end(), [&](const auto& given) { return given.first == i; });
      });
      if (givers != 1) {
        procedure.error(
            fmt::format("“{}” is given by {} steps; exactly one must name it under “gives”", measured_[i], givers));
      }
    }
  }

  const Problem& problem_;
  std::vector<std::string> measured_;
  std::vector<Step> steps_;
  std::vector<std::pair<Node, std::vector<std::string>>> after_, named_;  // by step: what it waits for, what cleans up
};

StopRule read_stop(const Node& node) {
  StopRule stop;
  MapReader map(node, "stop");
  const Node experiments = map.optional("experiments"), time = map.optional("lab_time");
  if (experiments) {
    if (const auto count = experiments.integer()) {
      if (*count < 1) experiments.error(fmt::format("stop after {} experiments? At least 1 is needed", *count));
      stop.experiments = static_cast<std::size_t>(std::max(1L, *count));
    }
  }
  if (time) {
    if (const auto lab_time = time.quantity_in(Unit::parse("s"))) {
      if (*lab_time <= 0 || *lab_time > kLongestSeconds) {
        time.error(fmt::format("found {}; expected a time of up to 100 years, such as “12 h”", *time.text()));
      } else {
        stop.lab_time = from_seconds(*lab_time);
      }
    }
  }
  map.finish();
  if (!experiments && !time) node.error("“stop” needs “experiments: N” or “lab_time: 12 h”");
  return stop;
}

Campaign read_campaign(std::unique_ptr<Document> file, NamedFiles files, const Node& recorded_space = {}) {
  Campaign campaign;
  MapReader map(file->root(), "campaign file");
  if (const Node name = map.required("campaign")) {
    campaign.name = name.text().value_or("");
    const bool plain = !campaign.name.empty() && campaign.name.front() != '.' &&
                       std::all_of(campaign.name.begin(), campaign.name.end(), [](char c) {
                         return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
                       });
    if (!plain) {
      name.error(fmt::format(
          "the campaign's name “{}” must be made of letters, digits, “-”, “_” and “.”, which is not the first",
          campaign.name));
    } else if (campaign.name.size() > kLongestName) {
      name.error(fmt::format("the campaign's name has {} characters; expected at most {}, since files are named by it",
                             campaign.name.size(), kLongestName));
    }
  }
  campaign.problem = read_problem(map, files, recorded_space);
  if (const Node lab = map.optional("lab")) campaign.lab_file = lab.path().value_or("");
  const Node procedure = map.optional("procedure"), clean_up = map.optional("clean_up");
  const Node stop = map.optional("stop");
  map.finish();
  // A space that could not be read, or that only the candidates' file knows, would make every “$name” a mistake.
  if (procedure && !file->has_errors() && campaign.problem.space.size() > 0)
    campaign.steps = StepReader(campaign.problem).read(procedure, clean_up);
  if (procedure && procedure.items().empty() && !file->has_errors()) procedure.error("the procedure has no step");
  if (stop) campaign.stop = read_stop(stop);
  if (procedure && !stop)
    procedure.error("a campaign with a procedure needs a “stop:”, such as “stop: {experiments: 40}”");
  file->throw_if_errors();
  campaign.file = std::move(file);
  return campaign;
}

}  // namespace

std::string Campaign::definition() const {
  std::string text;
  for (const auto& [key, node] : file->root().entries()) {
    if (key != "stop" && key != "planner" && key != "lab") text += key + ": " + node.canonical() + "\n";
  }
  return text;
}

std::string step_name(const Campaign& campaign, std::uint32_t step) {
  return step < campaign.steps.size() ? campaign.steps[step].name : fmt::format("step {}", step + 1);
}

Campaign load_campaign(const std::string& file) {
  return read_campaign(Document::load(file), NamedFiles::kRead);
}

Campaign parse_campaign(const std::string& text, const std::string& name, const std::string& folder) {
  return read_campaign(Document::parse(text, name, folder), NamedFiles::kRead);
}

Campaign parse_recorded_campaign(const std::string& text, const std::string& space, const std::string& folder) {
  auto file = Document::parse(text, "the journal's campaign file", folder);
  if (space.empty()) return read_campaign(std::move(file), NamedFiles::kIgnore);
  const auto recorded = Document::parse(space, "the journal's space", folder);
  Campaign campaign = read_campaign(std::move(file), NamedFiles::kIgnore, recorded->root());
  recorded->throw_if_errors();
  return campaign;
}

}  // namespace athanor
