#include "net/run/timer_runner.h"

#include <algorithm>
#include <utility>

namespace progressd {
namespace {

/// A job that fell so far behind does not catch up: the machine was asleep, or is too slow.
constexpr Millis kCatchUpMsMax = 1'000;
/// Steps of all jobs in one turn of the loop; the others are a millisecond late.
constexpr std::size_t kStepsPerTurnMax = 5'000;

}  // namespace

void TimerRunner::add(Job& job, bool resumes) {
  auto run = std::make_unique<Run>(job);
  run->resumes = resumes;
  wheel_.set(*run, wheel_.now());
  runs_.emplace(job.topic.id(), std::move(run));
}

void TimerRunner::on_applied(const Change& change, Job& job) {
  if (job.spec.runner != Runner::kTimer) return;
  if (change.kind == ChangeKind::kCreate) {
    add(job, /*resumes=*/false);
  } else if (is_terminal(job.state)) {
    runs_.erase(job.topic.id());
  } else if (change.kind == ChangeKind::kResume) {
    runs_.at(job.topic.id())->resumes = false;
  }
}

void TimerRunner::on_restored(Job& job) {
  if (job.spec.runner != Runner::kTimer || is_terminal(job.state)) return;
  add(job, /*resumes=*/job.state == State::kActive);
}

void TimerRunner::on_due(WheelNode& node) {
  auto& run = static_cast<Run&>(node);
  const Job& job = run.job;
  if (stopped_) return;
  if (run.on_its_way) {
    run.due_again = true;
    return;
  }
  if (++steps_this_turn_ > kStepsPerTurnMax) return wheel_.set(run, wheel_.now() + 1);
  const Millis earliest = wheel_.now() - kCatchUpMsMax;
  ChangeKind kind = job.state == State::kPending ? ChangeKind::kStart : ChangeKind::kStep;
  if (run.resumes) kind = ChangeKind::kResume;
  // Only a step moves the job; the one after this change is what is waited for.
  const std::int64_t done_next = job.done + (kind == ChangeKind::kStep ? 2 : 1);
  wheel_.set(run, std::max(run.due(), earliest) + job.spec.step_ms_to(done_next));
  Change change = make_change(kind, job.spec.id, clock_.now());
  if (!ledger_.is_deferred()) {
    // The commit may end the job, and with it this run: nothing of it is touched afterwards.
    return ledger_.commit(std::move(change), [](const auto&) {});
  }
  run.on_its_way = true;
  ledger_.commit(std::move(change), [this, id = job.topic.id()](const auto&) { on_settled(id); });
}

void TimerRunner::on_settled(TopicId id) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) return;
  Run& run = *found->second;
  run.on_its_way = false;
  // Refused, it is made again when it is due: the journal may be back by then.
  if (std::exchange(run.due_again, false)) wheel_.set(run, wheel_.now());
}

}  // namespace progressd
