// The C interface of HDF5 with owners and exceptions. The only header that includes hdf5.h.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <string>
#include <utility>

namespace athanor {

/// Owns what an HDF5 identifier stands for, of any kind.
class Hdf5Handle {
 public:
  Hdf5Handle() = default;
  /// throws EnvironmentError with HDF5's own reason if `id` is none; `doing`, as in "opening the dataset", begins the
  /// message.
  Hdf5Handle(hid_t id, const std::string& doing);
  ~Hdf5Handle() { reset(); }
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  operator hid_t() const { return id_; }
  void reset();

 private:
  hid_t id_ = H5I_INVALID_HID;
};

/// HDF5 says nothing on its own on this thread; what failed is in the exceptions.
void silence_hdf5();

/// throws EnvironmentError with HDF5's own reason if `result` is negative.
void require_hdf5(std::int64_t result, const std::string& doing);

/// Attributes of `object`: texts in UTF-8 of any length, as h5py writes them; truth as its bool.
void write_text(hid_t object, const char* attribute, const std::string& value);
void write_number(hid_t object, const char* attribute, std::uint64_t value);
void write_truth(hid_t object, const char* attribute, bool value);
/// throws EnvironmentError if the attribute is not there, or is of another type.
std::string read_text(hid_t object, const char* attribute);
std::uint64_t read_number(hid_t object, const char* attribute);
bool read_truth(hid_t object, const char* attribute);

}  // namespace athanor
