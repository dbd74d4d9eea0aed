#include "net/journal/durable_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "net/log.h"

namespace progressd {
namespace {

/// For half of what a commit takes, those who were answered are waited for, but not where a commit
/// takes less than the timer's millisecond.
constexpr Millis kWaitMsMax = 5;

Millis wait_after(const JournalThread::Kept& kept) {
  using std::chrono::milliseconds;
  if (kept.took < milliseconds(1)) return 0;
  return std::min<Millis>(std::chrono::ceil<milliseconds>(kept.took / 2).count(), kWaitMsMax);
}

}  // namespace

DurableJournal::DurableJournal(const Parts& parts, SqliteSettings settings,
                               const JournalBounds& bounds)
    : parts_(parts),
      bounds_(bounds),
      path_(settings.path),
      keeper_(parts.jobs, parts.channels, bounds.log_bytes_min),
      recovery_({parts.ledger, parts.jobs, parts.channels, keeper_, parts.history}),
      expected_timer_(parts.loop, [] {}),  // the end of the turn that it makes is what counts
      thread_(parts.loop, std::move(settings),
              [this](JournalThread::FromThread news) { on_news(std::move(news)); }) {
  parts.ledger.defer_to(*this, keeper_, parts.table_bounds);
}

DurableJournal::~DurableJournal() {
  // Nobody is told any more; but what was taken is kept.
  thread_.finish(take_gathered());
}

void DurableJournal::close() {
  if (closing_ == Closing::kNo) closing_ = Closing::kFlushing;
}

std::optional<Error> DurableJournal::post(std::span<const Change> changes) {
  if (closing_ != Closing::kNo) return Error{Errc::kUnavailable, "the server is shutting down"};
  if (state_ == State::kRecovering) return Error{Errc::kUnavailable, "the server is starting"};
  if (state_ == State::kAway) return Error{Errc::kUnavailable, kJournalAway};
  // One request that is over the bounds alone still finds its way through an empty queue.
  if (figures_.waiting_changes > 0 &&
      (figures_.waiting_changes + changes.size() > bounds_.changes_max ||
       figures_.waiting_bytes > bounds_.bytes_max)) {
    return Error{Errc::kUnavailable, "too many changes wait for the disk"};
  }
  const std::size_t before = gathering_.view().size();
  for (const Change& change : changes) gathering_.add(change);
  figures_.waiting_changes += changes.size();
  figures_.waiting_bytes += gathering_.view().size() - before;
  return std::nullopt;
}

JournalBatch DurableJournal::take_gathered() {
  JournalBatch batch;
  batch.changes = gathering_.changes();
  batch.block = gathering_.take();
  return batch;
}

void DurableJournal::on_turn_end() {
  if (state_ == State::kRecovering || is_writing_) return;
  const bool closes = closing_ != Closing::kNo;
  if (!closes && gathering_.changes() < expected_ && parts_.loop.now() < expected_until_) return;
  expected_ = 0;
  JournalBatch batch = take_gathered();
  if (state_ == State::kReady && !closes) {
    keeper_.fill(batch, parts_.ledger.last_sequence(), parts_.clock.steady_at());
  }
  if (batch.empty()) {
    if (closing_ != Closing::kFlushing) return;
    closing_ = Closing::kAsked;
    return thread_.close();
  }
  is_writing_ = true;
  thread_.hand_over(std::move(batch));
}

void DurableJournal::on_news(JournalThread::FromThread news) {
  if (const auto* part = std::get_if<RecoveredPart>(&news)) return on_part(*part);
  if (const auto* end = std::get_if<JournalThread::Recovered>(&news)) return on_recovered(*end);
  if (const auto* kept = std::get_if<JournalThread::Kept>(&news)) return on_kept(*kept);
  if (std::holds_alternative<JournalThread::Closed>(news)) {
    closing_ = Closing::kDone;
    return log::info("the journal {} is closed", path_);
  }
  state_ = State::kReady;  // it is back
}

void DurableJournal::on_part(const RecoveredPart& part) {
  if (!fault_ && !recovery_.take(part)) {
    fault_ = Error{
        Errc::kUnavailable,
        fmt::format("the journal {}: is corrupt: it holds what is no change and no state", path_)};
  }
}

void DurableJournal::on_recovered(const JournalThread::Recovered& recovered) {
  if (!recovered.result) fault_ = recovered.result.error();
  if (fault_) return parts_.on_recovered(tl::unexpected(*fault_));
  recovery_.finish(recovered.last, recovered.removed_through);
  parts_.clock.go_on_from(recovery_.latest_at());
  state_ = State::kReady;
  parts_.on_recovered(recovered.epoch);
}

void DurableJournal::count(const JournalThread::Kept& kept) {
  figures_.commit_seconds.add(std::chrono::duration<double>(kept.took).count());
  if (kept.changes == 0) return;
  ++figures_.commits;
  figures_.changes += kept.changes;
}

void DurableJournal::on_kept(const JournalThread::Kept& kept) {
  is_writing_ = false;
  const Millis wait = wait_after(kept);
  if (kept.first && wait > 0) {
    expected_ = kept.changes + gathering_.changes();
    expected_until_ = parts_.loop.now() + wait;
    expected_timer_.start_in(wait);
  }
  if (!kept.first) state_ = State::kAway;
  figures_.waiting_changes -= kept.changes;
  figures_.waiting_bytes -= kept.block_bytes;
  if (kept.first) keeper_.logged(kept.block_bytes);
  if (kept.first) count(kept);
  if (kept.had_state) kept.first ? keeper_.on_kept() : keeper_.on_refused();
  parts_.ledger.settle(kept.first, kept.changes);
}

}  // namespace progressd
