#include "data_store/array_reader.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "core/digest.h"
#include "core/error.h"
#include "data_store/day_file.h"
#include "data_store/file.h"
#include "data_store/shelter.h"

namespace athanor {
namespace {

/// What each look shares with the one before: the file, since arrays are named day by day.
class OpenFile {
 public:
  explicit OpenFile(const std::string& campaign) : campaign_(campaign) {}
  DayFile& at(const std::string& path) {
    if (file_ == nullptr || path != path_) {
      file_ = nullptr;
      file_ = std::make_unique<DayFile>(path, campaign_, open_file_to_read, RedoFile::Access::kRead);
      path_ = path;
    }
    return *file_;
  }

 private:
  const std::string& campaign_;
  std::string path_;
  std::unique_ptr<DayFile> file_;
};

/// throws EnvironmentError that says what is wrong.
Dataset require_as_named(DayFile& file, const std::string& path, const ArrayReference& array) {
  const StoredArray& named = array.stored;
  std::optional<Dataset> found = file.find(array.name);
  if (!found) throw EnvironmentError(fmt::format("{} has no {}", path, named.dataset));
  const std::string what = fmt::format("{}: {}", path, named.dataset);
  const auto sha256 = found->sha256();
  if (!sha256) throw EnvironmentError(fmt::format("{} is marked as incomplete", what));
  if (*sha256 != named.sha256)
    throw EnvironmentError(
        fmt::format("{} is another array: its SHA-256 is {}; expected {}", what, *sha256, named.sha256));
  const std::uint64_t rows = found->bytes() / row_bytes(found->type());
  if (found->type() != named.type || rows != named.rows)
    throw EnvironmentError(fmt::format(
        "{} has another shape, or elements or a unit of another kind: {} rows; expected {}", what, rows, named.rows));
  return std::move(*found);
}

Finding read_back(const Dataset& dataset, const std::string& path, const StoredArray& named,
                  const std::function<void()>& goes_on) {
  RunningSha256 hash;
  dataset.each([&](const ChunkPlan::Piece&, std::span<const std::byte> part) {
    hash.add(part);
    goes_on();
  });
  if (hash.hex() == named.sha256) return std::nullopt;
  return fmt::format("{}: {}: its bytes have the SHA-256 {}; expected {}", path, named.dataset, hash.hex(),
                     named.sha256);
}

}  // namespace

std::vector<Finding> ArrayReader::judge(std::span<const ArrayReference> arrays, bool to_the_bytes) const {
  // The files first, so that one of which HDF5 dies at once costs one process and not one for each of its arrays.
  std::map<std::string, Finding> files;
  for (const ArrayReference& array : arrays) files[(folder_ / array.stored.file).string()];
  std::vector<std::string> paths;
  for (const auto& [path, finding] : files) paths.push_back(path);
  const std::vector<Finding> of_files = sheltered(
      paths.size(), [&](std::size_t i) { return no_whole_file(paths[i]); },
      [&](std::size_t i, const auto&) -> Finding {
        OpenFile(campaign_).at(paths[i]);
        return std::nullopt;
      });
  for (std::size_t i = 0; i < paths.size(); ++i) files[paths[i]] = of_files[i];

  const auto path = [&](std::size_t i) { return (folder_ / arrays[i].stored.file).string(); };
  OpenFile open(campaign_);
  return sheltered(
      arrays.size(), [&](std::size_t i) { return fmt::format("{}: {}", path(i), arrays[i].stored.dataset); },
      [&](std::size_t i, const auto& goes_on) -> Finding {
        if (const Finding& wrong = files.at(path(i))) return wrong;
        const Dataset dataset = require_as_named(open.at(path(i)), path(i), arrays[i]);
        return to_the_bytes ? read_back(dataset, path(i), arrays[i].stored, goes_on) : std::nullopt;
      });
}

}  // namespace athanor
