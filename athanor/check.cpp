// athanor check: campaign and lab files, without starting anything.
#include <fmt/format.h>

#include <vector>

#include "athanor/commands.h"
#include "athanor/laboratory.h"
#include "controller/campaign.h"

namespace athanor {
namespace {

// A campaign may name its lab, but a lab file names no campaign.
bool is_lab(const std::string& file) {
  bool lab = false;
  const auto document = Document::load(file);
  for (const auto& [key, node] : document->root().entries()) {
    if (key == "campaign") return false;
    lab = lab || key == "lab";
  }
  if (lab) return true;
  throw InputError({file}, "neither a campaign file (with “campaign: NAME”) nor a lab file (with “lab: NAME”)");
}

std::string check_file(const std::string& file, const std::string& lab_option) {
  if (is_lab(file)) {
    const Lab lab = load_lab(file);
    if (!lab.twin)
      return fmt::format("laboratory {}: {} instruments (no twin; what they offer is known when their drivers run)",
                         lab.name, lab.instruments.size());
    return fmt::format("laboratory {}: {} instruments", lab.name, describe_twin(lab).size());
  }
  const Campaign campaign = load_campaign(file);
  const std::string text =
      fmt::format("campaign {}: {} parameters, {} objectives, {} steps", campaign.name, campaign.problem.space.size(),
                  campaign.problem.objectives.size(), campaign.steps.size());
  const std::string lab_file = lab_option.empty() ? campaign.lab_file : lab_option;
  if (campaign.steps.empty()) return text + " (for athanor plan only)";
  if (lab_file.empty()) return text + " (not held against a laboratory: it names none; give --lab)";
  const Lab lab = load_lab(lab_file);
  if (!lab.twin) return text + fmt::format(" (held against the drivers of {} when it runs)", lab.name);
  check_against(campaign, lab, describe_twin(lab));
  return text + fmt::format("; laboratory {} can carry it out", lab.name);
}

}  // namespace

int check_files(const std::vector<std::string>& files, const std::string& lab_file) {
  int worst = 0;
  for (const std::string& file : files) {
    try {
      fmt::print("{}: ok: {}\n", file, check_file(file, lab_file));
    } catch (const InputError& error) {
      print_mistakes(error, file);
      worst = std::max(worst, 2);
    } catch (const EnvironmentError& error) {
      print_error(error.what());
      worst = std::max(worst, 3);
    }
  }
  return worst;
}

}  // namespace athanor
