#include "instruments/keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "core/document.h"
#include "core/file.h"
#include "instruments/zmq_curve.h"

namespace athanor {

namespace {

constexpr mode_t kOthersRead = 077;

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw EnvironmentError(fmt::format("“{}” {}: {}", file, what, std::strerror(errno)));
}

struct File {
  explicit File(int opened) : fd(opened) {}
  ~File() {
    if (fd >= 0) close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd;
};

void write_new(const std::string& file, const std::string& text, mode_t mode) {
  const File out(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (out.fd < 0 || fchmod(out.fd, mode) != 0) fail(file, "cannot be made");
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(out.fd, text.data() + done, text.size() - done);
    if (wrote < 0) fail(file, "cannot be written");
    done += static_cast<std::size_t>(wrote);
  }
}

/// A file of mode `mode` that is there whole or not at all. Only for whoever holds the folder's lock.
void replace(const std::string& file, const std::string& text, mode_t mode) {
  const std::string fresh = file + ".new";
  std::filesystem::remove(fresh);
  write_new(fresh, text, mode);
  put_in_place(fresh, file);
}

std::vector<PublicKey> read_sound_list(const std::string& file) {
  std::vector<Mistake> mistakes;
  require_ours(file);
  std::vector<PublicKey> keys = read_key_list(file, mistakes);
  if (!mistakes.empty()) throw InputError(std::move(mistakes));
  return keys;
}

std::string text_of(const std::vector<PublicKey>& keys) {
  std::string text;
  for (const PublicKey& key : keys) text += key.line() + "\n";
  return text;
}

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

// ── The folder ───────────────────────────────────────────────────────────────────────────────────────────────────────

std::string default_key_folder() {
  if (const char* folder = std::getenv("ATHANOR_KEYS"); folder != nullptr && *folder != '\0') return folder;
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config != '\0')
    return std::string(config) + "/athanor/keys";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0')
    throw EnvironmentError("nobody says where keys are kept: neither ATHANOR_KEYS nor HOME is set; set one of them");
  return std::string(home) + "/.config/athanor/keys";
}

KeyFolder::KeyFolder(std::string path) : path_(std::move(path)) {}

namespace {

/// Makes the folder where it is missing, and keeps others from changing it meanwhile.
struct FolderLock {
  explicit FolderLock(const std::string& path) {
    std::error_code failed;
    const std::filesystem::path folder(path);
    if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), failed);
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail(path, "cannot be made");
    require_ours(path);
    held.fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (held.fd < 0 || flock(held.fd, LOCK_EX) != 0) fail(path, "cannot be used as a folder of keys");
  }
  File held{-1};
};

}  // namespace

PublicKey KeyFolder::make(const std::string& name, const std::string& comment) const {
  require_key_name(name);
  const FolderLock lock(path_);
  const std::string file = path_ + "/" + name + ".private";
  if (std::filesystem::exists(file))
    throw InputError(fmt::format("there is a key “{}” already, {}; choose another name", name, file));
  const CurvePair pair = new_curve_pair();
  const PublicKey made{name, pair.key, comment};
  replace(path_ + "/" + name + ".public", made.line() + "\n", 0644);
  replace(file, fmt::format("{} {} {}\n", name, kPrivateWord, pair.secret), 0600);
  return made;
}

