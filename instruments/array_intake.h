// The controller's end of one driver's data path, without its socket: puts what arrives into the data store, and says
// what may come next.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/array.h"
#include "proto/driver.pb.h"

namespace athanor {

namespace wire = driver::v1;

/// One for each connection. Credit keeps drivers within `share`; one that does not heed it waits in its own memory,
/// since no more than a short queue is read ahead (data_link.cpp). Exceptions of the store that mean a full disk
/// (EnvironmentError) go through to the caller, who then begins anew with a new connection.
class ArrayIntake {
 public:
  using Expects = std::function<bool(const wire::Open&)>;
  /// share: bytes that may be on their way here at any time; 2 MiB at least.
  /// expects: whether an array is of a command of ours; what is not is left alone, for whoever it is meant for.
  ArrayIntake(ArrayStore& store, std::uint64_t share, Expects expects);

  struct Said {
    std::vector<wire::DataToDriver> answers;
    std::string wrong;  ///< the driver breaks the protocol, and the connection is to be ended
  };
  /// The first words over a new connection.
  std::vector<wire::DataToDriver> begin(const std::string& ticket);
  /// bytes: the second frame, of a Chunk.
  Said hear(const wire::DataFromDriver& message, std::span<const std::byte> bytes);
  /// The store has so much of this array on the disk; none if it is no array of this driver.
  std::optional<wire::DataToDriver> durable(const ArrayName& name, std::uint64_t bytes) const;

 private:
  struct Stream {
    ArrayName name;
    std::uint64_t element = 1;            ///< bytes
    std::uint64_t received = 0;           ///< and given to the store
    std::optional<std::uint64_t> resume;  ///< it was asked to go on from there, and has not yet
  };

  std::string open(const wire::Open& open, Said& said);
  std::string take(const wire::Chunk& chunk, std::span<const std::byte> bytes, Said& said);
  std::string close(const wire::Close& close, Said& said);
  void ask_to_resume(std::uint64_t number, Stream& stream, Said& said);
  void release(std::size_t bytes, Said& said);

  ArrayStore& store_;
  const std::uint64_t share_;
  Expects expects_;
  std::map<std::uint64_t, Stream> streams_;  ///< by number
  std::map<ArrayName, std::uint64_t> numbers_;
  std::uint64_t taken_ = 0, allowed_ = 0;  ///< bytes since the beginning
};

}  // namespace athanor
