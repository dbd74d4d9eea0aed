// Runs a durable journal on a thread of its own. Batches go there one at a time; what comes of them
// goes back through an inbox:
//
//   open, check, read ─► Inbox ─► on_part, on_recovered
//   hand_over(batch) ─► [ slot ] ─► SqliteJournal.append ─► Inbox ─► on_kept      loop thread
//
// After a failure every batch is refused at once, and the file is opened again and again, more and
// more slowly, until it can be written.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/journal/sqlite.h"
#include "net/uv/inbox.h"

namespace progressd {

/// What is told to those who ask for a change meanwhile.
inline constexpr const char* kJournalAway = "the journal can't be written at present";

class JournalThread {
 public:
  /// What became of a batch.
  struct Kept {
    Result<Sequence> first;  // of its changes
    std::size_t changes = 0;
    std::size_t block_bytes = 0;
    bool had_state = false;  // rows, or a cut
    std::chrono::microseconds took{0};
  };
  /// Opening and reading came to their end; or why not, with the journal's path.
  struct Recovered {
    Result<void> result;
    std::uint32_t epoch = 0;
    Sequence last = 0;
    Sequence removed_through = 0;
  };
  /// After a failure: the journal can be written again.
  struct Back {};
  /// The file is closed: another process may have it.
  struct Closed {};
  using FromThread = std::variant<RecoveredPart, Recovered, Kept, Back, Closed>;

  /// Begins with a recovery: a large file takes its time to be checked and read, and the loop goes
  /// on meanwhile. `on_news` is called on the loop's thread.
  JournalThread(Loop& loop, SqliteSettings settings, std::function<void(FromThread)> on_news);
  /// After finish().
  ~JournalThread() { thread_.join(); }
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Shape: the one before was told of by a Kept.
  void hand_over(JournalBatch batch);
  /// Closes the file, which a Closed tells of. Shape: as for hand_over(), and nothing is handed
  /// over after it.
  void close();
  /// Nothing is told any more. Writes what was handed over, then this, then ends.
  void finish(JournalBatch last);

 private:
  void run();
  void recover();
  Result<void> open_and_read();
  /// Waits while another process has the file, if one is expected to give it up.
  Result<std::unique_ptr<SqliteJournal>> open();
  /// Waits for a batch, for the time to close the file, or to open it again. None: one of these.
  std::optional<JournalBatch> take();
  void write(const JournalBatch& batch);
  void try_to_come_back();
  void close_file();
  /// What was refused may have reached the disk, and must not be there at the next start: it is
  /// taken out before. Where the disk is still away, there is nothing to be done about it.
  void close_engine();
  bool closes();
  bool ends();

  const SqliteSettings settings_;
  std::unique_ptr<SqliteJournal> engine_;  // the thread's; null: closed, or it could not be opened
  std::optional<std::chrono::milliseconds> away_;  // the thread's: how long until the next try
  std::shared_ptr<Inbox<FromThread>> inbox_;
  std::mutex mutex_;
  std::condition_variable wake_;   // the thread
  std::condition_variable taken_;  // out of the slot
  std::optional<JournalBatch> slot_;
  bool closes_ = false;
  bool ends_ = false;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace progressd
