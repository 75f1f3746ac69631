// What tests of large arrays share: a store in memory that forgets like a crashed one, and a camera.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/array.h"
#include "instruments/array_intake.h"
#include "instruments/array_window.h"
#include "instruments/kit.h"

namespace athanor::rig {

/// Keeps what was committed through `crash`; on a full disk every call throws. May be looked at from another thread.
class MemoryStore final : public ArrayStore {
 public:
  struct Kept {
    ArrayType type;
    std::vector<std::byte> bytes;
    std::size_t durable = 0, told = 0;
    bool open = false, abandoned = false;
    std::string sha256;  ///< of one that is whole
  };

  std::uint64_t begin(const ArrayName& name, const ArrayType& type) override;
  void append(const ArrayName& name, std::uint64_t offset, std::span<const std::byte> bytes) override;
  std::vector<std::pair<ArrayName, std::uint64_t>> commit() override;
  StoredArray finish(const ArrayName& name, const std::string& sha256) override;
  void abandon(const ArrayName& name) override;
  std::optional<StoredArray> find(const ArrayName& name) override;

  /// What is not durable is forgotten, and no array is open.
  void crash();
  void set_full(bool full);
  /// Once so many bytes were taken in.
  void fill_up_at(std::uint64_t bytes);
  Kept of(const ArrayName& name) const;
  std::size_t durable(const ArrayName& name) const;
  /// Waits until so many bytes of it are durable, or it is whole.
  void await_durable(const ArrayName& name, std::size_t bytes);
  std::uint64_t appended() const;  ///< bytes, those that came twice too

 private:
  void require_room();
  mutable std::mutex mutex_;
  std::condition_variable grown_;
  std::map<ArrayName, Kept> arrays_;
  bool full_ = false;
  std::uint64_t appended_ = 0, fills_up_at_ = UINT64_MAX;
};

/// Part of the array that `seed` makes: never the same in two places.
std::vector<std::byte> bytes_of(std::uint64_t seed, std::uint64_t offset, std::size_t size);
/// SHA-256 of its first `size` bytes.
std::string sha256_of(std::uint64_t seed, std::uint64_t size);

/// What the camera physically did, and how it is to behave. May be looked at from another thread only at its end.
struct Camera {
  std::map<std::string, int> starts;  ///< by command id
  std::uint64_t given = 0;            ///< rows
  std::optional<Fault> spoils;        ///< ends with this
  std::vector<std::uint64_t> row_shape{4, 8};
};
constexpr std::uint64_t kSeed = 7;

/// "film": frames (number); gives the number "exposure" and the array "image", uint16 of `row_shape`, whose bytes are
/// those of kSeed. "look" makes no array.
std::unique_ptr<Instrument> camera(const std::string& id, Camera& device);
wire::Command film(const std::string& id, double frames, const std::string& instrument = "camera-1");
/// A Hello of one who takes arrays.
wire::ToDriver hello_for_arrays();

}  // namespace athanor::rig
