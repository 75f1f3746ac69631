#include "data_store/day_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "data_store/hdf5_driver.h"

namespace athanor {
namespace {

constexpr const char* kFormat = "athanor arrays 1";
constexpr std::size_t kMetadataCacheBytes = 4 << 20;

Hdf5Handle property_list(hid_t kind) {
  return Hdf5Handle(H5Pcreate(kind), "making a property list");
}

}  // namespace

std::string as_link_name(const std::string& text) {
  if (text == "." || text == "..") return fmt::format("%2e{}", text.substr(1));
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    name += c == '/' || c == '%' || byte < 0x20 || byte == 0x7f ? fmt::format("%{:02x}", byte) : std::string(1, c);
  }
  return name;
}

std::string no_whole_file(const std::string& path) {
  return path + " is no whole file of arrays";
}

// ── The file ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void DayFile::make(const std::string& path, const std::string& campaign, const std::string& day,
                   const RedoFile::Open& open) {
  silence_hdf5();
  const std::string unfinished = path + "-new", doing = path + ": making it";
  open(unfinished)->resize(0);
  RedoFile bytes(unfinished, open);
  bytes.release_beyond_end();  // all of it: nothing is committed
  {
    const Hdf5Handle access = access_through(bytes);
    choose_formats(access);
    const Hdf5Handle creation = property_list(H5P_FILE_CREATE);
    require_hdf5(H5Pset_istore_k(creation, 8), doing);  // small nodes of chunk indices: most arrays have one chunk
    const Hdf5Handle file(H5Fcreate(unfinished.c_str(), H5F_ACC_TRUNC, creation, access), doing);
    write_text(file, "format", kFormat);
    write_text(file, "campaign", campaign);
    write_text(file, "day", day);
  }
  bytes.commit();
  put_in_place(unfinished, path);
}

DayFile::DayFile(const std::string& path, const std::string& campaign, const RedoFile::Open& open,
                 RedoFile::Access access)
    : path_(path), campaign_(campaign), file_(path, open, access) {
  silence_hdf5();
  const bool to_read = access == RedoFile::Access::kRead;
  std::string theirs;
  try {
    const Hdf5Handle properties = access_through(file_);
    choose_formats(properties);
    H5AC_cache_config_t cache{};
    cache.version = H5AC__CURR_CACHE_CONFIG_VERSION;
    require_hdf5(H5Pget_mdc_config(properties, &cache), "reading it");
    cache.max_size = kMetadataCacheBytes;
    cache.initial_size = cache.min_size = kMetadataCacheBytes / 4;
    require_hdf5(H5Pset_mdc_config(properties, &cache), "reading it");
    hdf5_ = Hdf5Handle(H5Fopen(path.c_str(), to_read ? H5F_ACC_RDONLY : H5F_ACC_RDWR, properties), "reading it");
    const std::string format = read_text(hdf5_, "format");
    if (format != kFormat) {
      throw EnvironmentError(fmt::format("its format is “{}”, and this program knows “{}”", format, kFormat));
    }
    theirs = read_text(hdf5_, "campaign");
  } catch (const EnvironmentError& error) {
    throw EnvironmentError(fmt::format("{}: {}", no_whole_file(path), error.what()));
  }
  if (theirs != campaign) {
    throw EnvironmentError(fmt::format("{} belongs to campaign “{}”; expected “{}”", path, theirs, campaign));
  }
  file_.release_beyond_end();
  end_when_opened_ = file_.end();
}

std::string DayFile::dataset_path(const ArrayName& name) {
  return fmt::format("/{}/{}/{}", as_link_name(name.instrument), as_link_name(name.command), as_link_name(name.result));
}

/// Of its header in the file; nothing: there is none of this name.
std::optional<std::uint64_t> DayFile::address(const std::string& path) {
  const std::string doing = fmt::format("{}: {}: looking for it", path_, path);
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {  // HDF5 asks only for the last name
    const std::string part = path.substr(0, end);
    const htri_t there = H5Lexists(hdf5_, part.c_str(), H5P_DEFAULT);
    require_hdf5(there, doing);
    if (there == 0) return std::nullopt;
    if (end != path.npos) continue;
    H5L_info_t link{};
    require_hdf5(H5Lget_info(hdf5_, part.c_str(), &link, H5P_DEFAULT), doing);
    return link.u.address;
  }
}

DayFile::Age DayFile::age(const ArrayName& name) {
  const auto at = address(dataset_path(name));
  if (!at) return Age::kNone;
  return *at < end_when_opened_ ? Age::kOlder : Age::kOurs;
}

