// The journal's file: who may open it, and which version it is.
//
//   PATH       an SQLite file with our application_id; its user_version is the schema's
//   PATH-wal   what was committed and not yet copied into PATH
//   PATH-lock  held while a server runs: one writer. Readers need none: SQLite's own locks are
//              free, so that a backup can be made while the server runs
//
// A file that we can't use is left as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/base/clock.h"
#include "core/journal/sqlite_db.h"

namespace progressd {

/// SQLite's application_id of a journal: "prgd".
inline constexpr std::uint32_t kJournalApplicationId = 0x70726764;

struct SqliteSettings {
  std::string path;
  bool synced = true;  // each commit, before it is answered
  /// Another one after each start of the machine.
  std::int64_t boot = 0;
  std::string vfs{};  // empty: the system's
  /// Of 4 KiB: so many in the WAL are copied into the file.
  int wal_pages_max = 1'000;
  /// While another process has the file: how long it may take to give it up.
  Millis lock_wait_ms = 0;
};

/// The one writer's mark: an flock() on PATH-lock for as long as it lives, where PATH is the one
/// that links lead to.
class WriterLock {
 public:
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;
  ~WriterLock();
  /// Errors: kConflict, another process holds it; kUnavailable, what the system says. The path is
  /// named.
  static Result<std::unique_ptr<WriterLock>> take(const std::string& path);
  /// False when the locked file is at its path no more, so that another process may lock one there.
  bool is_held() const;

 private:
  WriterLock(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  int fd_;
  std::string name_;
};

/// Each step brings the schema from its place's number to the next one.
std::span<const char* const> schema_steps();

/// Brings a file forward from its `user_version`, in one transaction.
/// Errors: it is newer than the last of the `steps`.
Result<void> migrate(SqliteDb& db, std::span<const char* const> steps);

/// Opens the file of an earlier start, or makes a new one with a random epoch.
/// Errors: it is corrupt, somebody else's, newer than we are, or the disk's.
Result<SqliteDb> open_journal_file(const SqliteSettings& settings, Random& random);

/// Opens the file that was open before, whatever happened to it: it must be there.
Result<SqliteDb> reopen_journal_file(const SqliteSettings& settings);

}  // namespace progressd
