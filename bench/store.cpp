// What the store of arrays takes a second, and its peers on the same bytes: HDF5 alone with the same filters, and a
// plain file. Each in a process of its own, so that memory is its own.
#include <fcntl.h>
#include <fmt/format.h>
#include <hdf5.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/own_process.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/random.h"
#include "data_store/array_reader.h"
#include "data_store/data_store.h"

using namespace athanor;
using nlohmann::json;

namespace {

using Bytes = std::vector<std::byte>;

struct Workload {
  ArrayType type;
  Bytes block;  ///< some rows, sent again and again; filters do not notice, each chunk is looked at by itself
};

template <typename T>
Bytes as_bytes(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// A camera of 2048 × 2048 with 16 bits: an offset, a bright spot, photon noise (its variance is the mean) and read
// noise.
Workload camera() {
  constexpr std::size_t kSide = 2048, kFrames = 8;
  RandomStream chance(1, "camera");
  std::vector<std::uint16_t> frames;
  for (std::size_t i = 0; i < kFrames * kSide * kSide; ++i) {
    const double x = static_cast<double>(i % kSide) / kSide - 0.5,
                 y = static_cast<double>(i / kSide % kSide) / kSide - 0.5;
    const double mean = 100 + 3000 * std::exp(-40 * (x * x + y * y));
    frames.push_back(static_cast<std::uint16_t>(std::max(0.0, mean + std::sqrt(mean + 9) * chance.normal())));
  }
  return {{ElementType::kUint16, {kSide, kSide}, "count"}, as_bytes(frames)};
}

// Spectra of 2048 points: peaks on a baseline, as a spectrometer's software has averaged and rounded to six digits.
Workload spectra() {
  constexpr std::size_t kPoints = 2048, kSpectra = 4096;
  std::vector<double> points;
  for (std::size_t i = 0; i < kSpectra * kPoints; ++i) {
    const double x = static_cast<double>(i % kPoints) / kPoints, t = static_cast<double>(i / kPoints) / kSpectra;
    const double value = 0.02 + 0.1 * x + std::exp(-300 * (x - 0.3 - 0.1 * t) * (x - 0.3 - 0.1 * t)) +
                         0.5 * t / (1 + 900 * (x - 0.7) * (x - 0.7));
    points.push_back(std::round(value * 1e6) / 1e6);
  }
  return {{ElementType::kFloat64, {kPoints}, "AU"}, as_bytes(points)};
}

double resident_mb(const std::string& which) {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    double kb = 0;
    if (key == which && status >> kb) return kb / 1024;
  }
  return 0;
}

/// How much more memory was resident at once than when this was made.
class Memory {
 public:
  Memory() : before_(resident_mb("VmRSS:")) {
    std::ofstream("/proc/self/clear_refs") << "5";
  }  // the mark falls to here
  double high_water_mb() const { return resident_mb("VmHWM:") - before_; }