std::optional<Dataset> DayFile::find(const ArrayName& name) {
  const std::string path = dataset_path(name), where = fmt::format("{}: {}", path_, path);
  if (!address(path)) return std::nullopt;
  return Dataset(Hdf5Handle(H5Dopen2(hdf5_, path.c_str(), H5P_DEFAULT), fmt::format("{}: opening it", where)), where,
                 file_);
}

void DayFile::commit() {
  file_.check();
  require_hdf5(H5Fflush(hdf5_, H5F_SCOPE_LOCAL), fmt::format("{}: committing", path_));
  file_.commit();
}

// ── Datasets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

namespace {

hid_t type_in_file(ElementType element) {
  switch (element) {
    case ElementType::kInt8:
      return H5T_STD_I8LE;
    case ElementType::kUint8:
      return H5T_STD_U8LE;
    case ElementType::kInt16:
      return H5T_STD_I16LE;
    case ElementType::kUint16:
      return H5T_STD_U16LE;
    case ElementType::kInt32:
      return H5T_STD_I32LE;
    case ElementType::kUint32:
      return H5T_STD_U32LE;
    case ElementType::kInt64:
      return H5T_STD_I64LE;
    case ElementType::kUint64:
      return H5T_STD_U64LE;
    case ElementType::kFloat32:
      return H5T_IEEE_F32LE;
    case ElementType::kFloat64:
      return H5T_IEEE_F64LE;
  }
  return H5I_INVALID_HID;
}

/// What goes wrong within has its place.
template <typename Call>
auto placed(const std::string& where, const Call& call) {
  try {
    return call();
  } catch (const EnvironmentError& error) {
    throw EnvironmentError(fmt::format("{}: {}", where, error.what()));
  }
}

}  // namespace

Dataset DayFile::make_dataset(const ArrayName& name, const ArrayType& type, const ChunkPlan& plan, Time begun) {
  const std::string path = dataset_path(name);
  const std::string where = fmt::format("{}: {}", path_, path), doing = fmt::format("{}: making it", where);

  const Hdf5Handle creation = property_list(H5P_DATASET_CREATE);
  const std::vector<hsize_t> chunk(plan.shape().begin(), plan.shape().end());
  require_hdf5(H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data()), doing);
  require_hdf5(H5Pset_shuffle(creation), doing);  // this order is that of FilteredChunk::left_out
  require_hdf5(H5Pset_deflate(creation, kDeflateLevel), doing);
  require_hdf5(H5Pset_fletcher32(creation), doing);
  require_hdf5(H5Pset_attr_phase_change(creation, 16, 0), doing);  // attributes stay in the dataset's own header
  require_hdf5(H5Pset_obj_track_times(creation, false), doing);

  const Hdf5Handle links = property_list(H5P_LINK_CREATE);
  require_hdf5(H5Pset_create_intermediate_group(links, 1), doing);
  require_hdf5(H5Pset_char_encoding(links, H5T_CSET_UTF8), doing);

  std::vector<hsize_t> most = {H5S_UNLIMITED};
  most.insert(most.end(), type.row_shape.begin(), type.row_shape.end());
  std::vector<hsize_t> now = most;
  now[0] = 0;
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(now.size()), now.data(), most.data()), doing);
  Hdf5Handle dataset(H5Dcreate2(hdf5_, path.c_str(), type_in_file(type.element), space, links, creation, H5P_DEFAULT),
                     doing);
  write_text(dataset, "campaign", campaign_);
  write_text(dataset, "instrument", name.instrument);
  write_text(dataset, "command", name.command);
  write_text(dataset, "result", name.result);
  write_text(dataset, "unit", type.unit);
  write_text(dataset, "begun", to_string(begun));
  write_text(dataset, "sha256", "");
  write_truth(dataset, "complete", false);
  write_number(dataset, "bytes", 0);
  return Dataset(std::move(dataset), where, file_);
}

Dataset::Dataset(Hdf5Handle handle, std::string where, RedoFile& file)
    : handle_(std::move(handle)), where_(std::move(where)), file_(&file) {
  const std::string doing = fmt::format("{}: reading what it is", where_);
  const Hdf5Handle space(H5Dget_space(handle_), doing);
  const int dimensions = H5Sget_simple_extent_ndims(space);
  require_hdf5(dimensions, doing);
  if (dimensions == 0) throw EnvironmentError(fmt::format("{} is not an array; it is none of this store's", where_));
  std::vector<hsize_t> extents(static_cast<std::size_t>(dimensions)), chunk(extents.size());
  require_hdf5(H5Sget_simple_extent_dims(space, extents.data(), nullptr), doing);
  const Hdf5Handle creation(H5Dget_create_plist(handle_), doing);
  require_hdf5(H5Pget_chunk(creation, dimensions, chunk.data()), doing);

  const Hdf5Handle type(H5Dget_type(handle_), doing);
  for (int i = 0;; ++i) {
    if (i > static_cast<int>(ElementType::kFloat64)) {
      throw EnvironmentError(fmt::format("{} has elements of a type that no array of this store has", where_));
    }
    type_.element = static_cast<ElementType>(i);
    if (H5Tequal(type, type_in_file(type_.element)) > 0) break;
  }
  type_.row_shape.assign(extents.begin() + 1, extents.end());
  type_.unit = placed(where_, [&] { return read_text(handle_, "unit"); });
  row_bytes_ = row_bytes(type_);
  rows_ = extents[0];
  plan_ = placed(where_, [&] { return ChunkPlan(type_, std::vector<std::uint64_t>(chunk.begin(), chunk.end())); });
}

