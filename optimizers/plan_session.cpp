#include "optimizers/plan_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/document.h"
#include "core/error.h"
#include "optimizers/models.h"
#include "optimizers/plan_json.h"
#include "optimizers/tried.h"

namespace athanor {
namespace {

constexpr std::size_t kLargestAsk = 1000;  // suggestions at once
constexpr double kCarelessness = 0.01;     // of a range: an experiment may be off by so much from what was asked for

const std::vector<std::string> kVerbs = {"tell", "ask", "predict", "describe", "abandon"};

/// JSON does not say which of two equal keys counts, so neither may. throws InputError naming each such key.
void check_keys_once(const std::string& line) {
  Mistakes mistakes;
  std::vector<std::set<std::string>> open;  // the keys so far of each object that is not closed
  const auto note = [&](int, Json::parse_event_t event, const Json& key) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(key.get<std::string>()).second) {
      mistakes.add("", fmt::format("the key “{}” is given twice in one object; remove one", key.get<std::string>()));
    }
    return true;
  };
  [[maybe_unused]] const Json read = Json::parse(line, note);
  mistakes.throw_if_any();
}

}  // namespace

/// The verbs, each of which reads all of its line before it changes anything.
class PlanDialogue {
 public:
  explicit PlanDialogue(PlanSession& session) : session_(session), problem_(session.problem_) {}

  Json answer(const Json& line) {
    if (!line.is_object()) throw InputError(fmt::format("expected one JSON object, found {}", shown(line)));
    std::vector<std::string> verbs;
    for (const std::string& verb : kVerbs) {
      if (line.contains(verb)) verbs.push_back(verb);
    }
    if (verbs.size() > 1) throw InputError(fmt::format("one verb a line: found “{}” and “{}”", verbs[0], verbs[1]));
    if (verbs.empty()) {
      const std::string first = line.empty() ? "" : line.begin().key();
      throw InputError(
          fmt::format("expected one of tell, ask, predict, describe or abandon{}",
                      first.empty() ? "" : fmt::format(", found “{}”{}", first, suggest_name(first, kVerbs))));
    }
    if (verbs[0] == "tell") return tell(line);
    if (verbs[0] == "ask") return ask(line);
    if (verbs[0] == "predict") return predict_points(line);
    if (verbs[0] == "describe") return describe_models(line);
    return abandon(line);
  }

 private:
  using Pending = PlanSession::Pending;
  using Ended = PlanSession::Ended;

  const Json& list_of(const Json& line, const char* verb) {
    const Json& value = line[verb];
    if (!value.is_array()) throw InputError(fmt::format("“{}” expects a list, found {}", verb, shown(value)));
    return value;
  }

  /// Why `id` names nothing that is pending.
  std::string unknown_id(const std::string& id) const {
    if (const auto ended = session_.ended_.find(id); ended != session_.ended_.end()) {
      return ended->second.told
                 ? fmt::format(
                       "“{}” was told already; give another id, or leave it out and give “at”, to "
                       "add a replicate",
                       id)
                 : fmt::format("“{}” was abandoned; if it was carried out after all, give its “at” too", id);
    }
    std::vector<std::string> known;
    for (const Pending& p : session_.pending_) known.push_back(p.id);
    return fmt::format("nothing is pending under the id “{}”{}", id, known.empty() ? "" : suggest_name(id, known));
  }

