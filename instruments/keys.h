// The folder of a machine's keys: its own, those that it allows, and those that it revoked. docs/security.md shows the
// files.
#pragma once

#include <string>
#include <vector>

#include "instruments/allow_list.h"

namespace athanor {

struct PrivateKey {
  std::string name;
  std::string secret, key;  ///< Z85; `key` is the public half
};

/// $ATHANOR_KEYS; else athanor/keys in $XDG_CONFIG_HOME or ~/.config.
std::string default_key_folder();

/// The folder of a machine's keys: NAME.private and NAME.public of its own, and the files `allowed` and `revoked`, with
/// a public key a line. Mistakes in these are InputErrors that name file and line; a file that others could have read
/// or changed is one, too.
class KeyFolder {
 public:
  explicit KeyFolder(std::string path = default_key_folder());
  const std::string& path() const { return path_; }
  std::string allowed_file() const { return path_ + "/allowed"; }

  /// Makes a pair of keys and keeps it. throws InputError if the name is taken or no name.
  PublicKey make(const std::string& name, const std::string& comment) const;
  /// Own key `name`; empty: the only one. throws InputError, naming those that there are.
  PrivateKey own(const std::string& name) const;
  /// The names of own keys, sorted.
  std::vector<std::string> own_names() const;

  std::vector<PublicKey> allowed() const;
  std::vector<PublicKey> revoked() const;
  /// throws InputError if its name or key is on the list already (unchanged: nothing is done), or the key was revoked.
  void allow(const PublicKey& key) const;
  /// Takes `name` off the list and keeps it among the revoked, with `when`. throws InputError if it is not on it.
  PublicKey revoke(const std::string& name, const std::string& when) const;

 private:
  std::string path_;
};

/// What an end of a protected link needs: its own key, and whom it allows.
struct LinkKeys {
  PrivateKey own;
  AllowList allowed;
};

}  // namespace athanor
