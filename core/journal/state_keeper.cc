#include "core/journal/state_keeper.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace progressd {
namespace {

/// A slice ends with the row that takes it over this.
constexpr std::size_t kSliceBytesMax = 256 * 1024;

/// Takes one out of a set or a map.
template <class Set>
auto take_one(Set& set) {
  return std::move(set.extract(set.begin()));
}

}  // namespace

void StateKeeper::begin(Sequence through) {
  std::swap(to_do_, dirty_);
  cut_through_ = through;
  cut_removed_through_ = removed_through_;
  log_bytes_ = 0;
  round_bytes_ = 0;
  stage_ = Stage::kReady;
}

void StateKeeper::fill(JournalBatch& batch, Sequence through, Millis at) {
  fill_slice(batch, through, at);
  if (batch.empty() || dirty_refused_.empty()) return;
  in_flight_refused_ = std::exchange(dirty_refused_, {});
  batch.refused = in_flight_refused_;
}

void StateKeeper::fill_slice(JournalBatch& batch, Sequence through, Millis at) {
  if (stage_ == Stage::kIdle) {
    // What a round writes is in proportion to what was logged, so that rows that are large beside
    // their changes (a long history) are not written again and again.
    if (log_bytes_ < std::max(log_bytes_min_, round_bytes_)) return;
    begin(through);
  }
  if (stage_ != Stage::kReady) return;
  if (to_do_.empty()) {
    batch.cut = LogCut{cut_through_, at};
    batch.removed_through = cut_removed_through_;
    stage_ = Stage::kCutOut;
    return;
  }
  add_rows(batch, through);
  stage_ = Stage::kRowsOut;
}

void StateKeeper::add(StateRow row, JournalBatch& batch) {
  slice_bytes_ += row.bytes.size();
  round_bytes_ += row.bytes.size();
  batch.rows.push_back(std::move(row));
}

void StateKeeper::add_rows(JournalBatch& batch, Sequence through) {
  slice_bytes_ = 0;
  const auto has_room = [&] {
    return batch.rows.size() < slice_rows_max_ && slice_bytes_ < kSliceBytesMax;
  };
  while (!to_do_.keys.empty() && has_room()) {
    KeptKey& key = in_flight_.keys.emplace_back(std::move(to_do_.keys.back()));
    to_do_.keys.pop_back();
    add({RowKind::kIdempotencyKey, key.entry.created_sequence, encode_key(key),
         key.at + kKeyLifeMs},
        batch);
  }
  while (!to_do_.jobs.empty() && has_room()) {
    const Sequence id = *to_do_.jobs.begin();
    in_flight_.jobs.insert(take_one(to_do_.jobs));
    const auto job = jobs_.all().find(id);
    if (job == jobs_.all().end()) {
      // Without its row the log's removal of it is one of a job that nobody knows.
      batch.removed_through = removed_through_;
      add({RowKind::kJob, id, std::string()}, batch);
    } else {
      add({RowKind::kJob, id, encode_job(*job->second, through)}, batch);
    }
  }
  while (!to_do_.channels.empty() && has_room()) {
    const auto& [id, user] = *in_flight_.channels.insert(take_one(to_do_.channels)).position;
    const Channel* const channel = channels_.find(user);
    const bool is_there = channel != nullptr && channel->topic.id() == id;
    add({RowKind::kChannel, id, is_there ? encode_channel(*channel, through) : std::string()},
        batch);
  }
}

void StateKeeper::on_kept() {
  in_flight_ = {};
  in_flight_refused_.clear();
  if (stage_ == Stage::kCutOut) stage_ = Stage::kIdle;
  if (stage_ == Stage::kRowsOut) stage_ = Stage::kReady;
}

void StateKeeper::on_refused() {
  // The slice is made again: as the jobs are then.
  to_do_.jobs.merge(in_flight_.jobs);
  to_do_.channels.merge(in_flight_.channels);
  std::move(in_flight_.keys.begin(), in_flight_.keys.end(), std::back_inserter(to_do_.keys));
  in_flight_ = {};
  dirty_refused_.insert(dirty_refused_.end(), in_flight_refused_.begin(), in_flight_refused_.end());
  in_flight_refused_.clear();
  if (stage_ != Stage::kIdle) stage_ = Stage::kReady;
}

}  // namespace progressd
