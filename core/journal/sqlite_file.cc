#include "core/journal/sqlite_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/base/ensure.h"

namespace progressd {
namespace {

constexpr std::string_view kMagic("SQLite format 3\0", 16);
// Source: sqlite.org/fileformat2.html, the database header.
constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kApplicationIdAt = 68;
/// Of the journal, its WAL and its lock: what jobs tell is their owners'.
constexpr mode_t kOwnerOnly = 0600;
/// What the WAL may keep of its size once it begins anew.
constexpr int kWalKeptBytesMax = 64 * 1024 * 1024;

constexpr std::array<const char*, 4> kSchemaSteps{
    // To 1. `value` of epoch, cut_through (LogCut), removed_through (JournalBatch), probe, and, of
    // the last one who opened it, synced and boot.
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('cut_through', 0), ('removed_through', 0), ('probe', 0),"
    " ('synced', 1), ('boot', 0);"
    "CREATE TABLE block (first INTEGER PRIMARY KEY, changes INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE TABLE refused (sequence INTEGER PRIMARY KEY);"
    "CREATE TABLE job (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE channel (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
    "CREATE TABLE idempotency_key (id INTEGER PRIMARY KEY, expires_at INTEGER NOT NULL,"
    "                              bytes BLOB NOT NULL);"
    "CREATE INDEX idempotency_key_expires ON idempotency_key (expires_at);",
    // To 2. Blocks and rows hold a steady time too, which a program of version 1 does not read.
    "",
    // To 3. A job may hold a traceparent, which a program of version 2 does not read.
    "",
    // To 4. A job may hold a longer last step, which a program of version 3 does not read.
    ""};

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

tl::unexpected<Error> refuse(const SqliteSettings& settings, std::string_view why) {
  return fail(Errc::kUnavailable, fmt::format("the journal {}: {}", settings.path, why));
}

/// The file that links lead to, though it may not be there yet.
std::string real_path(const std::string& path) {
  constexpr int kLinksMax = 40;  // as in Linux
  std::error_code unknown;       // then it stays as it is called, and is found to be wrong
  std::filesystem::path real = std::filesystem::absolute(path, unknown);
  for (int links = 0; links < kLinksMax; ++links) {
    const std::filesystem::path target = std::filesystem::read_symlink(real, unknown);
    if (unknown) break;
    real = real.parent_path() / target;
  }
  const std::filesystem::path folder =
      std::filesystem::weakly_canonical(real.parent_path(), unknown);
  return unknown ? real.string() : (folder / real.filename()).string();
}

/// What would block, or be written under two names with a WAL each.
Result<void> check_kind(const SqliteSettings& settings, const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return {};  // SQLite will say why
  if (!S_ISREG(file.st_mode)) return refuse(settings, "is no regular file");
  if (file.st_nlink > 1) return refuse(settings, "has a second name, a hard link");
  return {};
}

/// Looks at the file without SQLite, which might repair what is not ours.
Result<void> check_header(const SqliteSettings& settings) {
  if (!settings.vfs.empty()) return {};  // then only SQLite can read it
  const std::string path = real_path(settings.path);
  if (const auto done = check_kind(settings, path); !done) return done;
  std::ifstream file(path, std::ios::binary);
  std::string header(kHeaderBytes, '\0');
  file.read(header.data(), static_cast<std::streamsize>(header.size()));
  header.resize(static_cast<std::size_t>(file.gcount()));
  if (header.empty()) return {};  // there is none yet; or it can't be read, as SQLite will say
  // A creation that was cut short: SQLite rolls it back.
  if (std::ifstream(path + "-journal").peek() != std::ifstream::traits_type::eof()) {
    return {};
  }
  if (header.size() < kHeaderBytes || !header.starts_with(kMagic)) {
    return refuse(settings, "is no SQLite file");
  }
  if (big_endian(std::string_view(header).substr(kApplicationIdAt, 4)) != kJournalApplicationId) {
    return refuse(settings, "is a file of another program");
  }
  return {};
}

/// Makes the file when it is not there. SQLite would let everybody read it; -wal and -shm get the
/// mode that it has.
void make_owners_only(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly);
  if (fd >= 0) close(fd);  // else it is there, or SQLite will say why it can't be
}

Result<void> create(SqliteDb& db, Random& random) {
  // The file's head can be written but at its beginning.
  if (const auto done = db.run("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = DELETE;");
      !done) {
    return done;
  }
  return db.run(fmt::format(
      "BEGIN IMMEDIATE; PRAGMA application_id = {};"
      "{} INSERT INTO meta VALUES ('epoch', {});"
      "PRAGMA user_version = 1; COMMIT;",
      kJournalApplicationId, kSchemaSteps.front(), static_cast<std::uint32_t>(random.next())));
}

Result<void> check_and_migrate(SqliteDb& db, const SqliteSettings& settings) {
  const auto id = db.integer("PRAGMA application_id");
  if (!id) return refuse(settings, id.error().detail);
  if (*id != kJournalApplicationId) return refuse(settings, "is a file of another program");
  const auto fault = db.text("PRAGMA quick_check(1)");
  if (!fault) return refuse(settings, fault.error().detail);
  if (*fault != "ok") return refuse(settings, fmt::format("is corrupt: {}", *fault));
  if (const auto done = migrate(db, schema_steps()); !done) {
    return refuse(settings, done.error().detail);
  }
  return {};
}

Result<SqliteDb> open_db(const SqliteSettings& settings, int flags) {
  // An absolute path: SQLite keeps what is called :memory: nowhere.
  Result<SqliteDb> db = SqliteDb::open(
      settings.vfs.empty() ? real_path(settings.path) : settings.path, flags, settings.vfs);
  if (!db) return refuse(settings, db.error().detail);
  // What is not ours stays as it is, its WAL included; and a file of ours is quickly closed.
  ENSURE(sqlite3_db_config(db->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr) == SQLITE_OK);
  return db;
}

Result<SqliteDb> set_up(Result<SqliteDb> db, const SqliteSettings& settings) {
  const auto mode = db->text("PRAGMA journal_mode = WAL");
  if (!mode) return refuse(settings, mode.error().detail);
  if (*mode != "wal") return refuse(settings, "stands on a disk that does not do for SQLite's WAL");
  const std::string pragmas = fmt::format(
      "PRAGMA synchronous = {}; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {};",
      settings.synced ? "FULL" : "NORMAL", kWalKeptBytesMax);
  if (const auto done = db->run(pragmas); !done) return refuse(settings, done.error().detail);
  return db;
}

}  // namespace