std::uint64_t Dataset::bytes() const {
  return placed(where_, [&] { return read_number(handle_, "bytes"); });
}

std::optional<std::string> Dataset::sha256() const {
  return placed(where_, [&]() -> std::optional<std::string> {
    if (!read_truth(handle_, "complete")) return std::nullopt;
    return read_text(handle_, "sha256");
  });
}

void Dataset::grow(std::uint64_t bytes) {
  const std::uint64_t rows = (bytes + row_bytes_ - 1) / row_bytes_;
  if (rows <= rows_) return;
  std::vector<hsize_t> extents = {rows};
  extents.insert(extents.end(), type_.row_shape.begin(), type_.row_shape.end());
  require_hdf5(H5Dset_extent(handle_, extents.data()), fmt::format("{}: making it longer", where_));
  rows_ = rows;
}

void Dataset::write_chunk(const ChunkPlan::Piece& piece, const FilteredChunk& chunk) {
  const std::vector<hsize_t> at(piece.at.begin(), piece.at.end());
  require_hdf5(H5Dwrite_chunk(handle_, H5P_DEFAULT, chunk.left_out, at.data(), chunk.bytes.size(), chunk.bytes.data()),
               fmt::format("{}: writing a chunk", where_));
  file_->check();
}

std::uint64_t Dataset::address(const ChunkPlan::Piece& piece) const {
  const std::vector<hsize_t> at(piece.at.begin(), piece.at.end());
  unsigned left_out = 0;
  haddr_t address = HADDR_UNDEF;
  hsize_t size = 0;
  require_hdf5(H5Dget_chunk_info_by_coord(handle_, at.data(), &left_out, &address, &size),
               fmt::format("{}: looking for a chunk", where_));
  if (address == HADDR_UNDEF || left_out != kAllLeftOut || size != plan_->chunk_bytes()) {
    throw EnvironmentError(fmt::format("{}: its last chunk is not as this program leaves it", where_));
  }
  return address;
}

void Dataset::set_bytes(std::uint64_t bytes) {
  write_number(handle_, "bytes", bytes);
}

void Dataset::set_complete(const std::string& sha256) {
  write_text(handle_, "sha256", sha256);
  write_truth(handle_, "complete", true);
}

void Dataset::each(const std::function<void(const ChunkPlan::Piece&, std::span<const std::byte>)>& see) const {
  const std::uint64_t came = bytes();
  if (came > rows_ * row_bytes_) {
    throw EnvironmentError(fmt::format("{} has {} rows, and {} bytes are said to be in them", where_, rows_, came));
  }
  for (std::uint64_t at = 0; at < came;) {
    const ChunkPlan::Piece piece = plan_->piece(at);
    const std::vector<std::byte> bytes = read(piece);
    const std::uint64_t there = std::min(piece.bytes, came - piece.begin);
    see(piece, std::span(bytes).first(there));
    at = piece.begin + there;
  }
}

std::vector<std::byte> Dataset::read(const ChunkPlan::Piece& piece) const {
  const std::string doing = fmt::format("{}: reading it back", where_);
  const std::vector<hsize_t> at(piece.at.begin(), piece.at.end());
  std::vector<hsize_t> count(piece.count.begin(), piece.count.end());
  count[0] = std::min<hsize_t>(count[0], rows_ - at[0]);
  hsize_t bytes = element_bytes(type_.element);
  for (const hsize_t c : count) bytes *= c;
  std::vector<std::byte> out(bytes);
  const Hdf5Handle in_file(H5Dget_space(handle_), doing);
  require_hdf5(H5Sselect_hyperslab(in_file, H5S_SELECT_SET, at.data(), nullptr, count.data(), nullptr), doing);
  const Hdf5Handle in_memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), doing);
  require_hdf5(H5Dread(handle_, type_in_file(type_.element), in_memory, in_file, H5P_DEFAULT, out.data()), doing);
  return out;
}

}  // namespace athanor
