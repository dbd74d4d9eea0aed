#include "core/journal/sqlite.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace progressd {
namespace {

/// Blocks dropped within one commit, so that a cut holds up nobody.
constexpr int kBlocksDroppedMax = 2'000;
/// Pages without use that stay for what comes, and those given back at once.
constexpr std::int64_t kFreePagesMax = 8'192;
constexpr int kPagesGivenBackMax = 1'000;
/// A part of a recovery ends with the row or block that takes it over this.
constexpr std::size_t kPartBytesMax = 64 * 1024;

template <class... Results>
Result<void> first_error(const Results&... results) {
  Result<void> first;
  ((first && !results ? void(first = tl::unexpected(results.error())) : void()), ...);
  return first;
}

}  // namespace

Result<std::unique_ptr<SqliteJournal>> SqliteJournal::open(const SqliteSettings& settings,
                                                           Random& random) {
  std::unique_ptr<SqliteJournal> journal(new SqliteJournal(settings));
  if (settings.vfs.empty()) {
    auto lock = WriterLock::take(settings.path);
    if (!lock) return tl::unexpected(lock.error());
    journal->lock_ = std::move(*lock);
  }
  Result<SqliteDb> db = open_journal_file(settings, random);
  if (!db) return tl::unexpected(db.error());
  journal->db_ = std::move(*db);
  if (const auto done =
          journal->prepare().and_then([&] { return journal->read_meta(); }).and_then([&] {
            return journal->begin_epoch(random);
          });
      !done) {
    return fail(Errc::kUnavailable,
                fmt::format("the journal {}: {}", settings.path, done.error().detail));
  }
  return journal;
}

Result<void> SqliteJournal::prepare() {
  Result<void> all;
  const auto make = [&](Statement& statement, std::string_view sql) {
    if (!all) return;
    Result<Statement> made = db_->prepare(sql);
    made ? void(statement = std::move(*made)) : void(all = tl::unexpected(made.error()));
  };
  make(run_.begin, "BEGIN IMMEDIATE");
  make(run_.commit, "COMMIT");
  make(run_.add_block, "INSERT INTO block VALUES (?, ?, ?)");
  make(run_.add_job, "REPLACE INTO job VALUES (?, ?)");
  make(run_.add_channel, "REPLACE INTO channel VALUES (?, ?)");
  make(run_.add_key, "REPLACE INTO idempotency_key VALUES (?, ?, ?)");
  make(run_.remove_job, "DELETE FROM job WHERE id = ?");
  make(run_.remove_channel, "DELETE FROM channel WHERE id = ?");
  make(run_.set_meta, "UPDATE meta SET value = ?2 WHERE name = CAST(?1 AS TEXT)");
  make(run_.drop_blocks,
       "DELETE FROM block WHERE first <= ?1 AND first <="
       " (SELECT max(first) FROM (SELECT first FROM block ORDER BY first LIMIT ?2))");
  make(run_.add_refused, "REPLACE INTO refused VALUES (?)");
  make(run_.drop_refused, "DELETE FROM refused WHERE sequence <= ?");
  make(run_.drop_keys, "DELETE FROM idempotency_key WHERE expires_at <= ?");
  sqlite3_wal_hook(
      db_->get(),
      [](void* pages, sqlite3*, const char*, int count) {
        *static_cast<int*>(pages) = count;
        return SQLITE_OK;
      },
      &wal_pages_);
  return all;
}

Result<void> SqliteJournal::read_meta() {
  const auto value = [&](std::string_view name) {
    return db_->integer(fmt::format("SELECT value FROM meta WHERE name = '{}'", name));
  };
  const auto epoch = value("epoch");
  const auto cut = value("cut_through");
  const auto removed = value("removed_through");
  const auto last =
      db_->integer("SELECT first + changes - 1 FROM block ORDER BY first DESC LIMIT 1");
  const auto first = db_->integer("SELECT first FROM block ORDER BY first LIMIT 1");
  if (const auto done = first_error(epoch, cut, removed, last, first); !done) return done;
  epoch_ = static_cast<std::uint32_t>(*epoch);
  cut_through_ = static_cast<Sequence>(*cut);
  removed_through_ = static_cast<Sequence>(*removed);
  last_ = std::max(cut_through_, static_cast<Sequence>(*last));
  blocks_to_drop_ = *first != 0 && static_cast<Sequence>(*first) <= cut_through_;
  db_->remember_wal();
  return {};
}

Result<void> SqliteJournal::begin_epoch(Random& random) {
  const auto synced = db_->integer("SELECT value FROM meta WHERE name = 'synced'");
  const auto boot = db_->integer("SELECT value FROM meta WHERE name = 'boot'");
  if (const auto done = first_error(synced, boot); !done) return done;
  if (*synced == 0 && *boot != settings_.boot) epoch_ = static_cast<std::uint32_t>(random.next());
  // That commits are not synced is itself synced: or a power cut would leave what was before. The
  // probe changes each time: SQLite writes no page that stays as it was, and a full disk would go
  // unnoticed.
  return db_->run(fmt::format(
      "PRAGMA synchronous = FULL;"
      "BEGIN IMMEDIATE; UPDATE meta SET value = {} WHERE name = 'epoch';"
      "UPDATE meta SET value = {} WHERE name = 'synced';"
      "UPDATE meta SET value = {} WHERE name = 'boot';"
      "UPDATE meta SET value = value + 1 WHERE name = 'probe'; COMMIT;"
      "PRAGMA synchronous = {};",
      epoch_, settings_.synced ? 1 : 0, settings_.boot, settings_.synced ? "FULL" : "NORMAL"));
}

