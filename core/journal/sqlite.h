// The SQLite journal: a log of changes in blocks, and rows that stand for what was cut off it.
// A batch is one transaction; when append() has answered, it is on the disk (with `synced`).
// After a failure nothing is kept until reopen() says that all is well again.
//
// It is synchronous and knows no loop. Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/journal/journal_batch.h"
#include "core/journal/sqlite_file.h"

namespace progressd {

class SqliteJournal {
 public:
  /// Errors: the journal's path and what is wrong with it; then the file is as it was. kConflict:
  /// another process has it.
  static Result<std::unique_ptr<SqliteJournal>> open(const SqliteSettings& settings,
                                                     Random& random);

  const std::string& path() const { return settings_.path; }
  /// Random, made with the file: ids of other journals are not this one's. Made anew when the
  /// machine stopped while the file was written without syncs: then changes that were told of may
  /// be lost, and their numbers are given again.
  std::uint32_t epoch() const { return epoch_; }
  /// Of the latest change that is kept.
  Sequence last() const { return last_; }
  Sequence removed_through() const { return removed_through_; }

  /// Calls `visit` for each part of what is kept, rows first, until it answers false.
  /// Errors: the disk's, or a hole in the log.
  Result<void> read(const std::function<bool(RecoveredPart part)>& visit);

  /// Keeps all of the batch. Returns the number of its first change; the others follow.
  /// Errors: why nothing was kept.
  Result<Sequence> append(const JournalBatch& batch);

  /// After a commit, while nobody waits: copies what the WAL holds into the file, when that is
  /// much, and gives back pages that are not used. A failure is seen by the next append().
  void tidy();

  /// Before a good end. Where commits are not synced, all of them are now: a machine that stops
  /// later loses nothing, and ids stay good. A failure is as a power cut would be.
  void finish();

  /// After a failure. What was appended in vain is taken out, should it have come through after
  /// all: by writing over it, where the file is still the one that is open. So nothing builds on
  /// what a failed sync may have left in memory alone.
  Result<void> reopen();

 private:
  explicit SqliteJournal(SqliteSettings settings) : settings_(std::move(settings)) {}

  struct Statements {
    Statement begin, commit, add_block, add_job, add_channel, add_key, remove_job, remove_channel,
        set_meta, drop_blocks, drop_keys, add_refused, drop_refused;
  };
  Result<void> check_place();
  Result<void> probe();
  Result<void> open_again();
  void close();
  Result<void> prepare();
  Result<void> read_meta();
  Result<void> begin_epoch(Random& random);
  Result<void> read_rows(const std::function<bool(RecoveredPart part)>& visit, RowKind kind,
                         std::string_view sql);
  Result<void> read_refused(const std::function<bool(RecoveredPart part)>& visit);
  Result<void> write(const JournalBatch& batch);
  Result<void> write_row(const StateRow& row);
  Result<void> set_meta(std::string_view name, Sequence value);
  Result<void> write_cut(const LogCut& cut);
  Result<void> drop_blocks();

  const SqliteSettings settings_;
  std::unique_ptr<WriterLock> lock_;
  std::optional<SqliteDb> db_;  // none when it is not at its place any more
  Statements run_;              // of `db_`
  bool has_failed_ = false;     // since then nothing is kept
  std::uint32_t epoch_ = 0;
  Sequence last_ = 0;
  Sequence cut_through_ = 0;
  Sequence removed_through_ = 0;
  bool blocks_to_drop_ = false;  // before cut_through_
  int wal_pages_ = 0;
  bool wal_is_ours_ = false;  // all of it was written by this connection
};

}  // namespace progressd
