#include "data_store/redo_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "core/error.h"

namespace athanor {
namespace {

// A log: its head, then `pages` times a number and a page.
struct Head {
  char magic[16];
  std::uint64_t pages;
  char sha256[64];  ///< of all that follows
};
constexpr std::string_view kMagic = "athanor redo 1\n";
constexpr std::size_t kEntry = sizeof(std::uint64_t) + RedoFile::kPage;
constexpr std::size_t kEntriesAtOnce = 256;
constexpr std::size_t kMostAtOnce = kEntriesAtOnce * RedoFile::kPage;

std::size_t without_trailing_zeros(std::span<const std::byte> bytes) {
  std::size_t size = bytes.size();
  while (size > 0 && bytes[size - 1] == std::byte{0}) --size;
  return size;
}

}  // namespace

RedoFile::RedoFile(const std::string& path, const Open& open, Access access)
    : log_path_(path + "-log"),
      open_(open),
      file_(open(path)),
      size_(file_->size()),
      end_(size_),
      committed_pages_(~0ULL) {
  if (!std::filesystem::exists(log_path_)) return;
  log_ = open(log_path_);
  if (!read_log()) return;
  if (access == Access::kWrite) {
    replay();
  } else {
    size_ = std::max(size_, (pages_.rbegin()->first + 1) * kPage);
  }
}

void RedoFile::release_beyond_end() {
  committed_pages_ = (end_ + kPage - 1) / kPage;
}

void RedoFile::read(std::uint64_t at, std::span<std::byte> out) {
  file_->read(at, out);
  for (auto page = pages_.lower_bound(at / kPage); page != pages_.end() && page->first * kPage < at + out.size();
       ++page) {
    const std::uint64_t begin = std::max(at, page->first * kPage);
    const std::uint64_t end = std::min(at + out.size(), (page->first + 1) * kPage);
    std::memcpy(out.data() + (begin - at), page->second.data() + (begin - page->first * kPage), end - begin);
  }
}

void RedoFile::write(std::uint64_t at, std::span<const std::byte> bytes) {
  const std::uint64_t end = at + bytes.size();
  const std::uint64_t free_from =
      committed_pages_ > end / kPage ? end : std::max(at, committed_pages_ * kPage);  // the rule of redo_file.h
  if (at < free_from) hold(at, bytes.first(free_from - at));
  if (free_from < end) {
    const auto beyond = bytes.subspan(free_from - at);
    // Beyond the end of the file there are zeros already; a disk that knows holes spends nothing on them.
    const std::size_t size = free_from >= size_ ? without_trailing_zeros(beyond) : beyond.size();
    try {
      if (failure_ == nullptr && size > 0) {
        synced_ = false;
        file_->write(free_from, beyond.first(size));
      }
    } catch (const EnvironmentError&) {
      failure_ = std::current_exception();
    }
    if (failure_ != nullptr) hold(free_from, beyond);
  }
  size_ = std::max(size_, end);
}

void RedoFile::check() const {
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

RedoFile::Page& RedoFile::held(std::uint64_t number) {
  const auto [page, is_new] = pages_.try_emplace(number);
  if (is_new) {
    try {
      file_->read(number * kPage, page->second);
    } catch (const EnvironmentError&) {
      failure_ = std::current_exception();
    }
  }
  return page->second;
}

void RedoFile::hold(std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t within = at % kPage;
    const std::size_t size = std::min(bytes.size(), kPage - within);
    Page& page = size == kPage ? pages_[at / kPage] : held(at / kPage);
    std::memcpy(page.data() + within, bytes.data(), size);
    at += size;
    bytes = bytes.subspan(size);
  }
}

void RedoFile::commit() {
  check();
  if (pages_.empty() && synced_) return;
  if (file_->size() < end_) file_->resize(end_);
  file_->sync();
  synced_ = true;
  if (!pages_.empty()) {
    write_log();
    put_in_place();
  }
  release_beyond_end();
}

void RedoFile::settle() {
  if (log_ == nullptr) return;
  file_->sync();
  log_.reset();
  std::error_code failed;
  std::filesystem::remove(log_path_, failed);
  if (failed) throw EnvironmentError(fmt::format("{}: cannot be removed: {}", log_path_, failed.message()));
}

// ── The log ──────────────────────────────────────────────────────────────────────────────────────────────────────────

void RedoFile::write_log() {
  if (log_ == nullptr) log_ = open_(log_path_);
  Head head{};
  kMagic.copy(head.magic, sizeof head.magic);
  head.pages = pages_.size();
  RunningSha256 hash;
  std::vector<std::byte> entries;
  std::uint64_t at = sizeof head;
  const auto write_entries = [&] {
    hash.add(entries);
    log_->write(at, entries);
    at += entries.size();
    entries.clear();
  };
  for (const auto& [number, page] : pages_) {
    const auto bytes = std::as_bytes(std::span(&number, 1));
    entries.insert(entries.end(), bytes.begin(), bytes.end());
    entries.insert(entries.end(), page.begin(), page.end());
    if (entries.size() == kEntriesAtOnce * kEntry) write_entries();
  }
  write_entries();
  hash.hex().copy(head.sha256, sizeof head.sha256);
  log_->write(0, std::as_bytes(std::span(&head, 1)));
  log_->sync();
}

/// Whether it is whole; its pages are then held.
bool RedoFile::read_log() {
  Head head{};
  log_->read(0, std::as_writable_bytes(std::span(&head, 1)));
  if (std::string_view(head.magic, kMagic.size()) != kMagic) return false;
  if (head.pages > log_->size() / kEntry) return false;
  RunningSha256 hash;
  std::vector<std::byte> entry(kEntry);
  for (std::uint64_t i = 0; i < head.pages; ++i) {
    log_->read(sizeof head + i * kEntry, entry);
    hash.add(entry);
    std::uint64_t number = 0;
    std::memcpy(&number, entry.data(), sizeof number);
    std::copy(entry.begin() + sizeof number, entry.end(), pages_[number].begin());
  }
  if (hash.hex() != std::string_view(head.sha256, sizeof head.sha256)) pages_.clear();
  return !pages_.empty();
}

void RedoFile::replay() {
  log_->sync();  // of a killed process, it may be whole and not on the disk yet
  put_in_place();
  file_->sync();
  synced_ = true;
  size_ = std::max(size_, file_->size());
}

void RedoFile::put_in_place() {
  std::vector<std::byte> run;  // pages that lie side by side, written at once
  for (auto page = pages_.begin(); page != pages_.end();) {
    const std::uint64_t first = page->first;
    for (run.clear(); page != pages_.end() && page->first == first + run.size() / kPage && run.size() < kMostAtOnce;
         ++page) {
      run.insert(run.end(), page->second.begin(), page->second.end());
    }
    file_->write(first * kPage, run);
  }
  synced_ = false;
  pages_.clear();
}

}  // namespace athanor
