// Keeps a durable journal short: what changed is written as a whole now and then, as rows, and the
// log up to there is cut off. A round goes in slices, one at a time, while changes go on:
//
//   the log grew long ─► slice ─► kept ─► slice ─► kept ─► … ─► cut ─► kept ─► the log grows
//
// Each row says how far it is folded, so a round needs no standstill: where it was not finished,
// the log still holds what the rows lack, and what they have already is passed over.
// Thread: the loop's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/channels/channel_table.h"
#include "core/jobs/job_table.h"
#include "core/journal/journal_batch.h"
#include "core/journal/state_codec.h"

namespace progressd {

class StateKeeper {
 public:
  /// A slice of as many rows, or of 256 KiB, takes about a millisecond of the loop.
  static constexpr std::size_t kSliceRowsMax = 500;

  /// `log_bytes_min`: no round begins before the log has as many.
  StateKeeper(const JobTable& jobs, const ChannelTable& channels, std::size_t log_bytes_min,
              std::size_t slice_rows_max = kSliceRowsMax)
      : jobs_(jobs),
        channels_(channels),
        log_bytes_min_(log_bytes_min),
        slice_rows_max_(slice_rows_max) {}

  /// What the next round must write.
  void touch_job(Sequence created_sequence) { dirty_.jobs.insert(created_sequence); }
  void touch_channel(Sequence created_sequence, std::string_view user) {
    dirty_.channels.try_emplace(created_sequence, user);
  }
  void touch_key(KeptKey key) { dirty_.keys.push_back(std::move(key)); }
  /// A job was removed by this change: the latest one, or one that a recovery found.
  void removed_at(Sequence sequence) { removed_through_ = std::max(removed_through_, sequence); }

  void refused(Sequence creation) { dirty_refused_.push_back(creation); }

  /// So many bytes of changes came to the log.
  void logged(std::size_t bytes) { log_bytes_ += bytes; }

  /// Adds the next slice, when it is time for one, and what rows must not be without. `through`:
  /// the latest change that was applied.
  void fill(JournalBatch& batch, Sequence through, Millis at);
  /// What became of a batch that has_state().
  void on_kept();
  void on_refused();

 private:
  struct Dirty {
    std::unordered_set<Sequence> jobs;
    std::unordered_map<Sequence, std::string> channels;  // to the user
    std::vector<KeptKey> keys;
    bool empty() const { return jobs.empty() && channels.empty() && keys.empty(); }
  };
  enum class Stage : std::uint8_t { kIdle, kReady, kRowsOut, kCutOut };

  void begin(Sequence through);
  void fill_slice(JournalBatch& batch, Sequence through, Millis at);
  void add_rows(JournalBatch& batch, Sequence through);
  void add(StateRow row, JournalBatch& batch);

  const JobTable& jobs_;
  const ChannelTable& channels_;
  std::size_t log_bytes_min_;
  std::size_t slice_rows_max_;
  Dirty dirty_;      // since the round began
  Dirty to_do_;      // of the round, not written yet
  Dirty in_flight_;  // of the slice
  std::vector<Sequence> dirty_refused_;
  std::vector<Sequence> in_flight_refused_;
  Stage stage_ = Stage::kIdle;
  Sequence cut_through_ = 0;          // of the round
  Sequence cut_removed_through_ = 0;  // the last removal by then
  Sequence removed_through_ = 0;      // the last removal
  std::size_t log_bytes_ = 0;         // that no cut of a round under way takes off
  std::size_t round_bytes_ = 0;       // written in this round, or the last one
  std::size_t slice_bytes_ = 0;
};

}  // namespace progressd
