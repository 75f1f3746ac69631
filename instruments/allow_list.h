// Public keys as text, and the list of those that a machine allows: who may be at the other end of its links.
// docs/security.md shows the files.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace athanor {

/// A public key and whose it is. As text, one line: "NAME KEY COMMENT".
struct PublicKey {
  std::string name;
  std::string key;  ///< 40 characters of Z85
  std::string comment;

  std::string line() const;
  /// throws InputError, at `place`, that says what was found and expected; a private key is told from a public one.
  static PublicKey parse(const std::string& line, const Place& place = {});
};

/// The second word of a private key's line, where a public one has the key.
constexpr std::string_view kPrivateWord = "private";

/// throws InputError, at `place`, if a key cannot be called so.
void require_key_name(const std::string& name, const Place& place = {});

/// throws InputError if others could have changed `path`, a file or folder. Nothing if it is not there.
void require_ours(const std::string& path);

/// The keys of a file with one a line, empty lines and those that begin with “#” left out; none if it is not there.
/// What is wrong with a line is added to `mistakes`, and the others count.
std::vector<PublicKey> read_key_list(const std::string& file, std::vector<Mistake>& mistakes);

/// The list of allowed keys as it is at this moment: the file is looked at with every question and read anew where it
/// changed, so that a key that is revoked is refused from the next message on. A list that cannot be trusted (gone,
/// writable by others) allows nobody; a line that is none allows nobody and leaves the others as they are.
class AllowList {
 public:
  /// folder: of keys (keys.h); the list is its file `allowed`.
  explicit AllowList(const std::string& folder) : folder_(folder), file_(folder + "/allowed") {}

  /// Under which name `key` is allowed; none if it is not.
  std::optional<std::string> name_of(const std::string& key);
  /// The key that is allowed under `name`. throws InputError, with the way out.
  std::string key_of(const std::string& name);
  /// What was wrong with the list when it was read last, told once.
  std::vector<std::string> take_mistakes();

 private:
  void refresh();

  std::string folder_, file_;
  /// Of the file, as it was read: when it was changed, which it is, its size and mode; nothing if it was not there.
  using Stamp = std::array<std::int64_t, 5>;
  std::optional<Stamp> stamp_ = Stamp{-1};
  std::vector<PublicKey> keys_;
  std::vector<std::string> mistakes_;
};

}  // namespace athanor