WriterLock::~WriterLock() { close(fd_); }

Result<std::unique_ptr<WriterLock>> WriterLock::take(const std::string& path) {
  const std::string name = real_path(path) + "-lock";
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (fd < 0 && errno == ENOENT) {
    const std::string folder = std::filesystem::path(name).parent_path().string();
    return fail(Errc::kUnavailable,
                fmt::format("the journal {}: the folder {} is not there", path, folder));
  }
  if (fd < 0) {
    return fail(Errc::kUnavailable,
                fmt::format("the journal {}: {}: {}", path, name, std::strerror(errno)));
  }
  std::unique_ptr<WriterLock> lock(new WriterLock(fd, name));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return fail(Errc::kUnavailable, fmt::format("the journal {}: {} can't be locked: {}", path,
                                                  name, std::strerror(errno)));
    }
    return fail(
        Errc::kConflict,
        fmt::format("the journal {}: another process writes it ({} is locked)", path, name));
  }
  return lock;
}

bool WriterLock::is_held() const {
  struct stat ours {};
  struct stat there {};
  return fstat(fd_, &ours) == 0 && ::stat(name_.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

std::span<const char* const> schema_steps() { return kSchemaSteps; }

Result<void> migrate(SqliteDb& db, std::span<const char* const> steps) {
  const auto version = db.integer("PRAGMA user_version");
  if (!version) return tl::unexpected(version.error());
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (*version == newest) return {};
  if (*version > newest) {
    return fail(Errc::kUnavailable,
                fmt::format("is of version {}, newer than this program's {}", *version, newest));
  }
  std::string sql = "BEGIN IMMEDIATE;";
  for (const char* step : steps.subspan(static_cast<std::size_t>(*version))) sql += step;
  return db.run(sql + fmt::format("PRAGMA user_version = {}; COMMIT;", newest));
}

Result<SqliteDb> open_journal_file(const SqliteSettings& settings, Random& random) {
  if (const auto done = check_header(settings); !done) return tl::unexpected(done.error());
  if (settings.vfs.empty()) make_owners_only(real_path(settings.path));
  Result<SqliteDb> db = open_db(settings, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!db) return db;
  const auto tables = db->integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return refuse(settings, tables.error().detail);
  if (*tables == 0) {
    if (const auto done = create(*db, random); !done) return refuse(settings, done.error().detail);
  }
  if (const auto done = check_and_migrate(*db, settings); !done) {
    return tl::unexpected(done.error());
  }
  return set_up(std::move(db), settings);
}

Result<SqliteDb> reopen_journal_file(const SqliteSettings& settings) {
  Result<SqliteDb> db = open_db(settings, SQLITE_OPEN_READWRITE);
  return db ? set_up(std::move(db), settings) : std::move(db);
}

}  // namespace progressd
