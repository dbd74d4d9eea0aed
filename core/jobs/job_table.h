// The job table: all jobs, as a fold of the journal. apply() is the one place where a job changes,
// and every rule that depends on a job's state is in it. It is deterministic: no clock, no chance.
// Thread: the loop's.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/name_table.h"
#include "core/base/result.h"
#include "core/jobs/change.h"
#include "core/jobs/idempotency.h"
#include "core/jobs/job.h"

namespace progressd {

/// What became of a change.
struct Outcome {
  std::optional<Error> error;  // why it was refused; then nothing changed
  Job* job = nullptr;          // the job concerned; good until the table forgets it
  bool existing = false;       // a creation that its idempotency key had made before
  std::optional<Event> event;  // what the job's topic tells of it
};

struct JobTableLimits {
  std::size_t jobs_max = 1'000'000;
  std::size_t idempotency_keys_max = 1'000'000;
  std::size_t removed_max = 1'000;  // jobs kept after their removal, for streams that resume
  std::size_t removed_bytes_max = 64 * 1024 * 1024;  // of their texts and histories
};

class JobTable {
 public:
  using BySequence = std::map<Sequence, Job*>;  // by creation

  explicit JobTable(const JobTableLimits& limits)
      : limits_(limits), idempotency_(limits.idempotency_keys_max) {}

  /// From here on. What is there already stays.
  void use_limits(const JobTableLimits& limits) {
    limits_ = limits;
    idempotency_.use_keys_max(limits.idempotency_keys_max);
  }

  /// Shape: `sequence` is later than all before it; an event that comes of it has this number.
  Outcome apply(Sequence sequence, const Change& change);

  /// Fetches what applying these changes will touch into the processor's caches, all of it at once:
  /// where jobs are many, each would be waited for in turn.
  void prefetch(std::span<const Change> changes) const;
  /// Puts a job or a key back as it was before a restart. False when its id is taken.
  bool restore(std::unique_ptr<Job> job);
  void restore(std::string_view owner, std::string_view key, IdempotencyTable::Entry entry,
               Millis at);
  /// Removals up to here are known, but the jobs that were removed are gone.
  void forget_removed_through(Sequence sequence) {
    removed_dropped_ = std::max(removed_dropped_, sequence);
  }

  Job* find(std::string_view id) const;
  std::size_t size() const { return jobs_.size(); }
  std::size_t count(Runner runner, State state) const {
    return counts_[static_cast<std::size_t>(runner)][static_cast<std::size_t>(state)];
  }
  /// Of every runner.
  std::size_t count(State state) const;

  /// Whether a creation with this idempotency key of the owner's is remembered.
  bool knows_key(std::string_view owner, std::string_view key) const {
    return idempotency_.holds(owner, key);
  }

  const BySequence& all() const { return by_sequence_; }
  /// Null when the owner has no job.
  const BySequence* of_owner(const std::string& owner) const;
  /// How many of the owner's are not over.
  std::size_t live_of(const std::string& owner) const;
  /// What all of the owner's jobs take, without their histories.
  std::size_t bytes_of(const std::string& owner) const;
  /// The same of everybody's.
  std::size_t bytes() const { return bytes_; }

  /// The job that has been over for longest, if that was by then, by the steady clock.
  const Job* oldest_finished(Millis over_by) const;
  /// Jobs that are over, by the sequence of their end.
  const BySequence& finished() const { return finished_; }
  std::size_t idempotency_keys() const { return idempotency_.size(); }
  std::size_t idempotency_keys_of(std::string_view owner) const {
    return idempotency_.count_of(owner);
  }

  /// Jobs that were removed lately, the first removed first.
  const std::deque<std::unique_ptr<Job>>& removed() const { return removed_; }
  /// Whether every job that was removed after `sequence` is still among them.
  bool retains_removed_after(Sequence sequence) const { return sequence >= removed_dropped_; }

 private:
  Outcome create(Sequence sequence, const Change& change);
  Outcome report(Sequence sequence, Job& job, const Change& change);
  Outcome start(Sequence sequence, Job& job, Moment at);
  Outcome resume(Sequence sequence, Job& job, Moment at);
  Outcome step(Sequence sequence, Job& job, Moment at);
  Outcome stall(Sequence sequence, Job& job, Moment at);
  Outcome cancel(Sequence sequence, Job& job, const Change& change);
  Outcome remove(Sequence sequence, Job& job, const Change& change);
  void forget_first_removed();
  Outcome finish(Sequence sequence, Job& job, State state, Moment at);
  void set_text(Job& job, Text Job::*text, const Text& value);
  void set_state(Job& job, State state, Moment at);
  std::size_t& counted(const Job& job);
  void enter(std::unique_ptr<Job> job);

  JobTableLimits limits_;
  NameTable<Job> jobs_;
  BySequence by_sequence_;
  struct Owned {
    BySequence jobs;
    std::size_t live = 0;
    std::size_t bytes = 0;
  };
  std::unordered_map<std::string, Owned> by_owner_;
  std::size_t bytes_ = 0;  // of all owners
  BySequence finished_;    // by the sequence of their end
  std::deque<std::unique_ptr<Job>> removed_;
  std::deque<std::size_t> removed_bytes_of_;  // each one's, as it was removed
  std::size_t removed_bytes_ = 0;             // of all of them
  Sequence removed_dropped_ = 0;
  IdempotencyTable idempotency_;
  std::array<std::array<std::size_t, kStates>, kRunners> counts_{};
};

}  // namespace progressd
