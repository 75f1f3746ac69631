// A profile for a SiLA 2 server: what its feature definitions cannot say. docs/sila2.md explains every key.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/document.h"
#include "sila2/offers.h"

namespace athanor::sila2 {

/// What it says of one capability.
struct Annotation {
  struct Name {
    std::string from, to;
    Place place;
  };
  std::string capability;  ///< as it is called without the profile
  Place place;
  std::vector<Name> names;  ///< of parameters and results
  std::optional<std::string> as, lasts;
  std::optional<driver::v1::Risk> risk;
  std::optional<bool> repeatable, self_test;
  std::optional<double> usual_s;
  std::optional<driver::v1::StockUse> uses;
};

struct SafeStep {
  std::string capability;
  std::vector<std::pair<std::string, Node>> with;
  Place place;
};

struct Profile {
  struct Given {
    std::string name, value;  ///< as in the file
    Place place;
  };
  std::unique_ptr<Document> file;  ///< null: there is none, and nobody said what the safe state is
  std::string kind;                ///< empty: what the server says
  std::string root_certificate;    ///< PEM
  std::string certificate_name;
  double timeout_s = 60;
  std::vector<Given> metadata;  ///< what is sent along with calls
  std::vector<SafeStep> safe;   ///< empty: it can do no harm
  std::vector<Annotation> capabilities;
};

/// Whether the file is a profile for SiLA 2, by its key “sila2”.
bool is_profile(const Document& file);
/// throws InputError with all mistakes that can be told without the server.
Profile read_profile(std::unique_ptr<Document> file);

/// Names, risks and durations as the profile has them. Gives what brings the device to its safe state: commands without
/// an id, in order. throws InputError for what the server does not offer, or does not allow.
std::vector<driver::v1::Command> annotate(const Profile& profile, Offers& offers);

}  // namespace athanor::sila2
