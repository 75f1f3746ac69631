#include "instruments/allow_list.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sstream>
#include <utility>

#include "core/document.h"
#include "core/file.h"
#include "instruments/zmq_curve.h"

namespace athanor {

namespace {

constexpr mode_t kOthersWrite = 022;

bool is_name(const std::string& text) {
  return !text.empty() && text.front() != '.' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c < 128 && std::isalnum(c) != 0) || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

// ── Keys as text ─────────────────────────────────────────────────────────────────────────────────────────────────────

std::string PublicKey::line() const {
  return fmt::format("{} {}{}{}", name, key, comment.empty() ? "" : " ", comment);
}

PublicKey PublicKey::parse(const std::string& line, const Place& place) {
  std::istringstream words(line);
  PublicKey parsed;
  words >> parsed.name >> parsed.key >> std::ws;
  std::getline(words, parsed.comment);
  parsed.comment.erase(parsed.comment.find_last_not_of(" \t\r\n") + 1);
  if (parsed.key == kPrivateWord) {
    throw InputError(place, fmt::format("this is the private half of “{}”, which nobody else may see. Whoever sent it "
                                        "makes a new key, and sends its NAME.public",
                                        parsed.name));
  }
  if (parsed.key.empty())
    throw InputError(place, fmt::format("“{}” is no public key; expected “NAME KEY COMMENT” in one line", line));
  require_key_name(parsed.name, place);
  if (!is_curve_key(parsed.key)) {
    throw InputError(place, fmt::format("the key of “{}”, “{}”, has {} characters or some that no key has; expected 40 "
                                        "of Z85, as “athanor keys new” prints them",
                                        parsed.name, parsed.key, parsed.key.size()));
  }
  return parsed;
}

void require_key_name(const std::string& name, const Place& place) {
  if (is_name(name)) return;
  throw InputError(place,
                   fmt::format("“{}” as the name of a key; expected letters, digits, “-”, “_” and “.” only", name));
}

// ── Lists
// ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

void require_ours(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0 || (found.st_mode & kOthersWrite) == 0) return;
  throw InputError({path}, fmt::format("others than you can change it (mode {:o}), and so decide who may command the "
                                       "instruments. Look at what is in it, then: chmod go-w {}",
                                       found.st_mode & 07777, path));
}

std::vector<PublicKey> read_key_list(const std::string& file, std::vector<Mistake>& mistakes) {
  std::vector<PublicKey> keys;
  if (!std::filesystem::exists(file)) return keys;
  std::istringstream lines(read_text_file(file));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    try {
      const PublicKey key = PublicKey::parse(line, {file, number, 0});
      const auto same =
          std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return k.name == key.name || k.key == key.key; });
      if (same != keys.end()) {
        throw InputError(
            Place{file, number, 0},
            fmt::format("“{}” has the name or the key of “{}” above; expected each once", key.name, same->name));
      }
      keys.push_back(key);
    } catch (const InputError& error) {
      mistakes.insert(mistakes.end(), error.mistakes().begin(), error.mistakes().end());
    }
  }
  return keys;
}

// ── The list as it is now ────────────────────────────────────────────────────────────────────────────────────────────

void AllowList::refresh() {
  struct stat found {};
  const bool there = stat(file_.c_str(), &found) == 0;
  const auto stamp = !there
                         ? std::nullopt
                         : std::optional(Stamp{found.st_mtim.tv_sec, found.st_mtim.tv_nsec,
                                               static_cast<std::int64_t>(found.st_ino), found.st_size, found.st_mode});
  if (stamp == stamp_) return;
  stamp_ = stamp;
  keys_.clear();
  std::vector<Mistake> mistakes;
  try {
    if (!there) throw InputError({file_}, "the list of allowed keys is not there: nobody is allowed");
    require_ours(folder_);
    require_ours(file_);
    keys_ = read_key_list(file_, mistakes);
  } catch (const InputError& error) {
    mistakes = error.mistakes();
  } catch (const EnvironmentError& error) {
    mistakes = InputError(Place{file_}, error.what()).mistakes();
  }
  mistakes_.clear();
  for (const Mistake& mistake : mistakes)
    mistakes_.push_back(fmt::format("{}: {}", to_string(mistake.place), mistake.message));
}

std::optional<std::string> AllowList::name_of(const std::string& key) {
  refresh();
  for (const PublicKey& each : keys_) {
    if (each.key == key) return each.name;
  }
  return std::nullopt;
}

std::string AllowList::key_of(const std::string& name) {
  refresh();
  std::vector<std::string> names;
  for (const PublicKey& each : keys_) {
    if (each.name == name) return each.key;
    names.push_back(each.name);
  }
  throw InputError(
      {file_}, fmt::format("no key is allowed here under the name “{}”{}; get its NAME.public from the machine that "
                           "holds it, and: athanor keys allow FILE --as {}",
                           name, suggest_name(name, names), name));
}

std::vector<std::string> AllowList::take_mistakes() {
  return std::exchange(mistakes_, {});
}

}  // namespace athanor
