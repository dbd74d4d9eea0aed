// progressctl backup: copies a SQLite journal while its server writes to it, by SQLite's online
// backup.
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/base/json_write.h"
#include "core/journal/sqlite_file.h"
#include "tools/progressctl/cli.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/live_lines.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

/// Pages copied at once: between two parts the server's writes go on.
constexpr int kPagesPerPart = 1024;
/// How long to wait for a lock, and how often in a row it may not be had.
constexpr int kBusyMs = 5'000;
constexpr int kBusyPartsMax = 24;
constexpr mode_t kOwnerOnly = 0600;

struct Closed {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Closed>;

tl::unexpected<Error> refuse(const std::string& path, std::string_view why) {
  return fail(Errc::kUnavailable, fmt::format("{}: {}", path, why));
}

Result<Database> open(const std::string& path, int flags) {
  sqlite3* opened = nullptr;
  // Absolute, so that no name means something else to SQLite (":memory:").
  const std::string absolute = std::filesystem::absolute(path).string();
  const int code = sqlite3_open_v2(absolute.c_str(), &opened, flags, nullptr);
  Database database(opened);
  if (code != SQLITE_OK) return refuse(path, sqlite3_errstr(code));
  sqlite3_busy_timeout(database.get(), kBusyMs);
  return database;
}

/// The one number that the query answers; none when it fails.
std::optional<std::int64_t> number(sqlite3* database, const char* query) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v2(database, query, -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, Closed> statement(prepared);
  if (code != SQLITE_OK || sqlite3_step(statement.get()) != SQLITE_ROW) return std::nullopt;
  return sqlite3_column_int64(statement.get(), 0);
}

Result<Database> open_journal(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return refuse(path, error ? error.message() : "is no file");
  }
  Result<Database> journal = open(path, SQLITE_OPEN_READONLY);
  if (!journal) return journal;
  const auto id = number(journal->get(), "PRAGMA application_id");
  if (!id) return refuse(path, sqlite3_errmsg(journal->get()));
  if (*id != kJournalApplicationId) return refuse(path, "is no journal of progressd");
  return journal;
}

Result<void> copy(sqlite3* from, sqlite3* to, const std::string& path) {
  sqlite3_backup* const backup = sqlite3_backup_init(to, "main", from, "main");
  if (backup == nullptr) return refuse(path, sqlite3_errmsg(to));
  int code = SQLITE_OK;
  int busy_parts = 0;
  while (code == SQLITE_OK || (code == SQLITE_BUSY && busy_parts < kBusyPartsMax)) {
    code = sqlite3_backup_step(backup, kPagesPerPart);
    busy_parts = code == SQLITE_BUSY ? busy_parts + 1 : 0;
  }
  const int finished = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return refuse(path, sqlite3_errstr(code));
  if (finished != SQLITE_OK) return refuse(path, sqlite3_errstr(finished));
  return {};
}

/// Reads all of it. Source: SQLite, PRAGMA integrity_check: one row, "ok".
Result<void> verify(sqlite3* database, const std::string& path) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      sqlite3_prepare_v2(database, "PRAGMA integrity_check(1)", -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, Closed> statement(prepared);
  if (code != SQLITE_OK || sqlite3_step(statement.get()) != SQLITE_ROW) {
    return refuse(path, sqlite3_errmsg(database));
  }
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
  if (text == nullptr || std::strcmp(text, "ok") != 0) {
    return refuse(path, fmt::format("the copy is damaged: {}", text == nullptr ? "" : text));
  }
  return {};
}

/// The bytes of the copy.
Result<std::int64_t> fill(const std::string& path, const std::string& destination) {
  const Result<Database> from = open_journal(path);
  if (!from) return tl::unexpected(from.error());
  const Result<Database> to = open(destination, SQLITE_OPEN_READWRITE);
  if (!to) return tl::unexpected(to.error());
  if (const auto copied = copy(from->get(), to->get(), path); !copied) {
    return tl::unexpected(copied.error());
  }
  // One file and none beside it: what reads a backup should not have to write there.
  const int code =
      sqlite3_exec(to->get(), "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return refuse(destination, sqlite3_errstr(code));
  if (const auto verified = verify(to->get(), destination); !verified) {
    return tl::unexpected(verified.error());
  }
  return number(to->get(), "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
      .value_or(0);
}

Result<int> back_up(const std::string& path, const std::string& destination,
                    const Settings& settings) {
  // Ours from the first moment: nobody else's file is ever written to, whoever makes one meanwhile.
  const int made = ::open(destination.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kOwnerOnly);
  if (made < 0 && errno == EEXIST) {
    return refuse(destination, "is there already: a backup is a new file");
  }
  if (made < 0) return refuse(destination, std::strerror(errno));
  close(made);
  const Result<std::int64_t> bytes = fill(path, destination);
  if (!bytes) {
    unlink(destination.c_str());
    return tl::unexpected(bytes.error());
  }
  if (draws(settings)) {
    fmt::print("{}: {} bytes, verified\n", printable(destination), *bytes);
    return kExitOk;
  }
  JsonWriter out;
  out.begin_object();
  out.field("path", printable(destination));
  out.field("bytes", *bytes);
  out.key("verified");
  out.boolean(true);
  out.end_object();
  fmt::print("{}\n", out.view());
  return kExitOk;
}

}  // namespace

void add_backup(Cli& cli) {
  struct Paths {
    std::string from;
    std::string to;
  };
  const auto paths = std::make_shared<Paths>();
  CLI::App* const command = cli.add_command(
      "backup", "Copies a SQLite journal while its server runs, and verifies the copy",
      [paths, &cli] { return back_up(paths->from, paths->to, cli.settings()); });
  command->add_option("PATH", paths->from, "The journal: the file of --journal sqlite:PATH")
      ->type_name("")
      ->required();
  command->add_option("DEST", paths->to, "The copy; it must not exist yet")
      ->type_name("")
      ->required();
}

}  // namespace progressd::ctl
