#include "instruments/array_window.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "instruments/description.h"
#include "instruments/driver.h"

namespace athanor {

namespace {

constexpr std::size_t kGathered = std::size_t{64} << 10;  // small rows are gathered in pieces of so many bytes
constexpr std::size_t kSmall = std::size_t{16} << 10;     // larger ones are not copied

wire::DataFromDriver message() {
  wire::DataFromDriver fresh;
  fresh.set_version(kProtocolVersion);
  return fresh;
}

}  // namespace

// ── From instruments ─────────────────────────────────────────────────────────────────────────────────────────────────

std::size_t ArrayWindow::room() const {
  const std::lock_guard lock(mutex_);
  return bytes_ > held_ ? bytes_ - held_ : 0;
}

std::size_t ArrayWindow::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

void ArrayWindow::put(const std::string& command, const std::string& result, const SharedBytes& rows) {
  const std::lock_guard lock(mutex_);
  Stream* stream = find(command, result);
  ATHANOR_CHECK(stream != nullptr,
                fmt::format("rows of “{}” for command “{}”, which makes no such array now", result, command));
  ATHANOR_CHECK(!stream->closed, fmt::format("rows of “{}” after the end of command “{}”", result, command));
  ATHANOR_CHECK(rows.size() % stream->row == 0,
                fmt::format("{} bytes of “{}”, whose rows have {}: rows come whole", rows.size(), result, stream->row));
  ATHANOR_CHECK(rows.size() <= bytes_ - std::min(held_, bytes_),
                fmt::format("{} bytes of “{}”, where there was room for {}", rows.size(), result,
                            bytes_ - std::min(held_, bytes_)));
  if (stream->fate == Stream::Fate::kLost || rows.size() == 0) return;
  if (rows.size() >= kSmall) {
    stream->pieces.push_back({stream->end, rows, nullptr, rows.size()});
    held_ += rows.size();
  } else {
    Piece* last = stream->pieces.empty() ? nullptr : &stream->pieces.back();
    if (last == nullptr || last->growing == nullptr || last->bytes.size() + rows.size() > kGathered) {
      last = &stream->pieces.emplace_back();
      last->offset = stream->end;
      last->growing = std::make_shared<std::vector<std::byte>>();
      last->growing->reserve(kGathered);
      last->held = kGathered;
      held_ += kGathered;
    }
    last->growing->insert(last->growing->end(), rows.bytes().begin(), rows.bytes().end());
    last->bytes = {last->growing, std::span(last->growing->data(), last->growing->size())};
  }
  stream->end += rows.size();
  socket_wake_.notify();
}

// ── From the driver ──────────────────────────────────────────────────────────────────────────────────────────────────

ArrayWindow::Stream* ArrayWindow::find(const std::string& command, const std::string& result) {
  for (auto& [number, stream] : streams_) {
    if (stream->named.command() == command && stream->named.result() == result) return stream.get();
  }
  return nullptr;
}

void ArrayWindow::open(const wire::Command& command, const wire::Capability& capability) {
  const std::lock_guard lock(mutex_);
  for (const wire::Field& field : capability.results()) {
    if (!field.has_array()) continue;
    auto stream = std::make_shared<Stream>();
    stream->named.set_stream(++last_number_);
    stream->named.set_command(command.id());
    stream->named.set_instrument(command.instrument());
    stream->named.set_result(field.name());
    *stream->named.mutable_type() = field.array();
    stream->named.set_unit(field.unit());
    stream->row = row_bytes(from_wire(field.array(), field.unit()));
    streams_.emplace(last_number_, std::move(stream));
  }
  socket_wake_.notify();
}

void ArrayWindow::close(const std::string& command) {
  const std::lock_guard lock(mutex_);
  for (auto& [number, stream] : streams_) {
    if (stream->named.command() == command) stream->closed = true;
  }
  socket_wake_.notify();
  driver_wake_.notify();  // it may be lost already
}

void ArrayWindow::abandon(const std::string& command) {
  const std::lock_guard lock(mutex_);
  for (auto it = streams_.begin(); it != streams_.end();) {
    Stream& stream = *it->second;
    if (stream.named.command() != command) {
      ++it;
      continue;
    }
    if (stream.told && stream.fate == Stream::Fate::kOpen) abandoned_.push_back(it->first);
    lose(stream, "abandoned");
    it = streams_.erase(it);
  }
  socket_wake_.notify();
  driver_wake_.notify();
}

bool ArrayWindow::any_settled() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, bool> all;  // by command: whether nothing of it is open
  for (const auto& [number, stream] : streams_) {
    if (!stream->closed) continue;
    if (stream->fate == Stream::Fate::kLost) return true;
    const auto known = all.emplace(stream->named.command(), true).first;
    known->second = known->second && stream->fate == Stream::Fate::kStored;
  }
  return std::any_of(all.begin(), all.end(), [](const auto& command) { return command.second; });
}

