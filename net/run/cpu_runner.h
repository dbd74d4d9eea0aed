// Runs `cpu` jobs: work that really computes, on libuv's threads. A step is cut into slices of some
// milliseconds; a job gets one slice, then stands in line again, so that a thousand jobs share the
// threads fairly and a cancelled one stops at its next slice.
//
//   line of jobs ─► WorkPool (a slice each) ─► Inbox ─► the step is done ─► Ledger
//
// With a durable journal a job stands in line again once its step is kept. Where the journal is
// away it waits, and its step is told again.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/ledger.h"
#include "net/uv/inbox.h"
#include "net/uv/timer.h"
#include "net/uv/work_pool.h"

namespace progressd {

class CpuRunner final : public ChangeObserver {
 public:
  /// `rounds_per_ms`: of core/sim/cpu_work, on this machine.
  CpuRunner(Loop& loop, std::size_t threads, std::uint64_t rounds_per_ms, Ledger& ledger,
            const Clock& clock, Random& random);
  ~CpuRunner() override { inbox_->close(); }

  void on_applied(const Change& change, Job& job) override;
  void on_restored(Job& job) override;
  /// New jobs begin here, after the changes that made them were told everywhere.
  void on_turn_end() { fill_pool(); }
  /// From here on no slice begins: somebody else goes on with the jobs.
  void stop() { stopped_ = true; }
  /// Jobs that wait for a thread; some of them may just have ended.
  std::size_t waiting() const { return line_.size(); }
  std::size_t running() const { return pool_.running(); }

 private:
  struct Run {
    Job& job;
    std::uint64_t seed;         // of the next slice: what the last one ended with
    std::int64_t step_ms_left;  // of the present step
    bool resumes = false;       // it was active before a restart: that is told first
    bool on_its_way = false;    // a change of it
    bool step_done = false;     // and not kept yet: it stands in no line
  };
  struct SliceDone {
    TopicId job;
    std::uint64_t seed;
    std::int64_t slice_ms;
  };

  void add(Job& job, bool resumes);
  /// Commits what the run has come to. It may be gone afterwards.
  void tell(TopicId id, Run& run);
  void on_settled(TopicId id, ChangeKind kind, bool refused);
  void retry();
  void fill_pool();
  void on_slices(const std::vector<SliceDone>& slices);

  std::uint64_t rounds_per_ms_;
  Ledger& ledger_;
  const Clock& clock_;
  Random& random_;
  std::unordered_map<TopicId, Run> runs_;
  std::deque<TopicId> line_;
  bool stopped_ = false;
  std::vector<TopicId> refused_;  // whose step the journal did not take
  Timer retry_timer_;
  std::shared_ptr<Inbox<SliceDone>> inbox_;
  WorkPool pool_;
};

}  // namespace progressd
