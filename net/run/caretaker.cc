#include "net/run/caretaker.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace progressd {
namespace {

/// Jobs, and channels, forgotten in one turn: the loop has other things to do.
constexpr std::size_t kForgottenPerTurnMax = 1'000;
/// A stall that was committed may have been refused, by a journal that is away.
constexpr Millis kStallAgainMs = 1'000;

}  // namespace

Caretaker::Caretaker(const Parts& parts)
    : parts_(parts),
      wheel_(parts.loop, [this](WheelNode& node) { on_due(node); }),
      forget_timer_(parts.loop, [this] {
        forget_finished();
        forget_channels();
      }) {
  use_retention(parts.retain_finished_ms, parts.retain_channels_ms);
}

void Caretaker::use_retention(Millis finished_ms, Millis channels_ms) {
  parts_.retain_finished_ms = finished_ms;
  parts_.retain_channels_ms = channels_ms;
  const Millis shortest = std::min(finished_ms, channels_ms);
  forget_timer_.start_every(std::clamp<Millis>(shortest / 4, 20, 1'000));
}

void Caretaker::on_applied(const Change& change, Job& job) {
  if (job.spec.stall_after_ms == 0) return;
  if (change.kind == ChangeKind::kCreate) {
    watch(job);
  } else if (is_terminal(job.state)) {
    watches_.erase(job.topic.id());
  } else if (const auto watch = watches_.find(job.topic.id()); watch != watches_.end()) {
    watch->second->reported_at = wheel_.now();
  }
}

void Caretaker::on_restored(Job& job) {
  // Nobody could report while there was no server: its time begins anew.
  if (job.spec.stall_after_ms > 0 && !is_terminal(job.state)) watch(job);
}

void Caretaker::watch(Job& job) {
  auto watch = std::make_unique<Watch>(job);
  watch->reported_at = wheel_.now();
  wheel_.set(*watch, wheel_.now() + job.spec.stall_after_ms);
  watches_.emplace(job.topic.id(), std::move(watch));
}

void Caretaker::on_due(WheelNode& node) {
  auto& watch = static_cast<Watch&>(node);
  const Job& job = watch.job;
  const Millis stalls_at = watch.reported_at + job.spec.stall_after_ms;
  if (stalls_at > wheel_.now()) return wheel_.set(watch, stalls_at);
  // The job table goes by the changes' steady clock, which may be a little behind the loop's.
  const Moment now = parts_.clock.now();
  const Millis left = job.last_report_at + job.spec.stall_after_ms - now.steady;
  const Millis again = left > 0 ? std::min<Millis>(left, job.spec.stall_after_ms) : kStallAgainMs;
  wheel_.set(watch, wheel_.now() + again);
  if (left > 0) return;
  parts_.ledger.commit(make_change(ChangeKind::kStall, job.spec.id, now), [](const auto&) {});
}

void Caretaker::forget_finished() {
  const Moment now = parts_.clock.now();
  const Millis over_by = now.steady - parts_.retain_finished_ms;
  if (forgets_jobs_ || parts_.jobs.oldest_finished(over_by) == nullptr) return;
  std::vector<Change> changes;
  for (const auto& [sequence, job] : parts_.jobs.finished()) {
    if (job->over_since > over_by || changes.size() == kForgottenPerTurnMax) break;
    changes.push_back(make_change(ChangeKind::kForget, job->spec.id, now));
  }
  forgets_jobs_ = true;
  parts_.ledger.commit(std::move(changes), [this](const auto&) { forgets_jobs_ = false; });
}

void Caretaker::forget_channels() {
  const Millis posted_by = parts_.clock.steady_at() - parts_.retain_channels_ms;
  if (forgets_channels_) return;
  std::vector<Change> changes;
  for (const Channel* channel : parts_.channels.by_age()) {
    if (channel->posted_at > posted_by || changes.size() == kForgottenPerTurnMax) break;
    changes.push_back(make_change(ChangeKind::kChannelForget, channel->user, posted_by));
  }
  if (changes.empty()) return;
  forgets_channels_ = true;
  parts_.ledger.commit(std::move(changes), [this](const auto&) { forgets_channels_ = false; });
}

}  // namespace progressd
