#include "rig.h"

#include <stdexcept>

#include "core/digest.h"

// HDF5 1.10 leaks 424 bytes when it refuses to open a damaged file.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5";
}

namespace athanor {
namespace {

template <typename T>
T need(T result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string("stock HDF5: ") + what);
  return result;
}

std::string text_of(hid_t object, const char* name) {
  const hid_t attribute = need(H5Aopen(object, name, H5P_DEFAULT), name);
  const hid_t type = H5Aget_type(attribute);
  char* text = nullptr;
  need(H5Aread(attribute, type, &text), name);
  const std::string value = text;
  H5free_memory(text);
  H5Tclose(type);
  H5Aclose(attribute);
  return value;
}

// Closes whatever was opened, also after a failure, so that a file is never left open.
struct Opened {
  hid_t file;
  explicit Opened(const std::filesystem::path& path) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    file = need(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), "opening the file");
    H5Pclose(access);
  }
  ~Opened() { H5Fclose(file); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
};

}  // namespace

Bytes some_bytes(std::size_t size, RandomStream& chance) {
  Bytes bytes(size);
  bool noisy = true;
  for (std::size_t i = 0; i < size; ++i) {
    if (i % 1000 == 0) noisy = chance.below(2) == 0;
    bytes[i] = static_cast<std::byte>(noisy ? chance.below(256) : i / 100);
  }
  return bytes;
}

std::string sha256_of(const Bytes& bytes) {
  return hex(sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

Read read_stock(const std::filesystem::path& path, const std::string& name) {
  const Opened opened(path);
  const hid_t dataset = need(H5Dopen2(opened.file, name.c_str(), H5P_DEFAULT), "opening the dataset");
  Read read;
  const hid_t space = need(H5Dget_space(dataset), "space");
  const auto dimensions = static_cast<std::size_t>(need(H5Sget_simple_extent_ndims(space), "dimensions"));
  std::vector<hsize_t> extents(dimensions), chunk(dimensions);
  need(H5Sget_simple_extent_dims(space, extents.data(), nullptr), "extents");
  const hid_t creation = need(H5Dget_create_plist(dataset), "creation list");
  need(H5Pget_chunk(creation, static_cast<int>(dimensions), chunk.data()), "chunks");
  read.extents.assign(extents.begin(), extents.end());
  read.chunk.assign(chunk.begin(), chunk.end());
  const hid_t type = need(H5Dget_type(dataset), "type");
  std::size_t size = H5Tget_size(type);
  for (const hsize_t extent : extents) size *= extent;
  read.bytes.resize(size);
  std::byte nothing;
  need(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, size == 0 ? &nothing : read.bytes.data()), "reading");
  read.sha256 = text_of(dataset, "sha256");
  read.unit = text_of(dataset, "unit");
  read.campaign = text_of(dataset, "campaign");
  read.instrument = text_of(dataset, "instrument");
  read.command = text_of(dataset, "command");
  read.result = text_of(dataset, "result");
  const hid_t complete = need(H5Aopen(dataset, "complete", H5P_DEFAULT), "complete");
  const hid_t truth = H5Aget_type(complete);
  signed char value = 0;
  need(H5Aread(complete, truth, &value), "complete");
  read.complete = value != 0;
  const hid_t known = need(H5Aopen(dataset, "bytes", H5P_DEFAULT), "bytes");
  need(H5Aread(known, H5T_NATIVE_UINT64, &read.known), "bytes");
  hsize_t chunks = 0;
  need(H5Dget_num_chunks(dataset, space, &chunks), "chunks");
  for (hsize_t i = 0; i < chunks; ++i) {
    std::vector<hsize_t> at(dimensions);
    unsigned mask = 0;
    haddr_t address = 0;
    hsize_t bytes = 0;
    need(H5Dget_chunk_info(dataset, space, i, at.data(), &mask, &address, &bytes), "a chunk");
    read.filters_left_out.push_back(mask);
    read.chunk_sizes.push_back(bytes);
    read.chunk_addresses.push_back(address);
  }
  return read;
}

std::vector<std::string> datasets_stock(const std::filesystem::path& path) {
  const Opened opened(path);
  std::vector<std::string> names;
  const auto visit = [](hid_t, const char* name, const H5O_info_t* info, void* out) -> herr_t {
    if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(out)->push_back(std::string("/") + name);
    return 0;
  };
  need(H5Ovisit2(opened.file, H5_INDEX_NAME, H5_ITER_INC, visit, &names, H5O_INFO_BASIC), "visiting");
  return names;
}

}  // namespace athanor
