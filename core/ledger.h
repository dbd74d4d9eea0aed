// The ledger: the one way by which state changes. A change goes through the journal, is applied to
// the job table or the channel table in the journal's order, and what comes of it is told to the
// hub and to observers.
//
//   commit(changes) ─► Journal.append ─► JobTable.apply ─► Hub.publish ─► ChangeObserver ─► done
//                                   └──► ChannelTable ───► Hub.publish ───────────────────► done
//
// Thread: the loop's.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/channels/channel_table.h"
#include "core/jobs/change.h"
#include "core/jobs/job_table.h"
#include "core/journal/journal.h"
#include "core/stream/hub.h"

namespace progressd {

/// Told of every change of a job that was applied. It commits nothing within the call.
class ChangeObserver {
 public:
  virtual ~ChangeObserver() = default;
  virtual void on_applied(const Change& change, Job& job) = 0;
};

class Ledger {
 public:
  /// One outcome for each change, in order; good during the call.
  using Done = std::function<void(std::span<const Outcome> outcomes)>;

  Ledger(Journal& journal, JobTable& jobs, ChannelTable& channels, Hub& hub)
      : journal_(journal), jobs_(jobs), channels_(channels), hub_(hub) {}

  void observe(ChangeObserver& observer) { observers_.push_back(&observer); }

  /// Calls `done` once every change was applied or refused: at once with a journal in memory.
  /// Errors: outcomes of kOverloaded when the journal does not take the changes.
  void commit(std::vector<Change> changes, const Done& done);
  void commit(Change change, const Done& done);

  /// How many changes were applied, and how many refused.
  std::uint64_t changes_applied() const { return changes_applied_; }
  std::uint64_t changes_refused() const { return changes_refused_; }

  /// Of the latest change that was applied.
  Sequence last_sequence() const { return last_sequence_; }

 private:
  /// What becomes of the change at `place` of an append() that gave `first`.
  Outcome conclude(const Result<Sequence>& first, std::size_t place, const Change& change);
  Outcome apply(Sequence sequence, const Change& change);
  Outcome apply_to_job(Sequence sequence, const Change& change);
  Outcome apply_to_channel(Sequence sequence, const Change& change);

  Journal& journal_;
  JobTable& jobs_;
  ChannelTable& channels_;
  Hub& hub_;
  std::vector<ChangeObserver*> observers_;
  Sequence last_sequence_ = 0;
  std::uint64_t changes_applied_ = 0;
  std::uint64_t changes_refused_ = 0;
};

}  // namespace progressd
