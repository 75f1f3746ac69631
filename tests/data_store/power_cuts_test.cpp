// Goal: whatever is left by a power cut, at any write, the store of arrays opens it, has all that was acknowledged, and
// goes on to whole arrays; and stock HDF5 reads what it then has. Method: a story of streams on recorded files; power
// is cut after every other operation, with what was not synced kept, lost, reordered and torn; then again and again in
// what follows.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>

#include "data_store/data_store.h"
#include "recorded_files.h"
#include "rig.h"
#include "tests/core/scratch.h"

namespace athanor::power {
namespace {

struct Planned {
  ArrayName name;
  ArrayType type;
  Bytes bytes;
};

/// What a driver was told of an array.
struct Told {
  std::uint64_t durable = 0;
  bool finished = false;
};
using AllTold = std::map<ArrayName, Told>;

/// Arrays of every kind that the store treats in another way: parts of a chunk, many chunks, rows in several chunks,
/// none.
std::vector<Planned> plan(std::uint64_t seed) {
  RandomStream chance(seed, "arrays");
  std::vector<Planned> planned;
  const auto add = [&](const std::string& command, const ArrayType& type, std::uint64_t rows) {
    planned.push_back({{"camera", command, "frames"}, type, some_bytes(rows * row_bytes(type), chance)});
  };
  add("slow", {ElementType::kUint16, {5}, "count"}, 40);
  add("fast", {ElementType::kFloat64, {}, "V"}, 140'000);
  add("large", {ElementType::kFloat32, {700, 500}, ""}, 1);
  add("none", {ElementType::kInt8, {3}, ""}, 0);
  for (int i = 0; i < 6; ++i) add(fmt::format("small {}", i), {ElementType::kInt32, {}, "K"}, 1 + chance.below(500));
  return planned;
}

/// What a driver that has the arrays does, from wherever it is told to go on: pieces of each in turn, now and then a
/// commit. Notes what it was told, and after how many operations.
class Life {
 public:
  Life(const std::vector<Planned>& planned, std::uint64_t seed) : planned_(planned), chance_(seed, "a life") {}

  void live(const std::filesystem::path& folder, AllTold told, const DataStore::OpenFile& open,
            const std::function<void(const AllTold&)>& note) {
    ManualClock clock(kMarch);
    DataStore store(folder, "yield", clock, open);
    std::map<ArrayName, std::uint64_t> sent;
    std::vector<const Planned*> open_ones;
    for (const Planned& one : planned_) {
      if (chance_.below(4) == 0) clock.advance_to(clock.now() + std::chrono::hours{13});
      const std::uint64_t durable = store.begin(one.name, one.type);
      Told& known = told[one.name];
      if (durable < known.durable)
        throw std::runtime_error(fmt::format("{} of {} bytes are there", durable, known.durable));
      if (known.finished && !store.find(one.name))
        throw std::runtime_error(one.name.command + " is not finished any more");
      sent[one.name] = known.durable = durable;
      open_ones.push_back(&one);
    }
    note(told);
    while (!open_ones.empty()) {
      const std::size_t which = chance_.below(open_ones.size());
      const Planned& one = *open_ones[which];
      std::uint64_t& at = sent[one.name];
      const std::uint64_t left = one.bytes.size() - at;
      // A driver that was cut off sends again some of what it sent before.
      const std::uint64_t back = chance_.below(3) == 0 ? chance_.below(at + 1) : at;
      const std::uint64_t size = std::min<std::uint64_t>(left, 1 + chance_.below(one.bytes.size() / 4 + 20));
      store.append(one.name, back, std::span(one.bytes).subspan(back, at + size - back));
      at += size;
      if (at == one.bytes.size() && chance_.below(2) == 0) {
        const StoredArray stored = store.finish(one.name, sha256_of(one.bytes));
        if (stored.rows * row_bytes(one.type) != one.bytes.size()) throw std::runtime_error("another number of rows");
        told[one.name] = {one.bytes.size(), true};
        open_ones.erase(open_ones.begin() + static_cast<std::ptrdiff_t>(which));
        note(told);
      } else if (chance_.below(3) == 0) {
        for (const auto& [name, durable] : store.commit()) told[name].durable = durable;
        note(told);
      }
    }
  }

 private:
  const std::vector<Planned>& planned_;
  RandomStream chance_;
};

/// Every array of the plan, as stock HDF5 reads it.
void require_whole(const std::filesystem::path& folder, const std::vector<Planned>& planned) {
  const ManualClock clock(kMarch);
  DataStore store(folder, "yield", clock);
  for (const Planned& one : planned) {
    const auto stored = store.find(one.name);
    REQUIRE(stored);
    const Read read = read_stock(folder / stored->file, stored->dataset);
    if (read.bytes != one.bytes || !read.complete) FAIL(one.name.command << " is not what was sent");
  }
}

/// Whether stock HDF5 reads all of a folder's files before the store has mended them.
bool readable(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".h5") continue;
    try {
      for (const std::string& dataset : datasets_stock(entry.path())) read_stock(entry.path(), dataset);
    } catch (const std::runtime_error&) {
      return false;
    }
  }
  return true;
}

/// A life on recorded files, with what was told by then, for any cut.
struct Record {
  RecordedFiles files;
  std::vector<std::pair<std::size_t, AllTold>> notes;

