// athanor keys: the keys of this machine, and of those that may be at the other end of its links (docs/security.md).
#include "instruments/keys.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "athanor/commands.h"
#include "core/clock.h"
#include "core/file.h"

namespace athanor {
namespace {

KeyFolder folder_of(const KeysOptions& options) {
  return KeyFolder(options.folder.empty() ? default_key_folder() : options.folder);
}

std::string now_text() {
  return to_string(SystemClock().now());
}

std::string machine_name() {
  char name[256] = "";
  return gethostname(name, sizeof name - 1) == 0 ? name : "somewhere";
}

// A file, or the line itself: a key has characters that no file's name has by chance, and a space before it.
PublicKey read_public_key(const std::string& text) {
  if (!std::filesystem::exists(text)) {
    if (text.find(' ') == std::string::npos)
      throw InputError({text},
                       "there is no such file; expected a NAME.public file, or its line in quotes: \"NAME KEY\"");
    return PublicKey::parse(text);
  }
  constexpr std::uintmax_t kMost = 1 << 20;
  std::string line = read_text_file(text, kMost);
  line.erase(line.find_last_not_of(" \t\r\n") + 1);
  if (line.find('\n') != std::string::npos)
    throw InputError({text}, "this has several lines; expected a NAME.public file with one: “NAME KEY COMMENT”");
  return PublicKey::parse(line, {text, 1, 0});
}

void print_keys(const char* title, const std::vector<PublicKey>& keys) {
  fmt::print("{}:\n", title);
  for (const PublicKey& key : keys) fmt::print("  {}\n", printable(key.line()));
  if (keys.empty()) fmt::print("  none\n");
}

nlohmann::json json_of(const std::vector<PublicKey>& keys) {
  nlohmann::json all = nlohmann::json::array();
  for (const PublicKey& key : keys) all.push_back({{"name", key.name}, {"key", key.key}, {"comment", key.comment}});
  return all;
}

}  // namespace

int make_key(const KeysOptions& options) {
  const KeyFolder folder = folder_of(options);
  const std::string comment =
      options.comment.empty() ? fmt::format("{}@{} {}", login_name(), machine_name(), now_text()) : options.comment;
  require_utf8(comment);
  if (comment.find_first_of("\r\n") != std::string::npos) throw InputError("--comment has several lines; expected one");
  fmt::print("{}\n", folder.make(options.name, comment).line());
  tell(fmt::format(
      "that line is {0}/{1}.public: send it to whoever is to allow this key (athanor keys allow {1}.public).\n"
      "{0}/{1}.private stays on this machine and is nobody else's.\n",
      folder.path(), options.name));
  return 0;
}

int list_keys(const KeysOptions& options) {
  const KeyFolder folder = folder_of(options);
  std::vector<PublicKey> own;
  for (const std::string& name : folder.own_names()) own.push_back({name, folder.own(name).key, ""});
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"folder", folder.path()},
                                      {"own", json_of(own)},
                                      {"allowed", json_of(folder.allowed())},
                                      {"revoked", json_of(folder.revoked())}}
                           .dump());
    return 0;
  }
  fmt::print("folder {}\n", folder.path());
  print_keys("keys of this machine", own);
  print_keys("allowed", folder.allowed());
  print_keys("revoked", folder.revoked());
  return 0;
}

int allow_key(const KeysOptions& options) {
  const KeyFolder folder = folder_of(options);
  PublicKey key = read_public_key(options.key);
  if (!options.name.empty()) key.name = options.name;
  require_key_name(key.name);
  folder.allow(key);
  fmt::print("“{}” is allowed in {}\n", key.name, folder.path());
  return 0;
}

int revoke_key(const KeysOptions& options) {
  const KeyFolder folder = folder_of(options);
  const PublicKey key = folder.revoke(options.name, now_text());
  fmt::print("“{}” is allowed no longer in {}; whatever runs there heeds it from the next message on\n", key.name,
             folder.path());
  return 0;
}

}  // namespace athanor