Result<void> SqliteJournal::read(const std::function<bool(RecoveredPart part)>& visit) {
  if (const auto done = read_refused(visit)
                            .and_then([&] {
                              return read_rows(visit, RowKind::kIdempotencyKey,
                                               "SELECT id, bytes FROM idempotency_key");
                            })
                            .and_then([&] {
                              return read_rows(visit, RowKind::kJob,
                                               "SELECT id, bytes FROM job ORDER BY id DESC");
                            })
                            .and_then([&] {
                              return read_rows(visit, RowKind::kChannel,
                                               "SELECT id, bytes FROM channel ORDER BY id DESC");
                            });
      !done) {
    return done;
  }
  auto blocks = db_->prepare("SELECT first, changes, bytes FROM block WHERE first > ? ORDER BY 1");
  if (!blocks) return tl::unexpected(blocks.error());
  blocks->with(1, static_cast<std::int64_t>(cut_through_));
  RecoveredPart part;
  std::size_t bytes = 0;
  for (Sequence next = cut_through_ + 1;;) {
    const Result<bool> row = blocks->step();
    if (!row) return tl::unexpected(row.error());
    if (bytes >= kPartBytesMax || !*row) {
      if (!visit(std::exchange(part, {})) || !*row) return {};
      bytes = 0;
    }
    const auto first = static_cast<Sequence>(blocks->integer(0));
    const auto changes = static_cast<std::size_t>(blocks->integer(1));
    if (first != next) {
      return fail(Errc::kUnavailable, fmt::format("is corrupt: change {} is missing", next));
    }
    next += changes;
    part.blocks.push_back({first, changes, std::string(blocks->bytes(2))});
    bytes += part.blocks.back().bytes.size();
  }
}

Result<void> SqliteJournal::read_refused(const std::function<bool(RecoveredPart part)>& visit) {
  Result<Statement> all = db_->prepare("SELECT sequence FROM refused");
  if (!all) return tl::unexpected(all.error());
  RecoveredPart part;
  for (;;) {
    const Result<bool> row = all->step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) break;
    part.refused.push_back(static_cast<Sequence>(all->integer(0)));
  }
  visit(std::move(part));
  return {};
}

Result<void> SqliteJournal::read_rows(const std::function<bool(RecoveredPart part)>& visit,
                                      RowKind kind, std::string_view sql) {
  Result<Statement> rows = db_->prepare(sql);
  if (!rows) return tl::unexpected(rows.error());
  RecoveredPart part;
  for (std::size_t bytes = 0;;) {
    const Result<bool> row = rows->step();
    if (!row) return tl::unexpected(row.error());
    if (bytes >= kPartBytesMax || !*row) {
      if (!visit(std::exchange(part, {})) || !*row) return {};
      bytes = 0;
    }
    part.rows.push_back(
        {kind, static_cast<Sequence>(rows->integer(0)), std::string(rows->bytes(1))});
    bytes += part.rows.back().bytes.size();
  }
}

Result<Sequence> SqliteJournal::append(const JournalBatch& batch) {
  if (has_failed_) return fail(Errc::kUnavailable, "it is not open again after a failure");
  if (const auto place = check_place(); !place) {
    has_failed_ = true;
    close();
    return tl::unexpected(place.error());
  }
  Result<void> done = run_.begin.run();
  if (done) done = write(batch);
  if (done) done = run_.commit.run();
  if (!done) {
    has_failed_ = true;
    if (!db_->roll_back()) close();
    return tl::unexpected(done.error());
  }
  if (batch.cut) {
    cut_through_ = batch.cut->through;
    blocks_to_drop_ = true;
  }
  removed_through_ = std::max(removed_through_, batch.removed_through);
  const Sequence first = last_ + 1;
  last_ += batch.changes;
  return first;
}

/// SQLite would go on writing where nobody can find it any more.
Result<void> SqliteJournal::check_place() {
  if (lock_ && !lock_->is_held()) return fail(Errc::kUnavailable, "its lock was taken away");
  if (db_->has_moved()) {
    return fail(Errc::kUnavailable, "the file is not at its path any more");
  }
  if (db_->wal_has_moved()) {
    // What was acknowledged goes into the file while there is still somebody who has it.
    db_->checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
    return fail(Errc::kUnavailable, "the -wal beside the file is not at its path any more");
  }
  return {};
}

void SqliteJournal::close() {
  run_ = {};
  db_.reset();  // which rolls back
}