  AllTold told_after(std::size_t operations, const AllTold& before) const {
    AllTold told = before;
    for (const auto& [at, note] : notes) {
      if (at <= operations) told = note;
    }
    return told;
  }
};

std::unique_ptr<Record> recorded(const std::vector<Planned>& planned, const std::filesystem::path& folder,
                                 const AllTold& told, std::uint64_t seed) {
  auto record = std::make_unique<Record>();
  Life(planned, seed)
      .live(
          folder, told, [&](const std::string& path) { return record->files.open(path); },
          [&](const AllTold& now) { record->notes.emplace_back(record->files.operations(), now); });
  return record;
}

}  // namespace

TEST_CASE("a cut between writes loses nothing that was acknowledged", "[.arrays]") {
  const Scratch scratch;
  const std::filesystem::path first = scratch.file("first"), left = scratch.file("left");
  const std::vector<Planned> planned = plan(1);
  const auto record = recorded(planned, first, {}, 1);
  require_whole(first, planned);
  int kills = 0, unreadable = 0;
  for (std::size_t cut = 0; cut <= record->files.operations(); cut += 2) {
    const Tearing tearing = kTearings[cut / 2 % std::size(kTearings)];
    INFO("cut after operation " << cut << ", tearing " << static_cast<int>(tearing));
    record->files.lay_out(left, "nothing", cut, tearing, cut);
    if (tearing == Tearing::kAll) {
      ++kills;
      if (!readable(left)) ++unreadable;
    }
    REQUIRE_NOTHROW(recorded(planned, left, record->told_after(cut, {}), cut));
    require_whole(left, planned);
  }
  // A process that is killed leaves a file that anyone can read, unless it was just putting pages in place.
  CAPTURE(kills, unreadable);
  CHECK(unreadable * 10 < kills);
}

TEST_CASE("one cut after another, each in what follows the one before, loses nothing", "[.arrays]") {
  const Scratch scratch;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const std::vector<Planned> planned = plan(seed);
    RandomStream chance(seed, "cuts");
    AllTold told;
    std::filesystem::path before = "nothing";
    for (int cuts = 0; cuts < 6; ++cuts) {
      INFO("seed " << seed << ", cut " << cuts);
      const std::filesystem::path now = scratch.file(cuts % 2 == 0 ? "even" : "odd");
      const std::filesystem::path lived = scratch.file("lived");
      std::filesystem::remove_all(lived);
      if (std::filesystem::exists(before)) std::filesystem::copy(before, lived);
      std::unique_ptr<Record> record;
      REQUIRE_NOTHROW(record = recorded(planned, lived, told, chance()));
      // Early ones too: they meet the opening.
      const std::size_t most = chance.below(2) == 0 ? 20 : record->files.operations();
      const std::size_t cut = chance.below(std::min(most, record->files.operations()) + 1);
      record->files.lay_out(now, before, cut, kTearings[chance.below(std::size(kTearings))], chance());
      told = record->told_after(cut, told);
      before = now;
    }
    REQUIRE_NOTHROW(recorded(planned, before, told, seed));
    require_whole(before, planned);
  }
}

}  // namespace athanor::power
