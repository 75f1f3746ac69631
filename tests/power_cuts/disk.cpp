#include "disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/random.h"

namespace athanor::power {
namespace {

using Folder = std::map<std::string, std::shared_ptr<Inode>>;

bool coin(RandomStream& chance) {
  return chance.below(2) == 0;
}

}  // namespace

// ── The disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────

struct Disk::State {
  Folder names, synced_names;
  int operations = 0, cut_at = 0;
  bool power = true;
  int age = 0;  ///< power cuts that it has seen

  /// Counts an operation; false if power goes during it.
  bool count() {
    if (++operations == cut_at) power = false;
    return power;
  }
  bool sync(Inode& inode) {
    if (!power || !count()) return false;
    inode.sync();
    return true;
  }
  bool sync_names() {
    if (!power || !count()) return false;
    synced_names = names;
    return true;
  }
};

Disk::Disk() : state_(std::make_unique<State>()) {}
Disk::~Disk() = default;

void Disk::cut_power_at(int operation) {
  state_->cut_at = operation;
}
bool Disk::has_power() const {
  return state_->power;
}
int Disk::operations() const {
  return state_->operations;
}

std::unique_ptr<Disk> Disk::after(Tearing tearing, std::uint64_t seed) const {
  RandomStream chance(seed, "what a power cut leaves", static_cast<std::uint64_t>(state_->operations));
  auto disk = std::make_unique<Disk>();
  disk->state_->age = state_->age + 1;
  std::set<std::string> names;
  for (const Folder& folder : {state_->names, state_->synced_names}) {
    for (const auto& [name, inode] : folder) names.insert(name);
  }
  for (const std::string& name : names) {
    const bool as_synced = tearing == Tearing::kNone || (tearing != Tearing::kAll && coin(chance));
    const Folder& folder = as_synced ? state_->synced_names : state_->names;
    const auto found = folder.find(name);
    if (found == folder.end()) continue;
    auto inode = std::make_shared<Inode>();
    inode->synced = inode->now = found->second->left(tearing, chance);
    disk->state_->names[name] = disk->state_->synced_names[name] = inode;
  }
  return disk;
}

// ── SQLite's file system on it ───────────────────────────────────────────────────────────────────────────────────────
// It does what SQLite's own one for Linux does, and says the same of itself. There is no memory to share (version 1 of
// the methods): connections that are alone, in exclusive mode, need none.

struct Mounted::FileSystem {
  sqlite3_vfs vfs{};
  Disk::State* disk = nullptr;
  RandomStream chance;

  explicit FileSystem(Disk::State& state)
      : disk(&state), chance(0, "SQLite's chance", static_cast<std::uint64_t>(state.age)) {}

  static FileSystem& of(sqlite3_vfs* vfs) { return *static_cast<FileSystem*>(vfs->pAppData); }
  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder);
  static int access(sqlite3_vfs* vfs, const char* name, int, int* found);
  static int full_name(sqlite3_vfs*, const char* name, int size, char* out);
  static int randomness(sqlite3_vfs* vfs, int size, char* out);
  static const sqlite3_io_methods kMethods;

  /// What SQLite holds of an open file; it gives the memory.
  struct File {
    sqlite3_file base;
    Disk::State* disk;
    std::shared_ptr<Inode> inode;
    bool sync_folder;  ///< with its first sync: a log or a journal whose name may be new
  };
  static File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
  static int close(sqlite3_file* file);
  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset);
  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset);
  static int truncate(sqlite3_file* file, sqlite3_int64 size);
  static int sync(sqlite3_file* file, int);
  static int size(sqlite3_file* file, sqlite3_int64* out);
};

const sqlite3_io_methods Mounted::FileSystem::kMethods = {
    .iVersion = 1,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = size,
    .xLock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xCheckReservedLock = [](sqlite3_file*, int* locked) { return *locked = 0; },
    .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
    .xSectorSize = [](sqlite3_file*) { return 4096; },
    .xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; },
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr};

