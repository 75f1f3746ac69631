// The arrays of a driver's commands on their way to the controller: a bounded window of what is not on its disk yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/digest.h"
#include "core/wake.h"
#include "instruments/shared_bytes.h"
#include "proto/driver.pb.h"

namespace athanor {

namespace wire = driver::v1;

/// A driver's end of the data path (docs/driver-protocol.md, “Large data”), without its socket. Instruments put rows in
/// at one side, the data socket's thread takes messages out at the other. What was put in is kept until the controller
/// says that it is durable, so that a broken link, or a controller that was killed, loses nothing.
class ArrayWindow {
 public:
  static constexpr std::size_t kBytes = std::size_t{64} << 20;
  static constexpr std::size_t kChunk = std::size_t{1} << 20;  ///< the most that one message holds

  explicit ArrayWindow(std::size_t bytes = kBytes) : bytes_(bytes) {}

  /// Bytes that are kept now: no more than the window, and 64 KiB for each array.
  std::size_t held() const;

  // ── From instruments ──
  /// How many more bytes may be put in now.
  std::size_t room() const;
  /// Whole rows, no more than there is room for; little-endian, the last dimension fastest. They must not change any
  /// more. After a controller has said that it will never store this array, they are dropped.
  void put(const std::string& command, const std::string& result, const SharedBytes& rows);

  // ── From the driver ──
  /// `command` begins: each array that `capability` describes is one that grows.
  void open(const wire::Command& command, const wire::Capability& capability);
  /// It has ended well: its arrays have all their rows.
  void close(const std::string& command);
  /// It has come to nothing, and so have its arrays.
  void abandon(const std::string& command);
  /// What became of the arrays of a command that was closed.
  struct Settled {
    std::vector<wire::Value> arrays;
    std::string why_not;  ///< one of them cannot be stored; empty: all are, durable and whole
  };
  /// None while that is not known; given once.
  std::optional<Settled> settled(const std::string& command);
  bool any_settled() const;
  /// Wakes the driver's loop: there is room, or something is settled.
  const Wake& driver_wake() const { return driver_wake_; }

  // ── From the data socket ──
  /// A controller has come, or come again: it is told of every array, and says from where each goes on.
  void collect();
  /// It has gone.
  void leave();
  void hear(const wire::DataToDriver& message);
  struct Parcel {
    wire::DataFromDriver header;
    SharedBytes bytes;  ///< of a Chunk
  };
  /// The next message within the controller's credit, if there is one. Hashes what it sends: for one thread.
  std::optional<Parcel> next();
  /// Wakes the socket's loop: `next` may have something.
  const Wake& socket_wake() const { return socket_wake_; }

 private:
  struct Piece {
    std::uint64_t offset = 0;
    SharedBytes bytes;
    std::shared_ptr<std::vector<std::byte>> growing;  ///< small rows are gathered in it; it is never moved
    std::size_t held = 0;                             ///< what it counts for in the window
    std::uint64_t end() const { return offset + bytes.size(); }
  };
  struct Stream {
    wire::Open named;
    std::uint64_t row = 1;      ///< bytes
    std::deque<Piece> pieces;   ///< not known to be durable, in order
    std::uint64_t end = 0;      ///< so many bytes were put in
    std::uint64_t durable = 0;  ///< and so many are on the controller's disk
    bool closed = false;
    enum class Fate { kOpen, kStored, kLost } fate = Fate::kOpen;
    std::string why;
    // With the controller that collects:
    bool told = false;                  ///< Open was said
    std::optional<std::uint64_t> next;  ///< byte to be sent; none: it has not said where to go on
    bool close_told = false;
    // The socket's thread alone:
    RunningSha256 digest;
    std::uint64_t digested = 0;

    std::uint64_t begin() const { return pieces.empty() ? end : pieces.front().offset; }
  };
  using Streams = std::map<std::uint64_t, std::shared_ptr<Stream>>;

  Stream* find(const std::string& command, const std::string& result);
  void resume(Stream& stream, std::uint64_t from);
  void release(Stream& stream);
  void lose(Stream& stream, const std::string& why);
  /// Part of what `stream` holds, from byte `from` on: at most a chunk, and within one piece.
  SharedBytes part(const Stream& stream, std::uint64_t from) const;
  std::optional<Parcel> next_of(const std::shared_ptr<Stream>& stream, std::unique_lock<std::mutex>& lock);

  const std::size_t bytes_;
  mutable std::mutex mutex_;
  Wake driver_wake_, socket_wake_;
  std::size_t held_ = 0;
  std::uint64_t last_number_ = 0;
  Streams streams_;                       ///< by number
  std::vector<std::uint64_t> abandoned_;  ///< that the controller is to be told of
  bool collected_ = false;                ///< a controller is there
  std::uint64_t credit_ = 0, sent_ = 0;   ///< bytes since it came
  std::uint64_t turn_ = 0;                ///< the stream that was served last
};

}  // namespace athanor
