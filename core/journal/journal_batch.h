// What the loop hands to a durable journal, and what it gets back from it at the next start.
//
//   log    blocks of changes, in order (change_codec.h): what a 2xx stands for
//   state  rows, each a job, a channel or an idempotency key as a whole (state_codec.h). With them
//          the log up to some change is no longer needed, and is cut off
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/stream/event_id.h"

namespace progressd {

enum class RowKind : std::uint8_t { kJob, kChannel, kIdempotencyKey };

/// The numbers stand on disk.
struct StateRow {
  RowKind kind = RowKind::kJob;
  Sequence id = 0;        // of the creation
  std::string bytes;      // empty: it is gone
  Millis expires_at = 0;  // of a key; rows of the others go when they are told to
};

/// Where the log begins, once the rows say all that stood before.
struct LogCut {
  Sequence through = 0;  // changes up to here are cut off
  Millis at = 0;         // of the steady clock: keys that expired by then go
};

/// All of it is kept, or nothing.
struct JournalBatch {
  std::size_t changes = 0;
  std::string block;  // empty when there are none
  std::vector<StateRow> rows;
  std::optional<LogCut> cut;
  /// Of jobs that were removed up to here the journal may no longer tell: a cut took their removal
  /// off the log, or there is no row any more for the log's removal to be one of. 0: as before.
  Sequence removed_through = 0;
  /// Creations of the log that were refused. A row may say that the job is gone which stood in
  /// their way: they must not be allowed for that when the log is read again.
  std::vector<Sequence> refused;

  bool empty() const { return changes == 0 && !has_state(); }
  bool has_state() const { return !rows.empty() || cut || !refused.empty(); }
};

/// A part of what a journal holds. What was refused and the rows come first, then the log.
struct RecoveredPart {
  std::vector<Sequence> refused;
  std::vector<StateRow> rows;
  struct Block {
    Sequence first;
    std::size_t changes;
    std::string bytes;
  };
  std::vector<Block> blocks;
};

}  // namespace progressd
