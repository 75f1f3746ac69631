// A profile for a SiLA 2 server: what its feature definitions cannot say. Optional, but for a safe state. docs/sila2.md
// explains every key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/document.h"
#include "sila2/offers.h"

namespace athanor::sila2 {

struct Profile {
  std::unique_ptr<Document> file;  ///< null: there is none
  std::string kind;                ///< empty: what the server says
  std::string root_certificate;    ///< PEM
  std::string certificate_name;
  double timeout_s = 60;
  Node safe;                                               ///< missing: nobody said
  std::vector<std::pair<std::string, Node>> capabilities;  ///< by what they are called without it
};

/// Whether the file is a profile for SiLA 2, by its key “sila2”.
bool is_profile(const Document& file);
/// throws InputError with all mistakes, EnvironmentError for a certificate that cannot be read.
Profile read_profile(std::unique_ptr<Document> file);

/// Names, risks and durations as the profile has them. Gives what brings the device to its safe state: commands without
/// an id, in order. throws InputError for what the server does not offer, or does not allow.
std::vector<driver::v1::Command> annotate(const Profile& profile, Offers& offers);

}  // namespace athanor::sila2
