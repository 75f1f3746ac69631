#include "data_store/array_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "core/digest.h"
#include "core/error.h"
#include "data_store/day_file.h"
#include "data_store/file.h"
#include "data_store/probe.h"

namespace athanor {

ArrayReader::ArrayReader(const std::filesystem::path& folder, const std::string& campaign)
    : folder_(folder), campaign_(campaign) {}

ArrayReader::~ArrayReader() = default;

DayFile& ArrayReader::file(const std::string& name) {
  if (open_ != nullptr && open_name_ == name) return *open_;
  if (const auto wrong = wrong_.find(name); wrong != wrong_.end()) throw EnvironmentError(wrong->second);
  open_.reset();
  const std::string path = (folder_ / name).string();
  if (const auto wrong = damage_in(path, campaign_, open_file_to_read)) throw EnvironmentError(wrong_[name] = *wrong);
  open_ = std::make_unique<DayFile>(path, campaign_, open_file_to_read, RedoFile::Access::kRead);
  open_name_ = name;
  return *open_;
}

/// throws EnvironmentError that says what is wrong.
Dataset ArrayReader::dataset(const ArrayName& name, const StoredArray& named) {
  const std::string where = (folder_ / named.file).string();
  std::optional<Dataset> found = file(named.file).find(name);
  if (!found) throw EnvironmentError(fmt::format("{} has no {}", where, named.dataset));
  const std::string what = fmt::format("{}: {}", where, named.dataset);
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

std::optional<std::string> ArrayReader::look(const ArrayName& name, const StoredArray& named) {
  try {
    dataset(name, named);
    return std::nullopt;
  } catch (const EnvironmentError& error) {
    return error.what();
  }
}

std::optional<std::string> ArrayReader::read(const ArrayName& name, const StoredArray& named) {
  try {
    const Dataset found = dataset(name, named);
    const std::uint64_t bytes = found.bytes();
    RunningSha256 hash;
    for (std::uint64_t at = 0; at < bytes;) {
      const ChunkPlan::Piece piece = found.plan().piece(at);
      const std::vector<std::byte> read = found.read(piece);
      const std::uint64_t there = std::min(piece.bytes, bytes - at);
      hash.add(std::span(read).first(there));
      at += there;
    }
    if (hash.hex() == named.sha256) return std::nullopt;
    return fmt::format("{}: {}: its bytes have the SHA-256 {}; expected {}", (folder_ / named.file).string(),
                       named.dataset, hash.hex(), named.sha256);
  } catch (const EnvironmentError& error) {
    return error.what();
  }
}

}  // namespace athanor
