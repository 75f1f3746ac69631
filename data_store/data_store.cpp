#include "data_store/data_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/digest.h"
#include "core/error.h"
#include "data_store/day_files.h"
#include "data_store/filter_pool.h"

namespace athanor {
namespace {

constexpr unsigned kFilterThreads = 2;
constexpr std::size_t kChunksAhead = 8;           // on their way through the filters, a megabyte each
constexpr std::size_t kMostBytesHeld = 64 << 20;  // of parts of chunks and of changed pages, before a commit of our own

// An open stream. Its bytes are in three places: whole chunks in the file, or on their way through the filters; the
// first part of the chunk that is not full yet, in its place in the file without filters, since the last commit; and
// the rest.
struct Stream {
  ArrayType type;
  Time begun;
  DayFile* file;
  bool made;                       ///< its dataset is in the file
  std::optional<Dataset> dataset;  ///< open from the first use to the next commit
  ChunkPlan plan;
  std::uint64_t received = 0, durable = 0, told = 0;
  std::uint64_t cut = 0;          ///< where the chunk begins that is not full yet
  std::uint64_t in_place = 0;     ///< how much of it is in the file,
  std::uint64_t address = 0;      ///< and where
  std::vector<std::byte> rest{};  ///< of it
  RunningSha256 hash{};
};

std::string to_string(const ArrayType& type) {
  return fmt::format("rows of {}[{}] in “{}”", to_string(type.element), fmt::join(type.row_shape, ", "), type.unit);
}

std::string to_string(const ArrayName& name) {
  return fmt::format("the array “{}” of command “{}” of “{}”", name.result, name.command, name.instrument);
}

void require_type(const ArrayName& name, const ArrayType& there, const ArrayType& wanted) {
  if (there == wanted) return;
  throw InputError(fmt::format("{} has {}; it was begun with {}. A command's array keeps its type", to_string(name),
                               to_string(wanted), to_string(there)));
}

}  // namespace

struct DataStore::State {
  struct OnItsWay {
    std::pair<const ArrayName, Stream>* stream;
    ChunkPlan::Piece piece;
    std::future<FilteredChunk> chunk;
  };
  using Entry = std::pair<const ArrayName, Stream>;

  const Clock& clock;
  DayFiles files;
  std::map<ArrayName, Stream> streams{};
  std::size_t bytes_of_rests = 0;
  std::deque<OnItsWay> on_their_way{};
  FilterPool filters{kFilterThreads};

  // What every call does around its own: after a failure all is as after a crash.
  template <typename Call>
  auto guarded(const Call& call) {
    silence_hdf5();
    try {
      return call();
    } catch (const InputError&) {
      throw;
    } catch (...) {
      forget();
      throw;
    }
  }

  void forget() {
    on_their_way.clear();
    streams.clear();
    bytes_of_rests = 0;
    files.close();
  }

  Dataset& dataset(Entry& entry) {
    Stream& stream = entry.second;
    if (!stream.dataset) {
      stream.dataset = stream.made ? stream.file->find(entry.first)
                                   : stream.file->make_dataset(entry.first, stream.type, stream.plan, stream.begun);
      if (!stream.dataset) throw EnvironmentError(to_string(entry.first) + " is gone from its file");
      stream.made = true;
    }
    return *stream.dataset;
  }

  Stream begun(const ArrayType& type) {
    const Time now = clock.now();
    return {type, now, &files.of_day(to_string(now).substr(0, 10)), false, std::nullopt, ChunkPlan(type)};
  }

  Stream continued(DayFiles::Found found) {
    const Dataset& dataset = found.dataset;
    const std::uint64_t bytes = dataset.bytes();
    Stream stream{dataset.type(), Time{}, found.file, true, std::nullopt, dataset.plan(), bytes, bytes, bytes};
    dataset.each([&](const ChunkPlan::Piece& piece, std::span<const std::byte> part) {
      stream.hash.add(part);
      if (part.size() == piece.bytes) {
        stream.cut += part.size();
      } else {
        stream.in_place = part.size();
        stream.address = dataset.address(piece);
      }
    });
    return stream;
  }