Result<void> SqliteJournal::write(const JournalBatch& batch) {
  Result<void> done;
  if (batch.changes > 0) {
    done = run_.add_block.with(1, static_cast<std::int64_t>(last_ + 1))
               .with(2, static_cast<std::int64_t>(batch.changes))
               .with_bytes(3, batch.block)
               .run();
  }
  for (const StateRow& row : batch.rows) {
    if (done) done = write_row(row);
  }
  for (const Sequence creation : batch.refused) {
    if (done) done = run_.add_refused.with(1, static_cast<std::int64_t>(creation)).run();
  }
  if (done && batch.removed_through > removed_through_) {
    done = set_meta("removed_through", batch.removed_through);
  }
  if (done && batch.cut) done = write_cut(*batch.cut);
  if (done && blocks_to_drop_) done = drop_blocks();
  return done;
}

Result<void> SqliteJournal::write_row(const StateRow& row) {
  const auto id = static_cast<std::int64_t>(row.id);
  if (row.kind == RowKind::kIdempotencyKey) {
    return run_.add_key.with(1, id).with(2, row.expires_at).with_bytes(3, row.bytes).run();
  }
  const bool is_job = row.kind == RowKind::kJob;
  if (row.bytes.empty()) return (is_job ? run_.remove_job : run_.remove_channel).with(1, id).run();
  return (is_job ? run_.add_job : run_.add_channel).with(1, id).with_bytes(2, row.bytes).run();
}

Result<void> SqliteJournal::set_meta(std::string_view name, Sequence value) {
  return run_.set_meta.with_bytes(1, name).with(2, static_cast<std::int64_t>(value)).run();
}

Result<void> SqliteJournal::write_cut(const LogCut& cut) {
  return set_meta("cut_through", cut.through)
      .and_then(
          [&] { return run_.drop_refused.with(1, static_cast<std::int64_t>(cut.through)).run(); })
      .and_then([&] { return run_.drop_keys.with(1, cut.at).run(); });
}

Result<void> SqliteJournal::drop_blocks() {
  const auto done = run_.drop_blocks.with(1, static_cast<std::int64_t>(cut_through_))
                        .with(2, kBlocksDroppedMax)
                        .run();
  if (done && sqlite3_changes(db_->get()) < kBlocksDroppedMax) blocks_to_drop_ = false;
  return done;
}

void SqliteJournal::tidy() {
  if (has_failed_) return;
  // What another connection left there may stand in the machine's memory alone, after a sync that
  // failed: the file gets it, and the WAL begins anew, so that nothing builds on it.
  if (!std::exchange(wal_is_ours_, true)) return db_->checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
  if (wal_pages_ < settings_.wal_pages_max) return;
  wal_pages_ = 0;
  const auto free_pages = db_->integer("PRAGMA freelist_count");
  if (free_pages && *free_pages > kFreePagesMax) {
    static_cast<void>(db_->run(fmt::format("PRAGMA incremental_vacuum({})", kPagesGivenBackMax)));
  }
  db_->checkpoint(SQLITE_CHECKPOINT_PASSIVE);
}

void SqliteJournal::finish() {
  if (settings_.synced || has_failed_) return;
  static_cast<void>(
      db_->run("PRAGMA synchronous = FULL; UPDATE meta SET value = 1 WHERE name = 'synced'"));
}

Result<void> SqliteJournal::reopen() {
  if (db_ && !check_place()) close();
  const Result<void> done = db_ ? probe().and_then([this] { return read_meta(); }) : open_again();
  if (done) has_failed_ = false;
  return done;
}

Result<void> SqliteJournal::open_again() {
  if (lock_ && !lock_->is_held()) {
    auto again = WriterLock::take(settings_.path);
    if (!again) return tl::unexpected(again.error());
    lock_ = std::move(*again);
  }
  Result<SqliteDb> db = reopen_journal_file(settings_);
  if (!db) return tl::unexpected(db.error());
  db_ = std::move(*db);
  wal_is_ours_ = false;
  const std::uint32_t epoch = epoch_;
  const Sequence last = last_;
  Result<void> done = prepare().and_then([&] { return read_meta(); });
  if (done && epoch_ != epoch) done = fail(Errc::kUnavailable, "another journal is at its path");
  if (done && last_ < last) done = fail(Errc::kUnavailable, "an older journal is at its path");
  epoch_ = epoch;
  last_ = last;
  // A commit that failed may yet have reached the disk: one, and no more.
  if (done) {
    const auto behind =
        db_->integer(fmt::format("SELECT count(*) FROM block WHERE first > {}", last));
    done = first_error(behind, behind);
    if (done && *behind > 1) done = fail(Errc::kUnavailable, "another process has written it");
  }
  if (done) done = probe();
  if (!done) close();
  return done;
}

/// Shows that it can be written.
Result<void> SqliteJournal::probe() {
  const auto done =
      db_->run(fmt::format("BEGIN IMMEDIATE; DELETE FROM block WHERE first > {};"
                           "UPDATE meta SET value = value + 1 WHERE name = 'probe'; COMMIT;",
                           last_));
  if (!done && !db_->roll_back()) close();
  return done;
}

}  // namespace progressd
