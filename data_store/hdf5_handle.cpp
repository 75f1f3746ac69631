#include "data_store/hdf5_handle.h"

#include <fmt/format.h>

#include "core/error.h"

namespace athanor {
namespace {

// The innermost line of HDF5's error stack: it names the cause, the others only who called whom.
herr_t take_innermost(unsigned n, const H5E_error2_t* error, void* out) {
  if (n == 0) *static_cast<std::string*>(out) = fmt::format("{} ({})", error->desc, error->func_name);
  return 0;
}

[[noreturn]] void fail(const std::string& doing) {
  std::string reason = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &reason);
  throw EnvironmentError(fmt::format("{} failed: {}", doing, reason));
}

// Made once: an array has a dozen attributes, and making a type takes longer than reading one.
hid_t text_type() {
  static const Hdf5Handle made = [] {
    Hdf5Handle type(H5Tcopy(H5T_C_S1), "making a type");
    require_hdf5(H5Tset_size(type, H5T_VARIABLE), "making a type");
    require_hdf5(H5Tset_cset(type, H5T_CSET_UTF8), "making a type");
    return type;
  }();
  return made;
}

hid_t truth_type() {
  static const Hdf5Handle made = [] {
    Hdf5Handle type(H5Tenum_create(H5T_NATIVE_INT8), "making a type");
    for (const signed char value : {std::int8_t{0}, std::int8_t{1}}) {
      require_hdf5(H5Tenum_insert(type, value == 0 ? "FALSE" : "TRUE", &value), "making a type");
    }
    return type;
  }();
  return made;
}

void write(hid_t object, const char* attribute, hid_t type, const void* value) {
  const std::string doing = fmt::format("writing the attribute “{}”", attribute);
  const htri_t there = H5Aexists(object, attribute);
  require_hdf5(there, doing);
  Hdf5Handle handle;
  if (there > 0) {
    handle = Hdf5Handle(H5Aopen(object, attribute, H5P_DEFAULT), doing);
  } else {
    const Hdf5Handle scalar(H5Screate(H5S_SCALAR), doing);
    handle = Hdf5Handle(H5Acreate2(object, attribute, type, scalar, H5P_DEFAULT, H5P_DEFAULT), doing);
  }
  require_hdf5(H5Awrite(handle, type, value), doing);
}

void read(hid_t object, const char* attribute, hid_t type, void* value) {
  const std::string doing = fmt::format("reading the attribute “{}”", attribute);
  const Hdf5Handle handle(H5Aopen(object, attribute, H5P_DEFAULT), doing);
  const Hdf5Handle space(H5Aget_space(handle), doing);
  if (H5Sget_simple_extent_npoints(space) != 1) throw EnvironmentError(doing + " failed: it is not one value");
  require_hdf5(H5Aread(handle, type, value), doing);
}

}  // namespace

Hdf5Handle::Hdf5Handle(hid_t id, const std::string& doing) : id_(id) {
  if (id < 0) fail(doing);
}

void Hdf5Handle::reset() {
  if (id_ >= 0) H5Idec_ref(std::exchange(id_, H5I_INVALID_HID));
}

void silence_hdf5() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

void require_hdf5(std::int64_t result, const std::string& doing) {
  if (result < 0) fail(doing);
}

void write_text(hid_t object, const char* attribute, const std::string& value) {
  const char* text = value.c_str();
  write(object, attribute, text_type(), &text);
}

void write_number(hid_t object, const char* attribute, std::uint64_t value) {
  write(object, attribute, H5T_STD_U64LE, &value);
}

void write_truth(hid_t object, const char* attribute, bool value) {
  const signed char number = value ? 1 : 0;
  write(object, attribute, truth_type(), &number);
}

std::string read_text(hid_t object, const char* attribute) {
  char* text = nullptr;
  read(object, attribute, text_type(), &text);
  const std::string value = text == nullptr ? "" : text;
  H5free_memory(text);
  return value;
}

std::uint64_t read_number(hid_t object, const char* attribute) {
  std::uint64_t value = 0;
  read(object, attribute, H5T_STD_U64LE, &value);
  return value;
}

bool read_truth(hid_t object, const char* attribute) {
  signed char number = 0;
  read(object, attribute, truth_type(), &number);
  return number != 0;
}

}  // namespace athanor