std::optional<ArrayWindow::Settled> ArrayWindow::settled(const std::string& command) {
  std::unique_lock lock(mutex_);
  Settled settled;
  bool open = false;
  for (const auto& [number, stream] : streams_) {
    if (stream->named.command() != command) continue;
    if (!stream->closed) return std::nullopt;
    open = open || stream->fate == Stream::Fate::kOpen;
    if (stream->fate == Stream::Fate::kLost && settled.why_not.empty())
      settled.why_not = fmt::format("its array “{}” was not stored: {}", stream->named.result(), stream->why);
    if (stream->fate != Stream::Fate::kStored) continue;
    wire::Value& value = settled.arrays.emplace_back();
    value.set_name(stream->named.result());
    value.set_unit(stream->named.unit());
    wire::Array& array = *value.mutable_array();
    *array.mutable_type() = stream->named.type();
    array.set_rows(stream->end / stream->row);
    array.set_sha256(stream->digest.hex());  // the socket's thread has hashed the last byte
  }
  if (open && settled.why_not.empty()) return std::nullopt;
  lock.unlock();
  abandon(command);
  return settled;
}

// ── From the data socket ─────────────────────────────────────────────────────────────────────────────────────────────

void ArrayWindow::collect() {
  leave();
  const std::lock_guard lock(mutex_);
  collected_ = true;
}

void ArrayWindow::leave() {
  const std::lock_guard lock(mutex_);
  collected_ = false;
  credit_ = sent_ = 0;
  abandoned_.clear();
  for (auto& [number, stream] : streams_) {
    stream->told = stream->close_told = false;
    stream->next.reset();
  }
}

void ArrayWindow::hear(const wire::DataToDriver& message) {
  const std::lock_guard lock(mutex_);
  if (message.has_credit()) {
    credit_ = std::max(credit_, message.credit().bytes());
    return;
  }
  const std::uint64_t number = message.has_resume()    ? message.resume().stream()
                               : message.has_durable() ? message.durable().stream()
                               : message.has_stored()  ? message.stored().stream()
                                                       : message.unstored().stream();
  const auto found = streams_.find(number);
  if (found == streams_.end() || !found->second->told) return;  // settled or abandoned meanwhile
  Stream& stream = *found->second;
  if (stream.fate != Stream::Fate::kOpen) return;
  if (message.has_resume()) {
    resume(stream, message.resume().offset());
  } else if (message.has_durable()) {
    stream.durable = std::max(stream.durable, message.durable().bytes());
    release(stream);
  } else if (message.has_stored() && stream.close_told) {
    stream.durable = stream.end;
    stream.fate = Stream::Fate::kStored;
    release(stream);
  } else if (message.has_unstored()) {
    lose(stream, message.unstored().why());
  }
}

void ArrayWindow::resume(Stream& stream, std::uint64_t from) {
  // Of the answers to Open the first says what the store has; a later one may be out of date.
  if (!stream.next && from < stream.begin()) {
    return lose(stream, fmt::format("the controller's data store had {} of its bytes on the disk, and has {} now",
                                    stream.begin(), from));
  }
  stream.next = std::max(from, stream.begin());
  stream.close_told = false;
}

