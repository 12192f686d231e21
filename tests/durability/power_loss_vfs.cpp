// SPDX-License-Identifier: Apache-2.0
#include "tests/durability/power_loss_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>

namespace kit::durability {

using Bytes = std::vector<unsigned char>;

/// Something done to a file since it was last synced.
struct PowerLossVfs::Change {
  bool truncate = false;
  std::size_t offset = 0;  // or the new size
  Bytes bytes;
};

struct PowerLossVfs::File {
  Bytes synced;
  Bytes current;
  std::vector<Change> changes;
  bool exists = true;
  bool name_synced = false;         // the folder knows the name for sure
  bool deletion_uncertain = false;  // deleted, and the folder may not know
  std::map<Handle*, int> locks;
  std::vector<std::unique_ptr<unsigned char[]>> shared_memory;
  std::set<Handle*> shared_memory_users;
  std::array<std::set<Handle*>, SQLITE_SHM_NLOCK> shared_locks;
  std::array<Handle*, SQLITE_SHM_NLOCK> exclusive_locks{};
};

/// What SQLite allocates for an open file; the base must come first.
struct PowerLossVfs::Handle {
  sqlite3_file base;
  PowerLossVfs* disk;
  std::shared_ptr<File> file;
  bool delete_on_close;
  bool syncs_folder;  // at its first sync, as SQLite does for journals and logs it has made
};

namespace {

void write_at(Bytes& image, std::size_t offset, const unsigned char* bytes, std::size_t size) {
  if (image.size() < offset + size) image.resize(offset + size);
  std::memcpy(image.data() + offset, bytes, size);
}

}  // namespace

/// The C functions of the VFS.
struct VfsMethods {
  using Vfs = PowerLossVfs;
  using Handle = Vfs::Handle;
  using File = Vfs::File;

  static Handle& of(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file); }
  static Vfs& of(sqlite3_vfs* vfs) { return *static_cast<Vfs*>(vfs->pAppData); }
  static sqlite3_vfs* system() { return sqlite3_vfs_find("unix"); }

  static int close(sqlite3_file* base) {
    Handle& handle = of(base);
    {
      std::lock_guard lock(handle.disk->mutex_);
      handle.file->locks.erase(&handle);
      if (handle.delete_on_close) handle.file->exists = false;
    }
    std::destroy_at(&handle.file);
    return SQLITE_OK;
  }

  static int read(sqlite3_file* base, void* to, int amount, sqlite3_int64 offset) {
    Handle& handle = of(base);
    std::lock_guard lock(handle.disk->mutex_);
    if (handle.disk->off_) return SQLITE_IOERR_READ;
    const Bytes& image = handle.file->current;
    auto wanted = static_cast<std::size_t>(amount);
    auto from = std::min(static_cast<std::size_t>(offset), image.size());
    auto there = std::min(wanted, image.size() - from);
    if (there > 0) std::memcpy(to, image.data() + from, there);
    std::memset(static_cast<char*>(to) + there, 0, wanted - there);
    return there == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* base, const void* from, int amount, sqlite3_int64 offset) {
    Handle& handle = of(base);
    std::lock_guard lock(handle.disk->mutex_);
    if (!handle.disk->off_) {
      const auto* bytes = static_cast<const unsigned char*>(from);
      auto size = static_cast<std::size_t>(amount);
      write_at(handle.file->current, static_cast<std::size_t>(offset), bytes, size);
      handle.file->changes.push_back(
          {false, static_cast<std::size_t>(offset), Bytes(bytes, bytes + size)});
    }
    return handle.disk->step() ? SQLITE_OK : SQLITE_IOERR_WRITE;
  }

  static int truncate(sqlite3_file* base, sqlite3_int64 size) {
    Handle& handle = of(base);
    std::lock_guard lock(handle.disk->mutex_);
    if (!handle.disk->off_) {
      handle.file->current.resize(static_cast<std::size_t>(size));
      handle.file->changes.push_back({true, static_cast<std::size_t>(size), {}});
    }
    return handle.disk->step() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
  }

