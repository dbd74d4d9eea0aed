#include "core/journal/recovery.h"

#include <algorithm>
#include <utility>

#include "core/journal/change_codec.h"
#include "core/journal/state_codec.h"

namespace progressd {

bool Recovery::take(const RecoveredPart& part) {
  refused_.insert(part.refused.begin(), part.refused.end());
  for (const StateRow& row : part.rows) {
    if (!take_row(row)) return false;
  }
  for (const RecoveredPart::Block& block : part.blocks) {
    Sequence sequence = block.first;
    const bool is_block = decode_block(
        block.bytes, block.changes, [&](const Change& change) { take_change(sequence++, change); });
    if (!is_block) return false;
    parts_.keeper.logged(block.bytes.size());
    changes_ += block.changes;
  }
  return true;
}

bool Recovery::take_row(const StateRow& row) {
  // The latest creation comes first. Where a round of rows was cut short, an earlier job of the
  // same id may still have its row: the next round takes it away.
  if (row.kind == RowKind::kJob) {
    auto job = decode_job(row.bytes, parts_.history);
    if (!job || job->subject->created_sequence != row.id) return false;
    latest_at_ = std::max({latest_at_, job->subject->last_report_at, job->subject->over_since,
                           job->subject->rate.parts().last_at});
    if (parts_.ledger.restore(std::move(job->subject))) {
      through_.emplace(row.id, job->through);
    } else {
      parts_.keeper.touch_job(row.id);
    }
    return true;
  }
  if (row.kind == RowKind::kChannel) {
    auto channel = decode_channel(row.bytes, parts_.history);
    if (!channel || channel->subject->topic.id() != row.id) return false;
    latest_at_ = std::max(latest_at_, channel->subject->posted_at);
    const std::string user = channel->subject->user;
    if (parts_.ledger.restore(std::move(channel->subject))) {
      through_.emplace(row.id, channel->through);
    } else {
      parts_.keeper.touch_channel(row.id, user);
    }
    return true;
  }
  auto key = decode_key(row.bytes);
  if (!key) return false;
  latest_at_ = std::max(latest_at_, key->at);
  keys_.emplace(row.id, std::move(*key));
  return true;
}

void Recovery::restore_keys_before(Sequence sequence) {
  while (!keys_.empty() && keys_.begin()->first < sequence) {
    KeptKey key = std::move(keys_.extract(keys_.begin()).mapped());
    parts_.jobs.restore(key.owner, key.key, std::move(key.entry), key.at);
  }
}

bool Recovery::is_in_row(Sequence sequence, const Change& change) const {
  TopicId topic = 0;
  if (is_of_channel(change.kind)) {
    if (const Channel* channel = parts_.channels.find(change.job_id)) topic = channel->topic.id();
  } else if (const Job* job = parts_.jobs.find(change.job_id)) {
    topic = job->topic.id();
  }
  const auto through = through_.find(topic);
  return through != through_.end() && sequence <= through->second;
}

void Recovery::take_change(Sequence sequence, const Change& change) {
  latest_at_ = std::max(latest_at_, change.at.steady);
  if (change.kind == ChangeKind::kCreate && refused_.contains(sequence)) return;
  restore_keys_before(sequence);
  if (!through_.empty() && is_in_row(sequence, change)) {
    // Of an earlier job of the same id, whose removal stands in no row.
    if (change.kind == ChangeKind::kDelete || change.kind == ChangeKind::kForget) {
      forget_removed_through(sequence);
    }
    return;
  }
  parts_.ledger.replay(sequence, change);
}

void Recovery::forget_removed_through(Sequence sequence) {
  parts_.jobs.forget_removed_through(sequence);
  parts_.keeper.removed_at(sequence);
}

void Recovery::finish(Sequence last, Sequence removed_through) {
  parts_.channels.sort_by_age();
  restore_keys_before(last + 1);
  forget_removed_through(removed_through);
  parts_.ledger.restore_last_sequence(last);
  through_.clear();
  refused_.clear();
}

}  // namespace progressd
