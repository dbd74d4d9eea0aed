#include "net/run/cpu_runner.h"

#include <algorithm>
#include <utility>

#include "core/sim/cpu_work.h"
#include "net/log.h"

namespace progressd {
namespace {

constexpr std::int64_t kSliceMs = 10;
/// When the journal did not take a step.
constexpr Millis kRetryMs = 250;

}  // namespace

CpuRunner::CpuRunner(Loop& loop, std::size_t threads, std::uint64_t rounds_per_ms, Ledger& ledger,
                     const Clock& clock, Random& random)
    : rounds_per_ms_(rounds_per_ms),
      ledger_(ledger),
      clock_(clock),
      random_(random),
      retry_timer_(loop, [this] { retry(); }),
      // Each thread has at most one result on its way; a poster never waits long.
      inbox_(std::make_shared<Inbox<SliceDone>>(
          loop, 4 * threads, [this](const std::vector<SliceDone>& slices) { on_slices(slices); })),
      pool_(loop, threads, [this] { fill_pool(); }) {}

void CpuRunner::add(Job& job, bool resumes) {
  Run run{job, random_.next(), job.spec.step_work_ms};
  run.resumes = resumes;
  runs_.emplace(job.topic.id(), run);
  line_.push_back(job.topic.id());
}

void CpuRunner::on_applied(const Change& change, Job& job) {
  if (job.spec.runner != Runner::kCpu) return;
  if (change.kind == ChangeKind::kCreate) {
    add(job, /*resumes=*/false);
  } else if (is_terminal(job.state)) {
    const auto run = runs_.find(job.topic.id());
    if (run == runs_.end()) return;
    log::debug("job {} ended with digest {:016x}", job.spec.id, run->second.seed);
    runs_.erase(run);
  }
}

void CpuRunner::on_restored(Job& job) {
  if (job.spec.runner != Runner::kCpu || is_terminal(job.state)) return;
  add(job, /*resumes=*/job.state == State::kActive);
}

void CpuRunner::fill_pool() {
  while (!stopped_ && pool_.has_room() && !line_.empty()) {
    const TopicId id = line_.front();
    line_.pop_front();
    const auto found = runs_.find(id);
    if (found == runs_.end()) continue;  // it ended while it stood in line
    Run& run = found->second;
    const std::int64_t slice_ms = std::min(kSliceMs, run.step_ms_left);
    const std::uint64_t rounds = rounds_per_ms_ * static_cast<std::uint64_t>(slice_ms);
    pool_.submit([inbox = inbox_, id, seed = run.seed, rounds, slice_ms] {
      inbox->post({id, cpu_work(seed, rounds), slice_ms});
    });
    const bool begins = run.job.state == State::kPending || run.resumes;
    if (begins && !run.on_its_way) tell(id, run);
  }
}

void CpuRunner::tell(TopicId id, Run& run) {
  ChangeKind kind = run.step_done ? ChangeKind::kStep : ChangeKind::kStart;
  if (run.resumes) kind = ChangeKind::kResume;
  run.on_its_way = true;
  ledger_.commit(make_change(kind, run.job.spec.id, clock_.now()),
                 [this, id, kind](std::span<const Outcome> outcomes) {
                   const std::optional<Error>& error = outcomes.front().error;
                   on_settled(id, kind, error && error->code == Errc::kUnavailable);
                 });
}

void CpuRunner::on_settled(TopicId id, ChangeKind kind, bool refused) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;  // that was the end of it
  Run& run = found->second;
  run.on_its_way = false;
  if (refused) {
    if (!run.step_done) return;  // it is computing: the next slice or the step tells it again
    if (refused_.empty()) retry_timer_.start_in(kRetryMs);
    refused_.push_back(id);
    return;
  }
  if (kind == ChangeKind::kResume) run.resumes = false;
  if (kind == ChangeKind::kStep) {
    run.step_done = false;
    line_.push_back(id);
  } else if (run.step_done) {
    tell(id, run);
  }
}

void CpuRunner::retry() {
  for (const TopicId id : std::exchange(refused_, {})) {
    const auto found = runs_.find(id);
    if (found != runs_.end() && !found->second.on_its_way) tell(id, found->second);
  }
}

void CpuRunner::on_slices(const std::vector<SliceDone>& slices) {
  for (const SliceDone& slice : slices) {
    const auto found = runs_.find(slice.job);
    if (found == runs_.end()) continue;  // cancelled meanwhile
    Run& run = found->second;
    run.seed = slice.seed;
    run.step_ms_left -= slice.slice_ms;
    if (run.step_ms_left > 0) {
      line_.push_back(slice.job);
      continue;
    }
    run.step_ms_left = run.job.spec.step_work_ms;
    run.step_done = true;
    if (!run.on_its_way) tell(slice.job, run);
  }
  fill_pool();
}

}  // namespace progressd
