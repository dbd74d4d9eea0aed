// The ledger: the one way by which state changes. A change goes through the journal, is applied to
// the job table or the channel table in the journal's order, and what comes of it is told to the
// hub and to observers.
//
//   commit(changes) ─► Journal.append ─► JobTable.apply ─► Hub.publish ─► ChangeObserver ─► done
//                                   └──► ChannelTable ───► Hub.publish ───────────────────► done
//
// A durable journal takes its time: then the changes wait here, and settle() goes on with them.
//
// Thread: the loop's.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/channels/channel_table.h"
#include "core/jobs/change.h"
#include "core/jobs/job_table.h"
#include "core/journal/deferred.h"
#include "core/journal/journal.h"
#include "core/journal/state_keeper.h"
#include "core/stream/hub.h"

namespace progressd {

/// Told of every change of a job that was applied. It commits nothing within the call.
class ChangeObserver {
 public:
  virtual ~ChangeObserver() = default;
  virtual void on_applied(const Change& change, Job& job) = 0;
  /// Told of every job that was there before a restart.
  virtual void on_restored(Job& /*job*/) {}
};

class Ledger {
 public:
  /// One outcome for each change, in order; good during the call.
  using Done = std::function<void(std::span<const Outcome> outcomes)>;

  Ledger(Journal& journal, JobTable& jobs, ChannelTable& channels, Hub& hub)
      : journal_(journal), jobs_(jobs), channels_(channels), hub_(hub) {}

  void observe(ChangeObserver& observer) { observers_.push_back(&observer); }

  /// From here on changes go to this journal and not to the one in memory. `keeper` is told of
  /// what they change. Nothing is committed after they have gone.
  void defer_to(DeferredJournal& journal, StateKeeper& keeper, const TableBounds& bounds);
  /// From here on. With a deferred journal.
  void use_bounds(const TableBounds& bounds) { on_their_way_->use_bounds(bounds); }
  bool is_deferred() const { return deferred_ != nullptr; }
  /// Creations of this owner that were committed and not settled.
  std::size_t creations_on_their_way(const std::string& owner) const {
    return on_their_way_ ? on_their_way_->creations_of(owner) : 0;
  }
  /// Whether a creation with this idempotency key of the owner's is remembered, or on its way.
  bool knows_key(const std::string& owner, const std::string& key) const {
    return on_their_way_ ? on_their_way_->knows_key(owner, key) : jobs_.knows_key(owner, key);
  }

  /// Calls `done` once every change was applied or refused: at once with a journal in memory, on a
  /// later turn with one that is deferred.
  /// Errors: outcomes of kOverloaded or kUnavailable when the journal does not take the changes.
  void commit(std::vector<Change> changes, const Done& done);
  void commit(Change change, const Done& done);

  /// How many changes were applied, and how many refused.
  std::uint64_t changes_applied() const { return changes_applied_; }
  std::uint64_t changes_refused() const { return changes_refused_; }
  /// The `changes` oldest ones that wait were kept, the first of them under this number; or not.
  void settle(const Result<Sequence>& first, std::size_t changes);

  /// Before any commit(), what was there before a restart: jobs and channels first, then changes.
  /// False when another one has the id.
  bool restore(std::unique_ptr<Job> job);
  bool restore(std::unique_ptr<Channel> channel);
  void replay(Sequence sequence, const Change& change) { apply(sequence, change); }
  void restore_last_sequence(Sequence sequence) { last_sequence_ = sequence; }

  /// What all jobs and channels take, with their histories. Jobs that were removed have a bound of
  /// their own.
  std::size_t held_bytes() const { return jobs_.bytes() + history_bytes_ + channel_bytes_; }

  /// Of the latest change that was applied.
  Sequence last_sequence() const { return last_sequence_; }

 private:
  /// What becomes of the change at `place` of an append() that gave `first`.
  Outcome conclude(const Result<Sequence>& first, std::size_t place, const Change& change);
  Outcome apply(Sequence sequence, const Change& change);
  Outcome apply_to_job(Sequence sequence, const Change& change);
  Outcome apply_to_channel(Sequence sequence, const Change& change);
  void join_groups(Job& job);
  void publish(Job& job, const Event& event);
  void defer(std::vector<Change> changes, const Done& done);
  void touch(const Change& change, const Job& job);

  /// Committed together, and settled together.
  struct Waiting {
    std::vector<Change> changes;
    Done done;
  };

  Journal& journal_;
  JobTable& jobs_;
  ChannelTable& channels_;
  Hub& hub_;
  std::vector<ChangeObserver*> observers_;
  Sequence last_sequence_ = 0;
  std::uint64_t changes_applied_ = 0;
  std::uint64_t changes_refused_ = 0;
  std::size_t history_bytes_ = 0;  // of jobs in the table
  std::size_t channel_bytes_ = 0;
  DeferredJournal* deferred_ = nullptr;  // null: the journal is in memory
  StateKeeper* keeper_ = nullptr;        // with `deferred_`
  std::unique_ptr<OnTheirWay> on_their_way_;
  std::deque<Waiting> waiting_;
};

}  // namespace progressd