  void append(Entry& entry, std::span<const std::byte> bytes) {
    Stream& stream = entry.second;
    stream.hash.add(bytes);
    stream.received += bytes.size();
    while (!bytes.empty()) {
      const ChunkPlan::Piece piece = stream.plan.piece(stream.cut);
      const std::size_t missing = piece.bytes - stream.in_place - stream.rest.size();
      const auto part = bytes.first(std::min(missing, bytes.size()));
      if (stream.rest.empty() && part.size() == missing) stream.rest.reserve(stream.plan.chunk_bytes());
      stream.rest.insert(stream.rest.end(), part.begin(), part.end());
      bytes_of_rests += part.size();
      bytes = bytes.subspan(part.size());
      if (part.size() == missing) filter(entry, piece);
    }
    if (bytes_of_rests + files.bytes_held() > kMostBytesHeld) commit();
  }

  // Sends the chunk that is full, or the last one, on its way through the filters.
  void filter(Entry& entry, const ChunkPlan::Piece& piece) {
    Stream& stream = entry.second;
    std::vector<std::byte> chunk = take_rest(stream);
    if (stream.in_place > 0) {
      std::vector<std::byte> first(stream.in_place);
      stream.file->bytes().read(stream.address, first);
      chunk.insert(chunk.begin(), first.begin(), first.end());
    }
    chunk.resize(stream.plan.chunk_bytes());
    on_their_way.push_back({&entry, piece, filters.submit(std::move(chunk), element_bytes(stream.type.element))});
    stream.cut = piece.begin + piece.bytes;
    stream.in_place = 0;
    if (on_their_way.size() > kChunksAhead) write_first();
  }

  std::vector<std::byte> take_rest(Stream& stream) {
    bytes_of_rests -= stream.rest.size();
    return std::exchange(stream.rest, {});
  }

  void write_first() {
    OnItsWay first = std::move(on_their_way.front());
    on_their_way.pop_front();
    const std::uint64_t bytes = std::min(first.piece.begin + first.piece.bytes, first.stream->second.received);
    Dataset& to = dataset(*first.stream);
    to.grow(bytes);
    to.write_chunk(first.piece, first.chunk.get());
    to.set_bytes(
        bytes);  // what the file says of a stream is true after every call, so that any may be followed by a commit
  }

  void write_all() {
    while (!on_their_way.empty()) write_first();
  }

  // Into its file, all that came of the stream and is no whole chunk.
  void write_rest(Entry& entry) {
    Stream& stream = entry.second;
    Dataset& to = dataset(entry);
    to.grow(stream.received);
    to.set_bytes(stream.received);
    if (stream.rest.empty()) return;
    const std::size_t size = stream.rest.size();
    FilteredChunk chunk{take_rest(stream), kAllLeftOut};
    if (stream.in_place > 0) {
      stream.file->bytes().write(stream.address + stream.in_place, chunk.bytes);
    } else {
      const ChunkPlan::Piece piece = stream.plan.piece(stream.cut);
      chunk.bytes.resize(stream.plan.chunk_bytes());
      to.write_chunk(piece, chunk);
      stream.address = to.address(piece);
    }
    stream.in_place += size;
  }

  void commit() {
    write_all();
    for (Entry& entry : streams) {
      if (entry.second.received > entry.second.durable) write_rest(entry);
      entry.second.dataset.reset();  // HDF5 needs 20 kB for one that is open
      if (files.bytes_held() > kMostBytesHeld) files.commit();
    }
    files.commit();
    for (auto& [name, stream] : streams) stream.durable = stream.received;
  }

  void finish(Entry& entry, const std::string& sha256) {
    Stream& stream = entry.second;
    write_all();
    if (!stream.made) stream.plan = ChunkPlan(stream.type, stream.received / row_bytes(stream.type));
    if (stream.received > stream.cut) filter(entry, stream.plan.piece(stream.cut));
    write_all();
    Dataset& to = dataset(entry);
    to.grow(stream.received);
    to.set_bytes(stream.received);
    to.set_complete(sha256);
    commit();
  }

