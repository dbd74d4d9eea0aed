#include "net/run/caretaker.h"

#include <algorithm>

namespace progressd {
namespace {

/// Jobs forgotten in one turn: the loop has other things to do.
constexpr int kForgottenPerTurnMax = 1'000;

}  // namespace

Caretaker::Caretaker(Loop& loop, Ledger& ledger, const JobTable& jobs, const Clock& clock,
                     Millis retain_finished_ms)
    : ledger_(ledger),
      jobs_(jobs),
      clock_(clock),
      retain_finished_ms_(retain_finished_ms),
      wheel_(loop, [this](WheelNode& node) { on_due(node); }),
      forget_timer_(loop, [this] { forget_finished(); }) {
  forget_timer_.start_every(std::clamp<Millis>(retain_finished_ms / 4, 20, 1'000));
}

void Caretaker::on_applied(const Change& change, Job& job) {
  if (job.spec.stall_after_ms == 0) return;
  if (change.kind == ChangeKind::kCreate) {
    auto watch = std::make_unique<Watch>(job);
    watch->reported_at = wheel_.now();
    wheel_.set(*watch, wheel_.now() + job.spec.stall_after_ms);
    watches_.emplace(job.topic.id(), std::move(watch));
  } else if (is_terminal(job.state)) {
    watches_.erase(job.topic.id());
  } else if (const auto watch = watches_.find(job.topic.id()); watch != watches_.end()) {
    watch->second->reported_at = wheel_.now();
  }
}

void Caretaker::on_due(WheelNode& node) {
  auto& watch = static_cast<Watch&>(node);
  const Job& job = watch.job;
  const Millis stalls_at = watch.reported_at + job.spec.stall_after_ms;
  if (stalls_at > wheel_.now()) return wheel_.set(watch, stalls_at);
  // The job table goes by the wall clock, which may be a little behind, or was set back.
  const Millis wall_at = clock_.wall_at();
  const Millis left = job.last_report_at + job.spec.stall_after_ms - wall_at;
  wheel_.set(watch, wheel_.now() + std::clamp<Millis>(left, 1, job.spec.stall_after_ms));
  if (left > 0) return;
  ledger_.commit(make_change(ChangeKind::kStall, job.spec.id, wall_at), [](const auto&) {});
}

void Caretaker::forget_finished() {
  for (int forgotten = 0; forgotten < kForgottenPerTurnMax; ++forgotten) {
    const Job* job = jobs_.oldest_finished(clock_.wall_at() - retain_finished_ms_);
    if (job == nullptr) return;
    ledger_.commit(make_change(ChangeKind::kForget, job->spec.id, clock_.wall_at()),
                   [](const auto&) {});
  }
}

}  // namespace progressd
