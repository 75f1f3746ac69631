#include "athanor/arrays.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <set>

#include "core/digest.h"
#include "core/error.h"
#include "data_store/array_reader.h"
#include "data_store/looked.h"

namespace athanor {
namespace {

void each_array(Journal& journal, const std::function<void(const NamedArray&)>& see) {
  NamedArrays arrays(see);
  journal.each([&](const Record& record) { arrays.read(record); });
}

std::vector<LostArray> look(Journal& journal, const std::string& folder, const std::string& campaign,
                            const std::function<bool(const std::string& file)>& at) {
  const ArrayReader reader(folder, campaign);
  JudgedArrays judged([&](std::span<const ArrayReference> arrays) { return reader.look(arrays); });
  each_array(journal, [&](const NamedArray& named) {
    if (at(named.array.stored.file)) judged.add(named);
  });
  return judged.lost();
}

// All that is looked for of an array.
std::string text_of(const ArrayReference& array) {
  const StoredArray& stored = array.stored;
  return fmt::format("{}\n{} {} {} {}\n{}\n", stored.dataset, stored.sha256, stored.rows,
                     to_string(stored.type.element), fmt::join(stored.type.row_shape, ","), stored.type.unit);
}

/// Of each file that the journal names: which arrays, and its stamp; of one that is not at rest, nothing.
Looked as_it_is(Journal& journal, const std::string& folder) {
  std::map<std::string, RunningSha256> named;
  each_array(journal, [&](const NamedArray& array) {
    const std::string text = text_of(array.array);
    named[array.array.stored.file].add(std::as_bytes(std::span(text)));
  });
  Looked now;
  for (const auto& [file, arrays] : named) {
    const auto stamp = stamp_of(std::filesystem::path(folder) / file);
    now[file] = stamp ? fmt::format("{} {}", arrays.hex(), *stamp) : "";
  }
  return now;
}

}  // namespace

std::string data_folder(const std::string& journal_file) {
  return std::filesystem::path(journal_file).replace_extension(".data").string();
}

std::vector<LostArray> look_for_arrays(Journal& journal, const std::string& folder, const std::string& campaign) {
  return look(journal, folder, campaign, [](const std::string&) { return true; });
}

std::vector<LostArray> look_for_changed_arrays(Journal& journal, const std::string& folder,
                                               const std::string& campaign) {
  const Looked before = read_looked(folder);
  Looked now = as_it_is(journal, folder);
  std::set<std::string> changed;
  for (const auto& [file, what] : now) {
    const auto then = before.find(file);
    if (what.empty() || then == before.end() || then->second != what) changed.insert(file);
  }
  if (changed.empty()) return {};
  std::vector<LostArray> lost =
      look(journal, folder, campaign, [&](const std::string& file) { return changed.contains(file); });
  std::erase_if(now, [](const auto& item) { return item.second.empty(); });
  for (const LostArray& one : lost) now.erase(one.array.array.stored.file);
  try {
    if (now != before) write_looked(folder, now);
  } catch (const EnvironmentError&) {  // the next start takes longer
  }
  return lost;
}

}  // namespace athanor
