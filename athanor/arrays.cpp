#include "athanor/arrays.h"

#include <filesystem>
#include <memory>

#include "data_store/array_reader.h"

namespace athanor {

std::string data_folder(const std::string& journal_file) {
  return std::filesystem::path(journal_file).replace_extension(".data").string();
}

ArrayFolder look_into(const std::string& folder, const std::string& campaign) {
  const auto reader = std::make_shared<ArrayReader>(folder, campaign);
  return {folder, [reader](const ArrayName& name, const StoredArray& named) { return reader->look(name, named); }};
}

std::vector<std::string> lost_arrays(Journal& journal, const ArrayFolder& arrays) {
  LostArrays lost;
  NamedArrays named([&](const NamedArray& array) {
    if (const auto why = arrays.look(array.name, array.stored)) lost.add(array, *why);
  });
  journal.each([&](const Record& record) { named.read(record); });
  return lost.told();
}

}  // namespace athanor