int Mounted::FileSystem::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  Disk::State& disk = *of(vfs).disk;
  file->pMethods = nullptr;
  if (!disk.power) return SQLITE_CANTOPEN;
  std::shared_ptr<Inode> inode;
  if (name == nullptr) {
    inode = std::make_shared<Inode>();  // a temporary file has no name
  } else if (const auto found = disk.names.find(name); found != disk.names.end()) {
    inode = found->second;
  } else {
    if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
    inode = disk.names[name] = std::make_shared<Inode>();
    if (!disk.count()) return SQLITE_CANTOPEN;
  }
  const bool journal = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
  new (file) File{{&kMethods}, &disk, inode, journal && (flags & SQLITE_OPEN_CREATE) != 0};
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Mounted::FileSystem::remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Disk::State& disk = *of(vfs).disk;
  if (!disk.power) return SQLITE_IOERR_DELETE;
  if (disk.names.erase(name) == 0) return SQLITE_IOERR_DELETE_NOENT;
  if (!disk.count()) return SQLITE_IOERR_DELETE;
  return sync_folder == 0 || disk.sync_names() ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

int Mounted::FileSystem::access(sqlite3_vfs* vfs, const char* name, int, int* found) {
  Disk::State& disk = *of(vfs).disk;
  *found = disk.names.contains(name) ? 1 : 0;
  return disk.power ? SQLITE_OK : SQLITE_IOERR_ACCESS;
}

int Mounted::FileSystem::full_name(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int Mounted::FileSystem::randomness(sqlite3_vfs* vfs, int size, char* out) {
  for (int i = 0; i < size; ++i) out[i] = static_cast<char>(of(vfs).chance.below(256));
  return size;
}

int Mounted::FileSystem::close(sqlite3_file* file) {
  of(file).~File();
  return SQLITE_OK;
}

int Mounted::FileSystem::read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  if (!of(file).disk->power) return SQLITE_IOERR_READ;
  const std::string& content = of(file).inode->now;
  const auto from = std::min(static_cast<std::size_t>(offset), content.size());
  const auto there = std::min(static_cast<std::size_t>(size), content.size() - from);
  std::memcpy(out, content.data() + from, there);
  std::memset(static_cast<char*>(out) + there, 0, static_cast<std::size_t>(size) - there);
  return there == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int Mounted::FileSystem::write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (!of(file).disk->power) return SQLITE_IOERR_WRITE;
  of(file).inode->change({false, static_cast<std::size_t>(offset),
                          std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size))});
  return of(file).disk->count() ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

int Mounted::FileSystem::truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (!of(file).disk->power) return SQLITE_IOERR_TRUNCATE;
  of(file).inode->change({true, static_cast<std::size_t>(size), ""});
  return of(file).disk->count() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int Mounted::FileSystem::sync(sqlite3_file* file, int) {
  if (!of(file).disk->sync(*of(file).inode)) return SQLITE_IOERR_FSYNC;
  if (!of(file).sync_folder) return SQLITE_OK;
  if (!of(file).disk->sync_names()) return SQLITE_IOERR_DIR_FSYNC;
  of(file).sync_folder = false;
  return SQLITE_OK;
}

int Mounted::FileSystem::size(sqlite3_file* file, sqlite3_int64* out) {
  *out = static_cast<sqlite3_int64>(of(file).inode->now.size());
  return of(file).disk->power ? SQLITE_OK : SQLITE_IOERR_FSTAT;
}

Mounted::Mounted(Disk& disk) : file_system_(std::make_unique<FileSystem>(*disk.state_)) {
  sqlite3_vfs& vfs = file_system_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(FileSystem::File);
  vfs.mxPathname = 512;
  vfs.zName = "power cuts";
  vfs.pAppData = file_system_.get();
  vfs.xOpen = FileSystem::open;
  vfs.xDelete = FileSystem::remove;
  vfs.xAccess = FileSystem::access;
  vfs.xFullPathname = FileSystem::full_name;
  vfs.xRandomness = FileSystem::randomness;
  vfs.xSleep = [](sqlite3_vfs*, int) { return 0; };
  vfs.xCurrentTime = [](sqlite3_vfs*, double* day) { return *day = 2461000.5, SQLITE_OK; };
  vfs.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
  ATHANOR_CHECK(sqlite3_vfs_find("power cuts") == nullptr, "two disks mounted at once");
  ATHANOR_CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK, "SQLite takes no file system");
  sqlite3_randomness(0, nullptr);  // begins anew, with this disk's chance
}

Mounted::~Mounted() {
  sqlite3_vfs_unregister(&file_system_->vfs);
}

}  // namespace athanor::power