  void close(Entry& entry) {
    write_all();
    if (entry.second.received > entry.second.durable) write_rest(entry);
    streams.erase(entry.first);
  }
};

DataStore::DataStore(const std::filesystem::path& folder, const std::string& campaign, const Clock& clock)
    : DataStore(folder, campaign, clock, open_file) {}

DataStore::DataStore(const std::filesystem::path& folder, const std::string& campaign, const Clock& clock,
                     OpenFile open)
    : state_(new State{clock, DayFiles(folder, campaign, open)}) {}

DataStore::~DataStore() {
  try {
    state_->streams.clear();
    state_->files.settle();
  } catch (const EnvironmentError&) {  // the logs stay, and are put in place when the folder is opened again
  }
}

std::uint64_t DataStore::begin(const ArrayName& name, const ArrayType& type) {
  return state_->guarded([&]() -> std::uint64_t {
    row_bytes(type);  // throws if there is no such row
    for (const std::string* part : {&name.instrument, &name.command, &name.result}) {
      if (part->empty())
        throw InputError(to_string(name) + " has an empty name; instrument, command and result have one each");
    }
    auto stream = state_->streams.find(name);
    if (stream == state_->streams.end()) {
      auto found = state_->files.find(name);
      if (found) require_type(name, found->dataset.type(), type);
      if (found && found->dataset.sha256()) return found->dataset.bytes();
      stream = state_->streams.emplace(name, found ? state_->continued(std::move(*found)) : state_->begun(type)).first;
    }
    require_type(name, stream->second.type, type);
    return stream->second.told = stream->second.durable;
  });
}

void DataStore::append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) {
  state_->guarded([&] {
    const auto stream = state_->streams.find(name);
    std::uint64_t known = 0;
    if (stream != state_->streams.end()) {
      known = stream->second.received;
    } else if (const auto whole = find(name)) {
      known = whole->rows * row_bytes(whole->type);
    } else {
      throw InputError(to_string(name) + " is not open; begin it first");
    }
    if (offset > known) {
      throw InputError(fmt::format("{} has {} bytes so far, and byte {} cannot follow them; go on from {}",
                                   to_string(name), known, offset, known));
    }
    if (known - offset >= bytes.size()) return;
    if (stream == state_->streams.end()) {
      throw InputError(fmt::format("{} is finished with {} bytes; nothing can follow", to_string(name), known));
    }
    state_->append(*stream, bytes.subspan(known - offset));
  });
}

std::vector<std::pair<ArrayName, std::uint64_t>> DataStore::commit() {
  return state_->guarded([&] {
    state_->commit();
    std::vector<std::pair<ArrayName, std::uint64_t>> news;
    for (auto& [name, stream] : state_->streams) {
      if (stream.durable > stream.told) news.emplace_back(name, stream.told = stream.durable);
    }
    return news;
  });
}

StoredArray DataStore::finish(const ArrayName& name, const std::string& sha256) {
  return state_->guarded([&] {
    if (const auto entry = state_->streams.find(name); entry != state_->streams.end()) {
      const Stream& stream = entry->second;
      std::string wrong;
      if (const std::string ours = stream.hash.hex(); ours != sha256) {
        wrong = fmt::format("has the SHA-256 {}; expected {}. It is kept, marked as incomplete", ours, sha256);
      } else if (stream.received % row_bytes(stream.type) != 0) {
        wrong = fmt::format("ends within a row, after {} bytes; a row has {}. It is kept, marked as incomplete",
                            stream.received, row_bytes(stream.type));
      }
      if (!wrong.empty()) {
        state_->close(*entry);
        throw InputError(to_string(name) + " " + wrong);
      }
      state_->finish(*entry, sha256);
      state_->streams.erase(entry);
    }
    const auto whole = find(name);
    if (!whole) throw InputError(to_string(name) + " is not open; begin it first");
    if (whole->sha256 != sha256) {
      throw InputError(
          fmt::format("{} is finished, with the SHA-256 {}; expected {}", to_string(name), whole->sha256, sha256));
    }
    return *whole;
  });
}

void DataStore::abandon(const ArrayName& name) {
  state_->guarded([&] {
    if (const auto entry = state_->streams.find(name); entry != state_->streams.end()) state_->close(*entry);
  });
}

std::optional<StoredArray> DataStore::find(const ArrayName& name) {
  return state_->guarded([&]() -> std::optional<StoredArray> {
    std::optional<DayFiles::Found> found;
    try {
      found = state_->files.find(name);
    } catch (const InputError&) {  // it is damaged
    }
    if (!found) return std::nullopt;
    const auto sha256 = found->dataset.sha256();
    if (!sha256) return std::nullopt;
    const ArrayType& type = found->dataset.type();
    return StoredArray{found->file_name, DayFile::dataset_path(name), type, found->dataset.bytes() / row_bytes(type),
                       *sha256};
  });
}

}  // namespace athanor