/// Forgets what is durable; but nothing that was not hashed.
void ArrayWindow::release(Stream& stream) {
  const std::uint64_t done = std::min(stream.durable, stream.digested);
  while (!stream.pieces.empty() && stream.pieces.front().end() <= done) {
    held_ -= stream.pieces.front().held;
    stream.pieces.pop_front();
  }
  if (stream.next) stream.next = std::max(*stream.next, stream.begin());
  driver_wake_.notify();
}

void ArrayWindow::lose(Stream& stream, const std::string& why) {
  stream.fate = Stream::Fate::kLost;
  stream.why = why;
  for (const Piece& piece : stream.pieces) held_ -= piece.held;
  stream.pieces.clear();
  driver_wake_.notify();
}

SharedBytes ArrayWindow::part(const Stream& stream, std::uint64_t from) const {
  const auto after = std::upper_bound(stream.pieces.begin(), stream.pieces.end(), from,
                                      [](std::uint64_t offset, const Piece& piece) { return offset < piece.offset; });
  ATHANOR_CHECK(after != stream.pieces.begin(), "bytes of an array that are not kept any more");
  const Piece& piece = *std::prev(after);
  const std::size_t skipped = from - piece.offset;
  return piece.bytes.part(skipped, std::min(kChunk, piece.bytes.size() - skipped));
}

std::optional<ArrayWindow::Parcel> ArrayWindow::next() {
  std::unique_lock lock(mutex_);
  if (!collected_) return std::nullopt;
  if (!abandoned_.empty()) {
    Parcel parcel{message(), {}};
    parcel.header.mutable_abandon()->set_stream(abandoned_.back());
    abandoned_.pop_back();
    return parcel;
  }
  // The others first: every array has its turn.
  std::vector<std::shared_ptr<Stream>> in_turn;
  const auto first = streams_.upper_bound(turn_);
  for (auto it = first; it != streams_.end(); ++it) in_turn.push_back(it->second);
  for (auto it = streams_.begin(); it != first; ++it) in_turn.push_back(it->second);
  for (const auto& stream : in_turn) {
    if (auto parcel = next_of(stream, lock)) {
      turn_ = stream->named.stream();
      return parcel;
    }
  }
  return std::nullopt;
}

std::optional<ArrayWindow::Parcel> ArrayWindow::next_of(const std::shared_ptr<Stream>& stream,
                                                        std::unique_lock<std::mutex>& lock) {
  Parcel parcel{message(), {}};
  if (!stream->told) {
    stream->told = true;
    *parcel.header.mutable_open() = stream->named;
    return parcel;
  }
  if (!stream->next || stream->fate != Stream::Fate::kOpen) return std::nullopt;
  const auto hash = [&](const SharedBytes& bytes) {
    lock.unlock();  // whoever puts rows in does not wait for it
    stream->digest.add(bytes.bytes());
    lock.lock();
    stream->digested += bytes.size();
    release(*stream);
  };
  // What the store has of an earlier start of this driver is not sent, and hashed all the same.
  while (stream->digested < std::min(*stream->next, stream->end) && !stream->pieces.empty()) {
    SharedBytes skipped = part(*stream, stream->digested);
    hash(skipped.part(0, std::min<std::uint64_t>(skipped.size(), *stream->next - stream->digested)));
    if (!stream->next || stream->fate != Stream::Fate::kOpen) return std::nullopt;
  }
  if (*stream->next < stream->end) {
    parcel.bytes = part(*stream, *stream->next);
    if (sent_ + parcel.bytes.size() > credit_) return std::nullopt;
    wire::Chunk& chunk = *parcel.header.mutable_chunk();
    chunk.set_stream(stream->named.stream());
    chunk.set_offset(*stream->next);
    *stream->next += parcel.bytes.size();
    sent_ += parcel.bytes.size();
    if (const std::uint64_t end = *stream->next; end > stream->digested)
      hash(parcel.bytes.part(parcel.bytes.size() - (end - stream->digested), end - stream->digested));
    return parcel;
  }
  if (!stream->closed || stream->close_told) return std::nullopt;
  stream->close_told = true;
  wire::Close& close = *parcel.header.mutable_close();
  close.set_stream(stream->named.stream());
  close.set_bytes(stream->end);
  close.set_sha256(stream->digest.hex());
  return parcel;
}

}  // namespace athanor