  static int sync(sqlite3_file* base, int) {
    Handle& handle = of(base);
    std::lock_guard lock(handle.disk->mutex_);
    // The power may go in the middle: then nothing was promised.
    if (!handle.disk->step()) return SQLITE_IOERR_FSYNC;
    handle.file->synced = handle.file->current;
    handle.file->changes.clear();
    if (std::exchange(handle.syncs_folder, false)) handle.disk->sync_folder();
    return SQLITE_OK;
  }

  static int file_size(sqlite3_file* base, sqlite3_int64* size) {
    Handle& handle = of(base);
    std::lock_guard lock(handle.disk->mutex_);
    if (handle.disk->off_) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(handle.file->current.size());
    return SQLITE_OK;
  }

  /// The strongest lock that others have.
  static int others(const Handle& handle) {
    int strongest = SQLITE_LOCK_NONE;
    for (auto [holder, level] : handle.file->locks) {
      if (holder != &handle) strongest = std::max(strongest, level);
    }
    return strongest;
  }

  static int lock(sqlite3_file* base, int level) {
    Handle& handle = of(base);
    std::lock_guard guard(handle.disk->mutex_);
    int& mine = handle.file->locks[&handle];
    if (mine >= level) return SQLITE_OK;
    int theirs = others(handle);
    if (level == SQLITE_LOCK_SHARED && theirs >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
    if (level >= SQLITE_LOCK_RESERVED && theirs >= SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && theirs >= SQLITE_LOCK_SHARED) {
      mine = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
    mine = level;
    return SQLITE_OK;
  }

  static int unlock(sqlite3_file* base, int level) {
    Handle& handle = of(base);
    std::lock_guard guard(handle.disk->mutex_);
    handle.file->locks[&handle] = level;
    return SQLITE_OK;
  }

  static int check_reserved(sqlite3_file* base, int* reserved) {
    Handle& handle = of(base);
    std::lock_guard guard(handle.disk->mutex_);
    *reserved = others(handle) >= SQLITE_LOCK_RESERVED ? 1 : 0;
    return SQLITE_OK;
  }

  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file*) { return 4096; }
  static int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int shm_map(sqlite3_file* base, int region, int size, int extend, void volatile** to) {
    Handle& handle = of(base);
    std::lock_guard guard(handle.disk->mutex_);
    File& file = *handle.file;
    file.shared_memory_users.insert(&handle);
    auto index = static_cast<std::size_t>(region);
    while (extend != 0 && file.shared_memory.size() <= index) {
      file.shared_memory.push_back(
          std::make_unique<unsigned char[]>(static_cast<std::size_t>(size)));
    }
    *to = index < file.shared_memory.size() ? file.shared_memory[index].get() : nullptr;
    return SQLITE_OK;
  }

  static int shm_lock(sqlite3_file* base, int offset, int count, int flags) {
    Handle& handle = of(base);
    std::lock_guard guard(handle.disk->mutex_);
    File& file = *handle.file;
    auto first = static_cast<std::size_t>(offset);
    auto end = first + static_cast<std::size_t>(count);
    if ((flags & SQLITE_SHM_UNLOCK) == 0) {
      for (auto i = first; i < end; ++i) {
        if (file.exclusive_locks[i] != nullptr && file.exclusive_locks[i] != &handle) {
          return SQLITE_BUSY;
        }
        bool shared_by_others = file.shared_locks[i].size() > file.shared_locks[i].count(&handle);
        if ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && shared_by_others) return SQLITE_BUSY;
      }
    }
    for (auto i = first; i < end; ++i) {
      if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        file.shared_locks[i].erase(&handle);
        if (file.exclusive_locks[i] == &handle) file.exclusive_locks[i] = nullptr;
      } else if ((flags & SQLITE_SHM_EXCLUSIVE) != 0) {
        file.exclusive_locks[i] = &handle;
      } else {
        file.shared_locks[i].insert(&handle);
      }
    }
    return SQLITE_OK;
  }

  static void shm_barrier(sqlite3_file* base) { std::lock_guard guard(of(base).disk->mutex_); }

  static int shm_unmap(sqlite3_file* base, int) {
    Handle& handle = of(base);
    shm_lock(base, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    std::lock_guard guard(handle.disk->mutex_);
    handle.file->shared_memory_users.erase(&handle);
    if (handle.file->shared_memory_users.empty()) handle.file->shared_memory.clear();
    return SQLITE_OK;
  }

  static const sqlite3_io_methods* io_methods() {
    static const sqlite3_io_methods methods = [] {
      sqlite3_io_methods table{};
      table.iVersion = 2;
      table.xClose = close;
      table.xRead = read;
      table.xWrite = write;
      table.xTruncate = truncate;
      table.xSync = sync;
      table.xFileSize = file_size;
      table.xLock = lock;
      table.xUnlock = unlock;
      table.xCheckReservedLock = check_reserved;
      table.xFileControl = control;
      table.xSectorSize = sector_size;
      table.xDeviceCharacteristics = characteristics;
      table.xShmMap = shm_map;
      table.xShmLock = shm_lock;
      table.xShmBarrier = shm_barrier;
      table.xShmUnmap = shm_unmap;
      return table;
    }();
    return &methods;
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* base, int flags, int* out) {
    Vfs& disk = of(vfs);
    base->pMethods = nullptr;
    std::lock_guard lock(disk.mutex_);
    if (disk.off_) return SQLITE_CANTOPEN;
    std::shared_ptr<File> file = name != nullptr ? disk.find(name) : std::make_shared<File>();
    constexpr int logs = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
    bool syncs_folder = file == nullptr && (flags & logs) != 0;
    if (file == nullptr) {
      // The adapter makes the database's file itself, so it is there even if nobody asks for it.
      if ((flags & (SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB)) == 0) return SQLITE_CANTOPEN;
      file = std::make_shared<File>();
      disk.files_[name] = file;
    }
    Handle& handle = of(base);
    std::construct_at(&handle.file, std::move(file));
    handle.disk = &disk;
    handle.syncs_folder = syncs_folder;
    handle.delete_on_close = name == nullptr || (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    base->pMethods = io_methods();
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync) {
    Vfs& disk = of(vfs);
    std::lock_guard lock(disk.mutex_);
    auto file = disk.find(name);
    if (file == nullptr) return SQLITE_IOERR_DELETE_NOENT;
    if (!disk.step()) return SQLITE_IOERR_DELETE;
    file->exists = false;
    file->deletion_uncertain = file->name_synced;
    if (sync != 0) disk.sync_folder();
    return SQLITE_OK;
  }

  static int access(sqlite3_vfs* vfs, const char* name, int, int* result) {
    Vfs& disk = of(vfs);
    std::lock_guard lock(disk.mutex_);
    *result = disk.find(name) != nullptr ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
  static int randomness(sqlite3_vfs*, int size, char* out) {
    return system()->xRandomness(system(), size, out);
  }
  static int sleep(sqlite3_vfs*, int microseconds) {
    return system()->xSleep(system(), microseconds);
  }
  static int current_time(sqlite3_vfs*, double* now) {
    return system()->xCurrentTime(system(), now);
  }
  static int last_error(sqlite3_vfs*, int, char*) { return 0; }
};

PowerLossVfs::PowerLossVfs(std::string name, std::uint64_t seed)
    : name_(std::move(name)), vfs_(std::make_unique<sqlite3_vfs>()), random_(seed) {
  sqlite3_initialize();
  *vfs_ = {};
  vfs_->iVersion = 1;
  vfs_->szOsFile = sizeof(Handle);
  vfs_->mxPathname = 512;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = VfsMethods::open;
  vfs_->xDelete = VfsMethods::remove;
  vfs_->xAccess = VfsMethods::access;
  vfs_->xFullPathname = VfsMethods::full_path;
  vfs_->xRandomness = VfsMethods::randomness;
  vfs_->xSleep = VfsMethods::sleep;
  vfs_->xCurrentTime = VfsMethods::current_time;
  vfs_->xGetLastError = VfsMethods::last_error;
  sqlite3_vfs_register(vfs_.get(), 0);
}

PowerLossVfs::~PowerLossVfs() {
  sqlite3_vfs_unregister(vfs_.get());
}

void PowerLossVfs::lose_power_after(std::uint64_t operations) {
  std::lock_guard lock(mutex_);
  lose_at_ = operations_ + operations;
}

bool PowerLossVfs::is_off() const {
  std::lock_guard lock(mutex_);
  return off_;
}

void PowerLossVfs::power_on() {
  std::lock_guard lock(mutex_);
  if (!off_) lose_power();
  off_ = false;
  lose_at_ = 0;
}

void PowerLossVfs::erase() {
  std::lock_guard lock(mutex_);
  files_.clear();
}

std::uint64_t PowerLossVfs::operations() const {
  std::lock_guard lock(mutex_);
  return operations_;
}

/// Names that were made are there and names that were deleted are gone for sure.
void PowerLossVfs::sync_folder() {
  for (auto entry = files_.begin(); entry != files_.end();) {
    File& file = *entry->second;
    file.name_synced = true;
    file.deletion_uncertain = false;
    entry = file.exists ? std::next(entry) : files_.erase(entry);
  }
}

/// Counts an operation. False: there is no power (any more).
bool PowerLossVfs::step() {
  if (off_) return false;
  if (++operations_ == lose_at_) lose_power();
  return !off_;
}

void PowerLossVfs::lose_power() {
  off_ = true;
  for (auto entry = files_.begin(); entry != files_.end();) {
    File& file = *entry->second;
    bool there =
        file.exists ? (file.name_synced || chance()) : (file.deletion_uncertain && chance());
    if (!there) {
      entry = files_.erase(entry);
      continue;
    }
    // The handles of the dead machine keep the old object.
    auto left = std::make_shared<File>();
    crash(file);
    left->synced = left->current = file.synced;
    left->name_synced = true;
    entry->second = std::move(left);
    ++entry;
  }
}

/// Leaves in `synced` what the disk has of the file: what was synced and some of the rest.
void PowerLossVfs::crash(File& file) {
  enum class Kept { nothing, some, first, all };
  auto kept = static_cast<Kept>(below(4));
  const std::size_t sector = chance() ? 512 : 4096;
  std::size_t until = file.changes.empty() ? 0 : below(file.changes.size() + 1);
  for (std::size_t i = 0; i < file.changes.size() && kept != Kept::nothing; ++i) {
    const Change& change = file.changes[i];
    if (kept == Kept::first && i > until) break;
    if (change.truncate) {
      if (kept != Kept::some || chance()) file.synced.resize(change.offset);
      continue;
    }
    std::size_t done = 0;
    while (done < change.bytes.size()) {
      std::size_t at = change.offset + done;
      std::size_t size = std::min(sector - at % sector, change.bytes.size() - done);
      std::size_t whole = size;
      bool keep = kept == Kept::some ? chance() : true;
      bool torn = kept == Kept::first && i == until;
      if ((torn || kept == Kept::some) && below(8) == 0) size = below(size + 1);
      if (keep && size > 0) write_at(file.synced, at, change.bytes.data() + done, size);
      if (torn && size != whole) break;
      done += whole;
    }
  }
}

std::shared_ptr<PowerLossVfs::File> PowerLossVfs::find(std::string_view name) {
  auto found = files_.find(name);
  return found != files_.end() && found->second->exists ? found->second : nullptr;
}

}  // namespace kit::durability