  /// The parameters in which an experiment told at `told` is another one than that asked for at `asked`: what is
  /// weighed out is not exact.
  std::vector<std::size_t> apart(const Point& asked, const Point& told) const {
    const std::vector<double> a = problem_.space.encode(asked), b = problem_.space.encode(told);
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (std::abs(a[i] - b[i]) > (problem_.space[i].continuous() ? kCarelessness : 1e-9)) out.push_back(i);
    }
    return out;
  }

  std::string text_of(const Point& point, const std::vector<std::size_t>& parameters) const {
    const Json whole = write_point(problem_.space, point);
    Json out = Json::object();
    for (const std::size_t i : parameters) out[problem_.space[i].name] = whole[problem_.space[i].name];
    return shown(out);
  }

  /// What of the session a line of “tell” changes, once all of it is understood.
  struct Told {
    std::vector<Observation> observations;
    std::vector<Pending> pending;
    std::map<std::string, Ended> ended;  // what this line ended
  };

  /// Takes the experiment `o` is of from what is pending, by its id or by an equal `at`, which is none where it was not
  /// given; gives it the point it was asked for at. Adds what is wrong to `mistakes`.
  void settle(Observation& o, std::optional<Point>& at, Told& told, const std::string& where,
              Mistakes& mistakes) const {
    const auto end = [&](std::vector<Pending>::iterator pending) {
      o.suggested = true;
      told.ended[pending->id] = {pending->at, true};
      told.pending.erase(pending);
    };
    if (!o.id.empty()) {
      if (told.ended.count(o.id) > 0) {
        return mistakes.add(where, fmt::format("the id “{}” stands twice in this line", o.id));
      }
      const auto same = [&](const Pending& p) { return p.id == o.id; };
      const auto pending = std::find_if(told.pending.begin(), told.pending.end(), same);
      const auto ended = session_.ended_.find(o.id);
      const Point* asked = pending != told.pending.end() ? &pending->at : nullptr;
      if (ended != session_.ended_.end()) {
        if (ended->second.told || !at) return mistakes.add(where, unknown_id(o.id));
        asked = &ended->second.at;
      }
      if (!asked && !at) return mistakes.add(where, unknown_id(o.id));
      const auto elsewhere = asked && at ? apart(*asked, *at) : std::vector<std::size_t>{};
      if (!elsewhere.empty()) {
        return mistakes.add(where,
                            fmt::format("“{}” was asked for at {}, and is told at {}; leave the id out if this was "
                                        "another experiment",
                                        o.id, text_of(*asked, elsewhere), text_of(*at, elsewhere)));
      }
      if (asked && !at) at = *asked;
      if (pending != told.pending.end()) return end(pending);
      told.ended[o.id] = {*at, true};
      if (asked) {
        o.suggested = true;
        return;
      }
    }
    Tried same(problem_.space);
    same.add(*at);
    const auto equal =
        std::find_if(told.pending.begin(), told.pending.end(), [&](const Pending& p) { return same.near(p.at); });
    if (equal != told.pending.end()) end(equal);
  }

  Json tell(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"tell"}, "", mistakes);
    Told told;
    told.pending = session_.pending_;
    std::size_t number = 0;
    for (const Json& item : list_of(line, "tell")) {
      const std::string where = fmt::format("tell, item {}", ++number);
      if (!item.is_object()) {
        mistakes.add(where, fmt::format("expected an object, found {}", shown(item)));
        continue;
      }
      check_keys(item, {"id", "at", "measured", "sd", "failed"}, where, mistakes);
      Observation observation;
      std::optional<Point> at;
      if (item.contains("at")) at = read_point(problem_.space, item["at"], where + ", at", mistakes);
      if (item.contains("id")) {
        if (!item["id"].is_string() || item["id"].get<std::string>().empty()) {
          mistakes.add(where, fmt::format("an id is a text, found {}", shown(item["id"])));
        } else {
          observation.id = item["id"].get<std::string>();
        }
      } else if (!item.contains("at")) {
        mistakes.add(where, "neither “at” nor “id” says which experiment this was");
      }
      if (at || (!observation.id.empty() && !item.contains("at"))) settle(observation, at, told, where, mistakes);
      if (item.contains("failed") == item.contains("measured")) {
        mistakes.add(where, item.contains("failed")
                                ? "an experiment that failed measured nothing: give “measured” or “failed”"
                                : "expected “measured” or “failed”");
      }
      if (item.contains("failed")) {
        if (item["failed"].is_string() && !item["failed"].get<std::string>().empty()) {
          observation.failed = item["failed"].get<std::string>();
        } else {
          mistakes.add(
              where, fmt::format("“failed” is the reason, a text such as “clogged”; found {}", shown(item["failed"])));
        }
        observation.measured.resize(problem_.measurands().size());
      } else {
        observation.measured = read_measured(problem_.measurands(), item, where, mistakes);
      }
      if (at) observation.at = *at;
      told.observations.push_back(std::move(observation));
    }
    mistakes.throw_if_any();
    check_observations(problem_, told.observations);
    session_.observations_.insert(session_.observations_.end(), told.observations.begin(), told.observations.end());
    session_.pending_ = std::move(told.pending);
    for (auto& [id, ended] : told.ended) session_.ended_[id] = std::move(ended);
    return {{"observations", session_.observations_.size()}};
  }

  Json ask(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"ask", "seed", "deadline_ms"}, "", mistakes);
    PlanQuestion question;
    const Json& count = line["ask"];
    if (!count.is_number_integer() || count.get<double>() < 1 ||
        count.get<double>() > static_cast<double>(kLargestAsk)) {
      mistakes.add("ask", fmt::format("expected how many, from 1 to {}, found {}", kLargestAsk, shown(count)));
    } else {
      question.count = count.get<std::size_t>();
    }
    question.seed = session_.asked_;
    if (line.contains("seed")) {
      if (!line["seed"].is_number_integer() || line["seed"].get<double>() < 0) {
        mistakes.add("seed", fmt::format("expected an integer from 0 to 2⁶⁴ − 1, found {}", shown(line["seed"])));
      } else {
        question.seed = line["seed"].get<std::uint64_t>();
      }
    }
    if (line.contains("deadline_ms")) {
      const Json& deadline = line["deadline_ms"];
      if (!deadline.is_number() || !(deadline.get<double>() > 0)) {
        mistakes.add("deadline_ms", fmt::format("expected milliseconds, more than 0, found {}", shown(deadline)));
      } else {
        question.deadline_s = deadline.get<double>() / 1000;
      }
    }
    mistakes.throw_if_any();
    question.observations = session_.observations_;
    for (const Pending& p : session_.pending_) question.pending.push_back(p.at);
    question.predict_design = true;
    const Plan answer = plan(problem_, question);

    ++session_.asked_;
    Json suggestions = Json::array();
    for (const Suggestion& suggestion : answer.suggestions) {
      std::string id;
      do {
        id = fmt::format("s{}", ++session_.suggested_);
      } while (session_.ended_.count(id) > 0);  // somebody's own
      session_.pending_.push_back({id, suggestion.at});
      suggestions.push_back({{"id", id},
                             {"at", write_point(problem_.space, suggestion.at)},
                             {"predicted", write_predictions(problem_, suggestion.forecast)},
                             {"reason", suggestion.reason},
                             {"nearest", nearest(suggestion)}});
      if (suggestion.forecast.feasible) suggestions.back()["feasible"] = *suggestion.forecast.feasible;
    }
    Json out = {{"suggestions", std::move(suggestions)}, {"seconds", answer.seconds}};
    if (!answer.notes.empty()) out["notes"] = answer.notes;
    return out;
  }

  Json nearest(const Suggestion& suggestion) const {
    Json out = Json::array();
    for (const Neighbour& neighbour : suggestion.nearest) {
      Json one = Json::object();
      const auto pending = std::find_if(session_.pending_.begin(), session_.pending_.end(),
                                        [&](const Pending& p) { return p.at == neighbour.at; });
      if (!neighbour.id.empty()) {
        one["id"] = neighbour.id;
      } else if (pending != session_.pending_.end()) {
        one["id"] = pending->id;
      }
      one["at"] = write_point(problem_.space, neighbour.at);
      one["distance"] = neighbour.distance;
      out.push_back(std::move(one));
    }
    return out;
  }

  Json lengthscales(const ModelReport& report) const {
    Json out = Json::object();
    for (const Lengthscale& one : report.lengthscales) {
      switch (one.kind) {
        case Lengthscale::Kind::kLinear:
          out[one.parameter] = {{"value", one.value},
                                {"unit", problem_.space[*problem_.space.find(one.parameter)].unit.text()}};
          break;
        case Lengthscale::Kind::kFactor:
          out[one.parameter] = {{"factor", one.value}};
          break;
        case Lengthscale::Kind::kShare:
          out[one.parameter] = {{"share", one.value}};
          break;
      }
    }
    return out;
  }

  Json predict_points(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"predict"}, "", mistakes);
    std::vector<Point> points;
    std::size_t number = 0;
    for (const Json& item : list_of(line, "predict")) {
      const auto point = read_point(problem_.space, item, fmt::format("predict, item {}", ++number), mistakes);
      if (point) points.push_back(*point);
    }
    mistakes.throw_if_any();
    Json predictions = Json::array(), feasible = Json::array();
    for (const Forecast& forecast : predict(problem_, session_.observations_, points)) {
      predictions.push_back(write_predictions(problem_, forecast));
      if (forecast.feasible) feasible.push_back(*forecast.feasible);
    }
    Json out = {{"predictions", std::move(predictions)}};
    if (!feasible.empty()) out["feasible"] = std::move(feasible);
    return out;
  }

  Json describe_models(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"describe"}, "", mistakes);
    if (line["describe"] != Json(true))
      mistakes.add("describe", fmt::format("expected true, found {}", shown(line["describe"])));
    mistakes.throw_if_any();
    Json out = Json::object();
    for (const ModelReport& report : describe(problem_, session_.observations_)) {
      Json& model = out[report.measurand];
      model["kernel"] = report.kernel;
      if (!report.transform.empty()) model["transform"] = report.transform;
      model["lengthscales"] = lengthscales(report);
      model["noise_sd"] = report.noise_sd;
      if (report.left_out) {
        model["cross_validated_rmse"] = report.left_out->rmse;
        model["cross_validated_coverage"] = report.left_out->coverage;
      }
      model["warnings"] = report.warnings;
    }
    return {{"model", std::move(out)}};
  }

  Json abandon(const Json& line) {
    Mistakes mistakes;
    check_keys(line, {"abandon"}, "", mistakes);
    std::vector<Pending> pending = session_.pending_;
    std::set<std::string> named;
    std::map<std::string, Ended> ended;
    for (const Json& item : list_of(line, "abandon")) {
      if (!item.is_string()) {
        mistakes.add("abandon", fmt::format("an id is a text, found {}", shown(item)));
        continue;
      }
      const std::string id = item.get<std::string>();
      const auto found = std::find_if(pending.begin(), pending.end(), [&](const Pending& p) { return p.id == id; });
      if (!named.insert(id).second) {
        mistakes.add("abandon", fmt::format("the id “{}” is named twice", id));
      } else if (found == pending.end()) {
        mistakes.add("abandon", unknown_id(id));
      } else {
        ended[id] = {found->at, false};
        pending.erase(found);
      }
    }
    mistakes.throw_if_any();
    const std::size_t abandoned = session_.pending_.size() - pending.size();
    session_.ended_.merge(ended);
    session_.pending_ = std::move(pending);
    return {{"abandoned", abandoned}};
  }

  PlanSession& session_;
  const Problem& problem_;
};

PlanSession::PlanSession(Problem problem) : problem_(std::move(problem)) {}

std::string PlanSession::answer(const std::string& line) {
  Json out;
  try {
    const Json read = parse_line(line);
    check_keys_once(line);
    out = PlanDialogue(*this).answer(read);
  } catch (const std::exception& error) {
    out = {{"error", error.what()}};
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace athanor
