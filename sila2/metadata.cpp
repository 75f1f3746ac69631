#include "sila2/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "core/error.h"
#include "instruments/description.h"
#include "instruments/driver.h"

namespace athanor::sila2 {
namespace {

constexpr std::size_t kLongest = 4096;  // bytes of one value: gRPC takes 8 KiB of headers together

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// "sila-org.silastandard-core-lockcontroller-v1-metadata-lockidentifier-bin" (SiLA 2, part B).
std::string header(const Feature& feature, const std::string& metadata) {
  std::string name = lower(fmt::format("sila-{}/Metadata/{}-bin", feature.full_identifier(), metadata));
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

/// One metadata of a server. Its value is described like the parameters of a capability.
class Metadata {
 public:
  Metadata(const Known& known, const Element& element) : known_(known), element_(element) {
    const std::string feature = our_name(known.feature.identifier);
    offer_.known = &known;
    offer_.description.set_name(feature + "." + our_name(element.identifier));
    Leaves leaves = flatten(known.feature, {element}, Side::kParameters);
    unspoken_ = leaves.left_out;
    for (Leaf& leaf : leaves.leaves) {
      leaf.field.set_name(feature + "." + leaf.field.name());
      *offer_.description.add_parameters() = leaf.field;
    }
    offer_.parameters = std::move(leaves.leaves);
  }

  const std::string& name() const { return offer_.description.name(); }
  /// Which keys of a profile give it: more than one of a structure.
  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    for (const Leaf& leaf : offer_.parameters) names.push_back(leaf.field.name());
    return names;
  }

  /// What it affects; why the server does not say so.
  std::optional<std::string> ask(Server& server) {
    const std::string call = "Get_FCPAffectedByMetadata_" + element_.identifier;
    const auto request = known_.messages->make(call + "_Parameters");
    const auto answer = known_.messages->make(call + "_Responses");
    if (const auto failed = server.call(known_.feature, call, *request, *answer)) {
      if (failed->link) throw EnvironmentError(failed->fault.message);
      return failed->fault.message;
    }
    tag_.header = header(known_.feature, element_.identifier);
    for (const std::string& identifier : texts_in(*answer)) tag_.affected.insert(lower(identifier));
    return std::nullopt;
  }

  /// The offered capabilities that it affects.
  std::vector<std::string> affected(const Offers& offers) const {
    std::vector<std::string> names;
    for (const Offer& offer : offers.capabilities) {
      if (tag_.affects(offer.known->feature, offer.call)) names.push_back(offer.description.name());
    }
    return names;
  }

  /// What the profile gives, as it is sent. throws InputError without a place.
  Tag tag(const std::vector<Profile::Given>& given) const {
    if (!unspoken_.empty())
      throw InputError(fmt::format("metadata “{}” cannot be given: {}", name(), listed(unspoken_)));
    driver::v1::Command command;
    for (const Profile::Given& one : given)
      *command.add_with() = read_value(one.name, one.value, find_parameter(offer_.description, one.name));
    std::string why = why_refused(offer_.description, command);
    if (!why.empty()) throw InputError(why);
    const auto message = known_.messages->make("Metadata_" + element_.identifier);
    if (const auto wrong = fill(offer_, command, *message)) throw InputError(*wrong);
    Tag tag = tag_;
    tag.bytes = message->SerializeAsString();
    if (tag.bytes.size() > kLongest)
      throw InputError(fmt::format("metadata “{}” has {} bytes; {} can be sent along with a call", name(),
                                   tag.bytes.size(), kLongest));
    return tag;
  }

 private:
  const Known& known_;
  const Element& element_;
  Offer offer_;
  std::vector<std::string> unspoken_;
  Tag tag_;
};

std::vector<Metadata> metadata_in(const std::vector<Known>& features) {
  std::vector<Metadata> all;
  for (const Known& known : features) {
    for (const Element& element : known.feature.metadata) all.emplace_back(known, element);
  }
  return all;
}

/// Names that the server does not know.
void check_names(const std::vector<Metadata>& all, const Profile& profile, std::vector<Mistake>& mistakes) {
  std::vector<std::string> known;
  for (const Metadata& one : all) {
    for (const std::string& key : one.keys()) known.push_back(key);
  }
  for (const Profile::Given& given : profile.metadata) {
    if (std::find(known.begin(), known.end(), given.name) != known.end()) continue;
    mistakes.push_back({given.place, fmt::format("the server knows no metadata “{}”{}", given.name,
                                                 known.empty() ? " (it has none)" : suggest_name(given.name, known))});
  }
}

std::vector<Profile::Given> given_for(const Metadata& metadata, const Profile& profile) {
  const std::vector<std::string> keys = metadata.keys();
  std::vector<Profile::Given> given;
  for (const Profile::Given& one : profile.metadata) {
    if (std::find(keys.begin(), keys.end(), one.name) != keys.end()) given.push_back(one);
  }
  return given;
}

}  // namespace

bool Tag::affects(const Feature& feature, const std::string& call) const {
  if (affected.empty()) return false;
  const std::string identifier = lower(feature.full_identifier());
  if (affected.contains(identifier)) return true;
  const std::size_t line = call.find('_');
  const bool property = call.starts_with("Get_") || call.starts_with("Subscribe_");
  return affected.contains(property ? fmt::format("{}/property/{}", identifier, lower(call.substr(line + 1)))
                                    : fmt::format("{}/command/{}", identifier, lower(call.substr(0, line))));
}

Tags tags_of(Server& server, const std::vector<Known>& features, const Offers& offers, const Profile& profile) {
  Tags tags;
  std::vector<Mistake> mistakes;
  std::vector<Metadata> all = metadata_in(features);
  check_names(all, profile, mistakes);
  for (Metadata& metadata : all) {
    const std::vector<Profile::Given> given = given_for(metadata, profile);
    const auto unsaid = metadata.ask(server);
    if (unsaid) {
      const std::string why =
          fmt::format("the server does not say which calls its metadata “{}” affects: {}", metadata.name(), *unsaid);
      given.empty() ? tags.notes.push_back(why) : mistakes.push_back({given.front().place, why});
      continue;
    }
    const std::vector<std::string> affected = metadata.affected(offers);
    if (given.empty()) {
      if (!affected.empty())
        tags.notes.push_back(
            fmt::format("the server wants metadata “{}” along with {}, and the profile gives none (“metadata:” under "
                        "“sila2:”): the server may refuse these calls",
                        metadata.name(), listed(affected)));
      continue;
    }
    try {
      tags.tags.push_back(metadata.tag(given));
    } catch (const InputError& error) {
      mistakes.push_back({given.front().place, error.what()});
    }
  }
  if (!mistakes.empty()) throw InputError(std::move(mistakes));
  return tags;
}

}  // namespace athanor::sila2