 private:
  double before_;
};

constexpr std::size_t kPiece = 1 << 20;  // as messages bring them
constexpr std::size_t kBytesOfACommit = 64 << 20;
constexpr double kSecondsOfACommit = 0.2;

/// Pieces of the block, round and round, until `bytes` were given to `take`; `commit` as the controller does it.
template <typename Take, typename Commit>
json measure(const Workload& load, std::uint64_t bytes, const Take& take, const Commit& commit) {
  const Memory memory;
  const double began = monotonic_seconds();
  double committed = began, longest = 0;
  std::uint64_t sent = 0, sent_by_commit = 0;
  const auto end_turn = [&] {
    const double start = monotonic_seconds();
    commit();
    committed = monotonic_seconds();
    longest = std::max(longest, committed - start);
    sent_by_commit = sent;
  };
  while (sent < bytes) {
    const std::size_t at = sent % load.block.size();
    const std::size_t size = std::min(kPiece, load.block.size() - at);
    take(sent, std::span(load.block).subspan(at, size));
    sent += size;
    if (sent - sent_by_commit >= kBytesOfACommit || monotonic_seconds() - committed >= kSecondsOfACommit) end_turn();
  }
  end_turn();
  const double took = monotonic_seconds() - began;
  return {{"mb_per_s", static_cast<double>(sent) / 1e6 / took},
          {"seconds", took},
          {"longest_commit_s", longest},
          {"memory_mb", memory.high_water_mb()}};
}

json athanors(const Workload& load, const std::string& folder, std::uint64_t bytes) {
  const SystemClock clock;
  DataStore store(folder, "bench", clock);
  const ArrayName name{"detector", "1", "data"};
  store.begin(name, load.type);
  json out = measure(
      load, bytes, [&](std::uint64_t at, std::span<const std::byte> piece) { store.append(name, at, piece); },
      [&] { store.commit(); });
  return out;
}

void need(std::int64_t result) {
  if (result < 0) throw EnvironmentError("HDF5 failed");
}

// As one would write it: rows by H5Dwrite, the same chunks and filters, a flush and a sync for a commit.
json hdf5s(const Workload& load, const std::string& folder, std::uint64_t bytes) {
  const std::string path = folder + "/peer.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  need(file);
  const bool is_camera = load.type.row_shape.size() == 2;
  std::vector<hsize_t> extents = {0}, most = {H5S_UNLIMITED}, chunk = {is_camera ? hsize_t{1} : hsize_t{64}};
  for (const std::uint64_t extent : load.type.row_shape) {
    extents.push_back(extent);
    most.push_back(extent);
    chunk.push_back(extent);
  }
  if (is_camera) chunk[1] = 256;
  const int dimensions = static_cast<int>(extents.size());
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  need(H5Pset_chunk(creation, dimensions, chunk.data()));
  need(H5Pset_shuffle(creation));
  need(H5Pset_deflate(creation, 1));
  need(H5Pset_fletcher32(creation));
  const hid_t type = is_camera ? H5T_STD_U16LE : H5T_IEEE_F64LE;
  const hid_t dataset = H5Dcreate2(file, "data", type, H5Screate_simple(dimensions, extents.data(), most.data()),
                                   H5P_DEFAULT, creation, H5P_DEFAULT);
  need(dataset);
  const std::uint64_t row = row_bytes(load.type);
  Bytes rows;
  const int fd = open(path.c_str(), O_RDWR);
  const auto take = [&](std::uint64_t, std::span<const std::byte> piece) {
    rows.insert(rows.end(), piece.begin(), piece.end());
    const hsize_t whole = rows.size() / row;
    if (whole == 0) return;
    std::vector<hsize_t> at(extents.size(), 0), count = extents;
    at[0] = extents[0];
    count[0] = whole;
    extents[0] += whole;
    need(H5Dset_extent(dataset, extents.data()));
    const hid_t in_file = H5Dget_space(dataset), in_memory = H5Screate_simple(dimensions, count.data(), nullptr);
    need(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, at.data(), nullptr, count.data(), nullptr));
    need(H5Dwrite(dataset, type, in_memory, in_file, H5P_DEFAULT, rows.data()));
    H5Sclose(in_file);
    H5Sclose(in_memory);
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(whole * row));
  };
  return measure(load, bytes, take, [&] {
    need(H5Fflush(file, H5F_SCOPE_GLOBAL));
    fdatasync(fd);
  });
}

json plain(const Workload& load, const std::string& folder, std::uint64_t bytes) {
  const int fd = open((folder + "/plain").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0644);
  json out = measure(
      load, bytes,
      [&](std::uint64_t, std::span<const std::byte> piece) {
        if (write(fd, piece.data(), piece.size()) != static_cast<ssize_t>(piece.size()))
          throw EnvironmentError("write failed");
      },
      [&] { fsync(fd); });
  return out;
}

ArrayName small_array(std::uint64_t number) {
  return {"titrator", fmt::format("command-{}", number), "curve"};
}

ArrayType small_type() {
  return {ElementType::kFloat64, {}, "mV"};
}

// Arrays of a few numbers, each begun, sent and finished, as points of a titration are; the time of the last thousand,
// too.
json small(const std::string& folder, std::uint64_t count) {
  const Memory memory;
  const SystemClock clock;
  DataStore store(folder, "bench", clock);
  const std::vector<std::byte> bytes(800, std::byte{7});
  RunningSha256 hash;
  hash.add(bytes);
  const double began = monotonic_seconds();
  double beginning = 0, beginning_last = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const ArrayName name = small_array(i);
    const double start = monotonic_seconds();
    store.begin(name, small_type());
    const double took = monotonic_seconds() - start;
    beginning += took;
    if (i + 1000 >= count) beginning_last += took;
    store.append(name, 0, bytes);
    store.finish(name, hash.hex());
  }
  const double took = monotonic_seconds() - began;
  return {{"arrays", count},
          {"arrays_per_s", static_cast<double>(count) / took},
          {"begin_us", beginning / static_cast<double>(count) * 1e6},
          {"begin_last_us", beginning_last / static_cast<double>(std::min<std::uint64_t>(count, 1000)) * 1e6},
          {"memory_mb", memory.high_water_mb()}};
}

