#include "core/journal/sqlite_db.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

namespace progressd {
namespace {

/// So long another program's lock is waited for: a backup takes none that is in our way.
constexpr int kBusyMs = 1'000;

tl::unexpected<Error> failed(sqlite3* db) {
  return fail(Errc::kUnavailable, fmt::format("{} (SQLite error {})", sqlite3_errmsg(db),
                                              sqlite3_extended_errcode(db)));
}

}  // namespace

Result<bool> Statement::step() {
  const int code = sqlite3_step(get());
  if (code == SQLITE_ROW) return true;
  sqlite3* const db = sqlite3_db_handle(get());
  if (code != SQLITE_DONE) {
    auto error = failed(db);
    sqlite3_reset(get());
    return error;
  }
  sqlite3_reset(get());
  return false;
}

Result<void> Statement::run() {
  for (;;) {
    const Result<bool> row = step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return {};
  }
}

std::string_view Statement::bytes(int column) const {
  const void* const bytes = sqlite3_column_blob(get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(get(), column));
  return {static_cast<const char*>(bytes), size};
}

Result<SqliteDb> SqliteDb::open(const std::string& path, int flags, const std::string& vfs) {
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                      vfs.empty() ? nullptr : vfs.c_str());
  SqliteDb db;
  db.db_.reset(opened);
  if (code != SQLITE_OK) return failed(opened);
  sqlite3_busy_timeout(opened, kBusyMs);
  return db;
}

Result<Statement> SqliteDb::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return failed(get());
  return Statement(statement);
}

Result<void> SqliteDb::run(const std::string& sql) {
  if (sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failed(get());
  }
  return {};
}

Result<std::int64_t> SqliteDb::integer(std::string_view sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const Result<bool> row = statement->step();
  if (!row) return tl::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<std::string> SqliteDb::text(std::string_view sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return tl::unexpected(statement.error());
  const Result<bool> row = statement->step();
  if (!row) return tl::unexpected(row.error());
  return std::string(*row ? statement->bytes(0) : std::string_view());
}

bool SqliteDb::roll_back() {
  if (sqlite3_get_autocommit(get()) == 0) static_cast<void>(run("ROLLBACK"));
  return sqlite3_get_autocommit(get()) != 0;
}

void SqliteDb::checkpoint(int mode) {
  sqlite3_busy_timeout(get(), 0);
  sqlite3_wal_checkpoint_v2(get(), nullptr, mode, nullptr, nullptr);
  sqlite3_busy_timeout(get(), kBusyMs);
}

SqliteDb::FileId SqliteDb::wal_at_its_path() {
  const char* const name = sqlite3_filename_wal(sqlite3_db_filename(get(), "main"));
  struct stat file {};
  if (::stat(name, &file) != 0) return {};
  return {file.st_dev, file.st_ino};
}

bool SqliteDb::has_moved() {
  int moved = 0;
  return sqlite3_file_control(get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved != 0;
}

}  // namespace progressd
