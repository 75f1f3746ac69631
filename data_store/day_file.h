// One HDF5 file of arrays: /INSTRUMENT/COMMAND/RESULT.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/clock.h"
#include "data_store/chunk_plan.h"
#include "data_store/filters.h"
#include "data_store/hdf5_handle.h"
#include "data_store/redo_file.h"

namespace athanor {

/// A text as the name of a link or file: what would mean something else there is written as % and two digits.
std::string as_link_name(const std::string& text);

/// How an error begins that is about all of a file.
std::string no_whole_file(const std::string& path);

/// An open dataset. Not to outlive its file. Everything throws EnvironmentError.
class Dataset {
 public:
  Dataset(Hdf5Handle handle, std::string where, RedoFile& file);

  const ArrayType& type() const { return type_; }
  const ChunkPlan& plan() const { return *plan_; }
  /// How much of the stream is there.
  std::uint64_t bytes() const;
  /// Of a complete array, otherwise nothing.
  std::optional<std::string> sha256() const;

  /// Has rows for so many bytes of the stream, from now on.
  void grow(std::uint64_t bytes);
  void write_chunk(const ChunkPlan::Piece& piece, const FilteredChunk& chunk);
  /// Where in the file this chunk lies, which was written without filters.
  std::uint64_t address(const ChunkPlan::Piece& piece) const;
  void set_bytes(std::uint64_t bytes);
  void set_complete(const std::string& sha256);
  /// Reads what is there of the stream, piece by piece; of the last one, so much as came. The filters' checksums are
  /// verified.
  void each(const std::function<void(const ChunkPlan::Piece&, std::span<const std::byte>)>& see) const;

 private:
  std::vector<std::byte> read(const ChunkPlan::Piece& piece) const;

  Hdf5Handle handle_;
  std::string where_;
  RedoFile* file_;
  ArrayType type_;
  std::uint64_t row_bytes_, rows_;
  std::optional<ChunkPlan> plan_;
};

class DayFile {
 public:
  /// Makes an empty one, which is there whole or not at all. throws EnvironmentError.
  static void make(const std::string& path, const std::string& campaign, const std::string& day,
                   const RedoFile::Open& open);

  /// Opens one that is there, and mends what a crash left, unless it is only to be read. throws EnvironmentError that
  /// names the file if it is no such file, is damaged, or belongs to another campaign; nothing is changed then.
  DayFile(const std::string& path, const std::string& campaign, const RedoFile::Open& open,
          RedoFile::Access access = RedoFile::Access::kWrite);
  DayFile(const DayFile&) = delete;
  DayFile& operator=(const DayFile&) = delete;

  static std::string dataset_path(const ArrayName& name);
  std::optional<Dataset> find(const ArrayName& name);
  /// Whether there is one of this name, and it was made since the file was opened. Reads only what HDF5 keeps under
  /// checksums: groups and headers, and neither texts nor indices of chunks, of which it dies where bits have flipped.
  enum class Age { kNone, kOlder, kOurs };
  Age age(const ArrayName& name);
  Dataset make_dataset(const ArrayName& name, const ArrayType& type, const ChunkPlan& plan, Time begun);

  /// The bytes of the file past HDF5: of chunks that were written without filters.
  RedoFile& bytes() { return file_; }
  /// All that was written is durable. After an EnvironmentError this object is of no more use.
  void commit();

 private:
  std::optional<std::uint64_t> address(const std::string& path);

  std::string path_, campaign_;
  RedoFile file_;
  std::uint64_t end_when_opened_ = 0;
  Hdf5Handle hdf5_;
};

}  // namespace athanor