// What a start does with the file of those arrays: a look at each, where somebody wrote to the file since the last
// look, and the store.
json reopened(const std::string& folder, std::uint64_t count) {
  const Memory memory;
  const SystemClock clock;
  std::vector<ArrayReference> all;
  {
    DataStore store(folder, "bench", clock);
    for (std::uint64_t i = 0; i < count; ++i) {
      const ArrayName name = small_array(i);
      all.push_back({name, i == 0 ? store.find(name).value() : all[0].stored});
      all.back().stored.dataset = "/" + name.instrument + "/" + name.command + "/" + name.result;
    }
  }
  const double looking = monotonic_seconds();
  const std::vector<Finding> findings = ArrayReader(folder, "bench").look(all);
  const double opening = monotonic_seconds();
  if (std::count(findings.begin(), findings.end(), std::nullopt) != static_cast<std::ptrdiff_t>(count))
    throw EnvironmentError("an array is not there as it was stored");
  DataStore store(folder, "bench", clock);
  store.begin({"titrator", "another", "curve"}, small_type());
  return {{"look_s", opening - looking},
          {"open_and_begin_ms", (monotonic_seconds() - opening) * 1e3},
          {"memory_mb", memory.high_water_mb()}};
}

// Many streams that are all open, and of which all grow a little between commits.
json many(const std::string& folder, std::uint64_t streams) {
  const SystemClock clock;
  DataStore store(folder, "bench", clock);
  const std::vector<std::byte> bytes(800, std::byte{7});
  const Memory memory;
  std::vector<ArrayName> names;
  for (std::uint64_t i = 0; i < streams; ++i) {
    names.push_back({"sensor", fmt::format("{}", i), "trace"});
    store.begin(names.back(), {ElementType::kFloat64, {}, "V"});
  }
  double last = 0;
  for (std::uint64_t turn = 0; turn < 10; ++turn) {
    const double start = monotonic_seconds();
    for (const ArrayName& name : names) store.append(name, turn * bytes.size(), bytes);
    store.commit();
    last = monotonic_seconds() - start;
  }
  return {{"streams", streams}, {"turn_ms", last * 1e3}, {"memory_mb", memory.high_water_mb()}};
}

json run(const std::string& what, const std::string& folder, std::uint64_t bytes, std::uint64_t count) {
  if (what == "small") return small(folder, count);
  if (what == "reopened") return reopened(folder, count);
  if (what == "many") return many(folder, count);
  const Workload load = what.starts_with("camera") ? camera() : spectra();
  if (what.ends_with("store")) return athanors(load, folder, bytes);
  if (what.ends_with("hdf5")) return hdf5s(load, folder, bytes);
  return plain(load, folder, bytes);
}

double megabytes(const std::string& folder) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) bytes += static_cast<double>(entry.file_size());
  return bytes / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What the store of arrays takes a second, beside HDF5 alone and a plain file.");
  std::string folder = (std::filesystem::temp_directory_path() / fmt::format("athanor-store-{}", getpid())).string(),
              what;
  std::uint64_t megabytes_each = 2000, arrays = 100'000, streams = 1000;
  bool as_json = false;
  app.add_option("--megabytes", megabytes_each, "Of each kind of bytes")->check(CLI::PositiveNumber);
  app.add_option("--arrays", arrays, "Small ones, in one file")->check(CLI::PositiveNumber);
  app.add_option("--streams", streams, "Open at once")->check(CLI::PositiveNumber);
  app.add_option("--folder", folder, "Where the files are kept (removed afterwards)");
  app.add_flag("--json", as_json, "One JSON object a line");
  app.add_option("--only", what, "One part alone, as JSON (what the other runs call)");
  CLI11_PARSE(app, argc, argv);
  if (!what.empty()) {
    std::filesystem::create_directories(folder);
    fmt::print("{}\n", run(what, folder, megabytes_each * 1'000'000, what == "many" ? streams : arrays).dump());
    return 0;
  }
  const std::string common =
      fmt::format(" --folder {} --megabytes {} --arrays {} --streams {}", folder, megabytes_each, arrays, streams);
  for (const char* part : {"camera-store", "camera-hdf5", "camera-plain", "spectra-store", "spectra-hdf5",
                           "spectra-plain", "many", "small", "reopened"}) {
    if (std::string_view(part) != "reopened") std::filesystem::remove_all(folder);
    json out = in_process(std::string("--only ") + part + common);
    out["part"] = part;
    out["file_mb"] = megabytes(folder);
    if (as_json) {
      fmt::print("{}\n", out.dump());
    } else {
      fmt::print("{:<14}", part);
      for (const auto& [key, value] : out.items()) {
        if (value.is_number()) fmt::print("  {} {:.4g}", key, value.get<double>());
      }
      fmt::print("\n");
    }
    std::fflush(stdout);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