std::vector<std::string> KeyFolder::own_names() const {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(path_, none)) {
    if (entry.path().extension() == ".private") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

PrivateKey KeyFolder::own(const std::string& name) const {
  const std::vector<std::string> names = own_names();
  if (name.empty() && names.size() == 1) return own(names.front());
  if (name.empty() || std::find(names.begin(), names.end(), name) == names.end()) {
    if (names.empty())
      throw InputError({path_}, fmt::format("there is no key of this machine; make one: athanor keys new {}",
                                            name.empty() ? "NAME" : name));
    if (name.empty())
      throw InputError({path_},
                       fmt::format("there are several keys of this machine, {}; say which: --key NAME", joined(names)));
    throw InputError({path_},
                     fmt::format("there is no private key “{}” here, only {}{}; make it (athanor keys new {}), "
                                 "or name another",
                                 name, joined(names), suggest_name(name, names), name));
  }
  const std::string file = path_ + "/" + name + ".private";
  const File in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  if (in.fd < 0 || fstat(in.fd, &found) != 0) fail(file, "cannot be read");
  if ((found.st_mode & kOthersRead) != 0) {
    throw InputError({file}, fmt::format("others than you can read it (mode {:o}): whoever did can speak in its name. "
                                         "Make a new key and revoke this one; or, if nobody did: chmod 600 {}",
                                         found.st_mode & 07777, file));
  }
  char block[4096];
  const ssize_t size = read(in.fd, block, sizeof block);
  if (size < 0) fail(file, "cannot be read");
  std::istringstream words(std::string(block, static_cast<std::size_t>(size)));
  std::string first, second, rest;
  PrivateKey key{name, "", ""};
  words >> first >> second >> key.secret;
  key.key = curve_public_half(key.secret);
  if (second != kPrivateWord || key.key.empty() || words >> rest)
    throw InputError({file},
                     "this is no private key; expected “NAME private SECRET” in one line, as “athanor keys new” "
                     "writes it. Put the right file back, or make a new key under another name");
  return key;
}

std::vector<PublicKey> KeyFolder::allowed() const {
  require_ours(path_);
  return read_sound_list(allowed_file());
}

std::vector<PublicKey> KeyFolder::revoked() const {
  return read_sound_list(path_ + "/revoked");
}

void KeyFolder::allow(const PublicKey& key) const {
  const FolderLock lock(path_);
  for (const PublicKey& old : revoked()) {
    if (old.key == key.key)
      throw InputError(fmt::format(
          "this key was revoked, as “{}” ({}), and is never allowed again; expected a new one: athanor keys "
          "new NAME, on the machine of whoever held it",
          old.name, old.comment));
  }
  std::vector<PublicKey> keys = allowed();
  for (const PublicKey& old : keys) {
    if (old.key != key.key) continue;
    if (old.name == key.name) return;
    throw InputError(fmt::format("this key is allowed already, as “{}”", old.name));
  }
  for (const PublicKey& old : keys) {
    if (old.name != key.name) continue;
    throw InputError(
        fmt::format("another key is allowed as “{0}”; revoke it first (athanor keys revoke {0}), or give "
                    "this one another name (--as NAME)",
                    key.name));
  }
  keys.push_back(key);
  replace(allowed_file(), text_of(keys), 0644);
}

PublicKey KeyFolder::revoke(const std::string& name, const std::string& when) const {
  const FolderLock lock(path_);
  std::vector<PublicKey> keys = allowed(), old = revoked();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.name == name; });
  if (found == keys.end()) {
    std::vector<std::string> names;
    for (const PublicKey& key : keys) names.push_back(key.name);
    throw InputError({allowed_file()}, fmt::format("no key “{}” is allowed here{}", name, suggest_name(name, names)));
  }
  const PublicKey gone = *found;
  keys.erase(found);
  PublicKey noted = gone;
  noted.comment = fmt::format("revoked {}{}{}", when, gone.comment.empty() ? "" : "; ", gone.comment);
  // A name may have had several keys; only a key is revoked once and for all.
  std::size_t same = 1;
  const auto taken = [&] {
    return std::any_of(old.begin(), old.end(), [&](const auto& key) { return key.name == noted.name; });
  };
  while (taken()) noted.name = fmt::format("{}.{}", gone.name, ++same);
  old.push_back(noted);
  replace(path_ + "/revoked", text_of(old), 0644);  // first, so that it cannot be allowed again in between
  replace(allowed_file(), text_of(keys), 0644);
  return gone;
}

}  // namespace athanor
