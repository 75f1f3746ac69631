// What the tests of the store share: a folder, arrays of chance, and a reader that knows HDF5 and nothing of the store.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/clock.h"
#include "core/random.h"

namespace athanor {

inline const Time kMarch{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1} + std::chrono::hours{8}};

using Bytes = std::vector<std::byte>;

/// Half of it compresses well and half of it hardly.
Bytes some_bytes(std::size_t size, RandomStream& chance);
std::string sha256_of(const Bytes& bytes);

/// A dataset as the HDF5 library reads it, filters, checksums and all.
struct Read {
  std::vector<std::uint64_t> extents, chunk;
  Bytes bytes;  ///< of all rows
  std::string sha256, unit, campaign, instrument, command, result;
  bool complete = false;
  std::uint64_t known = 0;                                  ///< the attribute “bytes”
  std::vector<unsigned> filters_left_out;                   ///< of each chunk
  std::vector<std::uint64_t> chunk_sizes, chunk_addresses;  ///< in the file
};

/// throws std::runtime_error that says what HDF5 could not do.
Read read_stock(const std::filesystem::path& file, const std::string& dataset);
/// The paths of all datasets.
std::vector<std::string> datasets_stock(const std::filesystem::path& file);

}  // namespace athanor
