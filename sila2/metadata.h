// Metadata of SiLA 2: what a server's features want clients to send along with calls.
#pragma once

#include <string>
#include <vector>

#include "sila2/offers.h"
#include "sila2/profile.h"
#include "sila2/server.h"

namespace athanor::sila2 {

struct Tags {
  std::vector<Tag> tags;           ///< what the profile gives
  std::vector<std::string> notes;  ///< what is wanted and not given, a sentence each
};

/// Asks which calls each metadata affects. `offers` as the profile names them. throws InputError for what the profile
/// gives and the server does not know, or does not allow; EnvironmentError if the server does not answer.
Tags tags_of(Server& server, const std::vector<Known>& features, const Offers& offers, const Profile& profile);

}  // namespace athanor::sila2
