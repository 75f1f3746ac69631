#include "athanor/arrays.h"

#include <filesystem>

#include "data_store/array_reader.h"

namespace athanor {

std::string data_folder(const std::string& journal_file) {
  return std::filesystem::path(journal_file).replace_extension(".data").string();
}

std::vector<LostArray> look_for_arrays(Journal& journal, const std::string& folder, const std::string& campaign) {
  const ArrayReader reader(folder, campaign);
  JudgedArrays judged([&](std::span<const ArrayReference> arrays) { return reader.look(arrays); });
  NamedArrays named([&](const NamedArray& array) { judged.add(array); });
  journal.each([&](const Record& record) { named.read(record); });
  return judged.lost();
}

}  // namespace athanor
