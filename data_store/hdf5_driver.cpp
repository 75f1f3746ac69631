#include "data_store/hdf5_driver.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"

namespace athanor {
namespace {

// What HDF5 holds of an open file; it wants its own part first.
struct Driver {
  H5FD_t base;
  RedoFile* file;

  static Driver& of(H5FD_t* base) { return *reinterpret_cast<Driver*>(base); }
  static const Driver& of(const H5FD_t* base) { return *reinterpret_cast<const Driver*>(base); }
};

H5FD_t* open(const char*, unsigned, hid_t access, haddr_t) {
  RedoFile* const* file = static_cast<RedoFile* const*>(H5Pget_driver_info(access));
  return file == nullptr ? nullptr : &(new Driver{{}, *file})->base;
}

herr_t close(H5FD_t* base) {
  delete &Driver::of(base);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t get_allocated_end(const H5FD_t* base, H5FD_mem_t) {
  return Driver::of(base).file->end();
}

herr_t set_allocated_end(H5FD_t* base, H5FD_mem_t, haddr_t end) {
  Driver::of(base).file->set_end(end);
  return 0;
}

haddr_t get_file_end(const H5FD_t* base, H5FD_mem_t) {
  return Driver::of(base).file->size();
}

herr_t read(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t at, std::size_t size, void* out) {
  try {
    Driver::of(base).file->read(at, {static_cast<std::byte*>(out), size});
    return 0;
  } catch (const std::exception& error) {
    H5Epush2(H5E_DEFAULT, __FILE__, "read", __LINE__, H5E_ERR_CLS, H5E_IO, H5E_READERROR, "%s", error.what());
    return -1;
  }
}

herr_t write(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t at, std::size_t size, const void* bytes) {
  Driver::of(base).file->write(at, {static_cast<const std::byte*>(bytes), size});
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
  driver.name = "athanor";
  driver.maxaddr = (haddr_t{1} << 62) - 1;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(RedoFile*);
  driver.open = open;
  driver.close = close;
  driver.query = query;
  driver.get_eoa = get_allocated_end;
  driver.set_eoa = set_allocated_end;
  driver.get_eof = get_file_end;
  driver.read = read;
  driver.write = write;
  // One pool of free space for all: what is freed anywhere is used again anywhere, since RedoFile makes that safe.
  const H5FD_mem_t one_pool[] = H5FD_FLMAP_SINGLE;
  std::copy(std::begin(one_pool), std::end(one_pool), std::begin(driver.fl_map));
  return driver;
}

}  // namespace

Hdf5Handle access_through(RedoFile& file) {
  static const H5FD_class_t driver = driver_class();
  static const hid_t registered = H5FDregister(&driver);
  require_hdf5(registered, "registering the file driver");
  Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), "making a property list");
  RedoFile* info = &file;
  require_hdf5(H5Pset_driver(access, registered, &info), "choosing the file driver");
  return access;
}

void choose_formats(hid_t access) {
  require_hdf5(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18), "choosing the file format");
}

}  // namespace athanor
