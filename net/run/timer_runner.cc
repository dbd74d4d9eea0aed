#include "net/run/timer_runner.h"

#include <algorithm>

namespace progressd {
namespace {

/// A job that fell so far behind does not catch up: the machine was asleep, or is too slow.
constexpr Millis kCatchUpMsMax = 1'000;
/// Steps of all jobs in one turn of the loop; the others are a millisecond late.
constexpr std::size_t kStepsPerTurnMax = 5'000;

}  // namespace

void TimerRunner::on_applied(const Change& change, Job& job) {
  if (job.spec.runner != Runner::kTimer) return;
  if (change.kind == ChangeKind::kCreate) {
    auto run = std::make_unique<Run>(job);
    wheel_.set(*run, wheel_.now());
    runs_.emplace(job.topic.id(), std::move(run));
  } else if (is_terminal(job.state)) {
    runs_.erase(job.topic.id());
  }
}

void TimerRunner::on_due(WheelNode& node) {
  auto& run = static_cast<Run&>(node);
  const Job& job = run.job;
  if (++steps_this_turn_ > kStepsPerTurnMax) return wheel_.set(run, wheel_.now() + 1);
  const Millis earliest = wheel_.now() - kCatchUpMsMax;
  wheel_.set(run, std::max(run.due(), earliest) + job.spec.step_ms);
  const ChangeKind kind = job.state == State::kPending ? ChangeKind::kStart : ChangeKind::kStep;
  // The commit may end the job, and with it this run: nothing of it is touched afterwards.
  ledger_.commit(make_change(kind, job.spec.id, clock_.wall_at()), [](const auto&) {});
}

}  // namespace progressd
