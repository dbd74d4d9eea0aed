#include "tests/core/journal/memory_disk.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

#include "core/base/ensure.h"

namespace progressd::testing {
namespace {

using File = MemoryDisk::File;

/// What SQLite has of an open file; it gives the room.
struct OpenFile : sqlite3_file {
  MemoryDisk* disk;
  std::shared_ptr<File> file;
};

OpenFile& open_file(sqlite3_file* file) { return *static_cast<OpenFile*>(file); }

int close_file(sqlite3_file* file) {
  std::destroy_at(&open_file(file).file);
  return SQLITE_OK;
}

int read_file(sqlite3_file* of, void* to, int size, sqlite3_int64 at) {
  if (open_file(of).disk->fails()) return SQLITE_IOERR_READ;
  const std::string& bytes = open_file(of).file->bytes;
  const auto begin = std::min(static_cast<std::size_t>(at), bytes.size());
  const std::size_t there = std::min(static_cast<std::size_t>(size), bytes.size() - begin);
  std::memset(to, 0, static_cast<std::size_t>(size));
  std::memcpy(to, bytes.data() + begin, there);
  return there == static_cast<std::size_t>(size) ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* of, const void* from, int size, sqlite3_int64 at) {
  const MemoryDisk::Fault fault = open_file(of).disk->fault();
  const bool is_short = fault == MemoryDisk::Fault::kShortWrite;
  if (fault != MemoryDisk::Fault::kNone && !is_short) return SQLITE_IOERR_WRITE;
  const auto count = static_cast<std::size_t>(is_short ? size / 2 : size);
  std::string& bytes = open_file(of).file->bytes;
  const auto begin = static_cast<std::size_t>(at);
  if (bytes.size() < begin + count) bytes.resize(begin + count);
  std::memcpy(bytes.data() + begin, from, count);
  std::vector<bool>& lost = open_file(of).file->lost;
  for (std::size_t i = begin; i < std::min(begin + count, lost.size()); ++i) lost[i] = false;
  return is_short ? SQLITE_FULL : SQLITE_OK;
}

int truncate_file(sqlite3_file* of, sqlite3_int64 size) {
  if (open_file(of).disk->fails()) return SQLITE_IOERR_TRUNCATE;
  open_file(of).file->bytes.resize(static_cast<std::size_t>(size));
  return SQLITE_OK;
}

int sync_file(sqlite3_file* of, int) {
  const MemoryDisk::Fault fault = open_file(of).disk->fault();
  if (fault == MemoryDisk::Fault::kLostSync) open_file(of).file->lose_unsynced();
  if (fault != MemoryDisk::Fault::kNone) return SQLITE_IOERR_FSYNC;
  open_file(of).file->sync();
  return SQLITE_OK;
}

int file_size(sqlite3_file* of, sqlite3_int64* size) {
  if (open_file(of).disk->fails()) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(open_file(of).file->bytes.size());
  return SQLITE_OK;
}

// There is one connection: nobody to lock out.
int lock_file(sqlite3_file*, int) { return SQLITE_OK; }
int check_lock(sqlite3_file*, int* locked) {
  *locked = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4096; }
// As the system's: a crash harms no byte that was not being written.
int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int map_shared(sqlite3_file* of, int page, int size, int extend, void volatile** to) {
  auto& shared = open_file(of).file->shared;
  const auto index = static_cast<std::size_t>(page);
  *to = nullptr;
  if (shared.size() <= index && extend == 0) return SQLITE_OK;
  while (shared.size() <= index) {
    shared.push_back(std::make_unique<std::string>(static_cast<std::size_t>(size), '\0'));
  }
  *to = shared[index]->data();
  return SQLITE_OK;
}
int lock_shared(sqlite3_file*, int, int, int) { return SQLITE_OK; }
void shared_barrier(sqlite3_file*) {}
int unmap_shared(sqlite3_file* of, int) {
  open_file(of).file->shared.clear();  // the only connection lets go
  return SQLITE_OK;
}

constexpr sqlite3_io_methods kMethods{2,
                                      close_file,
                                      read_file,
                                      write_file,
                                      truncate_file,
                                      sync_file,
                                      file_size,
                                      lock_file,
                                      lock_file,
                                      check_lock,
                                      file_control,
                                      sector_size,
                                      characteristics,
                                      map_shared,
                                      lock_shared,
                                      shared_barrier,
                                      unmap_shared,
                                      nullptr,
                                      nullptr};

constexpr sqlite3_io_methods without_shared_memory() {
  sqlite3_io_methods methods = kMethods;
  methods.iVersion = 1;
  return methods;
}
constexpr sqlite3_io_methods kMethodsAlone = without_shared_memory();

MemoryDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<MemoryDisk*>(vfs->pAppData); }

int open_path(sqlite3_vfs* vfs, const char* path, sqlite3_file* of, int flags, int* out_flags) {
  of->pMethods = nullptr;
  MemoryDisk& disk = disk_of(vfs);
  if (disk.fails()) return SQLITE_CANTOPEN;
  const std::string name = path == nullptr ? "(temporary)" : path;
  const auto found = disk.files.find(name);
  if (found == disk.files.end() && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  std::shared_ptr<File>& file = disk.files[name];
  if (file == nullptr) file = std::make_shared<File>();
  auto& opened = open_file(of);
  opened.disk = &disk;
  new (&opened.file) std::shared_ptr<File>(file);
  of->pMethods = disk.has_shared_memory ? &kMethods : &kMethodsAlone;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int delete_path(sqlite3_vfs* vfs, const char* path, int) {
  if (disk_of(vfs).fails()) return SQLITE_IOERR_DELETE;
  return disk_of(vfs).files.erase(path) == 1 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
}

int is_there(sqlite3_vfs* vfs, const char* path, int, int* there) {
  if (disk_of(vfs).fails()) return SQLITE_IOERR_ACCESS;
  *there = static_cast<int>(disk_of(vfs).files.count(path));
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", path);
  return SQLITE_OK;
}

int some_bytes(sqlite3_vfs*, int size, char* out) {
  std::memset(out, 7, static_cast<std::size_t>(size));
  return size;
}
int no_sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
int now(sqlite3_vfs*, double* days) {
  *days = 2460000.5;
  return SQLITE_OK;
}
int last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

MemoryDisk::MemoryDisk(std::string name) : name_(std::move(name)) {
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(OpenFile);
  vfs_.mxPathname = 512;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = open_path;
  vfs_.xDelete = delete_path;
  vfs_.xAccess = is_there;
  vfs_.xFullPathname = full_path;
  vfs_.xRandomness = some_bytes;
  vfs_.xSleep = no_sleep;
  vfs_.xCurrentTime = now;
  vfs_.xGetLastError = last_error;
  ENSURE(sqlite3_vfs_register(&vfs_, /*makeDflt=*/0) == SQLITE_OK);
}

void MemoryDisk::File::sync() {
  if (lost.empty()) {
    synced = bytes;
    return;
  }
  synced.resize(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at >= lost.size() || !lost[at]) synced[at] = bytes[at];
  }
}

void MemoryDisk::File::lose_unsynced() {
  lost.resize(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at >= synced.size() || bytes[at] != synced[at]) lost[at] = true;
  }
}

MemoryDisk::~MemoryDisk() { sqlite3_vfs_unregister(&vfs_); }

void MemoryDisk::fail_at(std::size_t call, Fault fault) {
  fail_at_ = fault == Fault::kNone ? SIZE_MAX : calls_ + call;
  next_fault_ = fault;
}

MemoryDisk::Fault MemoryDisk::fault() {
  if (before_each) before_each();
  const std::size_t call = calls_++;
  if (crashed_) return Fault::kCrash;
  if (call != fail_at_) return Fault::kNone;
  if (next_fault_ == Fault::kCrash) crashed_ = true;
  return next_fault_;
}

void MemoryDisk::reboot(Unsynced unsynced) {
  crashed_ = false;
  fail_at_ = SIZE_MAX;
  for (auto& [name, file] : files) {
    auto left = std::make_shared<File>();  // what is still open belongs to the dead
    left->bytes = unsynced == Unsynced::kDropped ? file->synced : file->bytes;
    if (unsynced == Unsynced::kTorn) {
      // Every other half page came through.
      constexpr std::size_t kPiece = 2048;
      for (std::size_t at = 0; at < left->bytes.size(); at += 2 * kPiece) {
        const std::size_t end = std::min(at + kPiece, left->bytes.size());
        for (std::size_t i = at; i < end; ++i) {
          left->bytes[i] = i < file->synced.size() ? file->synced[i] : '\0';
        }
      }
    }
    left->synced = left->bytes;
    file = std::move(left);
  }
}

}  // namespace progressd::testing
