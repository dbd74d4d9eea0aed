#include "tests/fuzz/support/channel_follower.h"

#include <algorithm>

#include "core/base/ensure.h"

namespace progressd::fuzz {

void ChannelFollower::begin(const std::string& last_id, Sequence now, std::size_t history_max) {
  after_ = now;
  const std::optional<Sequence> seen = ids_.parse(last_id);
  if (!seen) return;
  last_ = *seen;
  last_id_ = last_id;
  // Where all of it is kept for certain, it goes on there; else with the latest value.
  const auto first = std::find_if(log_.begin(), log_.end(),
                                  [&](const Posted& posted) { return posted.sequence > *seen; });
  const auto cleared = [](const Posted& posted) { return posted.json.empty(); };
  const bool kept = static_cast<std::size_t>(log_.end() - first) <= history_max &&
                    std::none_of(first, log_.end(), cleared);
  if (kept) after_ = *seen;
}

const Posted* ChannelFollower::find(Sequence sequence) const {
  const auto found = std::find_if(
      log_.begin(), log_.end(), [&](const Posted& posted) { return posted.sequence == sequence; });
  return found == log_.end() ? nullptr : &*found;
}

void ChannelFollower::take(const EventBlock& block) {
  ENSURE(block.name.empty());
  const std::optional<Sequence> sequence = ids_.parse(block.id);
  ENSURE(sequence.has_value() && *sequence > last_);
  const Posted* const posted = find(*sequence);
  ENSURE(posted != nullptr && !posted->json.empty() && posted->json == block.data);
  last_ = *sequence;
  last_id_ = block.id;
  got_.insert(*sequence);
}

void ChannelFollower::check(bool complete) const {
  for (const Posted& posted : log_) {
    if (posted.sequence <= after_ || posted.json.empty() || got_.contains(posted.sequence))
      continue;
    if (!complete && posted.sequence > last_) return;
    // Newer progress of the same channel came in its place.
    ENSURE(!posted.status_changed && was_slow_);
    if (complete) ENSURE(got_.upper_bound(posted.sequence) != got_.end());
  }
}

}  // namespace progressd::fuzz
