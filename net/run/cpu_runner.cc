#include "net/run/cpu_runner.h"

#include <algorithm>

#include "core/sim/cpu_work.h"
#include "net/log.h"

namespace progressd {
namespace {

constexpr std::int64_t kSliceMs = 10;

}  // namespace

CpuRunner::CpuRunner(Loop& loop, std::size_t threads, std::uint64_t rounds_per_ms, Ledger& ledger,
                     const Clock& clock, Random& random)
    : rounds_per_ms_(rounds_per_ms),
      ledger_(ledger),
      clock_(clock),
      random_(random),
      // Each thread has at most one result on its way; a poster never waits long.
      inbox_(std::make_shared<Inbox<SliceDone>>(
          loop, 4 * threads, [this](const std::vector<SliceDone>& slices) { on_slices(slices); })),
      pool_(loop, threads, [this] { fill_pool(); }) {}

void CpuRunner::on_applied(const Change& change, Job& job) {
  if (job.spec.runner != Runner::kCpu) return;
  if (change.kind == ChangeKind::kCreate) {
    runs_.emplace(job.topic.id(), Run{job, random_.next(), job.spec.step_work_ms});
    line_.push_back(job.topic.id());
  } else if (is_terminal(job.state)) {
    const auto run = runs_.find(job.topic.id());
    if (run == runs_.end()) return;
    log::debug("job {} ended with digest {:016x}", job.spec.id, run->second.seed);
    runs_.erase(run);
  }
}

void CpuRunner::fill_pool() {
  while (pool_.has_room() && !line_.empty()) {
    const TopicId id = line_.front();
    line_.pop_front();
    const auto found = runs_.find(id);
    if (found == runs_.end()) continue;  // it ended while it stood in line
    const Run& run = found->second;
    const std::int64_t slice_ms = std::min(kSliceMs, run.step_ms_left);
    const std::uint64_t rounds = rounds_per_ms_ * static_cast<std::uint64_t>(slice_ms);
    pool_.submit([inbox = inbox_, id, seed = run.seed, rounds, slice_ms] {
      inbox->post({id, cpu_work(seed, rounds), slice_ms});
    });
    if (run.job.state == State::kPending) {
      ledger_.commit(make_change(ChangeKind::kStart, run.job.spec.id, clock_.wall_at()),
                     [](const auto&) {});
    }
  }
}

void CpuRunner::on_slices(const std::vector<SliceDone>& slices) {
  for (const SliceDone& slice : slices) {
    const auto found = runs_.find(slice.job);
    if (found == runs_.end()) continue;  // cancelled meanwhile
    Run& run = found->second;
    run.seed = slice.seed;
    run.step_ms_left -= slice.slice_ms;
    line_.push_back(slice.job);
    if (run.step_ms_left > 0) continue;
    run.step_ms_left = run.job.spec.step_work_ms;
    // The commit may end the job, and with it this run: nothing of it is touched afterwards.
    ledger_.commit(make_change(ChangeKind::kStep, run.job.spec.id, clock_.wall_at()),
                   [](const auto&) {});
  }
  fill_pool();
}

}  // namespace progressd
