// The durable journal as the loop has it: gathers the changes of a turn, hands them to the
// journal's thread, and settles them with the ledger when they are kept; folds what was there
// before; says when it is away. Group commit: while one batch is written, the next one gathers
// here. Thread: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/journal/change_codec.h"
#include "core/journal/deferred.h"
#include "core/journal/recovery.h"
#include "core/journal/state_keeper.h"
#include "core/ledger.h"
#include "net/journal/journal_figures.h"
#include "net/journal/journal_thread.h"
#include "net/uv/timer.h"

namespace progressd {

/// What may wait for the disk; beyond it nothing more is taken.
struct JournalBounds {
  std::size_t changes_max = 100'000;
  std::size_t bytes_max = 32 * 1024 * 1024;
  /// The log is cut off when it has grown by so much, or more where there is much to write for it.
  std::size_t log_bytes_min = 16 * 1024 * 1024;
};

class DurableJournal final : public DeferredJournal {
 public:
  struct Parts {
    Loop& loop;
    Ledger& ledger;
    JobTable& jobs;
    ChannelTable& channels;
    Clock& clock;
    HistoryLimits history;
    TableBounds table_bounds;
    /// All that was there before is back: the epoch of its events' ids. Or why it is not: then
    /// there is no going on.
    std::function<void(Result<std::uint32_t>)> on_recovered;
  };
  /// Begins the recovery.
  DurableJournal(const Parts& parts, SqliteSettings settings, const JournalBounds& bounds = {});

  ~DurableJournal() override;
  DurableJournal(const DurableJournal&) = delete;
  DurableJournal& operator=(const DurableJournal&) = delete;

  std::optional<Error> post(std::span<const Change> changes) override;
  /// From here on; what is still to be read again goes by it, too.
  void use_history(const HistoryLimits& history) { recovery_.use_history(history); }
  /// Hands over what was gathered, when the last batch is written.
  void on_turn_end();
  /// Takes no more changes, and closes the file when those that were taken are kept and settled, so
  /// that another process can have it.
  void close();
  /// Whether that goes on still; a recovery is not waited for.
  bool closes() const {
    return state_ != State::kRecovering &&
           (closing_ == Closing::kFlushing || closing_ == Closing::kAsked);
  }

  /// Whether changes are taken.
  bool is_ready() const { return state_ == State::kReady && closing_ == Closing::kNo; }
  /// Whether none are since the disk is full or away: it is tried again.
  bool is_away() const { return state_ == State::kAway && closing_ == Closing::kNo; }
  const JournalFigures& figures() const { return figures_; }
  std::size_t recovered_changes() const { return recovery_.changes(); }

 private:
  enum class State : std::uint8_t { kRecovering, kReady, kAway };
  enum class Closing : std::uint8_t { kNo, kFlushing, kAsked, kDone };

  void on_news(JournalThread::FromThread news);
  void on_part(const RecoveredPart& part);
  void on_recovered(const JournalThread::Recovered& recovered);
  void on_kept(const JournalThread::Kept& kept);
  void count(const JournalThread::Kept& kept);
  JournalBatch take_gathered();

  Parts parts_;
  const JournalBounds bounds_;
  const std::string path_;
  StateKeeper keeper_;
  Recovery recovery_;
  State state_ = State::kRecovering;
  Closing closing_ = Closing::kNo;
  ChangeBlock gathering_;
  bool is_writing_ = false;    // a batch was handed over
  std::size_t expected_ = 0;   // changes, until then
  Millis expected_until_ = 0;  // of the loop's clock
  Timer expected_timer_;
  JournalFigures figures_;
  std::optional<Error> fault_;  // of the recovery
  JournalThread thread_;        // the last: it calls back
};

}  // namespace progressd
