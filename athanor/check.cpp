// athanor check: campaign files, lab files and device profiles, without starting anything.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/profile.h"
#include "athanor/commands.h"
#include "athanor/laboratory.h"
#include "athanor/profiled.h"
#include "controller/campaign.h"
#include "sila2/profile.h"

namespace athanor {
namespace {

enum class Kind { kCampaign, kLab, kProfile };

// A campaign may name its lab, but a lab file names no campaign.
Kind kind_of(const std::string& file) {
  const auto document = Document::load(file);
  std::optional<Kind> kind;
  for (const auto& [key, node] : document->root().entries()) {
    if (key == "campaign") return Kind::kCampaign;
    if (key == "lab") kind = Kind::kLab;
    if (key == "profile" && !kind) kind = Kind::kProfile;
  }
  if (kind) return *kind;
  throw InputError({file},
                   "neither a campaign file (with “campaign: NAME”) nor a lab file (with “lab: NAME”) nor a device's "
                   "profile (with “profile: NAME”)");
}

/// What the laboratory's instruments offer; none where only their drivers know it. throws InputError with the mistakes
/// of all profiles and addresses.
std::optional<std::vector<wire::Instrument>> described(const Lab& lab) {
  ByProfiles known = by_profiles(lab);
  known.mistakes.insert(known.mistakes.end(), known.named_twice.begin(), known.named_twice.end());
  if (!known.mistakes.empty()) throw InputError(std::move(known.mistakes));
  if (lab.twin) return describe_twin(lab);
  if (known.described.size() == lab.instruments.size()) return known.described;
  return std::nullopt;
}

std::string check_lab(const std::string& file) {
  const Lab lab = load_lab(file);
  const auto instruments = described(lab);
  if (!instruments)
    return fmt::format("laboratory {}: {} instruments (no twin; what they offer is known when their drivers run)",
                       lab.name, lab.instruments.size());
  for (const wire::Instrument& instrument : *instruments) tighten(lab, instrument);
  return fmt::format("laboratory {}: {} instruments", lab.name, instruments->size());
}

std::string check_profile(const std::string& file) {
  if (auto document = Document::load(file); sila2::is_profile(*document)) {
    const sila2::Profile profile = sila2::read_profile(std::move(document));
    return fmt::format("profile {} (held against what its SiLA 2 server says of itself when its driver runs)",
                       profile.kind);
  }
  const Profile profile = load_profile(file);
  std::vector<std::string> names;
  for (const ProfileCapability& capability : profile.capabilities) names.push_back(capability.description.name());
  return fmt::format("profile {}: {}", profile.name, fmt::join(names, ", "));
}

std::string check_campaign(const std::string& file, const std::string& lab_option) {
  const Campaign campaign = load_campaign(file);
  const std::string text =
      fmt::format("campaign {}: {} parameters, {} objectives, {} steps", campaign.name, campaign.problem.space.size(),
                  campaign.problem.objectives.size(), campaign.steps.size());
  const std::string lab_file = lab_option.empty() ? campaign.lab_file : lab_option;
  if (campaign.steps.empty()) return text + " (for athanor plan only)";
  if (lab_file.empty()) return text + " (not held against a laboratory: it names none; give --lab)";
  const Lab lab = load_lab(lab_file);
  const auto instruments = described(lab);
  if (!instruments) return text + fmt::format(" (held against the drivers of {} when it runs)", lab.name);
  check_against(campaign, lab, *instruments);
  return text + fmt::format("; laboratory {} can carry it out", lab.name);
}

std::string check_file(const std::string& file, const std::string& lab_file) {
  switch (kind_of(file)) {
    case Kind::kCampaign:
      return check_campaign(file, lab_file);
    case Kind::kLab:
      return check_lab(file);
    case Kind::kProfile:
      return check_profile(file);
  }
  return "";
}

}  // namespace

int check_files(const std::vector<std::string>& files, const std::string& lab_file) {
  int worst = 0;
  std::set<std::string> told;  // a profile's mistakes are those of the laboratory and its campaigns, too
  for (const std::string& file : files) {
    try {
      fmt::print("{}: ok: {}\n", file, check_file(file, lab_file));
    } catch (const InputError& error) {
      std::vector<Mistake> mistakes = error.mistakes();
      std::erase_if(mistakes, [&](const Mistake& one) {
        return one.place.line > 0 && !told.insert(to_string(one.place) + one.message).second;
      });
      if (mistakes.empty()) {
        tell(fmt::format("{}: not good because of the mistakes above\n", file));
      } else {
        print_mistakes(InputError(std::move(mistakes)), file);
      }
      worst = std::max(worst, 2);
    } catch (const EnvironmentError& error) {
      print_error(error.what());
      worst = std::max(worst, 3);
    }
  }
  return worst;
}

}  // namespace athanor
