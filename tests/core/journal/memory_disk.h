// A disk in memory, as an SQLite VFS: it counts the calls that reach it, fails at the one that a
// test wants, and leaves after a crash what a disk would: what was synced, and of the rest nothing,
// all, or some.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace progressd::testing {

class MemoryDisk {
 public:
  enum class Fault {
    kNone,
    kError,       // the call says that the disk has a fault, and did nothing
    kShortWrite,  // a write stops half-way, and the disk is full; other calls fail as above
    kLostSync,    // as Linux has it: a sync fails, and what it was for never comes to the disk,
                // though reads see it and later syncs go well, but where it is written again; other
                // calls fail as above
    kCrash,  // the machine stops: this call and all later ones do nothing and fail
  };
  /// What a crash leaves of what was written and not synced.
  enum class Unsynced { kDropped, kKept, kTorn };

  explicit MemoryDisk(std::string name);
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  /// For SqliteSettings.
  const std::string& vfs() const { return name_; }

  /// The fault comes at the call of this number from now on, counted from 0.
  void fail_at(std::size_t call, Fault fault);
  /// From here on every call fails, or none.
  void set_broken(bool broken) { crashed_ = broken; }
  /// After a crash: the machine starts again.
  void reboot(Unsynced unsynced);
  std::size_t calls() const { return calls_; }

  /// False: as disks of other machines are, that can't share memory between processes.
  bool has_shared_memory = true;
  /// Called before each call, on the thread that makes it.
  std::function<void()> before_each;

  struct File {
    void sync();
    void lose_unsynced();
    std::string bytes;
    std::string synced;
    std::vector<bool> lost;                            // bytes that a sync passes over; empty: none
    std::vector<std::unique_ptr<std::string>> shared;  // the WAL's index: memory, no disk
  };
  /// How this call fails, and whether it does.
  Fault fault();
  bool fails() { return fault() != Fault::kNone; }
  std::map<std::string, std::shared_ptr<File>> files;

 private:
  std::string name_;
  sqlite3_vfs vfs_{};
  std::atomic<std::size_t> calls_ = 0;
  std::size_t fail_at_ = SIZE_MAX;
  Fault next_fault_ = Fault::kNone;
  std::atomic<bool> crashed_ = false;
};

}  // namespace progressd::testing
