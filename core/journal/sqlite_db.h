// A connection to an SQLite file and its statements, closed by their destructors. What SQLite says
// no to is an Error of kUnavailable whose detail is for the log.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace progressd {

/// Prepared once, run many times. Positions are counted from 1 for what goes in, from 0 for what
/// comes out.
class Statement {
 public:
  Statement() = default;

  Statement& with(int position, std::int64_t value) {
    sqlite3_bind_int64(get(), position, value);
    return *this;
  }
  /// `bytes` stay until the statement was run.
  Statement& with_bytes(int position, std::string_view bytes) {
    sqlite3_bind_blob64(get(), position, bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
  }
  /// Whether there is a row, or a further one. After the last it can be run again.
  Result<bool> step();
  /// Runs it to its end.
  Result<void> run();
  /// Ready to be run again, before its end.
  void reset() { sqlite3_reset(get()); }

  std::int64_t integer(int column) const { return sqlite3_column_int64(get(), column); }
  /// Good until the next step.
  std::string_view bytes(int column) const;

 private:
  friend class SqliteDb;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  sqlite3_stmt* get() const { return statement_.get(); }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class SqliteDb {
 public:
  /// `flags`: of sqlite3_open_v2(). `vfs`: empty for the system's.
  static Result<SqliteDb> open(const std::string& path, int flags, const std::string& vfs);

  Result<Statement> prepare(std::string_view sql);
  /// One statement or several; what they answer is dropped.
  Result<void> run(const std::string& sql);
  /// What a statement answers in its first row's first column.
  Result<std::int64_t> integer(std::string_view sql);
  Result<std::string> text(std::string_view sql);

  /// Ends a transaction that failed, if it is still open. False when that can't be done.
  bool roll_back();
  /// Copies the WAL into the file, as far as that goes without a wait: pages that a reader still
  /// needs stay. `mode`: of sqlite3_wal_checkpoint_v2().
  void checkpoint(int mode);

  /// Whether the file is no longer the one at its path.
  bool has_moved();
  /// The WAL is there once something was read. SQLite does not look after it any more then.
  void remember_wal() { wal_ = wal_at_its_path(); }
  bool wal_has_moved() { return wal_ != wal_at_its_path(); }
  sqlite3* get() { return db_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode
  FileId wal_at_its_path();

  std::unique_ptr<sqlite3, Close> db_;
  FileId wal_;
};

}  // namespace progressd
