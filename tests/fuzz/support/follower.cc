#include "tests/fuzz/support/follower.h"

#include <algorithm>

#include "core/base/ensure.h"
#include "core/base/json_read.h"
#include "core/jobs/job.h"

namespace progressd::fuzz {
namespace {

struct Told {
  std::string id;
  Follower::Known known;
};

Told told_in(std::string_view json) {
  static JsonReader reader;
  Told told;
  const Result<void> read =
      reader.read_copied_object(json, [&](std::string_view key, JsonValue& value) -> Result<void> {
        if (key == "id" || key == "state") {
          return value.string(key, kIdBytesMax).map([&](std::string_view text) {
            (key == "id" ? told.id : told.known.state) = text;
          });
        }
        if (key != "done") return {};
        return value.integer(key, 0, kTotalMax).map([&](std::int64_t n) { told.known.done = n; });
      });
  ENSURE(read.has_value());
  return told;
}

std::string_view name_of(EventType type) {
  switch (type) {
    case EventType::kSnapshot:
      return "snapshot";
    case EventType::kProgress:
      return "progress";
    case EventType::kCompleted:
      return "completed";
    case EventType::kFailed:
      return "failed";
    case EventType::kCancelled:
      return "cancelled";
    case EventType::kRemoved:
      return "removed";
  }
  return {};
}

}  // namespace

void Follower::begin(const Subscription& subscription, const std::string& last_id,
                     const KnownJobs& known, Sequence now) {
  subscription_ = subscription;
  sent_id_ = last_id;
  began_at_ = now;
  if (last_id.empty()) {
    after_ = now;
    return;
  }
  // It goes on there, or a gap is told before anything else.
  const std::optional<Sequence> seen = ids_.parse(last_id);
  if (seen && *seen <= now) after_ = *seen;
  last_ = after_.value_or(0);
  last_id_ = last_id;
  known_ = known;
}

void Follower::take(const EventBlock& block) {
  ENSURE(!over_);
  if (block.name == "gap") {
    ENSURE(!gap_told_ && !sent_id_.empty() && got_.empty());
    gap_told_ = true;
    after_ = began_at_;
    last_ = 0;
    last_id_.clear();
    known_.clear();
    return;
  }
  // What can't be placed is always told of.
  ENSURE(after_.has_value());
  const bool opens = sent_id_.empty() || gap_told_;
  const bool partial = block.id.ends_with('~');
  const std::string_view id = std::string_view(block.id).substr(0, block.id.size() - partial);
  const std::optional<Sequence> sequence = ids_.parse(id);
  ENSURE(sequence.has_value());
  if (!partial) last_id_ = block.id;
  if (opens && *sequence <= began_at_) {
    take_opening(block, *sequence);
  } else {
    ENSURE(!partial);
    take_event(block, *sequence);
  }
}

void Follower::take_opening(const EventBlock& block, Sequence sequence) {
  ENSURE(block.name == "snapshot" && got_.empty());
  const Told told = told_in(block.data);
  ENSURE(!known_.contains(told.id));  // each job once
  // The job as it was when the stream began: after the last that happened to it.
  const auto last = std::find_if(log_.rbegin(), log_.rend(), [&](const Happened& happened) {
    return happened.sequence <= began_at_ && happened.job_id == told.id;
  });
  ENSURE(last != log_.rend() && last->type != EventType::kRemoved && subscription_.wants(*last));
  ENSURE(last->state == told.known.state && last->done == told.known.done);
  known_[told.id] = told.known;
  last_ = std::max(last_, sequence);
  over_ = false;
}

const Happened* Follower::find(Sequence sequence) const {
  const auto found =
      std::lower_bound(log_.begin(), log_.end(), sequence,
                       [](const Happened& h, Sequence wanted) { return h.sequence < wanted; });
  return found != log_.end() && found->sequence == sequence ? &*found : nullptr;
}

void Follower::take_event(const EventBlock& block, Sequence sequence) {
  ENSURE(sequence > last_);
  last_ = sequence;
  const Happened* const happened = find(sequence);
  ENSURE(happened != nullptr && subscription_.wants(*happened));
  ENSURE(block.name == name_of(happened->type));
  const Told told = told_in(block.data);
  ENSURE(told.id == happened->job_id);
  ENSURE(told.known.state == happened->state && told.known.done == happened->done);
  got_.insert(sequence);
  known_[told.id] = told.known;
  if (happened->type == EventType::kRemoved) known_.erase(told.id);
  over_ = subscription_.ends_with_job && is_terminal(happened->type);
}

void Follower::check(bool complete) const {
  if (!after_) return;  // cut off before a gap could be told
  for (const Happened& happened : log_) {
    if (happened.sequence <= *after_ || !subscription_.wants(happened)) continue;
    if (!complete && happened.sequence > last_) return;
    if (got_.contains(happened.sequence)) {
      if (subscription_.ends_with_job && is_terminal(happened.type)) return;
      continue;
    }
    ENSURE(happened.conflatable && was_slow_);
    if (!complete) continue;
    const auto newer = [&](const Happened& other) {
      return other.job == happened.job && other.sequence > happened.sequence &&
             other.type == EventType::kProgress && got_.contains(other.sequence);
    };
    ENSURE(std::any_of(log_.begin(), log_.end(), newer));
  }
}

}  // namespace progressd::fuzz
