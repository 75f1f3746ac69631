#include "tests/instruments/array_rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/digest.h"
#include "core/error.h"
#include "instruments/messages.h"

namespace athanor::rig {

namespace {

#ifdef ATHANOR_THREAD_SANITIZER
extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);
#endif

/// As it is, but that ThreadSanitizer does not look: `bytes` may have come through ZeroMQ, whose ways it cannot see
/// (zmq_rig.cpp), and of a large array it would suppress a report for every eight bytes, for minutes.
void append_unseen(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
#ifdef ATHANOR_THREAD_SANITIZER
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
#endif
  to.insert(to.end(), bytes.begin(), bytes.end());
#ifdef ATHANOR_THREAD_SANITIZER
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
#endif
}

}  // namespace

// ── The store ────────────────────────────────────────────────────────────────────────────────────────────────────────

void MemoryStore::require_room() {
  if (full_) {
    for (auto& [name, kept] : arrays_) {
      kept.bytes.resize(kept.durable);
      kept.open = false;
    }
    throw EnvironmentError("the disk is full");
  }
}

std::uint64_t MemoryStore::begin(const ArrayName& name, const ArrayType& type) {
  const std::lock_guard lock(mutex_);
  require_room();
  Kept& kept = arrays_.emplace(name, Kept{type, {}, 0, 0, false, false, ""}).first->second;
  if (!(kept.type == type)) throw InputError("it is of another type");
  kept.open = kept.sha256.empty();
  kept.abandoned = false;
  kept.bytes.resize(kept.durable);
  return kept.durable;
}

void MemoryStore::append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  require_room();
  Kept& kept = arrays_.at(name);
  appended_ += bytes.size();
  if (appended_ >= fills_up_at_) full_ = true;
  if (offset > kept.bytes.size()) throw InputError("there is a gap");
  if (offset + bytes.size() <= kept.bytes.size()) return;
  if (!kept.open) throw InputError("it is not open");
  append_unseen(kept.bytes, bytes.subspan(kept.bytes.size() - offset));
}

std::vector<std::pair<ArrayName, std::uint64_t>> MemoryStore::commit() {
  const std::lock_guard lock(mutex_);
  require_room();
  std::vector<std::pair<ArrayName, std::uint64_t>> grown;
  for (auto& [name, kept] : arrays_) {
    kept.durable = kept.bytes.size();
    if (kept.told == kept.durable) continue;
    kept.told = kept.durable;
    grown.emplace_back(name, kept.durable);
  }
  grown_.notify_all();
  return grown;
}

StoredArray MemoryStore::finish(const ArrayName& name, const std::string& digest) {
  const std::lock_guard lock(mutex_);
  require_room();
  Kept& kept = arrays_.at(name);
  const std::string_view all(reinterpret_cast<const char*>(kept.bytes.data()), kept.bytes.size());
  if (hex(sha256(all)) != digest) throw InputError("its hash is another one");
  kept.durable = kept.bytes.size();
  kept.sha256 = digest;
  kept.open = false;
  grown_.notify_all();
  return {"memory", "/" + name.result, kept.type, kept.durable / row_bytes(kept.type), digest};
}

void MemoryStore::abandon(const ArrayName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = arrays_.find(name);
  if (found == arrays_.end() || !found->second.open) return;
  found->second.open = false;
  found->second.abandoned = true;
}

std::optional<StoredArray> MemoryStore::find(const ArrayName& name) {
  const std::lock_guard lock(mutex_);
  const auto found = arrays_.find(name);
  if (found == arrays_.end() || found->second.sha256.empty()) return std::nullopt;
  const Kept& kept = found->second;
  return StoredArray{"memory", "/" + name.result, kept.type, kept.durable / row_bytes(kept.type), kept.sha256};
}

void MemoryStore::crash() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, kept] : arrays_) {
    kept.bytes.resize(kept.durable);
    kept.told = 0;
    kept.open = false;
  }
}

void MemoryStore::set_full(bool full) {
  const std::lock_guard lock(mutex_);
  full_ = full;
  fills_up_at_ = UINT64_MAX;
}

void MemoryStore::fill_up_at(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  fills_up_at_ = bytes;
}

std::size_t MemoryStore::durable(const ArrayName& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = arrays_.find(name);
  return found == arrays_.end() ? 0 : found->second.durable;
}

void MemoryStore::await_durable(const ArrayName& name, std::size_t bytes) {
  std::unique_lock lock(mutex_);
  grown_.wait(lock, [&] {
    const auto found = arrays_.find(name);
    return found != arrays_.end() && (found->second.durable >= bytes || !found->second.sha256.empty());
  });
}

MemoryStore::Kept MemoryStore::of(const ArrayName& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = arrays_.find(name);
  return found == arrays_.end() ? Kept{} : found->second;
}

std::uint64_t MemoryStore::appended() const {
  const std::lock_guard lock(mutex_);
  return appended_;
}

// ── Bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

std::vector<std::byte> bytes_of(std::uint64_t seed, std::uint64_t offset, std::size_t size) {
  constexpr std::uint64_t kWord = sizeof(std::uint64_t);
  std::vector<std::uint64_t> words((offset + size + kWord - 1) / kWord - offset / kWord);
  for (std::size_t i = 0; i < words.size(); ++i)
    words[i] = (offset / kWord + i + seed * 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u;
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), reinterpret_cast<const char*>(words.data()) + offset % kWord, size);
  return bytes;
}

std::string sha256_of(std::uint64_t seed, std::uint64_t size) {
  const auto bytes = bytes_of(seed, 0, size);
  RunningSha256 digest;
  digest.add(bytes);
  return digest.hex();
}

// ── The camera ───────────────────────────────────────────────────────────────────────────────────────────────────────

std::unique_ptr<Instrument> camera(const std::string& id, Camera& device) {
  InstrumentPlan plan;
  plan.id = id;
  plan.kind = "camera";
  const auto start = [&device](const Arguments& with, Time) -> Outcome<Work> {
    ++device.starts[with.command().id()];
    const auto frames = static_cast<std::uint64_t>(with.number("frames"));
    const std::uint64_t row = row_bytes({ElementType::kUint16, device.row_shape, ""});
    Work work;
    work.rows = [&device, frames, row, next = std::uint64_t{0}](std::size_t room, Time now) mutable {
      Feed feed;
      const std::uint64_t count = std::min<std::uint64_t>(frames - next, room / row);
      if (count > 0) feed.rows.push_back({"image", SharedBytes::of(bytes_of(kSeed, next * row, count * row))});
      next += count;
      device.given += count;
      if (next < frames) feed.again = now;
      return feed;
    };
    work.finish = [&device](Time) -> Outcome<Results> {
      if (device.spoils) return *device.spoils;
      return Results{{"exposure", 0.25}};
    };
    return work;
  };
  plan.offers = {{capability("film")
                      .number("frames", "", 0, 1e9)
                      .result("exposure", "s")
                      .array("image", ElementType::kUint16, device.row_shape, "count"),
                  start},
                 {capability("look"), [](const Arguments&, Time) -> Outcome<Work> { return Work{}; }}};
  return make_instrument(std::move(plan));
}

wire::Command film(const std::string& id, double frames, const std::string& instrument) {
  wire::Command command;
  command.set_id(id);
  command.set_instrument(instrument);
  command.set_capability("film");
  *command.add_with() = number_value("frames", frames, "");
  return command;
}

wire::ToDriver hello_for_arrays() {
  wire::ToDriver message = to_driver();
  message.mutable_hello()->set_controller("test");
  message.mutable_hello()->set_takes_arrays(true);
  return message;
}

}  // namespace athanor::rig
