// Recovery: the fold of what a durable journal holds, before anything else is committed. Rows
// first, which stand for changes that were cut off, then the changes of the log. Thread: the
// loop's.
#pragma once

#include <cstddef>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/journal/journal_batch.h"
#include "core/journal/state_codec.h"
#include "core/ledger.h"

namespace progressd {

class Recovery {
 public:
  struct Parts {
    Ledger& ledger;
    JobTable& jobs;
    ChannelTable& channels;
    StateKeeper& keeper;
    HistoryLimits history;
  };
  explicit Recovery(const Parts& parts) : parts_(parts) {}

  /// Of the events that come from here on.
  void use_history(const HistoryLimits& history) { parts_.history = history; }
  /// False when what it holds is not ours: then the journal is corrupt.
  bool take(const RecoveredPart& part);
  /// After the last part. `last`: the latest change; `removed_through`: see JournalBatch.
  void finish(Sequence last, Sequence removed_through);

  std::size_t changes() const { return changes_; }
  /// Of the steady clock: nothing that was taken is later.
  Millis latest_at() const { return latest_at_; }

 private:
  bool take_row(const StateRow& row);
  /// Puts back those that were first used before this change.
  void restore_keys_before(Sequence sequence);
  void take_change(Sequence sequence, const Change& change);
  void forget_removed_through(Sequence sequence);
  bool is_in_row(Sequence sequence, const Change& change) const;

  Parts parts_;
  std::unordered_map<TopicId, Sequence> through_;  // of what came from a row
  std::unordered_set<Sequence> refused_;           // creations
  /// By creation. A key is known from there on: what the log says of the time before, and the
  /// creation itself, found it unused.
  std::map<Sequence, KeptKey> keys_;
  std::size_t changes_ = 0;
  Millis latest_at_ = 0;
};

}  // namespace progressd
