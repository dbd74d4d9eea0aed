// A topic: a named ordered stream of events, of which the latest are kept for those who resume.
// It costs one pointer's worth of history until its first event; the ring grows as it fills.
// Owned by what it is about (a job holds its topic). Thread: the loop's.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "core/stream/dialect.h"
#include "core/stream/event.h"
#include "core/stream/frame.h"

namespace progressd {

class Feed;
class Group;

/// What is kept of each topic.
struct HistoryLimits {
  std::size_t events_max = 256;
  std::size_t bytes_max = 1024 * 1024;  // of their texts; the latest event is kept at any size
};

class Topic {
 public:
  /// `subject` holds this topic and outlives it.
  Topic(TopicId id, const Subject& subject) : id_(id), subject_(subject) {}
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;

  TopicId id() const { return id_; }
  const Subject& subject() const { return subject_; }
  /// Of the latest event; 0 before the first.
  Sequence last_sequence() const { return last_sequence_; }

  /// Keeps `event`, which is later than all before it, and drops the oldest over the limits.
  void append(const Event& event, const HistoryLimits& limits);
  /// How many events are kept.
  std::size_t kept() const { return count_; }
  /// Of the texts of the kept events; one that events in a row share counts once.
  std::size_t history_bytes() const { return history_bytes_; }
  /// What all that is kept takes.
  std::size_t held_bytes() const { return history_bytes_ + ring_.size() * sizeof(Event); }
  /// Fetches what append() and a publication touch into the processor's cache.
  void prefetch() const;

  /// The latest event that is no longer kept; 0 when all are.
  Sequence dropped_through() const { return dropped_through_; }
  /// As it was before a restart, after its kept events were appended.
  void restore(Sequence dropped_through, Sequence last_sequence) {
    dropped_through_ = std::max(dropped_through_, dropped_through);
    last_sequence_ = std::max(last_sequence_, last_sequence);
  }

  /// Whether all that came after `sequence` is still kept.
  bool retains_after(Sequence sequence) const { return sequence >= dropped_through_; }
  /// Calls `visit` for each kept event after `sequence`, in order.
  void replay_after(Sequence sequence, const std::function<void(const Event&)>& visit) const;
  /// The first kept event after `sequence`; null when none is.
  const Event* first_after(Sequence sequence) const;
  /// The last kept event up to `sequence`, else the first kept one after it; null when none is.
  const Event* kept_around(Sequence sequence) const;

 private:
  friend class Hub;
  static constexpr std::size_t kGroupsMax = 3;

  /// How many of the kept events are not later than `sequence`.
  std::size_t count_through(Sequence sequence) const;
  const Event& at(std::size_t index) const { return ring_[place(index)]; }
  /// Where the kept event `index` stands, or the one behind the last.
  std::size_t place(std::size_t index) const {
    const std::size_t straight = head_ + index;
    return straight < ring_.size() ? straight : straight - ring_.size();
  }
  void grow(std::size_t events_max);
  /// The oldest is no longer kept; its place is free for another one.
  void pass_oldest();
  void drop_oldest();

  TopicId id_;
  const Subject& subject_;
  Sequence last_sequence_ = 0;
  Sequence dropped_through_ = 0;  // the latest event that is no longer kept
  std::vector<Event> ring_;       // kept events stand at head_ … head_ + count_, wrapping
  std::uint32_t head_ = 0;
  std::uint32_t count_ = 0;
  std::size_t history_bytes_ = 0;
  std::vector<Feed*> feeds_;                 // of this topic alone, or of a list it stands in
  std::array<Group*, kGroupsMax> groups_{};  // that it belongs to; null behind the last
};

}  // namespace progressd
