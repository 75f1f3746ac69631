#include "controller/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace athanor {
namespace {

constexpr std::size_t kLongestName = 100;  // the journal and the report are files of this name
constexpr double kLongestSeconds = 100 * 365.25 * 86400;

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

std::vector<Step> read_procedure(const Node& procedure, const Problem& problem) {
  std::vector<Step> steps;
  std::vector<std::pair<Node, std::vector<std::string>>> after;
  std::vector<std::string> wanted;
  for (const Measurand& measurand : problem.measurands()) wanted.push_back(measurand.name);
  for (const Node& item : procedure.items()) {
    MapReader map(item, "step");
    Step step;
    step.place = item.place();
    if (const Node name = map.required("step")) step.name = name.text().value_or("");
    if (const Node capability = map.required("do")) step.capability = capability.text().value_or("");
    const Node waits = map.optional("after");
    after.emplace_back(waits ? waits : item, waits ? names_of(waits) : std::vector<std::string>{});
    if (const Node with = map.optional("with")) {
      for (const auto& [name, value] : with.entries()) {
        if (auto argument = read_argument(name, value, problem.space)) step.with.push_back(std::move(*argument));
      }
    }
    if (const Node gives = map.optional("gives")) {
      for (const auto& [name, value] : gives.entries()) {
        const auto found = std::find(wanted.begin(), wanted.end(), name);
        if (found == wanted.end()) {
          value.error(fmt::format("“{}” is no objective, and no outcome constraint names it{}", name,
                                  suggest_name(name, wanted)));
        } else if (const auto result = value.text()) {
          step.gives.emplace_back(static_cast<std::size_t>(found - wanted.begin()), *result);
        }
      }
    }
    map.finish();
    for (const Step& other : steps) {
      if (other.name == step.name)
        item.error(fmt::format("two steps are named “{}”; give each its own name", step.name));
    }
    steps.push_back(std::move(step));
  }
  resolve_order(steps, after);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto givers = std::count_if(steps.begin(), steps.end(), [&](const Step& step) {
      return std::any_of(step.gives.begin(), step.gives.end(), [&](const auto& given) { return given.first == i; });
    });
    if (givers != 1 && !steps.empty()) {
      procedure.error(
          fmt::format("“{}” is given by {} steps; exactly one must name it under “gives”", wanted[i], givers));
    }
  }
  return steps;
}

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
  const Node procedure = map.optional("procedure");
  const Node stop = map.optional("stop");
  map.finish();
  // A space that could not be read, or that only the candidates' file knows, would make every “$name” a mistake.
  if (procedure && !file->has_errors() && campaign.problem.space.size() > 0)
    campaign.steps = read_procedure(procedure, campaign.problem);
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
